//! Handles: forged, foreign, of exports that went, over restarts.

use nfs_wire::nfs3::{self, FileHandle, LinkArgs, Nfsstat3, RenameArgs};
use testkit::block_on;
use vfs::{Admin, InodeId, OpContext, SetAttributes, ShardId, ZoneRootRequest};

use super::harness::{CONTOSO, FABRIKAM, House, at, path, zone};
use crate::handle::{HandleKeys, HandleTarget};

#[test]
fn bytes_that_are_no_handle_are_bad_everywhere() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let mut forged = root.to_vec();
    forged[19] ^= 1;
    let handles = [Vec::new(), vec![0; 64], root[..51].to_vec(), forged, [&root[..], &[0; 12]].concat()];
    for bytes in handles {
        let handle = FileHandle::new(bytes).unwrap();
        assert_eq!(client.getattr(&handle).unwrap_err(), Nfsstat3::Badhandle);
        assert_eq!(client.lookup(&handle, "x").unwrap_err(), Nfsstat3::Badhandle);
        assert_eq!(client.read(&handle, 0, 1).unwrap_err(), Nfsstat3::Badhandle);
        assert_eq!(client.write(&handle, 0, b"x").failure(), Some(Nfsstat3::Badhandle));
        let rename = RenameArgs { from: at(&root, "a"), to: at(&handle, "a") };
        assert_eq!(client.call::<nfs3::Rename>(&rename).failure(), Some(Nfsstat3::Badhandle));
    }
}

#[test]
fn a_handle_of_another_zone_is_bad() {
    let house = House::new();
    let (contoso, fabrikam) = (house.client(CONTOSO), house.client(FABRIKAM));
    let (own, foreign) = (contoso.mount(), fabrikam.mount());
    assert_ne!(own, foreign);
    assert!(fabrikam.getattr(&foreign).is_ok());
    assert_eq!(contoso.getattr(&foreign).unwrap_err(), Nfsstat3::Badhandle);
    assert_eq!(fabrikam.getattr(&own).unwrap_err(), Nfsstat3::Badhandle);
    let file = contoso.create(&own, "a");
    let link = LinkArgs { file, link: at(&foreign, "stolen") };
    assert_eq!(contoso.call::<nfs3::Link>(&link).failure(), Some(Nfsstat3::Xdev));
    let rename = RenameArgs { from: at(&own, "a"), to: at(&foreign, "stolen") };
    assert_eq!(contoso.call::<nfs3::Rename>(&rename).failure(), Some(Nfsstat3::Xdev));
}

