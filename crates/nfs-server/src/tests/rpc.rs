//! What RPC itself answers (RFC 5531 9), and what is counted.

use bytes::Bytes;
use nfs_wire::nfs3;
use nfs_wire::rpc::{
    AcceptStat, AuthFlavor, AuthStat, CallHeader, MOUNT_PROGRAM, NFS_PROGRAM, OpaqueAuth, PORTMAP_PROGRAM, RejectStat,
    ReplyBody,
};
use nfs_wire::xdr::Opaque;
use vfs::ZoneId;

use super::harness::{CONTOSO, Client, House, open, record, sys};
use crate::metrics::Share;
use crate::reply::Outcome;

fn header(program: u32, version: u32, procedure: u32) -> CallHeader {
    let (credential, verifier) = (sys(0, 0, &[]), OpaqueAuth::none());
    CallHeader { xid: 77, program, version, procedure, credential, verifier }
}

fn answer(client: &Client<'_>, header: &CallHeader) -> ReplyBody {
    let (reply, _) = open(client.send(record(header, &())));
    assert_eq!(reply.xid, 77);
    reply.body
}

fn accepted(status: AcceptStat) -> ReplyBody {
    ReplyBody::Accepted { verifier: OpaqueAuth::none(), status }
}

fn auth_error(status: AuthStat) -> ReplyBody {
    ReplyBody::Denied(RejectStat::AuthError(status))
}

#[test]
fn programs_versions_and_procedures_are_checked_in_this_order() {
    let house = House::new();
    let (client, mapper) = (house.client(CONTOSO), house.client(CONTOSO).portmap());
    assert_eq!(answer(&client, &header(PORTMAP_PROGRAM, 9, 99)), accepted(AcceptStat::ProgUnavail));
    assert_eq!(answer(&mapper, &header(NFS_PROGRAM, 3, 0)), accepted(AcceptStat::ProgUnavail));
    for version in [2, 4] {
        let expected = accepted(AcceptStat::ProgMismatch { low: 3, high: 3 });
        assert_eq!(answer(&client, &header(NFS_PROGRAM, version, 99)), expected);
    }
    let expected = accepted(AcceptStat::ProgMismatch { low: 1, high: 3 });
    assert_eq!(answer(&client, &header(MOUNT_PROGRAM, 4, 0)), expected);
    let expected = accepted(AcceptStat::ProgMismatch { low: 2, high: 4 });
    assert_eq!(answer(&mapper, &header(PORTMAP_PROGRAM, 5, 0)), expected);
    for (client, program, version, procedure) in [
        (&client, NFS_PROGRAM, 3, 22),
        (&client, NFS_PROGRAM, 3, u32::MAX),
        (&client, MOUNT_PROGRAM, 3, 6),
        (&mapper, PORTMAP_PROGRAM, 2, 5),
        (&mapper, PORTMAP_PROGRAM, 3, 9),
    ] {
        assert_eq!(answer(client, &header(program, version, procedure)), accepted(AcceptStat::ProcUnavail));
    }
    assert_eq!(answer(&client, &header(NFS_PROGRAM, 3, 1)), accepted(AcceptStat::GarbageArgs));
    assert_eq!(answer(&client, &header(MOUNT_PROGRAM, 3, 1)), accepted(AcceptStat::GarbageArgs));
    assert_eq!(answer(&mapper, &header(PORTMAP_PROGRAM, 2, 3)), accepted(AcceptStat::GarbageArgs));
    for (client, program, version) in [(&client, NFS_PROGRAM, 3), (&client, MOUNT_PROGRAM, 2), (&mapper, 100_000, 4)] {
        assert_eq!(answer(client, &header(program, version, 0)), accepted(AcceptStat::Success));
    }
}

#[test]
fn credentials_are_checked_except_for_null() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let with = |procedure, flavor, body: &[u8]| {
        let credential = OpaqueAuth { flavor: AuthFlavor(flavor), body: Opaque::new(body.to_vec()).unwrap() };
        answer(&client, &CallHeader { credential, ..header(NFS_PROGRAM, 3, procedure) })
    };
    assert_eq!(with(1, 6, b""), auth_error(AuthStat::RejectedCredential));
    assert_eq!(with(1, 1, b"abcd"), auth_error(AuthStat::BadCredential));
    assert_eq!(with(0, 6, b""), accepted(AcceptStat::Success));
    assert_eq!(with(0, 1, b"abcd"), accepted(AcceptStat::Success));
    let mut oversized = record(&header(NFS_PROGRAM, 3, 1), &()).to_vec();
    oversized[28..32].copy_from_slice(&401_u32.to_be_bytes());
    let (reply, _) = open(client.send(oversized.into()));
    assert_eq!(reply.body, auth_error(AuthStat::BadCredential));
}

#[test]
fn records_that_are_no_calls() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let call = record(&header(NFS_PROGRAM, 3, 0), &());
    let with_word = |index: usize, value: u32| {
        let mut bytes = call.to_vec();
        bytes[index * 4..index * 4 + 4].copy_from_slice(&value.to_be_bytes());
        client.send(bytes.into())
    };
    assert!(matches!(with_word(1, 1), Outcome::Silence));
    let (reply, _) = open(with_word(2, 3));
    assert_eq!(reply.body, ReplyBody::Denied(RejectStat::RpcMismatch { low: 2, high: 2 }));
    assert!(matches!(client.send(Bytes::new()), Outcome::Close));
    assert!(matches!(client.send(call.slice(..20)), Outcome::Close));
}

#[test]
fn operations_are_counted_per_zone() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.getattr(&root).unwrap();
    client.getattr(&nfs3::FileHandle::default()).unwrap_err();
    let figures = |zone: ZoneId| house.door.zone_state(zone).metrics.figures();
    let zones = house.door.registry.zones();
    let contoso = figures(zones[0].id());
    let getattr = contoso.iter().find(|one| one.operation == "GETATTR").unwrap();
    assert_eq!((getattr.traffic.calls, getattr.traffic.errors, getattr.in_flight), (2, 1, 0));
    assert!(getattr.traffic.bytes_in > 100 && getattr.traffic.bytes_out > 100);
    assert_eq!(getattr.latency.calls(), 2);
    assert!(contoso.iter().any(|one| (one.program, one.operation, one.traffic.calls) == ("mount", "MNT", 1)));
    let shares = house.door.zone_state(zones[0].id()).metrics.shares();
    let calls = |share| shares.iter().find(|one| (one.share, one.operation) == (share, "GETATTR")).unwrap().traffic;
    let good = calls(Share::Export(zones[0].exports()[0].id()));
    assert_eq!((good.calls, good.errors), (1, 0), "the handle names its export");
    assert_eq!((calls(Share::None).calls, calls(Share::None).errors), (1, 1), "no handle of this house");
    assert!(figures(zones[1].id()).is_empty());
}

#[test]
fn a_call_takes_little_memory_while_it_waits() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let call = crate::dispatch::handle(&house.door, &client.caller, Bytes::new());
    let size = size_of_val(&call);
    assert!(size <= 4096, "the future of a call has {size} bytes");
}
