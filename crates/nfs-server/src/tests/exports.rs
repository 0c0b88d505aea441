//! What an export says of itself, and what a reload changes for those who have mounted it.

use nfs_wire::mount::v3;
use nfs_wire::nfs3::{self, FileHandle, FsinfoOk, Nfsstat3, Sattr3, fsinfo_properties};

use super::harness::{CONTOSO, Client, House, at, mode, path, zone};
use crate::settings::Settings;

fn info(client: &Client<'_>, root: &FileHandle) -> FsinfoOk {
    client.call::<nfs3::Fsinfo>(&nfs3::FsinfoArgs { fsroot: root.clone() }).into_result().unwrap()
}

fn sizes(info: &FsinfoOk) -> [u32; 7] {
    [info.rtmax, info.rtpref, info.rtmult, info.wtmax, info.wtpref, info.wtmult, info.dtpref]
}

const SIZES: &str = "read_size_max = 262144\nread_size_preferred = 131072\nread_size_multiple = 512\nwrite_size_max = 524288\n\
                     write_size_preferred = 65536\nwrite_size_multiple = 8192\nreaddir_size_preferred = 16384\n";

#[test]
fn sizes_are_advised_and_change_with_a_reload() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    assert_eq!(sizes(&info(&client, &root)), [1 << 20, 1 << 20, 4096, 1 << 20, 1 << 20, 4096, 65_536]);
    house.reload(&[&zone("contoso", CONTOSO, SIZES)]);
    assert_eq!(sizes(&info(&client, &root)), [262_144, 131_072, 512, 524_288, 65_536, 8192, 16_384]);
    house.reload(&[&zone("contoso", CONTOSO, "write_size_max = 65536")]);
    let capped = sizes(&info(&client, &root));
    assert_eq!(capped, [1 << 20, 1 << 20, 4096, 65_536, 65_536, 4096, 65_536], "preferred is never above the largest");
}

#[test]
fn no_size_is_above_what_the_gateway_serves() {
    let settings = Settings { io_bytes_max: 32_768, ..Settings::default() };
    let house = House::with_settings(&[&zone("contoso", CONTOSO, SIZES)], settings);
    let client = house.client(CONTOSO);
    let told = sizes(&info(&client, &client.mount()));
    assert_eq!(told, [32_768, 32_768, 512, 32_768, 32_768, 8192, 16_384]);
}

#[test]
fn whether_times_can_be_set_is_told() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let told = || info(&client, &root).properties & fsinfo_properties::CANSETTIME != 0;
    assert!(told());
    house.reload(&[&zone("contoso", CONTOSO, "can_set_time = false")]);
    assert!(!told());
}

const NARROW: &str = "file_ids = \"32\"";

/// Every number that a client sees of `dir/file`, from every procedure that tells one.
fn file_ids(client: &Client<'_>, root: &FileHandle) -> Vec<u64> {
    let id = |attributes: Option<nfs3::Fattr3>| attributes.unwrap().fileid;
    let found = client.call::<nfs3::Lookup>(&nfs3::LookupArgs { what: at(root, "file") }).into_result().unwrap();
    let (file, mut ids) = (found.object, vec![id(found.obj_attributes)]);
    let listing = nfs3::ReaddirArgs { dir: root.clone(), cookie: 0, cookieverf: [0; 8], count: 4096 };
    let listed = client.call::<nfs3::Readdir>(&listing).into_result().unwrap();
    ids.extend(listed.entries.iter().filter(|entry| &entry.name[..] == b"file").map(|entry| entry.fileid));
    let listing =
        nfs3::ReaddirplusArgs { dir: root.clone(), cookie: 0, cookieverf: [0; 8], dircount: 4096, maxcount: 8192 };
    let listed = client.call::<nfs3::Readdirplus>(&listing).into_result().unwrap();
    for entry in listed.entries.iter().filter(|entry| &entry.name[..] == b"file") {
        ids.extend([entry.fileid, id(entry.name_attributes)]);
    }
    let object = || file.clone();
    ids.push(client.getattr(&file).unwrap().fileid);
    ids.push(id(client.read(&file, 0, 1).unwrap().file_attributes));
    ids.push(id(client.write(&file, 0, b"x").into_result().unwrap().file_wcc.after));
    ids.push(id(client.setattr(&file, mode(0o600)).into_result().unwrap().after));
    let access = nfs3::AccessArgs { object: object(), access: 1 };
    ids.push(id(client.call::<nfs3::Access>(&access).into_result().unwrap().obj_attributes));
    let commit = nfs3::CommitArgs { file: object(), offset: 0, count: 0 };
    ids.push(id(client.call::<nfs3::Commit>(&commit).into_result().unwrap().file_wcc.after));
    let pathconf = nfs3::PathconfArgs { object: object() };
    ids.push(id(client.call::<nfs3::Pathconf>(&pathconf).into_result().unwrap().obj_attributes));
    let stat = nfs3::FsstatArgs { fsroot: object() };
    ids.push(id(client.call::<nfs3::Fsstat>(&stat).into_result().unwrap().obj_attributes));
    ids.push(id(info(client, &file).obj_attributes));
    let link = nfs3::LinkArgs { file: object(), link: at(root, "link") };
    ids.push(id(client.call::<nfs3::Link>(&link).into_result().unwrap().file_attributes));
    client.remove(root, "link").into_result().unwrap();
    ids
}

