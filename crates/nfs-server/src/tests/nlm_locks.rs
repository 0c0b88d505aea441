//! NLM: locks, shares, and every status.

use std::time::Duration;

use nfs_wire::nfs3::FileHandle;
use nfs_wire::nlm4::{
    self, CallerName, Fsh4Access, Fsh4Mode, Netobj, Nlm4Holder, Nlm4Lock, Nlm4Share, Nlm4Stats, ShareArgs, TestReply,
};
use nfs_wire::rpc::{AcceptStat, CallHeader, NLM_PROGRAM, OpaqueAuth, ReplyBody};

use super::harness::{CONTOSO, Client, FABRIKAM, House, mode, open, record, sys, zone};
use super::nlm_harness::{ALL, EXCLUSIVE, Locker, SHARED, cookie, netobj};

const GRANTED: Nlm4Stats = Nlm4Stats::Granted;
const DENIED: Nlm4Stats = Nlm4Stats::Denied;

/// A file of contoso that everyone may write.
fn file(house: &House) -> FileHandle {
    let client = house.client(CONTOSO);
    let file = client.create(&client.mount(), "file");
    client.setattr(&file, mode(0o666));
    file
}

fn locker<'a>(house: &'a House, peer: &str, svid: u32) -> Locker<'a> {
    Locker::new(house.client_from(CONTOSO, peer), "vm", svid)
}

#[test]
fn procedures_are_those_of_version_4() {
    let house = House::new();
    let client = house.client(CONTOSO);
    client.call::<nlm4::Null>(&());
    let status = |program, version, procedure| {
        let (credential, verifier) = (OpaqueAuth::none(), OpaqueAuth::none());
        let header = CallHeader { xid: 9, program, version, procedure, credential, verifier };
        match open(client.send(record(&header, &()))).0.body {
            ReplyBody::Accepted { status, .. } => status,
            ReplyBody::Denied(status) => panic!("{status:?}"),
        }
    };
    for procedure in [16, 17, 18, 19, 24, u32::MAX] {
        assert_eq!(status(NLM_PROGRAM, 4, procedure), AcceptStat::ProcUnavail, "{procedure}");
    }
    for version in [1, 3, 5] {
        assert_eq!(status(NLM_PROGRAM, version, 0), AcceptStat::ProgMismatch { low: 4, high: 4 });
    }
    for procedure in (1..=10).chain([15]).chain(20..=23) {
        assert_eq!(status(NLM_PROGRAM, 4, procedure), AcceptStat::GarbageArgs, "{procedure}");
    }
}

#[test]
fn locks_conflict_and_the_holder_is_told() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 0xffff_fff0), locker(&house, "192.0.2.2", 2));
    assert_eq!(a.lock(&file, EXCLUSIVE, (10, 5)), GRANTED);
    for (exclusive, range, status) in [
        (EXCLUSIVE, (14, 1), DENIED),
        (SHARED, (0, 11), DENIED),
        (SHARED, ALL, DENIED),
        (EXCLUSIVE, (15, 0), GRANTED),
        (EXCLUSIVE, (0, 10), GRANTED),
    ] {
        assert_eq!(b.lock(&file, exclusive, range), status, "{range:?}");
    }
    let holder =
        Nlm4Holder { exclusive: true, svid: 0xffff_fff0, oh: Netobj::from_static("owner"), offset: 10, len: 5 };
    assert_eq!(b.test(&file, SHARED, (12, 1)), TestReply::Denied(holder));
    assert_eq!(b.test(&file, EXCLUSIVE, (0, 10)), TestReply::Status(GRANTED), "one's own is not in the way");
    let whole = Nlm4Holder { exclusive: true, svid: 2, oh: Netobj::from_static("owner"), offset: 15, len: 0 };
    assert_eq!(a.test(&file, SHARED, (1 << 40, 1)), TestReply::Denied(whole));
    assert_eq!(b.unlock(&file, ALL), GRANTED);
    assert_eq!(a.test(&file, EXCLUSIVE, ALL), TestReply::Status(GRANTED));
    assert_eq!(b.unlock(&file, ALL), GRANTED, "nothing held is no error");
}

