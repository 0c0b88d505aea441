//! CREATE (RFC 1813 3.3.8).

use super::*;

pub(super) const CASES: &[Case] = cases!("create", "CREATE":
    OK = success_unchecked,
    OK = success_unchecked_of_what_is_there,
    OK = success_guarded,
    OK = success_exclusive,
    OK = success_of_bytes_that_are_no_text,
    ACCES = error_acces,
    EXIST = error_exist,
    EXIST = error_exist_unchecked_on_a_directory,
    EXIST = error_exist_exclusive,
    NOTDIR = error_notdir,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    INVAL = error_inval,
);

fn unchecked(dir: &FileHandle, name: &str) -> CreateArgs {
    CreateArgs { place: at(dir, name), how: CreateHow::Unchecked(mode(0o640)) }
}

fn success_unchecked(scene: &mut Scene<'_>) -> Answer<()> {
    let before = scene.seen(&scene.folder.clone())?;
    let made = scene.it.create(&unchecked(&scene.folder, "new"))?;
    let file = check_made(scene, "new", &made, &before)?;
    let seen = scene.seen(&file)?;
    check!((seen.file_type, seen.mode, seen.nlink, seen.size) == (Ftype3::Regular, 0o640, 1, 0), "{seen:?}");
    Ok(())
}

fn success_unchecked_of_what_is_there(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    let made = scene.it.create(&unchecked(&scene.folder, "file"))?;
    check!(made.object.is_none_or(|object| object == file), "another file");
    check!(scene.content(&file)? == "hello", "the content is gone though no size was set");
    let empty = CreateHow::Unchecked(Sattr3 { size: Some(0), ..Sattr3::default() });
    match scene.it.create(&CreateArgs { place: at(&scene.folder, "file"), how: empty }) {
        // Not every client can say so much.
        Err(Stop::Cannot(_)) => Ok(()),
        Err(stop) => Err(stop),
        Ok(_) => {
            check!(scene.content(&file)?.is_empty(), "size 0 was not set");
            Ok(())
        }
    }
}

fn success_guarded(scene: &mut Scene<'_>) -> Answer<()> {
    let before = scene.seen(&scene.folder.clone())?;
    let args = CreateArgs { place: at(&scene.folder, "new"), how: CreateHow::Guarded(mode(0o600)) };
    let made = scene.it.create(&args)?;
    let file = check_made(scene, "new", &made, &before)?;
    check!(scene.seen(&file)?.mode == 0o600, "another mode");
    Ok(())
}

fn success_exclusive(scene: &mut Scene<'_>) -> Answer<()> {
    let before = scene.seen(&scene.folder.clone())?;
    let args = CreateArgs { place: at(&scene.folder, "new"), how: CreateHow::Exclusive(*b"verifier") };
    let made = scene.it.create(&args)?;
    let file = check_made(scene, "new", &made, &before)?;
    let again = scene.it.create(&args)?;
    check!(again.object == Some(file), "the same verifier makes another file");
    Ok(())
}

fn success_of_bytes_that_are_no_text(scene: &mut Scene<'_>) -> Answer<()> {
    let how = CreateHow::Unchecked(mode(0o640));
    let args = CreateArgs { place: at(&scene.folder, b"\xff\x01 \n"), how };
    let made = scene.it.create(&args)?;
    let found = prepared(scene.other.lookup(&LookupArgs { what: at(&scene.folder, b"\xff\x01 \n") }))?;
    check!(made.object == Some(found.object), "another file");
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.alice.create(&unchecked(&scene.folder, "new"))).map(drop)
}

fn error_exist(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    let args = CreateArgs { place: at(&scene.folder, "file"), how: CreateHow::Guarded(mode(0o600)) };
    with_attributes(scene.it.create(&args)).map(drop)
}

fn error_exist_unchecked_on_a_directory(scene: &mut Scene<'_>) -> Answer<()> {
    scene.dir("folder")?;
    with_attributes(scene.it.create(&unchecked(&scene.folder, "folder"))).map(drop)
}

fn error_exist_exclusive(scene: &mut Scene<'_>) -> Answer<()> {
    let create = |verifier| CreateArgs { place: at(&scene.folder, "new"), how: CreateHow::Exclusive(verifier) };
    let (first, second) = (create(*b"verifier"), create(*b"verifies"));
    prepared(scene.it.create(&first))?;
    with_attributes(scene.it.create(&second)).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.create(&unchecked(&file, "new"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.create(&unchecked(&scene.folder, "new")).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.create(&unchecked(&scene.places.read_only.root, "new")).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.create(&unchecked(&scene.folder, &long_name())).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.create(&unchecked(&dir, "new")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.create(&unchecked(&forged(), "new")).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.create(&unchecked(&scene.folder, "a/b")).map(drop)
}
