//! Directories: LOOKUP, MKDIR, SYMLINK, READLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK.

use nfs_wire::nfs3::{
    self, DeviceData, Ftype3, LinkArgs, MknodArgs, MknodData, Nfsstat3, ReadlinkArgs, RenameArgs, Reply3, RmdirArgs,
    Sattr3, Specdata3,
};

use super::harness::{CONTOSO, Client, House, at, mode};

fn rename(client: &Client<'_>, from: nfs3::DirOpArgs, to: nfs3::DirOpArgs) -> nfs3::RenameResult {
    client.call::<nfs3::Rename>(&RenameArgs { from, to })
}

#[test]
fn names_are_found_with_attributes_of_both() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.mkdir(&root, "dir");
    let args = nfs3::LookupArgs { what: at(&root, "dir") };
    let found = client.call::<nfs3::Lookup>(&args).into_result().unwrap();
    assert_eq!(found.object, dir);
    assert_eq!(found.obj_attributes, client.getattr(&dir).ok());
    assert_eq!(found.dir_attributes, client.getattr(&root).ok());
    let Reply3::Failed(status, attributes) = client.call::<nfs3::Lookup>(&nfs3::LookupArgs { what: at(&root, "no") })
    else {
        panic!("found")
    };
    assert_eq!((status, attributes), (Nfsstat3::Noent, client.getattr(&root).ok()));
    let file = client.create(&root, "file");
    assert_eq!(client.lookup(&file, "x").unwrap_err(), Nfsstat3::Notdir);
}

#[test]
fn links_are_read_as_they_were_made() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let link = client.symlink(&root, "link", "../../\u{fc}ber/all");
    let read = |symlink: &nfs3::FileHandle| {
        client.call::<nfs3::Readlink>(&ReadlinkArgs { symlink: symlink.clone() }).into_result()
    };
    let found = read(&link).unwrap();
    assert_eq!(&found.data[..], "../../\u{fc}ber/all".as_bytes());
    assert_eq!(found.symlink_attributes.unwrap().file_type, Ftype3::SymbolicLink);
    assert_eq!(read(&root).unwrap_err(), Nfsstat3::Inval);
    assert_eq!(read(&client.create(&root, "file")).unwrap_err(), Nfsstat3::Inval);
}

#[test]
fn special_files_are_made() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let make =
        |client: &Client<'_>, name: &str, what| client.call::<nfs3::Mknod>(&MknodArgs { place: at(&root, name), what });
    let device = |minor| DeviceData { dev_attributes: mode(0o600), spec: Specdata3 { specdata1: 8, specdata2: minor } };
    let cases = [
        ("chr", MknodData::CharacterDevice(device(1)), Ftype3::CharacterDevice),
        ("blk", MknodData::BlockDevice(device(2)), Ftype3::BlockDevice),
        ("sock", MknodData::Socket(mode(0o600)), Ftype3::Socket),
        ("fifo", MknodData::Fifo(mode(0o600)), Ftype3::Fifo),
    ];
    for (name, what, file_type) in cases {
        let made = make(&client, name, what).into_result().unwrap().obj_attributes.unwrap();
        assert_eq!((made.file_type, made.mode), (file_type, 0o600), "{name}");
    }
    let block = client.getattr(&client.lookup(&root, "blk").unwrap()).unwrap();
    assert_eq!(block.rdev, Specdata3 { specdata1: 8, specdata2: 2 });
    for what in [MknodData::Regular, MknodData::Directory, MknodData::SymbolicLink] {
        assert_eq!(make(&client, "x", what).failure(), Some(Nfsstat3::Badtype));
    }
    let user = house.client(CONTOSO).user(1000, 100, &[]);
    assert_eq!(make(&user, "x", MknodData::BlockDevice(device(3))).failure(), Some(Nfsstat3::Perm));
    make(&user, "y", MknodData::Fifo(mode(0o600))).into_result().unwrap();
}