#[test]
fn narrow_file_numbers_are_the_same_everywhere() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    house.vfs.number_inodes_above(0x0005_0000_0000_0010);
    client.create(&root, "file");
    let wide = file_ids(&client, &root);
    assert!(wide.iter().all(|id| *id == wide[0] && *id > 0x0005_0000_0000_0000), "{wide:x?}");
    house.reload(&[&zone("contoso", CONTOSO, NARROW)]);
    let narrow = file_ids(&client, &root);
    let folded = (wide[0] & 0xffff_ffff) ^ (wide[0] >> 32);
    assert_eq!(narrow, vec![folded; wide.len()]);
    house.reload(&[&zone("contoso", CONTOSO, "")]);
    assert_eq!(file_ids(&client, &root), wide, "a reload is enough");
}

#[test]
fn narrow_file_numbers_are_told_of_new_and_moved_objects_and_in_refusals() {
    let house = House::with(&[&zone("contoso", CONTOSO, NARROW)]);
    house.vfs.number_inodes_above(0x0005_0000_0000_0010);
    let client = house.client(CONTOSO);
    let dir = client.mkdir(&client.mount(), "dir");
    let id = client.getattr(&dir).unwrap().fileid;
    assert!(id <= u64::from(u32::MAX));
    let place = |name| at(&dir, name);
    let how = nfs3::CreateHow::Guarded(Sattr3::default());
    let create = || nfs3::CreateArgs { place: place("a"), how };
    let made = client.call::<nfs3::Create>(&create()).into_result().unwrap();
    assert!(made.obj_attributes.unwrap().fileid <= u64::from(u32::MAX));
    assert_eq!(made.dir_wcc.after.unwrap().fileid, id);
    let nfs3::Reply3::Failed(status, wcc) = client.call::<nfs3::Create>(&create()) else { panic!("made twice") };
    assert_eq!((status, wcc.after.unwrap().fileid), (Nfsstat3::Exist, id));
    let rename = |from| nfs3::RenameArgs { from: place(from), to: place("b") };
    let moved = client.call::<nfs3::Rename>(&rename("a")).into_result().unwrap();
    assert_eq!((moved.fromdir_wcc.after.unwrap().fileid, moved.todir_wcc.after.unwrap().fileid), (id, id));
    let nfs3::Reply3::Failed(_, told) = client.call::<nfs3::Rename>(&rename("missing")) else { panic!("moved") };
    assert_eq!(told.fromdir_wcc.after.unwrap().fileid, id);
    client.symlink(&dir, "link", "target");
    let link = client.lookup(&dir, "link").unwrap();
    let read = client.call::<nfs3::Readlink>(&nfs3::ReadlinkArgs { symlink: link.clone() }).into_result().unwrap();
    let shown = read.symlink_attributes.unwrap().fileid;
    assert_eq!((shown, shown <= u64::from(u32::MAX)), (client.getattr(&link).unwrap().fileid, true));
    let nfs3::Reply3::Failed(_, told) = client.call::<nfs3::Read>(&nfs3::ReadArgs { file: dir, offset: 0, count: 1 })
    else {
        panic!("read a directory")
    };
    assert!(told.is_none_or(|attributes| attributes.fileid == id));
    let gone = client.remove(&client.mount(), "missing");
    let nfs3::Reply3::Failed(_, told) = gone else { panic!("removed") };
    assert!(told.after.unwrap().fileid <= u64::from(u32::MAX));
}

