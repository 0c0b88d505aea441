//! Files: GETATTR, SETATTR, READ, WRITE, COMMIT, CREATE, FSSTAT, FSINFO, PATHCONF.

use bytes::Bytes;
use nfs_wire::nfs3::{
    self, CommitArgs, CreateArgs, CreateHow, Ftype3, Nfsstat3, Nfstime3, Reply3, Sattr3, SetTime, SetattrArgs,
    StableHow, WriteArgs, fsinfo_properties,
};

use super::harness::{CONTOSO, Client, House, at, mode};

#[test]
fn what_is_written_is_read() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let written = client.write(&file, 3, b"hello").into_result().unwrap();
    let before = written.file_wcc.before.unwrap();
    assert_eq!((written.count, before.size, written.file_wcc.after.unwrap().size), (5, 0, 8));
    let read = client.read(&file, 1, 100).unwrap();
    assert_eq!((&read.data[..], read.count, read.eof), (&b"\0\0hello"[..], 7, true));
    assert_eq!(read.file_attributes.unwrap().size, 8);
    let part = client.read(&file, 3, 2).unwrap();
    assert_eq!((&part.data[..], part.eof), (&b"he"[..], false));
    let beyond = client.read(&file, 100, 2).unwrap();
    assert_eq!((beyond.count, beyond.eof), (0, true));
}

#[test]
fn a_megabyte_goes_through_and_more_is_cut() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let data: Vec<u8> = (0..=250).cycle().take((1 << 20) + 5000).collect();
    assert_eq!(client.write(&file, 0, &data).into_result().unwrap().count, 1 << 20);
    client.write(&file, 1 << 20, &data[1 << 20..]).into_result().unwrap();
    let first = client.read(&file, 0, u32::MAX).unwrap();
    assert_eq!((first.count, first.eof), (1 << 20, false));
    assert_eq!(first.data, data[..1 << 20]);
    assert_eq!(client.read(&file, 1 << 20, u32::MAX).unwrap().data, data[1 << 20..]);
}

#[test]
fn of_count_and_data_the_smaller_is_written() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let write = |offset, count, data: &'static [u8]| {
        let (file, stable, data) = (file.clone(), StableHow::FileSync, Bytes::from_static(data));
        client.call::<nfs3::Write>(&WriteArgs { file, offset, count, stable, data }).into_result().unwrap()
    };
    let fewer = write(0, 2, b"abcdef");
    assert_eq!((fewer.count, fewer.committed), (2, StableHow::FileSync));
    assert_eq!(write(2, 100, b"xyz").count, 3);
    assert_eq!(client.read(&file, 0, 10).unwrap().data, "abxyz");
}

#[test]
fn the_verifier_changes_when_unstable_data_was_lost_and_only_then() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let first = client.write(&file, 0, b"one").into_result().unwrap();
    assert_eq!(first.committed, StableHow::Unstable);
    let commit = CommitArgs { file: file.clone(), offset: 0, count: 0 };
    let committed = client.call::<nfs3::Commit>(&commit).into_result().unwrap();
    assert_eq!(committed.verf, first.verf);
    client.write(&file, 0, b"two").into_result().unwrap();
    house.vfs.crash();
    let after = client.call::<nfs3::Commit>(&commit).into_result().unwrap();
    assert_ne!(after.verf, first.verf);
    assert_eq!(client.read(&file, 0, 10).unwrap().data, "one");
}

#[test]
fn bytes_of_what_is_no_file() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let link = client.symlink(&root, "link", "target");
    assert_eq!(client.read(&root, 0, 10).unwrap_err(), Nfsstat3::Isdir);
    assert_eq!(client.read(&link, 0, 10).unwrap_err(), Nfsstat3::Inval);
    assert_eq!(client.write(&root, 0, b"x").into_result().unwrap_err(), Nfsstat3::Isdir);
    assert_eq!(client.write(&link, 0, b"x").into_result().unwrap_err(), Nfsstat3::Inval);
    let commit = CommitArgs { file: root.clone(), offset: 0, count: 0 };
    assert_eq!(client.call::<nfs3::Commit>(&commit).into_result().unwrap_err(), Nfsstat3::Isdir);
}

#[test]
fn a_guard_compares_ctime_exactly() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let ctime = client.getattr(&file).unwrap().ctime;
    let set = |guard| {
        let args = SetattrArgs { object: file.clone(), new_attributes: mode(0o600), guard: Some(guard) };
        client.call::<nfs3::Setattr>(&args)
    };
    let wrong = Nfstime3 { nanoseconds: ctime.nanoseconds ^ 1, ..ctime };
    let Reply3::Failed(status, wcc) = set(wrong) else { panic!("the guard let it through") };
    assert_eq!((status, wcc.after.unwrap().mode), (Nfsstat3::NotSync, 0o644));
    assert_eq!(wcc.before, Some(wcc.after.unwrap().wcc()));
    assert_eq!(set(ctime).into_result().unwrap().after.unwrap().mode, 0o600);
    assert_eq!(set(ctime).failure(), Some(Nfsstat3::NotSync));
}

#[test]
fn attributes_are_set() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "a");
    let time = Nfstime3 { seconds: 1000, nanoseconds: 5 };
    let wanted = Sattr3 {
        mode: Some(0o11_755),
        uid: Some(5),
        gid: Some(6),
        size: Some(10),
        atime: SetTime::ClientTime(time),
        mtime: SetTime::ClientTime(time),
    };
    let wcc = client.setattr(&file, wanted).into_result().unwrap();
    let found = client.getattr(&file).unwrap();
    assert_eq!(wcc.after, Some(found));
    assert_eq!((found.mode, found.uid, found.gid, found.size), (0o1755, 5, 6, 10));
    assert_eq!((found.atime, found.mtime), (time, time));
    let bad = SetTime::ClientTime(Nfstime3 { seconds: 0, nanoseconds: 1_000_000_000 });
    assert_eq!(client.setattr(&file, Sattr3 { atime: bad, ..Sattr3::default() }).failure(), Some(Nfsstat3::Inval));
    let now = Sattr3 { mtime: SetTime::ServerTime, ..Sattr3::default() };
    assert!(client.setattr(&file, now).into_result().unwrap().after.unwrap().mtime > time);
}

