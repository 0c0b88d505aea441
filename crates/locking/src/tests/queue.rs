//! Who waits, in which order, and who must not wait.

use LockKind::{Exclusive, Shared};
use vfs::LockKind;

use super::{Rig, file, lock, owner, span};
use crate::{Locked, Refusal};

#[test]
fn writers_are_not_starved_by_readers() {
    let rig = Rig::default();
    let all = span(0, 0);
    assert_eq!(rig.wait(1, &lock(0, all, Shared)), Ok(Locked::Granted));
    assert_eq!(rig.wait(1, &lock(2, all, Exclusive)), Ok(Locked::Queued));
    assert_eq!(rig.wait(1, &lock(4, all, Shared)), Ok(Locked::Queued), "not before the writer");
    assert_eq!(rig.attempt(1, &lock(6, all, Shared)), Ok(Locked::Granted), "who does not wait sees what is held only");
    rig.unlock(1, 6);
    rig.unlock(1, 0);
    assert_eq!(rig.told(), [owner(2)]);
    rig.unlock(1, 2);
    assert_eq!(rig.told(), [owner(4)]);
    rig.unlock(1, 4);
    assert!(rig.table.is_empty());
}

#[test]
fn a_repeated_request_is_one_waiter() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 10), Exclusive)).unwrap();
    for _ in 0..3 {
        assert_eq!(rig.wait(1, &lock(2, span(0, 10), Exclusive)), Ok(Locked::Queued));
    }
    assert_eq!(rig.counts(), (1, 1, 0));
    rig.unlock(1, 0);
    assert_eq!(rig.told(), [owner(2)]);
    assert_eq!(rig.wait(1, &lock(2, span(0, 10), Exclusive)), Ok(Locked::Granted), "asked again after its grant");
    assert_eq!(rig.counts(), (1, 0, 0));
}

#[test]
fn an_upgrade_waits_for_the_other_readers_only() {
    let rig = Rig::default();
    let all = span(0, 0);
    rig.wait(1, &lock(0, all, Shared)).unwrap();
    rig.wait(1, &lock(2, all, Shared)).unwrap();
    assert_eq!(rig.wait(1, &lock(4, all, Exclusive)), Ok(Locked::Queued));
    // The writer before it waits for what it holds itself: it must not wait behind it.
    assert_eq!(rig.wait(1, &lock(0, all, Exclusive)), Ok(Locked::Queued));
    rig.unlock(1, 2);
    assert_eq!(rig.told(), [owner(0)]);
    assert_eq!(rig.wait(1, &lock(0, all, Shared)), Ok(Locked::Granted), "a downgrade is never refused");
    assert_eq!(rig.told(), []);
    rig.unlock(1, 0);
    assert_eq!(rig.told(), [owner(4)]);
}

#[test]
fn a_downgrade_lets_readers_in() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 10), Exclusive)).unwrap();
    assert_eq!(rig.wait(1, &lock(2, span(5, 1), Shared)), Ok(Locked::Queued));
    rig.wait(1, &lock(0, span(5, 1), Shared)).unwrap();
    assert_eq!(rig.told(), [owner(2)]);
}

#[test]
fn two_opposite_upgrades_are_a_deadlock() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 0), Shared)).unwrap();
    rig.wait(1, &lock(2, span(0, 0), Shared)).unwrap();
    assert_eq!(rig.wait(1, &lock(0, span(0, 0), Exclusive)), Ok(Locked::Queued));
    assert_eq!(rig.wait(1, &lock(2, span(0, 0), Exclusive)), Err(Refusal::Deadlock));
    rig.unlock(1, 2);
    assert_eq!(rig.told(), [owner(0)]);
}

