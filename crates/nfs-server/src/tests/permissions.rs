//! Who may what: squash, groups, read-only exports, ACCESS.

use nfs_wire::nfs3::{self, AccessArgs, FileHandle, Nfsstat3, access_rights as rights};
use nfs_wire::rpc::OpaqueAuth;

use super::harness::{CONTOSO, Client, House, at, mode, zone};

fn access(client: &Client<'_>, object: &FileHandle) -> u32 {
    let args = AccessArgs { object: object.clone(), access: 0x3f };
    client.call::<nfs3::Access>(&args).into_result().unwrap().access
}

#[test]
fn access_tells_what_will_be_allowed() {
    let house = House::new();
    let root_user = house.client(CONTOSO);
    let root = root_user.mount();
    let (owner, other) = (house.client(CONTOSO).user(1000, 100, &[]), house.client(CONTOSO).user(1001, 101, &[7, 100]));
    let (dir, file) = (owner.mkdir(&root, "dir"), owner.create(&root, "file"));
    let directory_rights = rights::READ | rights::LOOKUP | rights::MODIFY | rights::EXTEND | rights::DELETE;
    assert_eq!(access(&owner, &dir), directory_rights);
    assert_eq!(access(&other, &dir), rights::READ | rights::LOOKUP);
    assert_eq!(access(&owner, &file), rights::READ | rights::MODIFY | rights::EXTEND);
    assert_eq!(access(&other, &file), rights::READ);
    owner.setattr(&file, mode(0o460)).into_result().unwrap();
    assert_eq!(access(&owner, &file), rights::READ);
    assert_eq!(access(&other, &file), rights::READ | rights::MODIFY | rights::EXTEND, "by a supplementary group");
    owner.setattr(&file, mode(0o701)).into_result().unwrap();
    assert_eq!(access(&owner, &file), rights::READ | rights::MODIFY | rights::EXTEND | rights::EXECUTE);
    let args = AccessArgs { object: file, access: rights::READ };
    assert_eq!(owner.call::<nfs3::Access>(&args).into_result().unwrap().access, rights::READ);
}

#[test]
fn permission_is_checked_at_every_read_and_write_but_owners_keep_their_open_files() {
    let house = House::new();
    let root = house.client(CONTOSO).mount();
    let (owner, other) = (house.client(CONTOSO).user(1000, 100, &[]), house.client(CONTOSO).user(1001, 101, &[]));
    let file = owner.create(&root, "a");
    owner.write(&file, 0, b"x").into_result().unwrap();
    assert_eq!(other.read(&file, 0, 1).unwrap().count, 1);
    owner.setattr(&file, mode(0)).into_result().unwrap();
    assert_eq!(other.read(&file, 0, 1).unwrap_err(), Nfsstat3::Acces);
    assert_eq!(other.write(&file, 0, b"y").failure(), Some(Nfsstat3::Acces));
    assert_eq!(owner.read(&file, 0, 1).unwrap().count, 1);
    owner.write(&file, 0, b"y").into_result().unwrap();
}

#[test]
fn set_id_bits_go_when_another_writes() {
    let house = House::new();
    let root_user = house.client(CONTOSO);
    let file = root_user.create(&root_user.mount(), "a");
    root_user.setattr(&file, mode(0o6777)).into_result().unwrap();
    house.client(CONTOSO).user(1000, 100, &[]).write(&file, 0, b"x").into_result().unwrap();
    assert_eq!(root_user.getattr(&file).unwrap().mode, 0o777);
}