fn create(client: &Client<'_>, name: &str, how: CreateHow) -> nfs3::CreateResult {
    client.call::<nfs3::Create>(&CreateArgs { place: at(&client.mount(), name), how })
}

#[test]
fn an_exclusive_creation_can_be_repeated_until_attributes_are_set() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let verifier = [1, 2, 3, 4, 5, 6, 7, 8];
    let file = create(&client, "a", CreateHow::Exclusive(verifier)).into_result().unwrap().obj.unwrap();
    let again = create(&client, "a", CreateHow::Exclusive(verifier)).into_result().unwrap().obj.unwrap();
    assert_eq!(file, again);
    for other in 0..8 {
        let mut verifier = verifier;
        verifier[other] ^= 0x80;
        let Reply3::Failed(status, wcc) = create(&client, "a", CreateHow::Exclusive(verifier)) else { panic!() };
        assert_eq!((status, wcc.before.is_some(), wcc.after.is_some()), (Nfsstat3::Exist, true, true));
    }
    client.setattr(&file, mode(0o600)).into_result().unwrap();
    assert_eq!(create(&client, "a", CreateHow::Exclusive(verifier)).failure(), Some(Nfsstat3::Exist));
}

#[test]
fn an_unchecked_creation_takes_a_file_and_nothing_else() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    client.write(&file, 0, b"hello").into_result().unwrap();
    let taken = create(&client, "a", CreateHow::Unchecked(mode(0o777))).into_result().unwrap();
    assert_eq!((taken.obj.unwrap(), taken.obj_attributes.unwrap().mode), (file, 0o644));
    let cut = CreateHow::Unchecked(Sattr3 { size: Some(2), ..Sattr3::default() });
    assert_eq!(create(&client, "a", cut).into_result().unwrap().obj_attributes.unwrap().size, 2);
    assert_eq!(create(&client, "a", CreateHow::Guarded(mode(0o644))).failure(), Some(Nfsstat3::Exist));
    client.mkdir(&root, "dir");
    client.symlink(&root, "link", "a");
    for name in ["dir", "link"] {
        assert_eq!(create(&client, name, CreateHow::Unchecked(mode(0o644))).failure(), Some(Nfsstat3::Exist));
    }
}

#[test]
fn a_creation_applies_its_size_and_ignores_foreign_owners() {
    let house = House::new();
    let client = house.client(CONTOSO).user(1000, 100, &[]);
    let wanted = Sattr3 { uid: Some(0), gid: Some(0), size: Some(77), ..mode(0o640) };
    let made = create(&client, "a", CreateHow::Guarded(wanted)).into_result().unwrap().obj_attributes.unwrap();
    assert_eq!((made.uid, made.gid, made.size, made.mode), (1000, 100, 77, 0o640));
}

#[test]
fn questions_about_the_file_system_work_on_any_handle() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let objects = [root.clone(), client.create(&root, "a"), client.symlink(&root, "link", "a")];
    for object in objects {
        let info = client.call::<nfs3::Fsinfo>(&nfs3::FsinfoArgs { fsroot: object.clone() }).into_result().unwrap();
        assert_eq!((info.rtmax, info.wtmax, info.maxfilesize), (1 << 20, 1 << 20, i64::MAX as u64));
        assert_eq!(info.time_delta, Nfstime3 { seconds: 0, nanoseconds: 1 });
        assert_eq!(info.properties & fsinfo_properties::HOMOGENEOUS, fsinfo_properties::HOMOGENEOUS);
        let stat = client.call::<nfs3::Fsstat>(&nfs3::FsstatArgs { fsroot: object.clone() }).into_result().unwrap();
        assert!(stat.tbytes >= stat.fbytes && stat.fbytes >= stat.abytes && stat.tbytes > 0);
        let conf = client.call::<nfs3::Pathconf>(&nfs3::PathconfArgs { object }).into_result().unwrap();
        assert_eq!((conf.name_max, conf.no_trunc, conf.chown_restricted), (255, true, true));
        assert_eq!((conf.case_insensitive, conf.case_preserving), (false, true));
        assert!(info.obj_attributes.is_some() && stat.obj_attributes.is_some() && conf.obj_attributes.is_some());
    }
}

#[test]
fn a_full_house_says_so_and_removals_still_work() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    house.vfs.set_capacity(testkit::reference::MemoryCapacity { bytes: 4096, files: 100 });
    let full = client.write(&file, 0, &[1; 9000]);
    let Reply3::Failed(status, wcc) = full else { panic!("{full:?}") };
    assert_eq!((status, wcc.after.is_some()), (Nfsstat3::Nospc, true));
    client.remove(&root, "a").into_result().unwrap();
}

#[test]
fn types_are_told_apart() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    let (file, root) = (client.getattr(&file).unwrap(), client.getattr(&root).unwrap());
    assert_eq!((file.file_type, file.nlink, file.mode), (Ftype3::Regular, 1, 0o644));
    assert_eq!((root.file_type, root.nlink, root.mode), (Ftype3::Directory, 2, 0o1777));
    assert_eq!(file.fsid, root.fsid);
    assert_ne!(file.fileid, root.fileid);
}
