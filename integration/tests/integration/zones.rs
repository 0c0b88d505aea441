//! A tenant cannot leave its zone: by handle, by name, by path to mount, by link or by changing bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use integration::client::{CallFailure, Client};
use integration::{CONTOSO, FABRIKAM, Gateway, Site};
use nfs_wire::mount::v3::Mountstat3;
use nfs_wire::nfs3::{
    Access, AccessArgs, Commit, CommitArgs, Create, CreateArgs, CreateHow, DirOpArgs, FileHandle, Filename, Fsinfo,
    FsinfoArgs, Fsstat, FsstatArgs, Getattr, GetattrArgs, Link, LinkArgs, Lookup, LookupArgs, Mkdir, MkdirArgs, Mknod,
    MknodArgs, MknodData, NfsPath, Nfsstat3, Pathconf, PathconfArgs, Read, ReadArgs, Readdir, ReaddirArgs, Readdirplus,
    ReaddirplusArgs, Readlink, ReadlinkArgs, Remove, RemoveArgs, Rename, RenameArgs, Reply3, Rmdir, RmdirArgs, Sattr3,
    Setattr, SetattrArgs, StableHow, Symlink, SymlinkArgs, SymlinkData, Verifier, Write, WriteArgs, access_rights,
};
use nfs_wire::rpc::Procedure;

#[test]
fn a_handle_of_one_zone_is_worth_nothing_in_the_other() {
    let street = Street::open();
    let (mut contoso, mut fabrikam) = (street.client(CONTOSO), street.client(FABRIKAM));
    let root = contoso.mount("/projects").unwrap();
    fabrikam.mount("/projects").unwrap();
    let folder = contoso.mkdir(&root, "folder", 0o777).unwrap();
    let file = written(&mut contoso, &folder, "file");
    for object in [&root, &folder, &file] {
        for (procedure, status) in every_procedure(&mut fabrikam, object, object) {
            assert_eq!(status, Err(Nfsstat3::Badhandle), "{procedure}");
        }
    }
    assert_eq!(contoso.readdir(&folder).unwrap(), ["file"]);
    assert_eq!(contoso.read_all(&file).unwrap(), CONTENT);
    street.close();
}

#[test]
fn no_byte_of_a_handle_can_be_changed() {
    let street = Street::open();
    let mut client = street.client(CONTOSO);
    let root = client.mount("/projects").unwrap();
    let file = written(&mut client, &root, "file");
    for place in 0..file.len() {
        for difference in [0x01, 0x80, 0xff] {
            let mut forged = file.to_vec();
            forged[place] ^= difference;
            assert_eq!(getattr(&mut client, forged), Err(Nfsstat3::Badhandle), "byte {place} ^ {difference:#x}");
        }
    }
    for length in 0..file.len() {
        assert_eq!(getattr(&mut client, file[..length].to_vec()), Err(Nfsstat3::Badhandle), "{length} bytes");
    }
    let longer = [&file[..], &[0; 4]].concat();
    assert_eq!(getattr(&mut client, longer), Err(Nfsstat3::Badhandle));
    assert_eq!(getattr(&mut client, file.to_vec()), Ok(()));
    street.close();
}

#[test]
fn no_name_leads_out_of_an_export() {
    let street = Street::open();
    let mut client = street.client(CONTOSO);
    let root = client.mount("/projects").unwrap();
    let folder = client.mkdir(&root, "folder", 0o777).unwrap();
    assert_eq!(client.lookup(&root, "..").unwrap(), root);
    assert_eq!(client.lookup(&root, ".").unwrap(), root);
    assert_eq!(client.lookup(&folder, "..").unwrap(), root);
    let illegal = ["a/b", "/", "folder/..", "../..", "..\0", "fol\0der", "\0", ""];
    for name in illegal {
        let what = DirOpArgs { dir: root.clone(), name: Filename::new(name.as_bytes()).unwrap() };
        let looked_up = status::<Lookup, _, _>(&mut client, &LookupArgs { what });
        assert_eq!(looked_up, Err(Nfsstat3::Inval), "LOOKUP of {name:?}");
    }
    for name in illegal.into_iter().chain([".", ".."]) {
        for (procedure, refused) in every_naming(&mut client, &root, name) {
            assert!(refused.is_err(), "{procedure} of {name:?}");
        }
    }
    assert_eq!(client.readdir(&root).unwrap(), ["folder"]);
    for path in ["../tenants/fabrikam/projects", "../../fabrikam", "folder/../../../fabrikam"] {
        let refused = client.walk(&root, path);
        assert!(refused.is_err_and(|error| is(&error, Nfsstat3::Noent)), "{path}");
    }
    assert_eq!(client.walk(&root, "folder/../../..").unwrap(), root);
    street.close();
}

