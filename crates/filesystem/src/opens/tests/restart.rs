//! The grace period.

use std::time::Duration;

use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint};
use vfs::{FsError, InodeId, LockReply, Opens, ShareRequest};

use super::{GRACE, House, Rig, client, exclusive, reclaim, sharing};

/// Two clients hold a file each when the house goes down.
async fn after_a_restart(rig: &Rig) -> (House, [InodeId; 2]) {
    let house = rig.open().await;
    let files = [house.create("one", 0o644).await, house.create("other", 0o644).await];
    for (file, number) in files.into_iter().zip([1, 2]) {
        house.remember(number).await.unwrap();
        house.lock(exclusive(file, number)).await.unwrap();
    }
    drop(house);
    rig.check().await;
    (rig.open().await, files)
}

#[test]
fn a_new_house_has_no_grace() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let first = house.filesystem.lock_recovery();
        assert_eq!((first.clients, first.grace_left), (vec![], None));
        assert_eq!(first.state % 2, 1);
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        assert_eq!(house.lock(reclaim(file, 1)).await, Err(FsError::Grace), "there was nothing before");
        house.lock(exclusive(file, 1)).await.unwrap();
        drop(house);
        let second = rig.open().await.filesystem.lock_recovery();
        assert!(second.state > first.state && second.state % 2 == 1);
    });
}

#[test]
fn only_those_of_before_take_only_what_they_had() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, other]) = after_a_restart(&rig).await;
        assert_eq!(house.filesystem.lock_recovery().clients, [client(1), client(2)]);
        assert_eq!(house.grace_left(), Some(GRACE));
        house.remember(3).await.unwrap();
        assert_eq!(house.lock(exclusive(one, 3)).await, Err(FsError::Grace));
        assert_eq!(house.lock(reclaim(one, 3)).await, Err(FsError::Grace), "it was not there before");
        assert_eq!(house.lock(exclusive(one, 1)).await, Err(FsError::Grace), "new locks wait");
        let refused = house.filesystem.test_lock(&house.ctx, exclusive(one, 3)).await.unwrap_err();
        assert_eq!(refused.error, FsError::Grace);
        assert_eq!(house.share(sharing(one, 1)).await, Err(FsError::Grace));
        house.share(ShareRequest { reclaim: true, ..sharing(one, 1) }).await.unwrap();
        assert_eq!(house.lock(reclaim(one, 1)).await, Ok(LockReply::Granted));
        assert_eq!(house.lock(reclaim(one, 2)).await, Err(FsError::LockConflict));
        house.unlock(exclusive(one, 1)).await;
        assert!(!house.filesystem.cancel_lock(&house.ctx, exclusive(other, 2)).await.unwrap());
        house.clock.advance(Duration::from_secs(5));
        assert_eq!(house.grace_left(), Some(GRACE - Duration::from_secs(5)));
    });
}

#[test]
fn it_ends_in_time_and_the_silent_are_forgotten() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, other]) = after_a_restart(&rig).await;
        house.lock(reclaim(one, 1)).await.unwrap();
        house.pass(44).await;
        assert_eq!(house.grace_left(), Some(Duration::from_secs(1)));
        assert_eq!(house.clients(), [1, 2]);
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(house.grace_left(), None);
        assert_eq!(house.lock(reclaim(one, 1)).await, Err(FsError::Grace), "too late");
        assert_eq!(house.clients(), [1], "the second was never heard of");
        house.lock(exclusive(other, 1)).await.unwrap();
        assert_eq!(house.filesystem.lock_recovery().clients, [client(1), client(2)], "both are still to be told");
        drop(house);
        rig.check().await;
        let house = rig.open().await;
        assert_eq!(house.filesystem.lock_recovery().clients, [client(1)]);
        assert_eq!(house.lock(reclaim(other, 2)).await, Err(FsError::InvalidArgument), "what another had meanwhile");
    });
}

#[test]
fn the_background_ends_it_too() {
    block_on(async {
        let rig = Rig::new();
        let (house, _) = after_a_restart(&rig).await;
        house.pass(45).await;
        assert_eq!(house.clients(), Vec::<u64>::new());
        drop(house);
        assert_eq!(rig.open().await.grace_left(), None);
    });
}

#[test]
fn it_ends_early_when_all_have_come_back_or_are_gone() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, other]) = after_a_restart(&rig).await;
        house.lock(reclaim(one, 1)).await.unwrap();
        house.clock.advance(Duration::from_secs(9));
        house.lock(reclaim(other, 2)).await.unwrap();
        house.clock.advance(Duration::from_secs(24));
        assert!(house.grace_left().is_some(), "the second may have more");
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(house.grace_left(), None);
        house.remember(3).await.unwrap();
        assert_eq!(house.lock(exclusive(one, 3)).await, Err(FsError::LockConflict));
        drop(house);

        let house = rig.open().await;
        house.free(1).await;
        house.free(2).await;
        assert!(house.grace_left().is_some(), "the third is not heard of yet");
        house.free(3).await;
        assert_eq!(house.grace_left(), None);
        house.remember(1).await.unwrap();
        assert_eq!(house.lock(reclaim(one, 1)).await, Err(FsError::Grace));
        assert_eq!(house.lock(exclusive(one, 1)).await, Ok(LockReply::Granted));
    });
}

