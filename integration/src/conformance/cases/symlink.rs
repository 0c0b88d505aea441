//! SYMLINK (RFC 1813 3.3.10).

use super::*;

pub(super) const CASES: &[Case] = cases!("symlink", "SYMLINK":
    OK = success,
    ACCES = error_acces,
    EXIST = error_exist,
    NOTDIR = error_notdir,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    NAMETOOLONG = error_nametoolong_of_the_text,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    INVAL = error_inval,
);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let before = scene.seen(&scene.folder.clone())?;
    let made = scene.it.symlink(&symlink(at(&scene.folder, "new"), "some/where"))?;
    let link = check_made(scene, "new", &made, &before)?;
    let seen = scene.seen(&link)?;
    check!((seen.file_type, seen.size, seen.nlink) == (Ftype3::SymbolicLink, 10, 1), "{seen:?}");
    let text = prepared(scene.other.readlink(&ReadlinkArgs { symlink: link }))?.text;
    check!(text == "some/where", "{text:?}");
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.alice.symlink(&symlink(at(&scene.folder, "new"), "text"))).map(drop)
}

fn error_exist(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.it.symlink(&symlink(at(&scene.folder, "file"), "text"))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.symlink(&symlink(at(&file, "new"), "text"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.symlink(&symlink(at(&scene.folder, "new"), "text")).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.symlink(&symlink(at(&scene.places.read_only.root, "new"), "text")).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.symlink(&symlink(at(&scene.folder, long_name()), "text")).map(drop)
}

fn error_nametoolong_of_the_text(scene: &mut Scene<'_>) -> Answer<()> {
    let text = "t".repeat(4096);
    with_attributes(scene.it.symlink(&symlink(at(&scene.folder, "new"), &text))).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.symlink(&symlink(at(&dir, "new"), "text")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.symlink(&symlink(at(&forged(), "new"), "text")).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.symlink(&symlink(at(&scene.folder, "new"), ""))).map(drop)
}