#[test]
fn no_path_to_mount_leads_out_of_a_zone() {
    let street = Street::open();
    street.client(FABRIKAM).mount("/projects").unwrap();
    let mut client = street.client(CONTOSO);
    let root = client.mount("/projects").unwrap();
    client.mkdir(&root, "folder", 0o777).unwrap();
    for (name, text) in [("absolute", "/tenants/fabrikam"), ("relative", "../../fabrikam/projects"), ("up", "..")] {
        let link = symlink(&mut client, &root, (name, text));
        // A server never follows: not in LOOKUP, not in MNT.
        let below = client.lookup(&link, "projects");
        assert!(below.is_err_and(|error| is(&error, Nfsstat3::Notdir)), "LOOKUP below {name}");
        assert_eq!(mount(&mut client, &format!("/wide/{name}")), Err(Mountstat3::Noent));
    }
    let wide = client.mount("/wide").unwrap();
    symlink(&mut client, &wide, ("link", "/tenants/fabrikam"));
    client.mkdir(&wide, "below", 0o755).unwrap();
    assert_eq!(mount(&mut client, "/wide/below"), Ok(()));
    assert_eq!(mount(&mut client, "/wide/link"), Err(Mountstat3::Notdir));
    assert_eq!(mount(&mut client, "/wide/link/projects"), Err(Mountstat3::Notdir));
    let (noent, acces) = (Err(Mountstat3::Noent), Err(Mountstat3::Acces));
    let paths = [
        ("/tenants/fabrikam/projects", noent),
        ("/tenants/contoso/projects", noent),
        ("/tenants/fabrikam", noent),
        ("/fabrikam/projects", noent),
        ("/only-fabrikam", noent),
        ("/", noent),
        ("//", noent),
        ("", noent),
        ("projects", noent),
        ("/proj\0ects", noent),
        ("/projects\0", noent),
        ("/projects/folder", acces),
        ("/projects/..", acces),
        ("/projects/../..", acces),
        ("/projects/../../fabrikam/projects", acces),
        ("/wide/../../fabrikam/projects", acces),
        ("/wide/..", acces),
        ("..", acces),
    ];
    for (path, expected) in paths {
        assert_eq!(mount(&mut client, path), expected, "{path:?}");
    }
    assert_eq!(mount(&mut client, "//projects/./"), Ok(()));
    street.close();
}

#[test]
fn nothing_is_moved_or_linked_across_zones_or_exports() {
    let street = Street::open();
    let (mut contoso, mut fabrikam) = (street.client(CONTOSO), street.client(FABRIKAM));
    let ours = contoso.mount("/projects").unwrap();
    let beside = contoso.mount("/wide").unwrap();
    let theirs = fabrikam.mount("/projects").unwrap();
    let file = written(&mut contoso, &ours, "file");
    let foreign = written(&mut fabrikam, &theirs, "foreign");
    for target in [&theirs, &beside] {
        assert_eq!(rename(&mut contoso, (&ours, "file"), (target, "taken")), Err(Nfsstat3::Xdev));
        assert_eq!(link(&mut contoso, &file, (target, "taken")), Err(Nfsstat3::Xdev));
    }
    assert_eq!(rename(&mut contoso, (&theirs, "foreign"), (&ours, "taken")), Err(Nfsstat3::Badhandle));
    assert_eq!(link(&mut contoso, &foreign, (&ours, "taken")), Err(Nfsstat3::Badhandle));
    assert_eq!(link(&mut contoso, &foreign, (&theirs, "taken")), Err(Nfsstat3::Badhandle));
    assert_eq!(contoso.readdir(&ours).unwrap(), ["file"]);
    assert_eq!(contoso.readdir(&beside).unwrap(), Vec::<String>::new());
    assert_eq!(fabrikam.readdir(&theirs).unwrap(), ["foreign"]);
    let links = [contoso.getattr(&file).unwrap().nlink, fabrikam.getattr(&foreign).unwrap().nlink];
    assert_eq!(links, [1, 1]);
    street.close();
}

