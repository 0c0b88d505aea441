//! Nothing grows without end.

use std::sync::Arc;

use LockKind::{Exclusive, Shared};
use vfs::limits::MAILBOX_EVENTS_MAX;
use vfs::{Event, InodeId, LockKind, LockState, LockedWhat, Mailbox, ShardId, ShareMode, Timestamp, ZoneId};

use super::{Rig, file, lock, owner, span};
use crate::table::Bounds;
use crate::{
    CLIENT_ENTRIES_MAX, ENTRIES_MAX, HeldShare, LOCKS_MAX, LockTable, Locked, Refusal, SHARD_ENTRIES_MAX,
    ShareReservation, WAITERS_MAX,
};

#[test]
fn an_inode_has_so_many_locks() {
    let rig = Rig::default();
    for number in 0..LOCKS_MAX as u64 {
        rig.attempt(1, &lock(number % 100, span(number * 2, 1), Exclusive)).unwrap();
    }
    assert_eq!(rig.attempt(1, &lock(0, span(1 << 20, 1), Exclusive)), Err(Refusal::TooMany));
    assert_eq!(rig.wait(1, &lock(0, span(1 << 20, 1), Exclusive)), Err(Refusal::TooMany));
    assert_eq!(rig.attempt(2, &lock(0, span(1 << 20, 1), Exclusive)), Ok(Locked::Granted));
    rig.table.unlock(file(1), &owner(0), span(0, 1)).unwrap();
    assert_eq!(rig.attempt(1, &lock(0, span(1 << 20, 1), Exclusive)), Ok(Locked::Granted));
}

#[test]
fn a_client_has_so_many_entries() {
    let rig = Rig::default();
    let most = u64::try_from(CLIENT_ENTRIES_MAX).unwrap();
    for number in 0..most {
        rig.attempt(number / 4096, &lock(number % 2, span(number * 2, 1), Shared)).unwrap();
    }
    assert_eq!(rig.attempt(99, &lock(1, span(0, 1), Shared)), Err(Refusal::TooMany));
    let share = HeldShare {
        owner: owner(1),
        reservation: ShareReservation::of_share(ShareMode::default(), ShareMode::default()),
        since: Timestamp::default(),
    };
    assert_eq!(rig.table.share(file(99), share.clone()), Err(Refusal::TooMany));
    assert_eq!(rig.attempt(99, &lock(2, span(0, 1), Shared)), Ok(Locked::Granted), "another client");
    rig.table.unlock(file(0), &owner(0), span(0, 1)).unwrap();
    rig.table.share(file(99), share).unwrap();
    assert_eq!(rig.counts(), (most, 0, 1));
    rig.table.free_client(vfs::ClientId(0));
    assert_eq!(rig.counts(), (1, 0, 0));
}

#[test]
fn a_shard_has_half_of_the_house() {
    assert_eq!(u64::try_from(SHARD_ENTRIES_MAX).unwrap() * 2, ENTRIES_MAX);
    let table = LockTable::bounded(Bounds { client: 100, shard: 4, house: 8 });
    let attempt = |shard: u32, number: u64, kind| {
        let inode = InodeId { shard: ShardId(shard), ..file(7) };
        table.lock(inode, &lock(number, span(number, 1), kind), None)
    };
    // Held, waiting and shared count alike; each is of another client.
    let one = InodeId { shard: ShardId(1), ..file(7) };
    let mailbox = Arc::default();
    assert_eq!(attempt(1, 0, Exclusive), Ok(Locked::Granted));
    assert_eq!(attempt(1, 2, Exclusive), Ok(Locked::Granted));
    assert_eq!(table.lock(one, &lock(4, span(0, 1), Exclusive), Some(&mailbox)), Ok(Locked::Queued));
    let reservation = ShareReservation::of_share(ShareMode::default(), ShareMode::default());
    let share = |number| HeldShare { owner: owner(number), reservation, since: Timestamp::default() };
    table.share(one, share(6)).unwrap();
    assert_eq!(attempt(1, 8, Exclusive), Err(Refusal::TooMany));
    assert_eq!(table.share(one, share(8)), Err(Refusal::TooMany));
    for number in [10, 12, 14, 16] {
        assert_eq!(attempt(2, number, Exclusive), Ok(Locked::Granted), "another tenant goes on");
    }
    assert_eq!(attempt(3, 18, Exclusive), Err(Refusal::TooMany), "the house is full");
    table.free_client(vfs::ClientId(0));
    assert_eq!(attempt(1, 8, Exclusive), Ok(Locked::Granted), "who waited holds now: one less");
    assert_eq!(attempt(1, 20, Exclusive), Err(Refusal::TooMany));
}

#[test]
fn an_inode_has_so_many_waiters() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 0), Exclusive)).unwrap();
    for number in 1..=WAITERS_MAX as u64 {
        assert_eq!(rig.wait(1, &lock(number, span(0, 0), Shared)), Ok(Locked::Queued));
    }
    assert_eq!(rig.wait(1, &lock(5000, span(0, 0), Shared)), Err(Refusal::TooMany));
    assert_eq!(rig.wait(1, &lock(5, span(0, 0), Shared)), Ok(Locked::Queued), "waits already");
    rig.unlock(1, 0);
    assert_eq!(rig.told().len(), WAITERS_MAX);
    assert_eq!(rig.counts(), (WAITERS_MAX as u64, 0, 0));
}

#[test]
fn who_cannot_be_told_is_not_granted() {
    let rig = Rig::default();
    let full = Arc::new(Mailbox::default());
    (0..MAILBOX_EVENTS_MAX).for_each(|_| assert!(full.put(Event::ZoneClosed(ZoneId(0)))));
    rig.wait(1, &lock(0, span(0, 0), Exclusive)).unwrap();
    assert_eq!(rig.table.lock(file(1), &lock(2, span(0, 0), Exclusive), Some(&full)), Ok(Locked::Queued));
    assert_eq!(rig.wait(1, &lock(4, span(0, 0), Exclusive)), Ok(Locked::Queued));
    rig.unlock(1, 0);
    assert_eq!(rig.told(), [owner(4)], "the next one is");
    assert_eq!(rig.counts(), (1, 0, 0));
    assert_eq!(rig.wait(1, &lock(2, span(0, 0), Exclusive)), Ok(Locked::Queued), "it asks again");
}

#[test]
fn the_listing_shows_what_there_is_and_is_bounded() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 10), Exclusive)).unwrap();
    rig.wait(1, &lock(2, span(5, 0), Shared)).unwrap();
    let (access, deny) =
        (ShareMode { read: true, ..ShareMode::default() }, ShareMode { write: true, ..ShareMode::default() });
    let reservation = ShareReservation::of_share(access, deny);
    rig.table.share(file(1), HeldShare { owner: owner(4), reservation, since: Timestamp::default() }).unwrap();
    let shown: Vec<_> =
        rig.table.entries(100).into_iter().map(|entry| (entry.owner, entry.state, entry.what)).collect();
    let expected = [
        (owner(0), LockState::Held, LockedWhat::Range(span(0, 10).range(), Exclusive)),
        (owner(4), LockState::Held, LockedWhat::Share { access, deny }),
        (owner(2), LockState::Waiting, LockedWhat::Range(span(5, 0).range(), Shared)),
    ];
    assert_eq!(shown, expected);
    rig.wait(2, &lock(0, span(0, 10), Exclusive)).unwrap();
    assert_eq!(rig.table.entries(2).len(), 2);
    assert_eq!(rig.table.entries(0), []);
    assert_eq!(rig.table.entries(usize::MAX).len(), 4);
}
