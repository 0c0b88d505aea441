//! GETATTR (RFC 1813 3.3.1).

use super::*;

pub(super) const CASES: &[Case] = cases!("getattr", "GETATTR":
    OK = success_of_a_file,
    OK = success_of_a_directory,
    OK = success_of_every_type,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn success_of_a_file(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.written("file", b"hello")?;
    let folder = scene.seen(&scene.folder.clone())?;
    let found = scene.it.getattr(&GetattrArgs { object: file.clone() })?;
    check!(found.file_type == Ftype3::Regular, "type {:?}", found.file_type);
    check!((found.mode, found.nlink, found.uid, found.gid) == (0o644, 1, 0, 0), "{found:?}");
    check!(found.size == 5 && found.used >= 5, "size {}, used {}", found.size, found.used);
    check!(found.fsid == folder.fsid && found.fileid != folder.fileid, "{found:?} in {folder:?}");
    check!(found.atime.seconds > 1_600_000_000 && found.mtime <= found.ctime, "times of {found:?}");
    check!(found == scene.seen(&file)?, "the other client sees something else");
    Ok(())
}

fn success_of_a_directory(scene: &mut Scene<'_>) -> Answer<()> {
    let args = GetattrArgs { object: scene.folder.clone() };
    let before = scene.it.getattr(&args)?;
    check!((before.file_type, before.nlink, before.mode) == (Ftype3::Directory, 2, 0o755), "{before:?}");
    scene.dir("below")?;
    let after = scene.it.getattr(&args)?;
    check!(after.nlink == 3, "{} links with one directory below", after.nlink);
    check!(after.mtime > before.mtime && after.ctime > before.ctime, "times did not move: {after:?}");
    Ok(())
}

fn success_of_every_type(scene: &mut Scene<'_>) -> Answer<()> {
    let objects = [(scene.link("link", "text")?, Ftype3::SymbolicLink), (scene.fifo("fifo")?, Ftype3::Fifo)];
    for (object, file_type) in objects {
        let found = scene.it.getattr(&GetattrArgs { object })?;
        check!(found.file_type == file_type, "{:?} instead of {file_type:?}", found.file_type);
    }
    Ok(())
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let object = scene.gone_file()?;
    scene.it.getattr(&GetattrArgs { object }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.getattr(&GetattrArgs { object: forged() }).map(drop)
}