#[test]
fn owners_differ_by_address_name_process_and_opaque_bytes() {
    let house = House::new();
    let file = file(&house);
    let first = locker(&house, "192.0.2.1", 1);
    assert_eq!(first.lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(first.lock(&file, EXCLUSIVE, ALL), GRANTED, "the same once more");
    assert_eq!(locker(&house, "192.0.2.2", 1).lock(&file, EXCLUSIVE, ALL), DENIED);
    assert_eq!(locker(&house, "192.0.2.1", 2).lock(&file, EXCLUSIVE, ALL), DENIED);
    let renamed = Locker { name: "vm2", ..locker(&house, "192.0.2.1", 1) };
    assert_eq!(renamed.lock(&file, EXCLUSIVE, ALL), DENIED);
    let mut args = first.lock_args(&file, ALL);
    args.lock.oh = Netobj::from_static("other");
    assert_eq!(first.ask(&args), DENIED);
}

#[test]
fn a_lock_is_converted() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    assert_eq!(a.lock(&file, SHARED, ALL), GRANTED);
    assert_eq!(b.lock(&file, SHARED, ALL), GRANTED);
    assert_eq!(a.lock(&file, EXCLUSIVE, ALL), DENIED, "another reads");
    assert_eq!(b.unlock(&file, ALL), GRANTED);
    assert_eq!(a.lock(&file, EXCLUSIVE, ALL), GRANTED);
    assert_eq!(b.lock(&file, SHARED, ALL), DENIED, "it really is a write lock now");
    assert_eq!(a.lock(&file, SHARED, (0, 10)), GRANTED);
    assert_eq!(b.lock(&file, SHARED, (0, 10)), GRANTED, "and these bytes are not");
    assert_eq!(b.lock(&file, SHARED, (10, 1)), DENIED);
}

#[test]
fn ranges_reach_to_the_end_and_not_beyond() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    assert_eq!(a.lock(&file, EXCLUSIVE, (u64::MAX, 1)), GRANTED);
    assert_eq!(b.lock(&file, EXCLUSIVE, (5, 0)), DENIED);
    assert_eq!(b.lock(&file, EXCLUSIVE, (5, u64::MAX - 5)), GRANTED);
    for range in [(u64::MAX, 2), (1 << 63, 1 << 63 | 1), (2, u64::MAX)] {
        assert_eq!(a.lock(&file, SHARED, range), Nlm4Stats::Fbig, "{range:?}");
        assert_eq!(a.unlock(&file, range), Nlm4Stats::Fbig);
        assert_eq!(a.cancel(&file, SHARED, range), Nlm4Stats::Fbig);
        assert_eq!(a.test(&file, SHARED, range), TestReply::Status(Nlm4Stats::Fbig));
    }
}

#[test]
fn handles_and_rights_are_those_of_nfs() {
    let house = House::with(&[
        &zone("contoso", CONTOSO, "clients = [\"192.0.2.0/24\"]\nread_only_clients = [\"192.0.2.9\"]"),
        &zone("fabrikam", FABRIKAM, ""),
    ]);
    let file = file(&house);
    let user = locker(&house, "192.0.2.1", 1);
    let status = |locker: &Locker<'_>, file: &FileHandle| locker.lock(file, EXCLUSIVE, ALL);
    // Handles.
    let mut forged = file.to_vec();
    forged[20] ^= 1;
    let forged = FileHandle::new(forged).unwrap();
    assert_eq!(status(&user, &forged), Nlm4Stats::StaleFh);
    let foreign = Locker::new(house.client(FABRIKAM), "vm", 1);
    assert_eq!(status(&foreign, &file), Nlm4Stats::StaleFh, "a handle of another zone");
    for given_back in [foreign.unlock(&file, ALL), foreign.cancel(&file, EXCLUSIVE, ALL), user.unlock(&forged, ALL)] {
        assert_eq!(given_back, Nlm4Stats::StaleFh);
    }
    let mut long = user.lock_args(&file, ALL);
    long.lock.fh = netobj(&[0; 65]);
    assert_eq!(user.ask(&long), Nlm4Stats::StaleFh);
    // Who may.
    assert_eq!(status(&locker(&house, "198.51.100.1", 1), &file), Nlm4Stats::Failed, "not let in");
    let reader = locker(&house, "192.0.2.9", 1);
    assert_eq!(status(&reader, &file), Nlm4Stats::Rofs);
    assert_eq!(reader.lock(&file, SHARED, ALL), GRANTED, "readers may read");
    reader.unlock(&file, ALL);
    let secret = user.client.create(&user.client.mount(), "secret");
    user.client.setattr(&secret, mode(0o600));
    let stranger = Client { credential: sys(7, 7, &[]), ..house.client(CONTOSO) };
    assert_eq!(status(&Locker::new(stranger, "vm", 1), &secret), Nlm4Stats::Failed, "may neither read nor write");
    // What.
    assert_eq!(status(&user, &user.client.mount()), Nlm4Stats::Failed, "a directory");
    assert_eq!(status(&user, &file), GRANTED);
    user.client.remove(&user.client.mount(), "file");
    assert_eq!(status(&user, &file), Nlm4Stats::StaleFh);
    assert_eq!(user.unlock(&file, ALL), GRANTED, "what is held on a file that is gone can be given back");
}

