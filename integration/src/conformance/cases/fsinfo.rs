//! FSINFO (RFC 1813 3.3.19).

use super::*;

pub(super) const CASES: &[Case] = cases!("fsinfo", "FSINFO":
    OK = success_of_the_root,
    OK = success_says_what_is_true,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn success_of_the_root(scene: &mut Scene<'_>) -> Answer<()> {
    let fsroot = scene.it.mnt("/projects")?.root;
    let found = scene.it.fsinfo(&FsinfoArgs { fsroot: fsroot.clone() })?;
    check!(found.rtpref <= found.rtmax && found.rtmult > 0 && found.rtpref % found.rtmult == 0, "{found:?}");
    check!(found.wtpref <= found.wtmax && found.wtmult > 0 && found.wtpref % found.wtmult == 0, "{found:?}");
    check!(found.dtpref >= 4096 && found.maxfilesize >= 1 << 40, "{found:?}");
    let all = fsinfo_properties::LINK
        | fsinfo_properties::SYMLINK
        | fsinfo_properties::HOMOGENEOUS
        | fsinfo_properties::CANSETTIME;
    check!(found.properties == all, "properties {:#x}", found.properties);
    let seen = scene.seen(&fsroot)?;
    check_attributes(&Some(found.obj_attributes), &seen)
}

fn success_says_what_is_true(scene: &mut Scene<'_>) -> Answer<()> {
    let file = scene.file("file")?;
    let fsroot = scene.it.mnt("/projects")?.root;
    let found = scene.it.fsinfo(&FsinfoArgs { fsroot })?;
    let largest = usize::try_from(found.wtmax).map_err(Stop::broken)?;
    let written = scene.it.write(&writing(&file, 0, &vec![7; largest]))?;
    check!(written.count == found.wtmax, "{} of wtmax bytes were written", written.count);
    let read = scene.it.read(&ReadArgs { file: file.clone(), offset: 0, count: found.rtmax })?;
    check!(read.data.len() == largest.min(usize::try_from(found.rtmax).unwrap_or(0)), "{} bytes", read.data.len());
    let size = Sattr3 { size: Some(found.maxfilesize), ..Sattr3::default() };
    scene.it.setattr(&SetattrArgs { object: file.clone(), new_attributes: size, guard: None })?;
    check!(scene.seen(&file)?.size == found.maxfilesize, "maxfilesize is too large");
    let time = Nfstime3 { seconds: 1, nanoseconds: found.time_delta.nanoseconds };
    let times = Sattr3 { mtime: SetTime::ClientTime(time), size: Some(0), ..Sattr3::default() };
    scene.it.setattr(&SetattrArgs { object: file.clone(), new_attributes: times, guard: None })?;
    check!(scene.seen(&file)?.mtime == time, "times are coarser than time_delta");
    Ok(())
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let fsroot = mounted_and_gone(scene)?;
    scene.it.fsinfo(&FsinfoArgs { fsroot }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.fsinfo(&FsinfoArgs { fsroot: forged() }).map(drop)
}
