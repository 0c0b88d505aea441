//! LOOKUP (RFC 1813 3.3.3).

use super::*;

pub(super) const CASES: &[Case] = cases!("lookup", "LOOKUP":
    OK = success,
    OK = success_of_dots,
    OK = success_of_the_longest_name,
    NOENT = error_noent,
    ACCES = error_acces,
    ACCES = error_acces_of_a_barred_export,
    NOTDIR = error_notdir,
    NAMETOOLONG = error_nametoolong,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    INVAL = error_inval,
);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    let found = scene.it.lookup(&LookupArgs { what: at(&scene.folder, "file") })?;
    check!(found.object == file, "another handle");
    let (file, folder) = (scene.seen(&file)?, scene.seen(&scene.folder.clone())?);
    check!(found.attributes == Some(file), "told {:?}, but it has {file:?}", found.attributes);
    check_attributes(&found.directory, &folder)
}

fn success_of_dots(scene: &mut Scene<'_>) -> Answer<()> {
    let below = scene.dir("below")?;
    let found = scene.it.lookup(&LookupArgs { what: at(&below, "..") })?;
    check!(found.object == scene.folder, "`..` is another directory");
    let found = scene.it.lookup(&LookupArgs { what: at(&below, ".") })?;
    check!(found.object == below, "`.` is another directory");
    Ok(())
}

fn success_of_the_longest_name(scene: &mut Scene<'_>) -> Answer<()> {
    let name = "n".repeat(255);
    let file = scene.file(&name)?;
    let found = scene.it.lookup(&LookupArgs { what: at(&scene.folder, &name) })?;
    check!(found.object == file, "another handle");
    Ok(())
}

fn error_noent(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.it.lookup(&LookupArgs { what: at(&scene.folder, "nothing") })).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("closed")?;
    scene.file_in(&dir, "file")?;
    scene.chmod(&dir, 0o700)?;
    with_attributes(scene.alice.lookup(&LookupArgs { what: at(&dir, "file") })).map(drop)
}

fn error_acces_of_a_barred_export(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.lookup(&LookupArgs { what: at(&scene.places.barred.root, "file") }).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.lookup(&LookupArgs { what: at(&file, "below") })).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.lookup(&LookupArgs { what: at(&scene.folder, long_name()) }).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.lookup(&LookupArgs { what: at(&dir, "file") }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.lookup(&LookupArgs { what: at(&forged(), "file") }).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.lookup(&LookupArgs { what: at(&scene.folder, "a/b") }).map(drop)
}
