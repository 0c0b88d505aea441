//! SETATTR (RFC 1813 3.3.2).

use super::*;

pub(super) const CASES: &[Case] = cases!("setattr", "SETATTR":
    OK = success_of_every_attribute,
    OK = success_of_sizes,
    OK = success_of_the_servers_time,
    OK = success_with_a_guard,
    PERM = error_perm,
    ACCES = error_acces,
    INVAL = error_inval,
    ROFS = error_rofs,
    NOT_SYNC = error_not_sync,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
    FBIG = error_fbig,
);

fn set(object: FileHandle, new_attributes: Sattr3) -> SetattrArgs {
    SetattrArgs { object, new_attributes, guard: None }
}

fn success_of_every_attribute(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let before = scene.seen(&file)?;
    let (atime, mtime) = (Nfstime3 { seconds: 1000, nanoseconds: 5 }, Nfstime3 { seconds: 2000, nanoseconds: 7 });
    let wanted = Sattr3 {
        mode: Some(0o750),
        uid: Some(41),
        gid: Some(42),
        size: Some(10),
        atime: SetTime::ClientTime(atime),
        mtime: SetTime::ClientTime(mtime),
    };
    let wcc = scene.it.setattr(&set(file.clone(), wanted))?;
    let after = scene.seen(&file)?;
    check!((after.mode, after.uid, after.gid, after.size) == (0o750, 41, 42, 10), "{after:?}");
    check!((after.atime, after.mtime) == (atime, mtime), "times of {after:?}");
    check_change(&wcc, &before, &after)
}

fn success_of_sizes(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    for (size, content) in [(2, &b"he"[..]), (4, b"he\0\0"), (0, b"")] {
        let before = scene.seen(&file)?;
        let wcc = scene.it.setattr(&set(file.clone(), Sattr3 { size: Some(size), ..Sattr3::default() }))?;
        let after = scene.seen(&file)?;
        check!(after.size == size && after.mtime > before.mtime, "{after:?} after setting size {size}");
        check!(scene.content(&file)? == content, "other bytes after setting size {size}");
        check_change(&wcc, &before, &after)?;
    }
    Ok(())
}

fn success_of_the_servers_time(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let before = scene.seen(&file)?;
    let now = Sattr3 { atime: SetTime::ServerTime, mtime: SetTime::ServerTime, ..Sattr3::default() };
    scene.it.setattr(&set(file.clone(), now))?;
    let after = scene.seen(&file)?;
    check!(after.atime > before.atime && after.mtime > before.mtime, "times did not move: {after:?}");
    Ok(())
}

fn success_with_a_guard(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.file("file")?;
    let guard = Some(scene.seen(&object)?.ctime);
    let args = SetattrArgs { object: object.clone(), new_attributes: mode(0o600), guard };
    scene.it.setattr(&args)?;
    check!(scene.seen(&object)?.mode == 0o600, "the mode was not set");
    Ok(())
}

fn error_perm(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.alice.setattr(&set(file, mode(0o777)))).map(drop)
}

fn error_acces(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.alice.setattr(&set(file, Sattr3 { size: Some(0), ..Sattr3::default() }))).map(drop)
}

fn error_inval(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let time = SetTime::ClientTime(Nfstime3 { seconds: 1, nanoseconds: 1_000_000_000 });
    scene.it.setattr(&set(file, Sattr3 { mtime: time, ..Sattr3::default() })).map(drop)
}

fn error_rofs(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.places.read_only.file.clone();
    scene.it.setattr(&set(file, mode(0o600))).map(drop)
}

fn error_not_sync(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.file("file")?;
    let ctime = scene.seen(&object)?.ctime;
    let guard = Some(Nfstime3 { nanoseconds: ctime.nanoseconds ^ 1, ..ctime });
    let args = SetattrArgs { object: object.clone(), new_attributes: mode(0o600), guard };
    let answer = with_attributes(scene.it.setattr(&args));
    check!(scene.seen(&object)?.mode == 0o644, "the mode was set all the same");
    answer.map(drop)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.gone_file()?;
    scene.it.setattr(&set(file, mode(0o600))).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.setattr(&set(forged(), mode(0o600))).map(drop)
}

fn error_fbig(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    with_attributes(scene.it.setattr(&set(file, Sattr3 { size: Some(u64::MAX), ..Sattr3::default() }))).map(drop)
}
