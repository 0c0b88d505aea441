//! MKNOD (RFC 1813 3.3.11).

use super::*;

pub(super) const CASES: &[Case] = cases!("mknod", "MKNOD":
    OK = success_of_a_fifo_and_a_socket,
    OK = success_of_devices,
    ACCES = error_acces,
    EXIST = error_exist,
    NOTDIR = error_notdir,
    NOSPC = error_nospc,
    ROFS = error_rofs,
    NAMETOOLONG = error_nametoolong,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    BADTYPE = error_badtype,
    PERM = error_perm,
);

fn fifo(dir: &FileHandle, name: &str) -> MknodArgs {
    MknodArgs { place: at(dir, name), what: MknodData::Fifo(mode(0o640)) }
}

fn device(major: u32, minor: u32) -> DeviceData {
    DeviceData { dev_attributes: mode(0o600), spec: Specdata3 { specdata1: major, specdata2: minor } }
}

fn success_of_a_fifo_and_a_socket(scene: &mut Scene<'_>) -> Answer<()> {
    let kinds = [(MknodData::Fifo(mode(0o640)), Ftype3::Fifo), (MknodData::Socket(mode(0o640)), Ftype3::Socket)];
    for (what, file_type) in kinds {
        let (name, before) = (format!("{file_type:?}"), scene.seen(&scene.folder.clone())?);
        let made = scene.it.mknod(&MknodArgs { place: at(&scene.folder, &name), what })?;
        let node = check_made(scene, &name, &made, &before)?;
        let seen = scene.seen(&node)?;
        check!((seen.file_type, seen.mode) == (file_type, 0o640), "{seen:?}");
    }
    Ok(())
}

fn success_of_devices(scene: &mut Scene<'_>) -> Answer<()> {
    let kinds = [
        (MknodData::CharacterDevice(device(5, 7)), Ftype3::CharacterDevice),
        (MknodData::BlockDevice(device(8, 300)), Ftype3::BlockDevice),
    ];
    for (what, file_type) in kinds {
        let (name, before) = (format!("{file_type:?}"), scene.seen(&scene.folder.clone())?);
        let made = scene.it.mknod(&MknodArgs { place: at(&scene.folder, &name), what })?;
        let node = check_made(scene, &name, &made, &before)?;
        let seen = scene.seen(&node)?;
        let (MknodData::CharacterDevice(wanted) | MknodData::BlockDevice(wanted)) = what else { continue };
        check!((seen.file_type, seen.rdev) == (file_type, wanted.spec), "{seen:?}");
    }
    Ok(())
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    with_attributes(scene.alice.mknod(&fifo(&scene.folder, "new"))).map(drop)
}

fn error_exist(scene: &mut Scene<'_>) -> Answer<()> {
    scene.file("file")?;
    with_attributes(scene.it.mknod(&fifo(&scene.folder, "file"))).map(drop)
}

fn error_notdir(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.mknod(&fifo(&file, "new"))).map(drop)
}

fn error_nospc(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mknod(&fifo(&scene.folder, "new")).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mknod(&fifo(&scene.places.read_only.root, "new")).map(drop)
}

fn error_nametoolong(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mknod(&fifo(&scene.folder, &long_name())).map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.gone_dir()?;
    scene.it.mknod(&fifo(&dir, "new")).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mknod(&fifo(&forged(), "new")).map(drop)
}

fn error_badtype(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.mknod(&MknodArgs { place: at(&scene.folder, "new"), what: MknodData::Regular }).map(drop)
}

fn error_perm(scene: &mut Scene<'_>) -> Answer<()> {
    let dir = scene.dir("open")?;
    scene.chmod(&dir, 0o777)?;
    let what = MknodData::BlockDevice(device(8, 0));
    with_attributes(scene.alice.mknod(&MknodArgs { place: at(&dir, "new"), what })).map(drop)
}
