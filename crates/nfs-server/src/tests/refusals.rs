//! Refusals that no client can bring about: the house fails as it is told, and every procedure must say so by name.

use nfs_wire::mount::v3::{Mnt, MountResult, Mountstat3};
use nfs_wire::nfs3::{Commit, Getattr, Nfsstat3, Null};
use nfs_wire::rpc::{NFS_PROGRAM, Procedure};
use vfs::FsError;

use super::garbage::calls;
use super::harness::{CONTOSO, House, open, path};

#[test]
fn a_broken_store_is_an_input_output_error() {
    every_procedure_tells(FsError::Io, Nfsstat3::Io);
    mnt_tells(FsError::Io, Mountstat3::Io);
}

#[test]
fn what_no_status_names_is_a_fault_of_the_server() {
    every_procedure_tells(FsError::BadOpen, Nfsstat3::Serverfault);
    mnt_tells(FsError::BadOpen, Mountstat3::Serverfault);
}

#[test]
fn a_used_up_quota_is_told_by_its_name() {
    every_procedure_tells(FsError::QuotaExceeded, Nfsstat3::Dquot);
}

#[test]
fn a_full_house_is_told_by_its_name() {
    every_procedure_tells(FsError::NoSpace, Nfsstat3::Nospc);
}

#[test]
fn what_the_house_has_not_is_not_supported() {
    every_procedure_tells(FsError::NotSupported, Nfsstat3::Notsupp);
    mnt_tells(FsError::NotSupported, Mountstat3::Notsupp);
}

#[test]
fn too_many_links_are_told_by_their_name() {
    every_procedure_tells(FsError::TooManyLinks, Nfsstat3::Mlink);
}

/// RFC 1813 2.6: the client tries again with a new xid.
#[test]
fn a_house_that_needs_time_asks_for_it() {
    every_procedure_tells(FsError::Delay, Nfsstat3::Jukebox);
}

/// Calls every procedure of NFS that has a status.
fn every_procedure_tells(error: FsError, status: Nfsstat3) {
    let house = House::new();
    let client = house.client(CONTOSO);
    let records = calls(&client);
    house.vfs.refuse_all(Some(error));
    let mut told = Vec::new();
    for record in records {
        let word = |index: usize| u32::from_be_bytes(record[4 * index..4 * index + 4].try_into().unwrap());
        let (program, procedure) = (word(3), word(5));
        if program != NFS_PROGRAM || procedure == Null::NUMBER {
            continue;
        }
        let (header, mut body) = open(client.send(record.clone()));
        assert!(header.is_success(), "procedure {procedure}: {header:?}");
        assert_eq!(body.read_u32().unwrap(), status.code(), "procedure {procedure}");
        told.push(procedure);
    }
    assert_eq!(told, (Getattr::NUMBER..=Commit::NUMBER).collect::<Vec<_>>());
}

fn mnt_tells(error: FsError, status: Mountstat3) {
    let house = House::new();
    let client = house.client(CONTOSO);
    house.vfs.refuse_all(Some(error));
    assert_eq!(client.call::<Mnt>(&path("/projects")), MountResult::Failed(status));
}