#[test]
fn a_client_that_restarted_takes_nothing_back() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, _]) = after_a_restart(&rig).await;
        house.free(1).await;
        house.remember(1).await.unwrap();
        assert_eq!(house.lock(reclaim(one, 1)).await, Err(FsError::Grace));
        assert_eq!(house.filesystem.lock_recovery().clients, [client(2)], "it need not be told");
    });
}

#[test]
fn a_second_restart_within_it_forgets_nobody() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, other]) = after_a_restart(&rig).await;
        house.lock(reclaim(one, 1)).await.unwrap();
        let state = house.filesystem.lock_recovery().state;
        house.pass(20).await;
        drop(house);
        let house = rig.open().await;
        let recovery = house.filesystem.lock_recovery();
        assert_eq!((recovery.clients, recovery.grace_left), (vec![client(1), client(2)], Some(GRACE)));
        assert!(recovery.state > state);
        house.lock(reclaim(other, 2)).await.unwrap();
    });
}

#[test]
fn nothing_new_is_granted_before_the_silent_are_forgotten_durably() {
    block_on(async {
        let rig = Rig::new();
        let (house, [one, other]) = after_a_restart(&rig).await;
        house.lock(reclaim(one, 1)).await.unwrap();
        house.clock.advance(GRACE);
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        assert_eq!(house.lock(exclusive(other, 1)).await, Err(FsError::Io));
        drop(house);
        kv::Engine::reopen(&rig.engine).await.unwrap();
        // Had it been granted, the second could now take back what the first had in between.
        let house = rig.open().await;
        assert_eq!(house.lock(reclaim(other, 2)).await, Ok(LockReply::Granted));
        house.lock(reclaim(one, 1)).await.unwrap();
        house.clock.advance(GRACE);
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        house.free(9).await;
        house.remember(3).await.unwrap_err();
        house.pass(1).await;
        assert_eq!(house.lock(exclusive(one, 2)).await, Err(FsError::LockConflict), "after the reload it goes on");
        rig.check().await;
    });
}

/// A client in each of two zones holds a file of it when the house goes down.
async fn zones_after_a_restart(rig: &Rig) -> ([House; 2], [InodeId; 2]) {
    let mut files = [InodeId::default(); 2];
    {
        let house = rig.open().await;
        for (file, (name, number)) in files.iter_mut().zip([("one", 1), ("other", 2)]) {
            let zone = house.zone(name).await;
            *file = zone.create("file", 0o644).await;
            zone.remember(number).await.unwrap();
            zone.lock(exclusive(*file, number)).await.unwrap();
        }
    }
    let house = rig.open().await;
    ([house.zone("one").await, house.zone("other").await], files)
}

#[test]
fn a_zone_does_not_wait_for_the_clients_of_another() {
    block_on(async {
        let rig = Rig::new();
        let ([one, other], files) = zones_after_a_restart(&rig).await;
        // The client of the first never comes back.
        other.lock(reclaim(files[1], 2)).await.unwrap();
        other.remember(4).await.unwrap();
        one.remember(3).await.unwrap();
        other.clock.advance(Duration::from_secs(24));
        assert_eq!(other.lock(exclusive(files[1], 4)).await, Err(FsError::Grace));
        other.clock.advance(Duration::from_secs(1));
        assert_eq!(other.lock(exclusive(files[1], 4)).await, Err(FsError::LockConflict), "over there");
        assert!(other.filesystem.test_lock(&other.ctx, exclusive(files[1], 4)).await.unwrap().conflict.is_some());
        other.share(sharing(files[1], 4)).await.unwrap();
        assert_eq!(other.lock(reclaim(files[1], 2)).await, Err(FsError::Grace), "too late");

        assert_eq!(one.lock(exclusive(files[0], 3)).await, Err(FsError::Grace));
        assert!(one.filesystem.test_lock(&one.ctx, exclusive(files[0], 3)).await.is_err());
        assert_eq!(one.share(sharing(files[0], 3)).await, Err(FsError::Grace));
        assert_eq!(one.grace_left(), Some(GRACE - Duration::from_secs(25)), "the longest of all");
        other.pass(19).await;
        assert_eq!(one.clients(), [1, 2, 3, 4]);
        one.pass(1).await;
        assert_eq!(one.grace_left(), None);
        assert_eq!(one.clients(), [2, 3, 4], "the first was not heard of");
        one.lock(exclusive(files[0], 3)).await.unwrap();
    });
}

#[test]
fn a_zone_without_clients_has_no_grace() {
    block_on(async {
        let rig = Rig::new();
        let ([one, _], files) = zones_after_a_restart(&rig).await;
        let third = one.zone("third").await;
        let file = third.create("file", 0o644).await;
        third.remember(5).await.unwrap();
        assert_eq!(third.lock(reclaim(file, 5)).await, Err(FsError::Grace));
        third.lock(exclusive(file, 5)).await.unwrap();
        assert_eq!(one.lock(reclaim(files[1], 1)).await, Err(FsError::Grace), "it had nothing in that zone");
    });
}

#[test]
fn a_zone_forgets_its_idle_clients_while_another_waits() {
    block_on(async {
        let rig = Rig { grace: Duration::from_secs(600), ..Rig::new() };
        let ([one, other], files) = zones_after_a_restart(&rig).await;
        other.lock(reclaim(files[1], 2)).await.unwrap();
        other.unlock(exclusive(files[1], 2)).await;
        other.pass(59).await;
        assert_eq!(one.clients(), [1, 2]);
        other.pass(2).await;
        assert_eq!(one.clients(), [1], "this one is still waited for");
        assert!(one.grace_left().is_some());
    });
}