#[test]
fn handles_outlive_the_gateway() {
    let street = Street::open();
    let mut client = street.client(CONTOSO);
    let root = client.mount("/projects").unwrap();
    let folder = client.mkdir(&root, "folder", 0o755).unwrap();
    let file = written(&mut client, &folder, "file");
    let attributes = client.getattr(&file).unwrap();
    client.rename((&folder, "file"), (&root, "renamed")).unwrap();
    let street = street.restart();
    let (mut client, mut fabrikam) = (street.client(CONTOSO), street.client(FABRIKAM));
    // Without a MNT before.
    assert_eq!(client.getattr(&file).unwrap().fileid, attributes.fileid);
    assert_eq!(client.read_all(&file).unwrap(), CONTENT);
    assert_eq!(client.lookup(&root, "renamed").unwrap(), file);
    assert_eq!(client.mount("/projects").unwrap(), root);
    assert_eq!(getattr(&mut fabrikam, file.to_vec()), Err(Nfsstat3::Badhandle));
    client.remove(&root, "renamed").unwrap();
    assert_eq!(getattr(&mut client, file.to_vec()), Err(Nfsstat3::Stale));
    street.close();
}

#[test]
fn a_read_only_export_changes_nothing() {
    let street = Street::open();
    let mut client = street.client(CONTOSO);
    let writable = client.mount("/projects").unwrap();
    let folder = client.mkdir(&writable, "frozen", 0o777).unwrap();
    written(&mut client, &folder, "file");
    let before = client.getattr(&folder).unwrap();
    let root = client.mount("/projects/frozen").unwrap();
    let file = client.lookup(&root, "file").unwrap();
    assert_eq!(client.read_all(&file).unwrap(), CONTENT);
    for (procedure, refused) in every_change(&mut client, &root, &file) {
        assert_eq!(refused, Err(Nfsstat3::Rofs), "{procedure}");
    }
    let all = 0x3f;
    let granted = client.call::<Access>(&AccessArgs { object: root.clone(), access: all }).unwrap();
    let changing = access_rights::MODIFY | access_rights::EXTEND | access_rights::DELETE;
    assert_eq!(granted.into_result().unwrap().access & changing, 0);
    assert_eq!(client.getattr(&folder).unwrap(), before);
    assert_eq!(client.read_all(&file).unwrap(), CONTENT);
    street.close();
}

#[test]
fn root_is_nobody_unless_the_export_says_otherwise() {
    const NOBODY: u32 = 65_534;
    let street = Street::open();
    let mut client = street.client(CONTOSO);
    let as_root = client.mount("/projects").unwrap();
    let folder = client.mkdir(&as_root, "squashed", 0o755).unwrap();
    let secret = client.create(&folder, "secret", 0o600).unwrap();
    assert_eq!(client.getattr(&secret).unwrap().uid, 0);
    let root = client.mount("/projects/squashed").unwrap();
    let refused = |outcome: Result<(), Nfsstat3>| assert_eq!(outcome, Err(Nfsstat3::Acces));
    let seen = client.lookup(&root, "secret").unwrap();
    refused(status::<Read, _, _>(&mut client, &ReadArgs { file: seen.clone(), offset: 0, count: 10 }));
    refused(status::<Create, _, _>(&mut client, &create_args(&root, "new")));
    refused(status::<Remove, _, _>(&mut client, &RemoveArgs { object: place(&root, "secret") }));
    let new_attributes = Sattr3 { mode: Some(0o777), ..Sattr3::default() };
    let chmod = SetattrArgs { object: seen, new_attributes, guard: None };
    assert_eq!(status::<Setattr, _, _>(&mut client, &chmod), Err(Nfsstat3::Perm));
    client.setattr(&folder, Sattr3 { mode: Some(0o777), ..Sattr3::default() }).unwrap();
    let made = client.create(&root, "new", 0o644).unwrap();
    let owner = client.getattr(&made).unwrap();
    assert_eq!((owner.uid, owner.gid), (NOBODY, NOBODY));
    let give_away = Sattr3 { uid: Some(0), ..Sattr3::default() };
    let chown = SetattrArgs { object: made, new_attributes: give_away, guard: None };
    assert_eq!(status::<Setattr, _, _>(&mut client, &chown), Err(Nfsstat3::Perm));
    street.close();
}

/// A gateway with two zones. Beside `/projects` contoso has `/wide`, of which every directory may be mounted, and two
/// directories of `/projects` with rules of their own; fabrikam has an export of a name that contoso has not.
struct Street {
    site: Site,
    gateway: Gateway,
}

