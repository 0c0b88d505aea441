//! Retransmissions.

use nfs_wire::nfs3::{self, MkdirArgs, Nfsstat3, RemoveArgs, RenameArgs};
use nfs_wire::rpc::{CallHeader, Procedure};
use nfs_wire::xdr::{Decode, Decoder};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::harness::{CONTOSO, Client, FABRIKAM, House, at, flat, mode, open};
use crate::dispatch::handle;
use crate::reply::Outcome;
use crate::reply_cache::{Admission, ReplyKey};

fn status<P: Procedure>(outcome: Outcome) -> P::Result {
    let (header, mut rest) = open(outcome);
    assert!(header.is_success());
    P::Result::decode(&mut rest).unwrap()
}

fn bytes(outcome: Outcome) -> bytes::Bytes {
    match outcome {
        Outcome::Reply(reply) => flat(&reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_retransmission_gets_the_same_answer_on_any_connection() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "a");
    let remove = client.record::<nfs3::Remove>(&RemoveArgs { object: at(&root, "a") });
    let first = bytes(client.send(remove.clone()));
    assert_eq!(bytes(client.send(remove.clone())), first);
    assert_eq!(bytes(house.client(CONTOSO).send(remove.clone())), first, "after a reconnect");
    let stranger = house.client_from(CONTOSO, "192.0.2.11");
    assert_eq!(status::<nfs3::Remove>(stranger.send(remove)).failure(), Some(Nfsstat3::Noent));
    let again = client.record::<nfs3::Remove>(&RemoveArgs { object: at(&root, "a") });
    assert_eq!(status::<nfs3::Remove>(client.send(again)).failure(), Some(Nfsstat3::Noent), "another xid");
    let zone = house.door.registry.zones()[0].id();
    assert_eq!(house.door.zone_state(zone).metrics.admissions(), (2, 4), "repeated, new");
}

#[test]
fn what_the_house_could_not_do_is_tried_again() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "a");
    let remove = client.record::<nfs3::Remove>(&RemoveArgs { object: at(&root, "a") });
    house.vfs.refuse_all(Some(vfs::FsError::Io));
    assert_eq!(status::<nfs3::Remove>(client.send(remove.clone())).failure(), Some(Nfsstat3::Io));
    house.vfs.refuse_all(None);
    assert_eq!(status::<nfs3::Remove>(client.send(remove)).failure(), None);
}

#[test]
fn every_procedure_that_must_not_be_repeated_is_not() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "file");
    let symlink_data = nfs3::NfsPath::from_static("x");
    let symlink = nfs3::SymlinkData { symlink_attributes: mode(0o777), symlink_data };
    let ctime = client.getattr(&file).unwrap().ctime;
    let create = nfs3::CreateArgs { place: at(&root, "a"), how: nfs3::CreateHow::Guarded(mode(0o644)) };
    let mknod = nfs3::MknodArgs { place: at(&root, "d"), what: nfs3::MknodData::Fifo(mode(0o644)) };
    let setattr = nfs3::SetattrArgs { object: file.clone(), new_attributes: mode(0o600), guard: Some(ctime) };
    let calls = [
        client.record::<nfs3::Setattr>(&setattr),
        client.record::<nfs3::Create>(&create),
        client.record::<nfs3::Mkdir>(&MkdirArgs { place: at(&root, "b"), attributes: mode(0o755) }),
        client.record::<nfs3::Symlink>(&nfs3::SymlinkArgs { place: at(&root, "c"), symlink }),
        client.record::<nfs3::Mknod>(&mknod),
        client.record::<nfs3::Link>(&nfs3::LinkArgs { file, link: at(&root, "e") }),
        client.record::<nfs3::Rename>(&RenameArgs { from: at(&root, "e"), to: at(&root, "f") }),
        client.record::<nfs3::Remove>(&RemoveArgs { object: at(&root, "f") }),
        client.record::<nfs3::Rmdir>(&nfs3::RmdirArgs { object: at(&root, "b") }),
    ];
    for call in calls {
        let header = CallHeader::decode_call(&mut Decoder::new(call.clone())).unwrap();
        let first = bytes(client.send(call.clone()));
        assert_eq!(&first[28..32], &[0; 4], "procedure {} failed", header.procedure);
        assert_eq!(bytes(client.send(call)), first, "procedure {}", header.procedure);
    }
}

#[test]
fn the_same_xid_with_another_call_or_in_another_zone_is_another_call() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let mkdir = |client: &Client<'_>, root: &nfs3::FileHandle, name: &str| {
        let mut record =
            client.record::<nfs3::Mkdir>(&MkdirArgs { place: at(root, name), attributes: mode(0o755) }).to_vec();
        record[..4].copy_from_slice(&[9; 4]);
        status::<nfs3::Mkdir>(client.send(record.into())).failure()
    };
    assert_eq!(mkdir(&client, &root, "a"), None);
    assert_eq!(mkdir(&client, &root, "b"), None);
    assert!(client.lookup(&root, "a").is_ok() && client.lookup(&root, "b").is_ok());
    let other = house.client(FABRIKAM);
    let other_root = other.mount();
    assert_eq!(mkdir(&other, &other_root, "a"), None);
    assert!(other.lookup(&other_root, "a").is_ok());
}

#[test]
fn a_retransmission_of_a_call_being_done_waits_for_its_answer() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "a");
    let remove = client.record::<nfs3::Remove>(&RemoveArgs { object: at(&root, "a") });
    let xid = u32::from_be_bytes(*remove.first_chunk().unwrap());
    let zone = house.door.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
    let state = house.door.zone_state(zone.id());
    let key = ReplyKey::of(client.caller.client, xid, &remove);
    let Admission::New(ticket) = state.replies.admit(key) else { panic!("not new") };
    let mut waiting = pin!(handle(&house.door, &client.caller, remove.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    // The first is given up (its connection was dropped): the one who waited does it.
    drop(ticket);
    let Poll::Ready(outcome) = waiting.as_mut().poll(&mut cx) else { panic!("goes unanswered") };
    assert_eq!(status::<nfs3::Remove>(outcome).failure(), None);
    assert_eq!(client.lookup(&root, "a").unwrap_err(), Nfsstat3::Noent);
}
