//! RENAME (RFC 1813 3.3.14).

use super::*;

pub(super) const CASES: &[Case] = cases!("rename", "RENAME":
    OK = success_of_a_move,
    OK = success_of_a_replacement,
    OK = success_of_two_names_of_one_file,
    NOENT = error_noent,
    ACCES = error_acces,
    ACCES = error_acces_of_the_target,
    XDEV = error_xdev,
    NOTDIR = error_notdir,
    NOTDIR = error_notdir_of_the_target,
    NOTDIR = error_notdir_a_directory_over_a_file,
    ISDIR = error_isdir,
    INVAL = error_inval_into_itself,
    INVAL = error_inval_of_dots,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    NOTEMPTY = error_notempty,
    STALE = error_stale,
    STALE = error_stale_of_the_target,
    BADHANDLE = error_badhandle,
    BADHANDLE = error_badhandle_of_the_target,
);

fn of(from: (&FileHandle, &str), to: (&FileHandle, &str)) -> RenameArgs {
    RenameArgs { from: at(from.0, from.1), to: at(to.0, to.1) }
}

fn success_of_a_move(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, target) = (scene.file("file")?, scene.dir("target")?);
    let folder = scene.folder.clone();
    let before = (scene.seen(&folder)?, scene.seen(&target)?, scene.seen(&file)?);
    let renamed = scene.it.rename(&of((&folder, "file"), (&target, "moved")))?;
    check!(scene.found("file")?.is_none(), "the old name is still there");
    let found = prepared(scene.other.lookup(&LookupArgs { what: at(&target, "moved") }))?;
    check!(found.object == file, "another handle: handles survive a rename");
    let after = (scene.seen(&folder)?, scene.seen(&target)?, scene.seen(&file)?);
    check!(after.2.fileid == before.2.fileid && after.2.nlink == 1, "{:?}", after.2);
    check_change(&renamed.from, &before.0, &after.0)?;
    check_change(&renamed.to, &before.1, &after.1)
}

fn success_of_a_replacement(scene: &mut Scene<'_>) -> Answer<()> {
    let (file, old) = (scene.written("file", b"new")?, scene.written("target", b"old")?);
    let folder = scene.folder.clone();
    scene.it.rename(&of((&folder, "file"), (&folder, "target")))?;
    check!(scene.found("target")? == Some(file) && scene.found("file")?.is_none(), "it did not move");
    let gone = scene.other.getattr(&GetattrArgs { object: old });
    let is_stale = matches!(&gone, Err(Stop::Refused(refusal)) if refusal.status == Nfsstat3::Stale);
    check!(is_stale, "GETATTR of what was replaced: {gone:?}");
    Ok(())
}

fn success_of_two_names_of_one_file(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let folder = scene.folder.clone();
    prepared(scene.other.link(&LinkArgs { file: file.clone(), link: at(&folder, "second") }))?;
    scene.it.rename(&of((&folder, "file"), (&folder, "second")))?;
    check!(scene.found("file")?.is_some() && scene.found("second")?.is_some(), "a name is gone");
    check!(scene.seen(&file)?.nlink == 2, "a link is gone");
    Ok(())
}

fn error_noent(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.rename(&of((&scene.folder, "nothing"), (&scene.folder, "new")))).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.alice.rename(&of((&scene.folder, "file"), (&scene.folder, "new")))).map(drop)
}

fn error_acces_of_the_target(scene: &mut Scene<'_>) -> Answer<()> {
    let open = scene.dir("open")?;
    scene.chmod(&open, 0o777)?;
    scene.file_in(&open, "file")?;
    with_attributes(scene.alice.rename(&of((&open, "file"), (&scene.folder, "new")))).map(drop)
}

fn error_xdev(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    scene.it.rename(&of((&scene.folder, "file"), (&scene.places.archive, "new"))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.rename(&of((&file, "below"), (&scene.folder, "new")))).map(drop)
}

fn error_notdir_of_the_target(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    scene.file("other")?;
    let (seen, folder) = (scene.seen(&file)?, scene.seen(&scene.folder.clone())?);
    with_attributes_of(scene.it.rename(&of((&scene.folder, "other"), (&file, "below"))), &[&folder, &seen]).map(drop)
}

fn error_notdir_a_directory_over_a_file(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("folder")?;
    scene.file("file")?;
    with_attributes(scene.it.rename(&of((&scene.folder, "folder"), (&scene.folder, "file")))).map(drop)
}

fn error_isdir(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("folder")?;
    scene.file("file")?;
    with_attributes(scene.it.rename(&of((&scene.folder, "file"), (&scene.folder, "folder")))).map(drop)
}

fn error_inval_into_itself(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("folder")?;
    with_attributes(scene.it.rename(&of((&scene.folder, "folder"), (&dir, "below")))).map(drop)
}

fn error_inval_of_dots(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rename(&of((&scene.folder, "."), (&scene.folder, "new"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    let long = "n".repeat(200);
    scene.it.rename(&of((&scene.folder, "file"), (&scene.folder, &long))).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    let root = &scene.places.read_only.root;
    scene.it.rename(&of((root, "file"), (root, "new"))).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    scene.it.rename(&of((&scene.folder, "file"), (&scene.folder, &long_name()))).map(drop)
}

fn error_notempty(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("folder")?;
    let full = scene.dir("full")?;
    scene.file_in(&full, "file")?;
    with_attributes(scene.it.rename(&of((&scene.folder, "folder"), (&scene.folder, "full")))).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.rename(&of((&dir, "file"), (&scene.folder, "new"))).map(drop)
}

fn error_stale_of_the_target(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.file("file")?;
    scene.it.rename(&of((&scene.folder, "file"), (&dir, "new"))).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.rename(&of((&forged(), "file"), (&scene.folder, "new"))).map(drop)
}

fn error_badhandle_of_the_target(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    scene.it.rename(&of((&scene.folder, "file"), (&forged(), "new"))).map(drop)
}