impl Street {
    fn open() -> Self {
        let site = Site::new(None).unwrap();
        let ours = "[[export]]\npaths = [\"/wide\"]\nall_dirs = true\nmap_root = \"off\"\n\
            [[export]]\npaths = [\"/projects/frozen\"]\nread_only = true\nmap_root = \"off\"\n\
            [[export]]\npaths = [\"/projects/squashed\"]\n";
        site.add_to_zone(CONTOSO, ours).unwrap();
        site.add_to_zone(FABRIKAM, "[[export]]\npaths = [\"/only-fabrikam\"]\n").unwrap();
        let gateway = Gateway::start(&site).unwrap();
        let street = Self { site, gateway };
        street.sweep();
        street
    }

    /// Removes the directories that the gateway made for the exports within `/projects`.
    fn sweep(&self) {
        let mut client = self.client(CONTOSO);
        let root = client.mount("/projects").unwrap();
        for name in ["frozen", "squashed"] {
            client.rmdir(&root, name).unwrap();
        }
    }

    fn address(&self, zone: integration::Zone) -> SocketAddr {
        self.site.address(zone).unwrap()
    }

    fn client(&self, zone: integration::Zone) -> Client {
        Client::connect(self.address(zone)).unwrap()
    }

    fn restart(self) -> Self {
        self.gateway.stop().unwrap();
        let gateway = Gateway::start(&self.site).unwrap();
        Self { gateway, ..self }
    }

    fn close(self) {
        self.gateway.stop().unwrap();
        Gateway::check(&self.site).unwrap();
    }
}

