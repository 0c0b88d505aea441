//! Names that are no names.

use nfs_wire::nfs3::{self, CreateArgs, CreateHow, LinkArgs, MkdirArgs, Nfsstat3, RenameArgs, RmdirArgs};

use super::harness::{CONTOSO, Client, House, at, mode};

/// What every procedure that makes a name says of one.
fn make(client: &Client<'_>, name: &[u8]) -> Vec<Option<Nfsstat3>> {
    let root = client.mount();
    let file = client.lookup(&root, "file").unwrap();
    let create = CreateArgs { place: at(&root, name), how: CreateHow::Unchecked(mode(0o644)) };
    let mkdir = MkdirArgs { place: at(&root, name), attributes: mode(0o755) };
    let symlink_data = nfs3::NfsPath::from_static("x");
    let symlink = nfs3::SymlinkData { symlink_attributes: mode(0o777), symlink_data };
    let fifo = nfs3::MknodArgs { place: at(&root, name), what: nfs3::MknodData::Fifo(mode(0o644)) };
    vec![
        client.call::<nfs3::Create>(&create).failure(),
        client.call::<nfs3::Mkdir>(&mkdir).failure(),
        client.call::<nfs3::Symlink>(&nfs3::SymlinkArgs { place: at(&root, name), symlink }).failure(),
        client.call::<nfs3::Mknod>(&fifo).failure(),
        client.call::<nfs3::Link>(&LinkArgs { file, link: at(&root, name) }).failure(),
    ]
}

#[test]
fn names_that_cannot_be_made() {
    let house = House::new();
    let client = house.client(CONTOSO);
    client.create(&client.mount(), "file");
    let cases: [(&[u8], Nfsstat3); 7] = [
        (b"", Nfsstat3::Inval),
        (b".", Nfsstat3::Exist),
        (b"..", Nfsstat3::Exist),
        (b"a/b", Nfsstat3::Inval),
        (b"a\0", Nfsstat3::Inval),
        (&[b'x'; 256], Nfsstat3::Nametoolong),
        (&[b'x'; 4096], Nfsstat3::Nametoolong),
    ];
    for (name, status) in cases {
        assert_eq!(make(&client, name), vec![Some(status); 5], "{}", name.escape_ascii());
    }
}

#[test]
fn the_longest_name_and_bytes_that_are_no_text_work() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    for name in [&[b'x'; 255][..], b"\xff\xfe..", b"...", b" ", b"\n"] {
        let how = CreateHow::Guarded(mode(0o644));
        client.call::<nfs3::Create>(&CreateArgs { place: at(&root, name), how }).into_result().unwrap();
        let found = client.call::<nfs3::Lookup>(&nfs3::LookupArgs { what: at(&root, name) });
        assert_eq!(found.failure(), None, "{}", name.escape_ascii());
    }
}

#[test]
fn dots_in_other_procedures() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let dir = client.mkdir(&root, "dir");
    assert_eq!(client.lookup(&dir, "."), Ok(dir.clone()));
    assert_eq!(client.lookup(&dir, ".."), Ok(root.clone()));
    assert_eq!(client.lookup(&root, ".."), Ok(root.clone()), "the root of the export is its own parent");
    for name in [".", ".."] {
        assert_eq!(client.remove(&dir, name).failure(), Some(Nfsstat3::Inval));
        for (from, to) in [(name, "x"), ("dir", name)] {
            let args = RenameArgs { from: at(&root, from), to: at(&root, to) };
            assert_eq!(client.call::<nfs3::Rename>(&args).failure(), Some(Nfsstat3::Inval), "{from} {to}");
        }
    }
    let rmdir = |name| client.call::<nfs3::Rmdir>(&RmdirArgs { object: at(&dir, name) }).failure();
    assert_eq!((rmdir("."), rmdir("..")), (Some(Nfsstat3::Inval), Some(Nfsstat3::Notempty)));
}

#[test]
fn names_that_cannot_be_found() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    assert_eq!(client.lookup(&root, "").unwrap_err(), Nfsstat3::Inval);
    assert_eq!(client.lookup(&root, "a/b").unwrap_err(), Nfsstat3::Inval);
    assert_eq!(client.lookup(&root, &"x".repeat(256)).unwrap_err(), Nfsstat3::Nametoolong);
}
