//! FSSTAT (RFC 1813 3.3.18).

use super::*;

pub(super) const CASES: &[Case] = cases!("fsstat", "FSSTAT":
    OK = success_of_the_root,
    OK = success_of_a_file,
    STALE = error_stale,
    BADHANDLE = error_badhandle,
);

fn success_of_the_root(scene: &mut Scene<'_>) -> Answer<()> {
    let fsroot = scene.it.mnt("/projects")?.root;
    let found = scene.it.fsstat(&FsstatArgs { fsroot: fsroot.clone() })?;
    check!(found.tbytes >= found.fbytes && found.fbytes >= found.abytes && found.abytes > 0, "bytes: {found:?}");
    check!(found.tfiles >= found.ffiles && found.ffiles >= found.afiles && found.afiles > 0, "files: {found:?}");
    let seen = scene.seen(&fsroot)?;
    check_attributes(&Some(found.obj_attributes), &seen)
}

fn success_of_a_file(scene: &mut Scene<'_>) -> Answer<()> {
    let fsroot = scene.file("file")?;
    let found = scene.it.fsstat(&FsstatArgs { fsroot: fsroot.clone() })?;
    let seen = scene.seen(&fsroot)?;
    check_attributes(&Some(found.obj_attributes), &seen)
}

fn error_stale(scene: &mut Scene<'_>) -> Answer<()> {
    let fsroot = mounted_and_gone(scene)?;
    scene.it.fsstat(&FsstatArgs { fsroot }).map(drop)
}

fn error_badhandle(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.fsstat(&FsstatArgs { fsroot: forged() }).map(drop)
}