#[test]
fn a_circle_over_many_inodes_is_a_deadlock() {
    let rig = Rig::default();
    let all = span(0, 0);
    for number in 0..20 {
        rig.wait(number, &lock(number, all, Exclusive)).unwrap();
    }
    for number in 0..19 {
        assert_eq!(rig.wait(number + 1, &lock(number, all, Exclusive)), Ok(Locked::Queued));
    }
    assert_eq!(rig.wait(0, &lock(19, all, Exclusive)), Err(Refusal::Deadlock));
    assert_eq!(
        rig.attempt(0, &lock(19, all, Shared)),
        Err(Refusal::Held(lock(0, all, Exclusive))),
        "no wait, no circle"
    );
    rig.unlock(19, 19);
    assert_eq!(rig.told(), [owner(18)]);
    assert_eq!(rig.wait(0, &lock(19, all, Exclusive)), Ok(Locked::Queued), "the circle is open now");
}

#[test]
fn nobody_waits_for_ever_for_the_order_alone() {
    let rig = Rig::default();
    let all = span(0, 0);
    // Owner 2 holds file 1 shared, owner 4 waits there to write; owner 0 holds file 2, for which owner 2 waits.
    rig.wait(1, &lock(2, all, Shared)).unwrap();
    rig.wait(1, &lock(4, all, Exclusive)).unwrap();
    rig.wait(2, &lock(0, all, Exclusive)).unwrap();
    rig.wait(2, &lock(2, all, Exclusive)).unwrap();
    // Owner 0 behind owner 4 would never end; but nobody holds what it wants.
    assert_eq!(rig.wait(1, &lock(0, all, Shared)), Ok(Locked::Granted));
    assert_eq!(rig.counts(), (3, 2, 0));
}

#[test]
fn cancel_and_unlock_end_a_wait() {
    let rig = Rig::default();
    rig.wait(1, &lock(0, span(0, 10), Exclusive)).unwrap();
    rig.wait(1, &lock(2, span(0, 10), Exclusive)).unwrap();
    rig.wait(1, &lock(4, span(0, 5), Shared)).unwrap();
    assert!(!rig.table.cancel(file(1), &lock(2, span(0, 9), Exclusive)));
    assert!(!rig.table.cancel(file(1), &lock(2, span(0, 10), Shared)));
    rig.wait(1, &lock(0, span(0, 5), Shared)).unwrap();
    assert_eq!(rig.told(), [], "owner 2 was before");
    assert!(rig.table.cancel(file(1), &lock(2, span(0, 10), Exclusive)));
    assert_eq!(rig.told(), [owner(4)]);
    assert!(!rig.table.cancel(file(1), &lock(4, span(0, 5), Shared)), "granted already");
    rig.wait(1, &lock(6, span(7, 1), Exclusive)).unwrap();
    rig.table.unlock(file(1), &owner(6), span(7, 1)).unwrap();
    rig.unlock(1, 0);
    assert_eq!(rig.told(), []);
    rig.unlock(1, 4);
    assert!(rig.table.is_empty());
}

#[test]
fn a_client_is_freed_as_a_whole() {
    let rig = Rig::default();
    for inode in 0..5 {
        rig.wait(inode, &lock(0, span(0, 10), Exclusive)).unwrap();
        rig.wait(inode, &lock(1, span(20, 10), Shared)).unwrap();
        rig.wait(inode, &lock(2, span(0, 0), Exclusive)).unwrap();
    }
    rig.wait(9, &lock(2, span(0, 0), Exclusive)).unwrap();
    rig.wait(9, &lock(0, span(0, 0), Exclusive)).unwrap_err();
    rig.wait(10, &lock(4, span(0, 0), Exclusive)).unwrap();
    rig.wait(10, &lock(0, span(0, 0), Exclusive)).unwrap();
    assert!(rig.table.is_held_by(vfs::ClientId(0)));
    rig.table.free_client(vfs::ClientId(0));
    assert!(!rig.table.is_held_by(vfs::ClientId(0)));
    assert_eq!(rig.told(), vec![owner(2); 5]);
    assert_eq!(rig.counts(), (7, 0, 0));
    rig.table.free_client(vfs::ClientId(1));
    rig.table.free_client(vfs::ClientId(2));
    assert!(rig.table.is_empty());
}
