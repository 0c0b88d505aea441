//! COMMIT (RFC 1813 3.3.21).

use super::*;

pub(super) const CASES: &[Case] = cases!("commit", "COMMIT":
    OK = success,
    OK = success_of_a_part,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    ISDIR = error_isdir,
    INVAL = error_inval,
    ROFS = error_rofs,
);

fn of(file: &FileHandle) -> CommitArgs {
    CommitArgs { file: file.clone(), offset: 0, count: 0 }
}

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let written = scene.it.write(&writing(&file, 0, b"hello"))?;
    let committed = scene.it.commit(&of(&file))?;
    check!(committed.verifier == written.verifier, "another verifier though nothing was lost");
    check!(scene.content(&file)? == "hello", "the other client reads other bytes");
    let seen = scene.seen(&file)?;
    check_attributes(&committed.wcc.map(|wcc| wcc.after), &seen)
}

fn success_of_a_part(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", &[7; 9000])?;
    for (offset, count) in [(4096, 4096), (8999, 100), (100_000, 1), (5, 0)] {
        scene.it.commit(&CommitArgs { file: file.clone(), offset, count })?;
    }
    Ok(())
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.gone_file()?;
    scene.it.commit(&of(&file)).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.commit(&of(&forged())).map(drop)
}

fn error_isdir(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("folder")?;
    with_attributes(scene.it.commit(&of(&dir))).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    let link = scene.link("link", "text")?;
    with_attributes(scene.it.commit(&of(&link))).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.commit(&of(&scene.places.read_only.file)).map(drop)
}