#[test]
fn a_handle_cannot_be_carried_to_another_export_of_the_zone() {
    let two = zone("contoso", CONTOSO, "").replace("paths = [\"/projects\"]", "paths = [\"/projects\", \"/other\"]");
    let house = House::with(&[&two]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    let nfs_wire::mount::v3::MountResult::Ok(other) = client.call::<nfs_wire::mount::v3::Mnt>(&path("/other")) else {
        panic!("not mounted")
    };
    let link = LinkArgs { file, link: at(&other.fhandle, "b") };
    assert_eq!(client.call::<nfs3::Link>(&link).failure(), Some(Nfsstat3::Xdev));
    assert_eq!(client.lookup(&other.fhandle, ".."), Ok(other.fhandle));
}

/// The base of another zone below the export of contoso.
fn make_shard_below(house: &House, path: &[&str]) -> InodeId {
    let base = path.iter().map(|name| vfs::Name::try_from(*name).unwrap()).collect();
    let attributes = SetAttributes { mode: Some(0o777), ..SetAttributes::default() };
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    block_on(house.vfs.zone_root(&ctx, ZoneRootRequest { base, attributes })).unwrap().attributes.inode
}

#[test]
fn a_handle_reaches_only_the_shard_of_its_export() {
    let house = House::new();
    let (contoso, fabrikam) = (house.client(CONTOSO), house.client(FABRIKAM));
    let (own, foreign) = (contoso.mount(), fabrikam.mount());
    let (own_target, foreign_target) = (house.door.keys.open(&own).unwrap(), house.door.keys.open(&foreign).unwrap());
    let file = contoso.create(&own, "a");
    for inode in [foreign_target.inode, InodeId::root_of(ShardId::ROOT)] {
        let carried = house.door.keys.seal(&HandleTarget { inode, ..own_target });
        assert_eq!(contoso.getattr(&carried).unwrap_err(), Nfsstat3::Stale);
        assert_eq!(contoso.lookup(&carried, "projects").unwrap_err(), Nfsstat3::Stale);
        let link = LinkArgs { file: file.clone(), link: at(&carried, "stolen") };
        assert_eq!(contoso.call::<nfs3::Link>(&link).failure(), Some(Nfsstat3::Stale));
    }
}

#[test]
fn no_handle_leads_to_another_shard() {
    let house = House::with(&[&zone("contoso", CONTOSO, "all_dirs = true")]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    make_shard_below(&house, &["tenants", "contoso", "projects", "inner"]);
    client.mkdir(&root, "plain");
    assert_eq!(client.lookup(&root, "inner").unwrap_err(), Nfsstat3::Acces);
    let mnt = client.call::<nfs_wire::mount::v3::Mnt>(&path("/projects/inner"));
    assert_eq!(mnt, nfs_wire::mount::v3::MountResult::Failed(nfs_wire::mount::v3::Mountstat3::Acces));
    let list = nfs3::ReaddirplusArgs { dir: root, cookie: 0, cookieverf: [0; 8], dircount: 4096, maxcount: 4096 };
    let listed = client.call::<nfs3::Readdirplus>(&list).into_result().unwrap();
    let with_handle: Vec<_> = listed.entries.iter().filter(|entry| entry.name_handle.is_some()).collect();
    assert!(listed.entries.iter().any(|entry| &entry.name[..] == b"inner"), "it is listed all the same");
    assert!(with_handle.iter().any(|entry| &entry.name[..] == b"plain"));
    assert!(with_handle.iter().all(|entry| &entry.name[..] != b"inner"));
}

#[test]
fn a_handle_is_stale_when_its_export_went_and_good_when_it_comes_back() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    house.reload(&[&zone("contoso", CONTOSO, "").replace("/projects", "/elsewhere")]);
    assert_eq!(client.getattr(&file).unwrap_err(), Nfsstat3::Stale);
    house.reload(&[&zone("contoso", CONTOSO, "")]);
    assert!(client.getattr(&file).is_ok());
}

#[test]
fn a_connection_ends_when_its_zone_went() {
    let house = House::new();
    let client = house.client(CONTOSO);
    client.mount();
    house.reload(&[&zone("fabrikam", FABRIKAM, "")]);
    let outcome = client.send(client.record::<nfs3::Null>(&()));
    assert!(matches!(outcome, crate::reply::Outcome::Close), "{outcome:?}");
}

#[test]
fn handles_survive_restart_rename_and_a_new_key() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let (file, dir) = (client.create(&root, "a"), client.mkdir(&root, "dir"));
    let rename = RenameArgs { from: at(&root, "a"), to: at(&dir, "b") };
    client.call::<nfs3::Rename>(&rename).into_result().unwrap();
    let later = house.restarted(&[(1, [7; 32]), (2, [8; 32])]);
    let client = later.client(CONTOSO);
    assert!(client.getattr(&file).is_ok());
    // No MNT came before, and `..` still ends at the root of the export.
    let parent = client.lookup(&root, "..").unwrap();
    assert_ne!(parent, root, "the newest key seals");
    assert_eq!(client.getattr(&parent).unwrap(), client.getattr(&root).unwrap());
    let without = house.restarted(&[(2, [8; 32])]);
    assert_eq!(without.client(CONTOSO).getattr(&file).unwrap_err(), Nfsstat3::Badhandle);
}

#[test]
fn a_seal_of_another_house_is_worth_nothing() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let target = house.door.keys.open(&client.mount()).unwrap();
    let foreign = HandleKeys::new(&[(1, [9; 32])]).unwrap();
    let everything = HandleTarget { inode: InodeId::root_of(ShardId::ROOT), ..target };
    assert_eq!(client.getattr(&foreign.seal(&everything)).unwrap_err(), Nfsstat3::Badhandle);
}
