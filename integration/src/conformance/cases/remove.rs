//! REMOVE (RFC 1813 3.3.12).

use super::*;

pub(super) const CASES: &[Case] = cases!("remove", "REMOVE":
    OK = success,
    OK = success_of_one_of_two_names,
    NOENT = error_noent,
    ACCES = error_acces,
    PERM = error_perm_of_a_sticky_directory,
    NOTDIR = error_notdir,
    NAMETOOLONG = error_nametoolong,
    ROFS = error_rofs,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    ISDIR = error_isdir,
    INVAL = error_inval,
);

fn of(dir: &FileHandle, name: &str) -> RemoveArgs {
    RemoveArgs { object: at(dir, name) }
}

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let before = scene.seen(&scene.folder.clone())?;
    let wcc = scene.it.remove(&of(&scene.folder, "file"))?;
    check!(scene.found("file")?.is_none(), "it is still there");
    let gone = scene.other.getattr(&GetattrArgs { object: file });
    let is_stale = matches!(&gone, Err(Stop::Refused(refusal)) if refusal.status == Nfsstat3::Stale);
    check!(is_stale, "GETATTR of what is gone: {gone:?}");
    let after = scene.seen(&scene.folder.clone())?;
    check!(after.mtime > before.mtime, "mtime of the directory did not move");
    check_change(&wcc, &before, &after)
}

fn success_of_one_of_two_names(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    prepared(scene.other.link(&LinkArgs { file: file.clone(), link: at(&scene.folder, "second") }))?;
    let before = scene.seen(&file)?;
    scene.it.remove(&of(&scene.folder, "file"))?;
    let after = scene.seen(&file)?;
    check!((before.nlink, after.nlink) == (2, 1) && after.ctime > before.ctime, "{before:?}, then {after:?}");
    Ok(())
}

fn error_noent(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.remove(&of(&scene.folder, "nothing"))).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.alice.remove(&of(&scene.folder, "file"))).map(drop)
}

fn error_perm_of_a_sticky_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("sticky")?;
    scene.chmod(&dir, 0o1777)?;
    scene.file_in(&dir, "file")?;
    with_attributes(scene.alice.remove(&of(&dir, "file"))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.remove(&of(&file, "below"))).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.remove(&of(&scene.folder, &long_name())).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.remove(&of(&scene.places.read_only.root, "file")).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.remove(&of(&dir, "file")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.remove(&of(&forged(), "file")).map(drop)
}

fn error_isdir(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("folder")?;
    with_attributes(scene.it.remove(&of(&scene.folder, "folder"))).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.remove(&of(&scene.folder, "..")).map(drop)
}
