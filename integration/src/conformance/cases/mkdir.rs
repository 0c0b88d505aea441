//! MKDIR (RFC 1813 3.3.9).

use super::*;

pub(super) const CASES: &[Case] = cases!("mkdir", "MKDIR":
    OK = success,
    ACCES = error_acces,
    EXIST = error_exist,
    EXIST = error_exist_of_dots,
    NOTDIR = error_notdir,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn new(dir: &FileHandle, name: &str) -> MkdirArgs {
    MkdirArgs { place: at(dir, name), attributes: mode(0o750) }
}

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let before = scene.seen(&scene.folder.clone())?;
    let made = scene.it.mkdir(&new(&scene.folder, "new"))?;
    let dir = check_made(scene, "new", &made, &before)?;
    let seen = scene.seen(&dir)?;
    check!((seen.file_type, seen.mode, seen.nlink) == (Ftype3::Directory, 0o750, 2), "{seen:?}");
    let after = scene.seen(&scene.folder.clone())?;
    check!(after.nlink == before.nlink + 1, "{} links, {} before", after.nlink, before.nlink);
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.alice.mkdir(&new(&scene.folder, "new"))).map(drop)
}

fn error_exist(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.it.mkdir(&new(&scene.folder, "file"))).map(drop)
}

fn error_exist_of_dots(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mkdir(&new(&scene.folder, "..")).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.mkdir(&new(&file, "new"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mkdir(&new(&scene.folder, "new")).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mkdir(&new(&scene.places.read_only.root, "new")).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mkdir(&new(&scene.folder, &long_name())).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.mkdir(&new(&dir, "new")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mkdir(&new(&forged(), "new")).map(drop)
}
