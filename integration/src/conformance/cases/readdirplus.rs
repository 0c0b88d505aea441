//! READDIRPLUS (RFC 1813 3.3.17).

use super::*;

pub(super) const CASES: &[Case] = cases!("readdirplus", "READDIRPLUS":
    OK = success,
    OK = success_in_pages,
    OK = success_with_a_small_dircount,
    ACCES = error_acces,
    NOTDIR = error_notdir,
    BAD_COOKIE = error_bad_cookie,
    TOOSMALL = error_toosmall,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn of(dir: &FileHandle, (cookie, cookieverf): (u64, [u8; 8]), (dircount, maxcount): (u32, u32)) -> ReaddirplusArgs {
    ReaddirplusArgs { dir: dir.clone(), cookie, cookieverf, dircount, maxcount }
}

const START: (u64, [u8; 8]) = (0, [0; 8]);
const AMPLE: (u32, u32) = (8192, 32_768);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let objects = [("file", scene.written("file", b"hello")?), ("folder", scene.dir("folder")?)];
    let listing = scene.it.readdirplus(&of(&scene.folder, START, AMPLE))?;
    check!(names(&listing).len() == 2 && listing.eof, "{listing:?}");
    for (name, object) in objects {
        let seen = scene.seen(&object)?;
        let Some(entry) = listing.entries.iter().find(|entry| entry.name == name) else {
            return Err(Stop::Broken(format!("{name} is not in {listing:?}")));
        };
        check!(entry.fileid == seen.fileid, "number {} instead of {}", entry.fileid, seen.fileid);
        check!(entry.attributes == Some(seen), "told {:?}, but it has {seen:?}", entry.attributes);
        check!(entry.handle.as_ref() == Some(&object), "another handle of {name}");
    }
    let seen = scene.seen(&scene.folder.clone())?;
    check_attributes(&listing.directory, &seen)
}

fn pages(scene: &mut Scene<'_>, counts: (u32, u32)) -> Answer<()> {
    for number in 0..20 {
        scene.file(&format!("file-{number:02}"))?;
    }
    let (mut found, mut position) = (Vec::new(), START);
    for _page in 0..30 {
        let listing = scene.it.readdirplus(&of(&scene.folder, position, counts))?;
        found.extend(names(&listing));
        position = listing.next.unwrap_or(position);
        if listing.eof {
            break;
        }
    }
    check!(are_distinct(&found, 20), "{found:?}");
    Ok(())
}

fn success_in_pages(scene: &mut Scene<'_>) -> Answer<()> {
    pages(scene, (8192, 1024))
}

fn success_with_a_small_dircount(scene: &mut Scene<'_>) -> Answer<()> {
    pages(scene, (128, 32_768))
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("closed")?;
    scene.chmod(&dir, 0o711)?;
    with_attributes(scene.alice.readdirplus(&of(&dir, START, AMPLE))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.readdirplus(&of(&file, START, AMPLE))).map(drop)
}

fn error_bad_cookie(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.readdirplus(&of(&scene.folder, (u64::MAX, [0; 8]), AMPLE))).map(drop)
}

fn error_toosmall(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.readdirplus(&of(&scene.folder, START, (8192, 16))).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.readdirplus(&of(&dir, START, AMPLE)).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.readdirplus(&of(&forged(), START, AMPLE)).map(drop)
}
