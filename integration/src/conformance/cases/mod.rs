//! The tests, one file for each procedure.
//!
//! A test ends with the call that it is about; what that call answers is compared with the status in the list.

mod access;
mod commit;
mod create;
mod fsinfo;
mod fsstat;
mod getattr;
mod link;
mod lookup;
mod mkdir;
mod mknod;
mod mount;
mod null;
mod pathconf;
mod read;
mod readdir;
mod readdirplus;
mod readlink;
mod remove;
mod rename;
mod rmdir;
mod setattr;
mod symlink;
mod write;

use std::collections::BTreeSet;

use bytes::Bytes;
use nfs_wire::nfs3::{
    AccessArgs, CommitArgs, CreateArgs, CreateHow, DeviceData, FileHandle, FsinfoArgs, FsstatArgs, Ftype3, GetattrArgs,
    LinkArgs, LookupArgs, MkdirArgs, MknodArgs, MknodData, Nfsstat3, Nfstime3, PathconfArgs, ReadArgs, ReaddirArgs,
    ReaddirplusArgs, ReadlinkArgs, RemoveArgs, RenameArgs, RmdirArgs, Sattr3, SetTime, SetattrArgs, Specdata3,
    StableHow, WriteArgs, access_rights, fsinfo_properties,
};

use super::case::{
    Case, Scene, at, cases, check, check_attributes, check_change, forged, long_name, mode, prepared, symlink,
    with_attributes, with_attributes_of, write as writing,
};
use super::client::{Answer, Listing, Made, ProtocolClient, Stop};

/// Every test of the suite, in the order of the specification.
pub(super) const ALL: &[&[Case]] = &[
    null::CASES,
    getattr::CASES,
    setattr::CASES,
    lookup::CASES,
    access::CASES,
    readlink::CASES,
    read::CASES,
    write::CASES,
    create::CASES,
    mkdir::CASES,
    symlink::CASES,
    mknod::CASES,
    remove::CASES,
    rmdir::CASES,
    rename::CASES,
    link::CASES,
    readdir::CASES,
    readdirplus::CASES,
    fsstat::CASES,
    fsinfo::CASES,
    pathconf::CASES,
    commit::CASES,
    mount::NULL_CASES,
    mount::MNT_CASES,
    mount::DUMP_CASES,
    mount::UMNT_CASES,
    mount::UMNTALL_CASES,
    mount::EXPORT_CASES,
];

/// A new object: its handle is the one that LOOKUP finds, its attributes are those that the other client sees, and the
/// directory changed.
fn check_made(scene: &mut Scene<'_>, name: &str, made: &Made, before: &nfs_wire::nfs3::Fattr3) -> Answer<FileHandle> {
    let Some(found) = scene.found(name)? else { return Err(Stop::Broken(format!("{name} is not there"))) };
    check!(made.object.as_ref().is_none_or(|object| *object == found), "LOOKUP finds another handle of {name}");
    let seen = scene.seen(&found)?;
    check!(made.attributes == Some(seen), "told {:?}, but it has {seen:?}", made.attributes);
    let after = scene.seen(&scene.folder.clone())?;
    check!(after.mtime > before.mtime, "mtime of the directory did not move");
    check_change(&made.directory, before, &after)?;
    Ok(found)
}

/// The names of a listing without `.` and `..`.
fn names(listing: &Listing) -> Vec<String> {
    let names = listing.entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
    names.filter(|name| name != "." && name != "..").collect()
}

/// Whether these are so many names and none of them twice.
fn are_distinct(names: &[String], count: usize) -> bool {
    let distinct: BTreeSet<_> = names.iter().collect();
    names.len() == count && distinct.len() == count
}

/// A directory that the client under test has mounted and that is gone: not every client asks FSINFO of other handles.
fn mounted_and_gone(scene: &mut Scene<'_>) -> Answer<FileHandle> {
    let archive = scene.places.archive.clone();
    let mkdir = MkdirArgs { place: at(&archive, "gone"), attributes: mode(0o755) };
    prepared(scene.other.mkdir(&mkdir))?;
    let mounted = prepared(scene.it.mnt("/archive/gone"));
    prepared(scene.other.rmdir(&RmdirArgs { object: at(&archive, "gone") }))?;
    Ok(mounted?.root)
}