#[test]
fn bounds_deadlocks_and_grace_have_their_words() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    a.lock(&file, EXCLUSIVE, (0, 1));
    b.lock(&file, EXCLUSIVE, (1, 1));
    assert_eq!(a.wait(&file, EXCLUSIVE, (1, 1)), Nlm4Stats::Blocked);
    assert_eq!(b.wait(&file, EXCLUSIVE, (0, 1)), Nlm4Stats::Deadlck);
    house.vfs.set_lock_capacity(3);
    assert_eq!(b.lock(&file, EXCLUSIVE, (5, 1)), Nlm4Stats::DeniedNolocks);
    house.vfs.set_lock_capacity(usize::MAX);
    house.vfs.restart_locks(Duration::from_secs(45));
    assert_eq!(a.lock(&file, EXCLUSIVE, (0, 1)), Nlm4Stats::DeniedGracePeriod);
    assert_eq!(a.test(&file, EXCLUSIVE, (0, 1)), TestReply::Status(Nlm4Stats::DeniedGracePeriod));
    assert_eq!(locker(&house, "192.0.2.3", 3).reclaim(&file, (0, 1)), Nlm4Stats::DeniedGracePeriod, "held nothing");
    assert_eq!(a.reclaim(&file, (0, 1)), GRANTED);
    assert_eq!(a.unlock(&file, (0, 1)), GRANTED);
    house.clock.advance(Duration::from_secs(45));
    assert_eq!(b.lock(&file, EXCLUSIVE, (0, 1)), GRANTED);
    assert_eq!(a.reclaim(&file, (9, 1)), Nlm4Stats::DeniedGracePeriod, "too late");
}

#[test]
fn names_of_one_address_are_bounded() {
    let house = House::new();
    let file = file(&house);
    let locker = locker(&house, "192.0.2.1", 1);
    let mut denied = 0;
    for number in 0..70 {
        let mut args = locker.lock_args(&file, (number, 1));
        args.lock.caller_name = CallerName::new(format!("vm{number}").into_bytes()).unwrap();
        denied += usize::from(locker.ask(&args) == Nlm4Stats::DeniedNolocks);
    }
    assert_eq!(denied, 6);
}

/// A copy of a call that comes late must not undo what was done since.
#[test]
fn a_late_copy_gets_the_stored_reply() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    let lock = a.client.record::<nlm4::Lock>(&a.lock_args(&file, ALL));
    let status = |outcome| {
        let (_, mut rest) = open(outcome);
        <nlm4::StatusResult as nfs_wire::xdr::Decode>::decode(&mut rest).unwrap().status
    };
    assert_eq!(status(a.client.send(lock.clone())), GRANTED);
    assert_eq!(a.unlock(&file, ALL), GRANTED);
    assert_eq!(status(a.client.send(lock)), GRANTED, "as it was answered before");
    assert_eq!(b.lock(&file, EXCLUSIVE, ALL), GRANTED, "but nothing is locked by it");
}

#[test]
fn unmonitored_locks_are_locks() {
    let house = House::new();
    let file = file(&house);
    let a = locker(&house, "192.0.2.1", 1);
    let answer = a.client.call::<nlm4::NmLock>(&a.lock_args(&file, ALL));
    assert_eq!(answer.status, GRANTED);
    assert_eq!(locker(&house, "192.0.2.2", 1).lock(&file, SHARED, ALL), DENIED);
}

