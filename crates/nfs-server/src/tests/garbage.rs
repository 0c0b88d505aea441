//! Whatever comes in: an answer or the end of the connection, never a panic.

use bytes::Bytes;
use nfs_wire::mount::v3;
use nfs_wire::nfs3;
use nfs_wire::rpc::{AcceptStat, CallHeader, NFS_PROGRAM, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder};
use proptest::prelude::*;

use super::harness::{CONTOSO, Client, House, at, flat, mode, open, path};
use crate::reply::Outcome;

/// A good call of every procedure.
pub(super) fn calls(client: &Client<'_>) -> Vec<Bytes> {
    let root = client.mount();
    let file = client.create(&root, "file");
    let link = client.symlink(&root, "link", "x");
    let object = file.clone();
    let place = || at(&root, "new");
    let symlink_data = nfs3::NfsPath::from_static("x");
    let symlink = nfs3::SymlinkData { symlink_attributes: mode(0o777), symlink_data };
    let data = Bytes::from_static(b"some bytes to write");
    let write = nfs3::WriteArgs { file: file.clone(), offset: 5, count: 19, stable: nfs3::StableHow::DataSync, data };
    let readdir = nfs3::ReaddirArgs { dir: root.clone(), cookie: 0, cookieverf: [0; 8], count: 4096 };
    let plus =
        nfs3::ReaddirplusArgs { dir: root.clone(), cookie: 0, cookieverf: [0; 8], dircount: 512, maxcount: 4096 };
    let create = nfs3::CreateArgs { place: place(), how: nfs3::CreateHow::Exclusive([1; 8]) };
    let setattr = nfs3::SetattrArgs { object: object.clone(), new_attributes: mode(0o600), guard: None };
    vec![
        client.record::<nfs3::Null>(&()),
        client.record::<nfs3::Getattr>(&nfs3::GetattrArgs { object: object.clone() }),
        client.record::<nfs3::Setattr>(&setattr),
        client.record::<nfs3::Lookup>(&nfs3::LookupArgs { what: at(&root, "file") }),
        client.record::<nfs3::Access>(&nfs3::AccessArgs { object: object.clone(), access: 0x3f }),
        client.record::<nfs3::Readlink>(&nfs3::ReadlinkArgs { symlink: link }),
        client.record::<nfs3::Read>(&nfs3::ReadArgs { file: file.clone(), offset: 0, count: 4096 }),
        client.record::<nfs3::Write>(&write),
        client.record::<nfs3::Create>(&create),
        client.record::<nfs3::Mkdir>(&nfs3::MkdirArgs { place: place(), attributes: mode(0o755) }),
        client.record::<nfs3::Symlink>(&nfs3::SymlinkArgs { place: place(), symlink }),
        client.record::<nfs3::Mknod>(&nfs3::MknodArgs { place: place(), what: nfs3::MknodData::Fifo(mode(0o644)) }),
        client.record::<nfs3::Remove>(&nfs3::RemoveArgs { object: place() }),
        client.record::<nfs3::Rmdir>(&nfs3::RmdirArgs { object: place() }),
        client.record::<nfs3::Rename>(&nfs3::RenameArgs { from: at(&root, "file"), to: place() }),
        client.record::<nfs3::Link>(&nfs3::LinkArgs { file: file.clone(), link: place() }),
        client.record::<nfs3::Readdir>(&readdir),
        client.record::<nfs3::Readdirplus>(&plus),
        client.record::<nfs3::Fsstat>(&nfs3::FsstatArgs { fsroot: root.clone() }),
        client.record::<nfs3::Fsinfo>(&nfs3::FsinfoArgs { fsroot: root.clone() }),
        client.record::<nfs3::Pathconf>(&nfs3::PathconfArgs { object }),
        client.record::<nfs3::Commit>(&nfs3::CommitArgs { file, offset: 0, count: 0 }),
        client.record::<v3::Mnt>(&path("/projects/./x")),
        client.record::<v3::Dump>(&()),
        client.record::<v3::Export>(&()),
    ]
}

/// What a call wants stands at the end of its record: bytes behind it could tell another size.
#[test]
fn nothing_may_follow_the_arguments() {
    let house = House::new();
    let client = house.client(CONTOSO);
    for record in calls(&client) {
        let header = CallHeader::decode_call(&mut Decoder::new(record.clone())).unwrap();
        if header.program != NFS_PROGRAM || header.procedure == nfs3::Null::NUMBER {
            continue;
        }
        let (reply, _) = open(client.send([&record[..], &[0; 4]].concat().into()));
        assert_eq!(reply, ReplyHeader::accepted(header.xid, AcceptStat::GarbageArgs), "procedure {}", header.procedure);
    }
}

/// A reply is framed and names the call; anything else ends the connection or is no call.
fn check(record: &Bytes, outcome: Outcome) {
    match outcome {
        Outcome::Reply(reply) => assert_eq!(flat(&reply).get(4..8), record.get(..4)),
        Outcome::Silence => assert_ne!(record.get(4..8), Some(&[0; 4][..])),
        Outcome::Close => assert!(Decoder::new(record.clone()).remaining() < 1 << 20),
    }
}

#[test]
fn every_good_call_is_answered() {
    let house = House::new();
    let client = house.client(CONTOSO);
    for call in calls(&client) {
        let outcome = client.send(call);
        let Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
        let mut decoder = Decoder::new(flat(&reply).slice(4..));
        assert!(ReplyHeader::decode(&mut decoder).unwrap().is_success());
    }
}

#[test]
fn every_cut_of_every_call_is_answered() {
    let house = House::new();
    let client = house.client(CONTOSO);
    for call in calls(&client) {
        for length in 0..call.len() {
            let cut = call.slice(..length);
            check(&cut, client.send(cut.clone()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_changed_call_is_answered(
        which in 0_usize..25,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        word in proptest::option::of((any::<prop::sample::Index>(), prop::sample::select(vec![0, 1, 255, 256, 65_535, u32::MAX, u32::MAX - 3, 1 << 31]))),
    ) {
        thread_local! {
            static HOUSE: (House, Vec<Bytes>) = {
                let house = House::new();
                let calls = calls(&house.client(CONTOSO));
                (house, calls)
            };
        }
        HOUSE.with(|(house, calls)| {
            let mut bytes = calls[which].to_vec();
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Some((place, value)) = word {
                let place = place.index(bytes.len() / 4) * 4;
                bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
            }
            let record = Bytes::from(bytes);
            check(&record, house.client(CONTOSO).send(record.clone()));
            check(&record, house.client(CONTOSO).portmap().send(record.clone()));
        });
    }

    #[test]
    fn every_byte_string_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200), is_call: bool) {
        let mut bytes = bytes;
        if is_call && bytes.len() > 24 {
            bytes[4..24].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0, 3, 0, 0, 0, 3]);
        }
        thread_local!(static HOUSE: House = House::new());
        let record = Bytes::from(bytes);
        HOUSE.with(|house| check(&record, house.client(CONTOSO).send(record.clone())));
    }
}
