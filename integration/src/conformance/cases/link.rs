//! LINK (RFC 1813 3.3.15).

use super::*;

pub(super) const CASES: &[Case] = cases!("link", "LINK":
    OK = success,
    ACCES = error_acces,
    EXIST = error_exist,
    XDEV = error_xdev,
    NOTDIR = error_notdir,
    INVAL = error_inval,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    STALE = error_stale,
    STALE = error_stale_of_the_directory,
    BADHANDLE = error_badhandle,
    BADHANDLE = error_badhandle_of_the_directory,
    PERM = error_perm_of_a_directory,
);

fn of(file: &FileHandle, dir: &FileHandle, name: &str) -> LinkArgs {
    LinkArgs { file: file.clone(), link: at(dir, name) }
}

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, folder) = (scene.written("file", b"hello")?, scene.folder.clone());
    let before = (scene.seen(&file)?, scene.seen(&folder)?);
    let linked = scene.it.link(&of(&file, &folder, "second"))?;
    check!(scene.found("second")? == Some(file.clone()), "the second name is another file");
    let after = (scene.seen(&file)?, scene.seen(&folder)?);
    check!((before.0.nlink, after.0.nlink) == (1, 2) && after.0.ctime > before.0.ctime, "{:?}", after.0);
    check!(linked.attributes == Some(after.0), "told {:?}, but it has {:?}", linked.attributes, after.0);
    check_change(&linked.directory, &before.1, &after.1)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.alice.link(&of(&file, &scene.folder, "second"))).map(drop)
}

fn error_exist(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.file("second")?;
    let (seen, folder) = (scene.seen(&file)?, scene.seen(&scene.folder.clone())?);
    with_attributes_of(scene.it.link(&of(&file, &scene.folder, "second")), &[&seen, &folder]).map(drop)
}

fn error_xdev(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.it.link(&of(&file, &scene.places.archive, "second")).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, other) = (scene.file("file")?, scene.file("other")?);
    let seen = (scene.seen(&file)?, scene.seen(&other)?);
    with_attributes_of(scene.it.link(&of(&file, &other, "second")), &[&seen.0, &seen.1]).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.it.link(&of(&file, &scene.folder, "a/b")).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.places.prepared.file.clone();
    scene.it.link(&of(&file, &scene.folder, "second")).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    let place = &scene.places.read_only;
    scene.it.link(&of(&place.file, &place.root, "second")).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.it.link(&of(&file, &scene.folder, &long_name())).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.gone_file()?;
    scene.it.link(&of(&file, &scene.folder, "second")).map(drop)
}

fn error_stale_of_the_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, dir) = (scene.file("file")?, scene.gone_dir()?);
    scene.it.link(&of(&file, &dir, "second")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.link(&of(&forged(), &scene.folder, "second")).map(drop)
}

fn error_badhandle_of_the_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.it.link(&of(&file, &forged(), "second")).map(drop)
}

fn error_perm_of_a_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("folder")?;
    with_attributes(scene.it.link(&of(&dir, &scene.folder, "second"))).map(drop)
}
