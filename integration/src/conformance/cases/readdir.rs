//! READDIR (RFC 1813 3.3.16).

use super::*;

pub(super) const CASES: &[Case] = cases!("readdir", "READDIR":
    OK = success,
    OK = success_of_an_empty_directory,
    OK = success_in_pages,
    OK = success_while_the_directory_changes,
    ACCES = error_acces,
    NOTDIR = error_notdir,
    BAD_COOKIE = error_bad_cookie,
    TOOSMALL = error_toosmall,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn of(dir: &FileHandle, (cookie, cookieverf): (u64, [u8; 8]), count: u32) -> ReaddirArgs {
    ReaddirArgs { dir: dir.clone(), cookie, cookieverf, count }
}

const START: (u64, [u8; 8]) = (0, [0; 8]);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, dir) = (scene.file("file")?, scene.dir("folder")?);
    let listing = scene.it.readdir(&of(&scene.folder, START, 8192))?;
    check!(names(&listing) == ["file", "folder"] || names(&listing) == ["folder", "file"], "{:?}", names(&listing));
    check!(listing.eof, "no end");
    for (name, object) in [("file", file), ("folder", dir)] {
        let fileid = scene.seen(&object)?.fileid;
        let is_told = listing.entries.iter().any(|entry| entry.name == name && entry.fileid == fileid);
        check!(is_told, "{name} is not number {fileid} in {:?}", listing.entries);
    }
    let seen = scene.seen(&scene.folder.clone())?;
    check_attributes(&listing.directory, &seen)
}

fn success_of_an_empty_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let listing = scene.it.readdir(&of(&scene.folder, START, 8192))?;
    check!(names(&listing).is_empty() && listing.eof, "{listing:?}");
    Ok(())
}

fn success_in_pages(scene: &mut Scene<'_>) -> Answer<()> {
    for number in 0..40 {
        scene.file(&format!("file-{number:02}"))?;
    }
    let (mut found, mut position, mut pages) = (Vec::new(), START, 0);
    loop {
        let listing = scene.it.readdir(&of(&scene.folder, position, 512))?;
        check!(listing.eof || !listing.entries.is_empty(), "a page without entries and no end");
        found.extend(names(&listing));
        pages += 1;
        match listing.next {
            Some(next) if !listing.eof => position = next,
            _ => break,
        }
    }
    check!(are_distinct(&found, 40), "{found:?} in {pages} pages");
    Ok(())
}

fn success_while_the_directory_changes(scene: &mut Scene<'_>) -> Answer<()> {
    for number in 0..20 {
        scene.file(&format!("file-{number:02}"))?;
    }
    let first = scene.it.readdir(&of(&scene.folder, START, 512))?;
    let Some(position) = first.next else { return Err(Stop::Cannot("READDIR from the start to the end only")) };
    let listed = names(&first);
    check!(!first.eof && !listed.is_empty(), "{listed:?} is all");
    for name in &listed {
        prepared(scene.other.remove(&RemoveArgs { object: at(&scene.folder, name) }))?;
    }
    let mut rest = names(&scene.it.readdir(&of(&scene.folder, position, 8192))?);
    rest.extend(listed);
    check!(are_distinct(&rest, 20), "{rest:?}");
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("closed")?;
    scene.chmod(&dir, 0o711)?;
    with_attributes(scene.alice.readdir(&of(&dir, START, 8192))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.readdir(&of(&file, START, 8192))).map(drop)
}

fn error_bad_cookie(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.readdir(&of(&scene.folder, (u64::MAX, [0; 8]), 8192))).map(drop)
}

fn error_toosmall(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.readdir(&of(&scene.folder, START, 16)).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.readdir(&of(&dir, START, 8192)).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.readdir(&of(&forged(), START, 8192)).map(drop)
}