#[test]
fn root_is_squashed_before_everything_else() {
    let squashing = zone("contoso", CONTOSO, "").replace("map_root = \"off\"", "map_root = { user = \"nobody\" }");
    let house = House::with(&[&squashing]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    assert_eq!(client.getattr(&file).unwrap().uid, 65_534);
    let user = house.client(CONTOSO).user(1000, 100, &[]);
    let private = user.create(&root, "b");
    user.setattr(&private, mode(0o600)).into_result().unwrap();
    assert_eq!(client.read(&private, 0, 1).unwrap_err(), Nfsstat3::Acces);
    assert_eq!(client.remove(&root, "b").failure(), Some(Nfsstat3::Perm), "the directory is sticky");
}

#[test]
fn nobody_in_particular_is_the_anonymous_user_where_the_export_lets_it_in() {
    let house = House::with(&[&zone("contoso", CONTOSO, "security = [\"sys\", \"none\"]")]);
    let client = Client { credential: OpaqueAuth::none(), ..house.client(CONTOSO) };
    let file = client.create(&client.mount(), "a");
    assert_eq!(client.getattr(&file).unwrap().uid, 65_534);
    let house = House::new();
    let client = Client { credential: OpaqueAuth::none(), ..house.client(CONTOSO) };
    assert_eq!(client.getattr(&house.client(CONTOSO).mount()).unwrap_err(), Nfsstat3::Acces);
}

#[test]
fn a_read_only_export_refuses_every_change() {
    let house = House::new();
    let writer = house.client(CONTOSO);
    let root = writer.mount();
    let file = writer.create(&root, "a");
    writer.write(&file, 0, b"x").into_result().unwrap();
    house.reload(&[&zone("contoso", CONTOSO, "read_only = true")]);
    let client = house.client(CONTOSO);
    assert_eq!(client.read(&file, 0, 1).unwrap().count, 1);
    assert_eq!(access(&client, &file), rights::READ);
    assert_eq!(access(&client, &root), rights::READ | rights::LOOKUP);
    let place = || at(&root, "b");
    let create = nfs3::CreateArgs { place: place(), how: nfs3::CreateHow::Guarded(mode(0o644)) };
    let symlink_data = nfs3::NfsPath::from_static("x");
    let symlink = nfs3::SymlinkData { symlink_attributes: mode(0o777), symlink_data };
    let refusals = [
        client.write(&file, 0, b"y").failure(),
        client.setattr(&file, mode(0o600)).failure(),
        client.call::<nfs3::Create>(&create).failure(),
        client.call::<nfs3::Mkdir>(&nfs3::MkdirArgs { place: place(), attributes: mode(0o755) }).failure(),
        client.call::<nfs3::Symlink>(&nfs3::SymlinkArgs { place: place(), symlink }).failure(),
        client.remove(&root, "a").failure(),
        client.call::<nfs3::Rmdir>(&nfs3::RmdirArgs { object: at(&root, "a") }).failure(),
        client.call::<nfs3::Rename>(&nfs3::RenameArgs { from: at(&root, "a"), to: place() }).failure(),
        client.call::<nfs3::Link>(&nfs3::LinkArgs { file: file.clone(), link: place() }).failure(),
        client
            .call::<nfs3::Mknod>(&nfs3::MknodArgs { place: place(), what: nfs3::MknodData::Fifo(mode(0o644)) })
            .failure(),
    ];
    assert_eq!(refusals, [Some(Nfsstat3::Rofs); 10]);
}

#[test]
fn an_export_serves_only_the_clients_it_names() {
    let house =
        House::with(&[&zone("contoso", CONTOSO, "clients = [\"192.0.2.0/28\"]\nread_only_clients = [\"192.0.2.9\"]")]);
    let file = house.client(CONTOSO).create(&house.client(CONTOSO).mount(), "a");
    let stranger = house.client_from(CONTOSO, "198.51.100.1");
    assert_eq!(stranger.getattr(&file).unwrap_err(), Nfsstat3::Acces);
    let reader = house.client_from(CONTOSO, "192.0.2.9");
    assert!(reader.getattr(&file).is_ok());
    assert_eq!(reader.write(&file, 0, b"x").failure(), Some(Nfsstat3::Rofs));
}

#[test]
fn what_is_remembered_of_a_user_is_not_used_for_another() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    client.setattr(&file, mode(0o600)).into_result().unwrap();
    assert!(client.read(&file, 0, 1).is_ok());
    // The same connection, other users, more of them than are remembered.
    for uid in 1..100 {
        client = client.user(uid, 0, &[]);
        assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Acces, "uid {uid}");
    }
    client = client.user(0, 0, &[]);
    assert!(client.read(&file, 0, 1).is_ok());
}