/// The house waits for nobody's lock.
#[test]
fn a_grant_from_outside_is_denied() {
    let house = House::new();
    let file = file(&house);
    let a = locker(&house, "192.0.2.1", 1);
    let args = nlm4::TestArgs { cookie: cookie(), exclusive: true, lock: a.range(&file, ALL) };
    assert_eq!(a.client.call::<nlm4::Granted>(&args).status, DENIED);
}

fn share(locker: &Locker<'_>, file: &FileHandle, (mode, access): (Fsh4Mode, Fsh4Access)) -> ShareArgs {
    let Nlm4Lock { caller_name, fh, oh, .. } = locker.range(file, ALL);
    ShareArgs { cookie: cookie(), share: Nlm4Share { caller_name, fh, oh, mode, access }, reclaim: false }
}

#[test]
fn shares_are_enforced() {
    let house = House::with(&[&zone("contoso", CONTOSO, "read_write_clients = [\"192.0.2.0/25\"]\nread_only = true")]);
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    let take = |locker: &Locker<'_>, what| locker.client.call::<nlm4::Share>(&share(locker, &file, what)).status;
    assert_eq!(take(&a, (Fsh4Mode::DenyWrite, Fsh4Access::Read)), GRANTED);
    assert_eq!(take(&b, (Fsh4Mode::DenyNone, Fsh4Access::Write)), DENIED);
    assert_eq!(take(&b, (Fsh4Mode::DenyRead, Fsh4Access::None)), DENIED, "the other reads");
    assert_eq!(take(&b, (Fsh4Mode::DenyNone, Fsh4Access::Read)), GRANTED);
    assert_eq!(take(&a, (Fsh4Mode::DenyNone, Fsh4Access::Read)), GRANTED, "in place of the one before");
    assert_eq!(take(&b, (Fsh4Mode::DenyNone, Fsh4Access::ReadWrite)), GRANTED);
    assert_eq!(take(&a, (Fsh4Mode::DenyReadWrite, Fsh4Access::None)), DENIED);
    let unshare = share(&b, &file, (Fsh4Mode::DenyNone, Fsh4Access::None));
    assert_eq!(b.client.call::<nlm4::Unshare>(&unshare).status, GRANTED);
    assert_eq!(b.client.call::<nlm4::Unshare>(&unshare).status, GRANTED, "once more");
    assert_eq!(take(&a, (Fsh4Mode::DenyReadWrite, Fsh4Access::None)), GRANTED);
    house.vfs.restart_locks(Duration::from_secs(45));
    assert_eq!(take(&b, (Fsh4Mode::DenyNone, Fsh4Access::Read)), Nlm4Stats::DeniedGracePeriod);
    let mut reclaimed = share(&a, &file, (Fsh4Mode::DenyNone, Fsh4Access::Read));
    reclaimed.reclaim = true;
    assert_eq!(a.client.call::<nlm4::Share>(&reclaimed).status, GRANTED);
}

#[test]
fn free_all_frees_locks_and_shares_of_that_client() {
    let house = House::new();
    let file = file(&house);
    let (a, b) = (locker(&house, "192.0.2.1", 1), locker(&house, "192.0.2.2", 2));
    a.lock(&file, EXCLUSIVE, (0, 1));
    Locker { name: "vm2", ..locker(&house, "192.0.2.1", 1) }.lock(&file, EXCLUSIVE, (1, 1));
    a.client.call::<nlm4::Share>(&share(&a, &file, (Fsh4Mode::DenyReadWrite, Fsh4Access::Read)));
    // Names mean nothing outside their address.
    b.free_all("vm");
    Locker::new(house.client_from(FABRIKAM, "192.0.2.1"), "vm", 1).free_all("vm");
    a.free_all("v");
    assert_eq!(b.lock(&file, EXCLUSIVE, (0, 1)), DENIED);
    a.free_all("vm");
    assert_eq!(b.lock(&file, EXCLUSIVE, (0, 1)), GRANTED);
    assert_eq!(b.lock(&file, EXCLUSIVE, (1, 1)), DENIED, "another name of the same address");
    let read = share(&b, &file, (Fsh4Mode::DenyNone, Fsh4Access::Read));
    assert_eq!(b.client.call::<nlm4::Share>(&read).status, GRANTED);
}