#[test]
fn rules_that_change_hold_from_the_next_call_of_a_mounted_client() {
    let house = House::new();
    let (root_user, user) = (house.client(CONTOSO), house.client(CONTOSO).user(1000, 100, &[]));
    let root = root_user.mount();
    let file = user.create(&root, "a");
    let made_by = |client: &Client<'_>, name: &str| {
        let file = client.create(&root, name);
        client.getattr(&file).unwrap().uid
    };
    assert_eq!((made_by(&root_user, "b"), made_by(&user, "c")), (0, 1000));
    house.reload(&[&zone("contoso", CONTOSO, "map_all = { user = 7 }")]);
    assert_eq!((made_by(&root_user, "d"), made_by(&user, "e")), (7, 7));
    house.reload(&[&zone("contoso", CONTOSO, "map_non_root = { user = 8 }")]);
    assert_eq!((made_by(&root_user, "f"), made_by(&user, "g")), (0, 8));
    house.reload(&[&zone("contoso", CONTOSO, "read_only = true")]);
    assert_eq!(user.write(&file, 0, b"x").failure(), Some(Nfsstat3::Rofs));
    house.reload(&[&zone("contoso", CONTOSO, "read_only = true\nread_write_clients = [\"192.0.2.10\"]")]);
    user.write(&file, 0, b"x").into_result().unwrap();
    house.reload(&[&zone("contoso", CONTOSO, "clients = [\"198.51.100.1\"]")]);
    assert_eq!(user.getattr(&file).unwrap_err(), Nfsstat3::Acces);
    house.reload(&[&zone("contoso", CONTOSO, "security = [\"none\"]")]);
    assert_eq!(user.getattr(&file).unwrap_err(), Nfsstat3::Acces);
    house.reload(&[&zone("contoso", CONTOSO, "").replace("\"/projects\"", "\"/projects\", \"/more\"")]);
    assert_eq!(user.getattr(&file).unwrap().uid, 1000, "the export stayed, and so did its handles");
}

#[test]
fn exports_are_listed_once_with_all_clients_they_name() {
    let export = |path: &str, rules: &str| format!("[[export]]\npaths = [\"{path}\"]\n{rules}\n");
    let text = zone("contoso", CONTOSO, "clients = [\"@staff\", \"10.0.0.0/8\"]\nroot_clients = [\"10.0.0.0/8\"]")
        .replace("[[export]]", "netgroup_file = \"netgroup\"\n[aliases]\n\"/p\" = \"/projects\"\n[[export]]")
        + &export("/projects", "read_only_clients = [\"10.0.0.1\"]")
        + &export("/all", "")
        + &export("/all", "clients = [\"10.0.0.1\"]");
    let house = House::new();
    house.reload_beside(&[&text], &[("netgroup", "staff (192.0.2.10,,)")]);
    let client = house.client(CONTOSO);
    let listed = client.call::<v3::Export>(&());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let listed: Vec<(String, Vec<String>)> = listed
        .iter()
        .map(|export| (text(&export.dir), export.groups.iter().map(|group| text(&group.name)).collect()))
        .collect();
    let clients = ["@staff", "10.0.0.0/8", "10.0.0.1"].map(str::to_owned).to_vec();
    assert_eq!(listed, [("/all".to_owned(), Vec::new()), ("/projects".to_owned(), clients)]);
    let v3::MountResult::Ok(by_alias) = client.call::<v3::Mnt>(&path("/p")) else { panic!("not mounted") };
    assert_eq!(by_alias.fhandle, client.mount());
}
