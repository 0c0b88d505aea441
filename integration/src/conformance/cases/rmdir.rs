//! RMDIR (RFC 1813 3.3.13).

use super::*;

pub(super) const CASES: &[Case] = cases!("rmdir", "RMDIR":
    OK = success,
    NOENT = error_noent,
    ACCES = error_acces,
    INVAL = error_inval,
    NOTDIR = error_notdir,
    NOTDIR = error_notdir_of_the_parent,
    NAMETOOLONG = error_nametoolong,
    ROFS = error_rofs,
    NOTEMPTY = error_notempty,
    NOTEMPTY = error_notempty_of_the_parent,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn of(dir: &FileHandle, name: &str) -> RmdirArgs {
    RmdirArgs { object: at(dir, name) }
}

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("below")?;
    let before = scene.seen(&scene.folder.clone())?;
    let wcc = scene.it.rmdir(&of(&scene.folder, "below"))?;
    check!(scene.found("below")?.is_none(), "it is still there");
    let after = scene.seen(&scene.folder.clone())?;
    check!((before.nlink, after.nlink) == (3, 2), "{} links, then {}", before.nlink, after.nlink);
    check!(after.mtime > before.mtime, "mtime of the directory did not move");
    check_change(&wcc, &before, &after)
}

fn error_noent(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.rmdir(&of(&scene.folder, "nothing"))).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("below")?;
    with_attributes(scene.alice.rmdir(&of(&scene.folder, "below"))).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rmdir(&of(&scene.folder, ".")).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.it.rmdir(&of(&scene.folder, "file"))).map(drop)
}

fn error_notdir_of_the_parent(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.rmdir(&of(&file, "below"))).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rmdir(&of(&scene.folder, &long_name())).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rmdir(&of(&scene.places.read_only.root, "folder")).map(drop)
}

fn error_notempty(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("below")?;
    scene.file_in(&dir, "file")?;
    with_attributes(scene.it.rmdir(&of(&scene.folder, "below"))).map(drop)
}

fn error_notempty_of_the_parent(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rmdir(&of(&scene.folder, "..")).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.rmdir(&of(&dir, "below")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rmdir(&of(&forged(), "below")).map(drop)
}
