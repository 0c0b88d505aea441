//! Calls of NLM and NSM, made of what a guest knows.

use nfs_wire::nfs3::FileHandle;
use nfs_wire::nlm4::*;
use nfs_wire::nsm;
use nfs_wire::rpc::Procedure;

use super::calls::Make;
use super::guest::Guest;

/// Calls about locks, by how often they are made. GRANTED, `_RES` and MON are what only others should send.
pub(super) const LOCK_CALLS: &[(u64, Make)] = &[
    (6, |guest| with_lock::<Lock>(guest, lock_args)),
    (2, |guest| with_lock::<LockMsg>(guest, lock_args)),
    (1, |guest| with_lock::<NmLock>(guest, lock_args)),
    (4, |guest| with_lock::<Unlock>(guest, |_, cookie, lock| UnlockArgs { cookie, lock })),
    (1, |guest| with_lock::<UnlockMsg>(guest, |_, cookie, lock| UnlockArgs { cookie, lock })),
    (3, |guest| with_lock::<Test>(guest, test_args)),
    (1, |guest| with_lock::<TestMsg>(guest, test_args)),
    (1, |guest| with_lock::<Granted>(guest, test_args)),
    (1, |guest| with_lock::<GrantedMsg>(guest, test_args)),
    (2, |guest| with_lock::<Cancel>(guest, cancel_args)),
    (1, |guest| with_lock::<CancelMsg>(guest, cancel_args)),
    (2, share::<Share>),
    (2, share::<Unshare>),
    (1, result::<LockRes>),
    (1, result::<GrantedRes>),
    (1, |guest| guest.record::<FreeAll>(&NotifyArgs { name: name(), state: 7 })),
    (1, |guest| guest.record::<nsm::Notify>(&nsm::NotifyArgs { name: name(), state: 9 })),
    (1, |guest| guest.record::<nsm::Stat>(&nsm::NameArgs { name: name() })),
    (1, |guest| guest.record::<nsm::SimuCrash>(&())),
];

/// The one host; other callers would each be another client of the lock table.
fn name<const MAX: usize>() -> nfs_wire::xdr::Opaque<MAX> {
    nfs_wire::xdr::Opaque::from_static("client-a")
}

fn lock(guest: &mut Guest) -> Nlm4Lock {
    let fh = Netobj::new(guest.handle().into_bytes()).unwrap();
    let oh = Netobj::new(vec![u8::try_from(guest.random.below(3)).unwrap()]).unwrap();
    let svid = u32::try_from(guest.random.below(3)).unwrap();
    let caller_name = if guest.random.chance(5) { CallerName::new(guest.bytes(1024)).unwrap() } else { name() };
    Nlm4Lock { caller_name, fh, oh, svid, offset: guest.long(), len: guest.long() }
}

/// Could a newcomer have a write lock of the whole file.
pub(super) fn test_of_all(file: &FileHandle) -> TestArgs {
    let (fh, oh) = (Netobj::new(file.as_bytes().clone()).unwrap(), Netobj::from_static("newcomer"));
    let lock = Nlm4Lock { caller_name: CallerName::from_static("newcomer"), fh, oh, svid: 9, offset: 0, len: 0 };
    TestArgs { cookie: Netobj::default(), exclusive: true, lock }
}

fn with_lock<P: Procedure>(guest: &mut Guest, args: fn(&mut Guest, Netobj, Nlm4Lock) -> P::Args) -> bytes::Bytes {
    let (cookie, lock) = (Netobj::new(guest.bytes(8)).unwrap(), lock(guest));
    let args = args(guest, cookie, lock);
    guest.record::<P>(&args)
}

fn lock_args(guest: &mut Guest, cookie: Netobj, lock: Nlm4Lock) -> LockArgs {
    let (block, exclusive) = (guest.random.chance(50), guest.random.chance(50));
    LockArgs { cookie, block, exclusive, lock, reclaim: guest.random.chance(10), state: 7 }
}

fn test_args(guest: &mut Guest, cookie: Netobj, lock: Nlm4Lock) -> TestArgs {
    TestArgs { cookie, exclusive: guest.random.chance(50), lock }
}

fn cancel_args(guest: &mut Guest, cookie: Netobj, lock: Nlm4Lock) -> CancelArgs {
    CancelArgs { cookie, block: true, exclusive: guest.random.chance(50), lock }
}

fn share<P: Procedure<Args = ShareArgs>>(guest: &mut Guest) -> bytes::Bytes {
    let Nlm4Lock { caller_name, fh, oh, .. } = lock(guest);
    let (mode, access) = (Fsh4Mode::ALL[guest.index(4)], Fsh4Access::ALL[guest.index(4)]);
    let share = Nlm4Share { caller_name, fh, oh, mode, access };
    let cookie = Netobj::new(guest.bytes(8)).unwrap();
    guest.record::<P>(&ShareArgs { cookie, share, reclaim: false })
}

fn result<P: Procedure<Args = StatusResult>>(guest: &mut Guest) -> bytes::Bytes {
    let (cookie, status) = (Netobj::new(guest.bytes(8)).unwrap(), Nlm4Stats::ALL[guest.index(10)]);
    guest.record::<P>(&StatusResult { cookie, status })
}