type Statuses = Vec<(&'static str, Result<(), Nfsstat3>)>;

/// What all procedures of NFSv3 but NULL say to a handle; RENAME and LINK get the other one too. A refusal must tell
/// nothing else.
fn every_procedure(client: &mut Client, object: &FileHandle, other: &FileHandle) -> Statuses {
    let mut statuses = every_change(client, object, other);
    let (handle, cookieverf) = (|| object.clone(), Verifier::default());
    let access = AccessArgs { object: handle(), access: 0x3f };
    let read = ReadArgs { file: handle(), offset: 0, count: 4096 };
    let readdir = ReaddirArgs { dir: handle(), cookie: 0, cookieverf, count: 8192 };
    let plus = ReaddirplusArgs { dir: handle(), cookie: 0, cookieverf, dircount: 8192, maxcount: 8192 };
    statuses.extend([
        ("GETATTR", status::<Getattr, _, _>(client, &GetattrArgs { object: handle() })),
        ("LOOKUP", status::<Lookup, _, _>(client, &LookupArgs { what: place(object, "file") })),
        ("LOOKUP of ..", status::<Lookup, _, _>(client, &LookupArgs { what: place(object, "..") })),
        ("ACCESS", status::<Access, _, _>(client, &access)),
        ("READLINK", status::<Readlink, _, _>(client, &ReadlinkArgs { symlink: handle() })),
        ("READ", status::<Read, _, _>(client, &read)),
        ("READDIR", status::<Readdir, _, _>(client, &readdir)),
        ("READDIRPLUS", status::<Readdirplus, _, _>(client, &plus)),
        ("FSSTAT", status::<Fsstat, _, _>(client, &FsstatArgs { fsroot: handle() })),
        ("FSINFO", status::<Fsinfo, _, _>(client, &FsinfoArgs { fsroot: handle() })),
        ("PATHCONF", status::<Pathconf, _, _>(client, &PathconfArgs { object: handle() })),
        ("COMMIT", status::<Commit, _, _>(client, &CommitArgs { file: handle(), offset: 0, count: 0 })),
    ]);
    statuses
}

/// What the procedures that change something say to a directory and a file in it.
fn every_change(client: &mut Client, dir: &FileHandle, file: &FileHandle) -> Statuses {
    let mut statuses = every_naming(client, dir, "file");
    let new_attributes = Sattr3 { mode: Some(0o777), size: Some(1), ..Sattr3::default() };
    let setattr = SetattrArgs { object: file.clone(), new_attributes, guard: None };
    let data = Bytes::from_static(b"changed");
    let write = WriteArgs { file: file.clone(), offset: 0, count: 7, stable: StableHow::FileSync, data };
    statuses.extend([
        ("SETATTR", status::<Setattr, _, _>(client, &setattr)),
        ("WRITE", status::<Write, _, _>(client, &write)),
        ("LINK", link(client, file, (dir, "another"))),
    ]);
    statuses
}

/// What the procedures that make, move or remove a name say to one.
fn every_naming(client: &mut Client, dir: &FileHandle, name: &str) -> Statuses {
    let (at, attributes) = (|| place(dir, name), Sattr3::default());
    let symlink =
        SymlinkData { symlink_attributes: attributes, symlink_data: NfsPath::from_static("/tenants/fabrikam") };
    vec![
        ("CREATE", status::<Create, _, _>(client, &create_args(dir, name))),
        ("MKDIR", status::<Mkdir, _, _>(client, &MkdirArgs { place: at(), attributes })),
        ("SYMLINK", status::<Symlink, _, _>(client, &SymlinkArgs { place: at(), symlink })),
        ("MKNOD", status::<Mknod, _, _>(client, &MknodArgs { place: at(), what: MknodData::Fifo(attributes) })),
        ("RENAME to", rename(client, (dir, "folder"), (dir, name))),
        ("RENAME from", rename(client, (dir, name), (dir, "moved"))),
        ("REMOVE", status::<Remove, _, _>(client, &RemoveArgs { object: at() })),
        ("RMDIR", status::<Rmdir, _, _>(client, &RmdirArgs { object: at() })),
    ]
}

/// The status of a call's answer. A refusal that names the handle, the zone or the export must not tell attributes.
fn status<P, Resok, Resfail>(client: &mut Client, args: &P::Args) -> Result<(), Nfsstat3>
where
    P: Procedure<Result = Reply3<Resok, Resfail>>,
    Resfail: Default + PartialEq + std::fmt::Debug,
{
    match client.call::<P>(args).unwrap() {
        Reply3::Ok(_) => Ok(()),
        Reply3::Failed(status @ (Nfsstat3::Badhandle | Nfsstat3::Stale), body) => {
            assert_eq!(body, Resfail::default(), "{} tells something", P::NAME);
            Err(status)
        }
        Reply3::Failed(status, _) => Err(status),
    }
}

fn getattr(client: &mut Client, handle: Vec<u8>) -> Result<(), Nfsstat3> {
    status::<Getattr, _, _>(client, &GetattrArgs { object: FileHandle::new(handle).unwrap() })
}

fn rename(client: &mut Client, from: (&FileHandle, &str), to: (&FileHandle, &str)) -> Result<(), Nfsstat3> {
    status::<Rename, _, _>(client, &RenameArgs { from: place(from.0, from.1), to: place(to.0, to.1) })
}

fn link(client: &mut Client, file: &FileHandle, at: (&FileHandle, &str)) -> Result<(), Nfsstat3> {
    status::<Link, _, _>(client, &LinkArgs { file: file.clone(), link: place(at.0, at.1) })
}

fn symlink(client: &mut Client, dir: &FileHandle, (name, text): (&str, &'static str)) -> FileHandle {
    let symlink = SymlinkData { symlink_attributes: Sattr3::default(), symlink_data: NfsPath::from_static(text) };
    let made = client.call::<Symlink>(&SymlinkArgs { place: place(dir, name), symlink }).unwrap();
    made.into_result().unwrap().obj.unwrap()
}

fn mount(client: &mut Client, path: &str) -> Result<(), Mountstat3> {
    match client.mount(path) {
        Ok(_) => Ok(()),
        Err(CallFailure::MountRefused(status)) => Err(status),
        Err(other) => panic!("MNT of {path:?}: {other}"),
    }
}

/// A new file with [`CONTENT`].
fn written(client: &mut Client, dir: &FileHandle, name: &str) -> FileHandle {
    let file = client.create(dir, name, 0o644).unwrap();
    let (data, count) = (Bytes::from_static(CONTENT), u32::try_from(CONTENT.len()).unwrap());
    client.write(&WriteArgs { file: file.clone(), offset: 0, count, stable: StableHow::FileSync, data }).unwrap();
    file
}

fn create_args(dir: &FileHandle, name: &str) -> CreateArgs {
    CreateArgs { place: place(dir, name), how: CreateHow::Guarded(Sattr3::default()) }
}

fn place(dir: &FileHandle, name: &str) -> DirOpArgs {
    DirOpArgs { dir: dir.clone(), name: Filename::new(Bytes::copy_from_slice(name.as_bytes())).unwrap() }
}

fn is(failure: &CallFailure, status: Nfsstat3) -> bool {
    matches!(failure, CallFailure::Refused(found) if *found == status)
}

const CONTENT: &[u8] = b"one tenant's own words";