#[test]
fn remove_and_rmdir_are_not_the_same_call() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "file");
    let dir = client.mkdir(&root, "dir");
    client.create(&dir, "inside");
    let rmdir = |name| client.call::<nfs3::Rmdir>(&RmdirArgs { object: at(&root, name) });
    assert_eq!(client.remove(&root, "dir").failure(), Some(Nfsstat3::Isdir));
    assert_eq!(rmdir("file").failure(), Some(Nfsstat3::Notdir));
    assert_eq!(rmdir("dir").failure(), Some(Nfsstat3::Notempty));
    client.remove(&dir, "inside").into_result().unwrap();
    let before = client.getattr(&root).unwrap();
    let wcc = rmdir("dir").into_result().unwrap();
    assert_eq!((wcc.before, wcc.after), (Some(before.wcc()), client.getattr(&root).ok()));
    client.remove(&root, "file").into_result().unwrap();
    let Reply3::Failed(status, wcc) = client.remove(&root, "file") else { panic!("removed twice") };
    assert_eq!((status, wcc.after), (Nfsstat3::Noent, client.getattr(&root).ok()));
}

#[test]
fn rename_moves_and_replaces() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let (file, target, dir) = (client.create(&root, "a"), client.create(&root, "b"), client.mkdir(&root, "dir"));
    let moved = rename(&client, at(&root, "a"), at(&dir, "c")).into_result().unwrap();
    assert_eq!(moved.fromdir_wcc.after, client.getattr(&root).ok());
    assert_eq!(moved.todir_wcc.after, client.getattr(&dir).ok());
    assert_eq!((client.lookup(&root, "a"), client.lookup(&dir, "c")), (Err(Nfsstat3::Noent), Ok(file.clone())));
    rename(&client, at(&dir, "c"), at(&root, "b")).into_result().unwrap();
    assert_eq!(client.lookup(&root, "b"), Ok(file));
    assert_eq!(client.getattr(&target).unwrap_err(), Nfsstat3::Stale);
}

#[test]
fn a_directory_does_not_go_into_itself() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.mkdir(&root, "dir");
    let below = client.mkdir(&dir, "below");
    let Reply3::Failed(status, body) = rename(&client, at(&root, "dir"), at(&below, "x")) else { panic!("moved") };
    assert_eq!(status, Nfsstat3::Inval);
    assert_eq!(body.fromdir_wcc.after, client.getattr(&root).ok());
    assert_eq!(body.todir_wcc.after, client.getattr(&below).ok());
}

#[test]
fn a_link_is_another_name() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let (file, dir) = (client.create(&root, "a"), client.mkdir(&root, "dir"));
    let link = |file: &nfs3::FileHandle, name| {
        client.call::<nfs3::Link>(&LinkArgs { file: file.clone(), link: at(&dir, name) })
    };
    let made = link(&file, "b").into_result().unwrap();
    assert_eq!((made.file_attributes.unwrap().nlink, client.lookup(&dir, "b")), (2, Ok(file.clone())));
    assert_eq!(made.linkdir_wcc.after, client.getattr(&dir).ok());
    assert_eq!(link(&file, "b").failure(), Some(Nfsstat3::Exist));
    assert_eq!(link(&dir, "c").failure(), Some(Nfsstat3::Perm));
    client.remove(&root, "a").into_result().unwrap();
    assert_eq!(client.getattr(&file).unwrap().nlink, 1);
}

#[test]
fn an_object_that_is_gone_is_stale_everywhere() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    client.remove(&root, "a").into_result().unwrap();
    assert_eq!(client.getattr(&file).unwrap_err(), Nfsstat3::Stale);
    assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Stale);
    assert_eq!(client.write(&file, 0, b"x").failure(), Some(Nfsstat3::Stale));
    assert_eq!(client.setattr(&file, Sattr3::default()).failure(), Some(Nfsstat3::Stale));
    assert_eq!(client.lookup(&file, "x").unwrap_err(), Nfsstat3::Stale);
    let stat = client.call::<nfs3::Fsstat>(&nfs3::FsstatArgs { fsroot: file });
    assert_eq!(stat.failure(), Some(Nfsstat3::Stale));
}

#[test]
fn a_sticky_directory_keeps_foreign_entries() {
    let house = House::new();
    let root = house.client(CONTOSO).mount();
    house.client(CONTOSO).user(1000, 100, &[]).create(&root, "a");
    let other = house.client(CONTOSO).user(1001, 100, &[]);
    assert_eq!(other.remove(&root, "a").failure(), Some(Nfsstat3::Perm));
    assert_eq!(rename(&other, at(&root, "a"), at(&root, "b")).failure(), Some(Nfsstat3::Perm));
}
