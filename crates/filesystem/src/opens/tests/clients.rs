//! Who is remembered, how durably and for how long.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint};
use vfs::{ClientId, FsError, LockClient, LockReply, Opens, ShardId, Timestamp};

use super::super::roster::{CLIENTS_MAX, Remembered, SHARD_CLIENTS_MAX, SOURCE_CLIENTS_MAX};
use super::{Rig, client, exclusive, reclaim, sharing};

#[test]
fn a_client_is_recorded_before_it_is_remembered() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        house.remember(1).await.unwrap();
        drop(house);
        rig.check().await;
        let house = rig.open().await;
        assert_eq!(house.filesystem.lock_recovery().clients, [client(1)]);
        assert_eq!(house.filesystem.lock_clients(), [client(1)]);
    });
}

#[test]
fn a_client_that_cannot_be_recorded_is_not_remembered() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        assert_eq!(house.remember(1).await, Err(FsError::Io));
        assert_eq!(house.remember(1).await, Err(FsError::Io), "the store has failed");
        house.pass(1).await;
        house.remember(1).await.unwrap();
        assert_eq!(house.lock(exclusive(file, 1)).await, Ok(LockReply::Granted));
        drop(house);
        assert_eq!(rig.open().await.filesystem.lock_recovery().clients, [client(1)]);
        rig.check().await;
    });
}

#[test]
fn remembering_what_is_known_writes_nothing() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        house.remember(1).await.unwrap();
        let before = rig.faults.calls(FaultPoint::Commit);
        let later = LockClient { since: Timestamp { seconds: 2000, nanoseconds: 0 }, ..client(1) };
        house.filesystem.remember_lock_client(&house.ctx, later.clone()).await.unwrap();
        assert_eq!(rig.faults.calls(FaultPoint::Commit), before);
        let restarted = LockClient { state: 5, ..later };
        house.filesystem.remember_lock_client(&house.ctx, restarted).await.unwrap();
        assert_eq!(rig.faults.calls(FaultPoint::Commit), before + 1);
        drop(house);
        let known = rig.open().await.filesystem.lock_clients();
        assert_eq!(known, [LockClient { state: 5, ..client(1) }], "since its first lock");
    });
}

#[test]
fn a_higher_state_number_means_that_what_was_held_is_gone() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        let came = async |state| {
            let client = LockClient { state, ..client(1) };
            house.filesystem.remember_lock_client(&house.ctx, client).await.unwrap();
        };
        house.remember(2).await.unwrap();
        came(7).await;
        house.lock(exclusive(file, 1)).await.unwrap();
        // A copy, one that does not say, and one that came late.
        for state in [7, 0, 5] {
            came(state).await;
            assert_eq!(house.lock(exclusive(file, 2)).await, Err(FsError::LockConflict), "state {state}");
        }
        came(9).await;
        assert_eq!(house.lock(exclusive(file, 2)).await, Ok(LockReply::Granted), "its notice need not come first");
        let known = house.filesystem.lock_clients();
        assert_eq!(known.iter().find(|known| known.id == ClientId(1)).unwrap().state, 9);
    });
}

#[test]
fn a_client_without_locks_is_forgotten_after_a_minute() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        for number in 1..=3 {
            house.remember(number).await.unwrap();
        }
        house.lock(exclusive(file, 1)).await.unwrap();
        house.share(sharing(file, 2)).await.unwrap();
        house.pass(59).await;
        assert_eq!(house.clients(), [1, 2, 3]);
        house.pass(2).await;
        assert_eq!(house.clients(), [1, 2], "the third holds nothing");
        house.unlock(exclusive(file, 1)).await;
        house.pass(50).await;
        house.remember(1).await.unwrap();
        house.pass(50).await;
        assert_eq!(house.clients(), [1, 2], "it was there again");
        house.pass(15).await;
        assert_eq!(house.clients(), [2]);
        drop(house);
        let house = rig.open().await;
        assert_eq!(house.clients(), [2], "durably");
        rig.check().await;
    });
}

#[test]
fn a_freed_client_is_forgotten_durably() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        house.remember(1).await.unwrap();
        house.free(1).await;
        drop(house);
        let house = rig.open().await;
        assert_eq!(house.clients(), Vec::<u64>::new());
        assert_eq!(house.grace_left(), None);
    });
}

#[test]
fn a_reload_keeps_locks_and_writes_what_was_lost() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        for number in 1..=3 {
            house.remember(number).await.unwrap();
        }
        house.lock(exclusive(file, 1)).await.unwrap();
        let state = house.filesystem.lock_recovery().state;
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        let freed = house.filesystem.free_lock_client(&house.ctx, ClientId(2)).await;
        assert_eq!(freed.unwrap_err().error, FsError::Io);
        let moved = LockClient { state: 9, ..client(3) };
        assert!(house.filesystem.remember_lock_client(&house.ctx, moved.clone()).await.is_err());
        house.pass(1).await;
        assert_eq!(house.clients(), [1, 3]);
        assert_eq!(house.lock(exclusive(file, 3)).await, Err(FsError::LockConflict), "still held");
        assert_eq!(house.filesystem.lock_recovery().state, state, "no lock was lost");
        let mut known = house.filesystem.lock_clients();
        drop(house);
        rig.check().await;
        let house = rig.open().await;
        assert_eq!(house.filesystem.lock_clients(), known);
        house.filesystem.remember_lock_client(&house.ctx, moved.clone()).await.unwrap();
        known = vec![client(1), moved];
        assert_eq!(house.filesystem.lock_clients(), known);
        assert!(house.filesystem.lock_recovery().state > state);
    });
}

#[test]
fn clients_are_found_by_their_address() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let at = |last: u8, number: u64| LockClient { address: address(last), ..client(number) };
        for known in [at(1, 1), at(1, 2), at(2, 3)] {
            house.filesystem.remember_lock_client(&house.ctx, known).await.unwrap();
        }
        assert_eq!(house.filesystem.lock_clients_at(address(1)), [at(1, 1), at(1, 2)]);
        assert_eq!(house.filesystem.lock_client(ClientId(3)), Some(at(2, 3)));
        house.filesystem.remember_lock_client(&house.ctx, at(2, 2)).await.unwrap();
        house.filesystem.free_lock_client(&house.ctx, ClientId(3)).await.unwrap();
        let found = |house: &super::House| [1, 2, 3].map(|last| house.filesystem.lock_clients_at(address(last)));
        assert_eq!(found(&house), [vec![at(1, 1)], vec![at(2, 2)], vec![]], "one has moved, one has gone");
        assert_eq!(house.filesystem.lock_client(ClientId(3)), None);
        drop(house);
        assert_eq!(found(&rig.open().await), [vec![at(1, 1)], vec![at(2, 2)], vec![]], "after a restart");
    });
}

#[test]
fn there_are_so_many_clients() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        house.remember(1).await.unwrap();
        {
            let mut register = house.filesystem.locks.register();
            let known = register.clients.iter().next().unwrap().clone();
            for (number, shard) in (2..=CLIENTS_MAX as u64).zip((0..3).cycle()) {
                let shards = BTreeSet::from([ShardId(shard)]);
                register.clients.insert(Remembered { client: client(number), shards, ..known.clone() });
            }
        }
        assert_eq!(house.remember(1 << 20).await, Err(FsError::TooManyLocks));
        house.remember(77).await.unwrap();
        let long = LockClient { name: vec![b'n'; 1025].into(), ..client(77) };
        let refused = house.filesystem.remember_lock_client(&house.ctx, long).await.unwrap_err();
        assert_eq!(refused.error, FsError::InvalidArgument);
        // All but the first, which never asked again, are forgotten in one round.
        house.pass(61).await;
        assert_eq!(house.clients(), Vec::<u64>::new());
        rig.check().await;
    });
}

#[test]
fn one_tenant_leaves_room_for_the_clients_of_others() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (one, other) = (house.zone("one").await, house.zone("other").await);
        one.remember(1).await.unwrap();
        {
            let mut register = one.filesystem.locks.register();
            let known = register.clients.iter().next().unwrap().clone();
            for number in 2..=SHARD_CLIENTS_MAX as u64 {
                register.clients.insert(Remembered { client: client(number), ..known.clone() });
            }
        }
        assert_eq!(one.remember(1 << 20).await, Err(FsError::TooManyLocks));
        one.remember(77).await.unwrap();
        other.remember(1 << 20).await.unwrap();
        one.free(1).await;
        one.remember(1 << 21).await.unwrap();
        assert_eq!(one.remember(1).await, Err(FsError::TooManyLocks));
    });
}

#[test]
fn one_address_has_so_many_names() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (one, other) = (house.zone("one").await, house.zone("other").await);
        let at = |number: u64, low: u16| {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low));
            LockClient { address, ..client(number) }
        };
        for number in 0..SOURCE_CLIENTS_MAX as u64 {
            one.remember_client(at(number, 1)).await.unwrap();
        }
        assert_eq!(one.remember_client(at(5000, 1)).await, Err(FsError::TooManyLocks));
        assert_eq!(one.remember_client(at(5000, 2)).await, Err(FsError::TooManyLocks), "of the same /64");
        one.remember_client(LockClient { state: 3, ..at(5, 1) }).await.unwrap();
        one.remember_client(client(5000)).await.unwrap();
        other.remember_client(at(5001, 1)).await.unwrap();
        one.free(5).await;
        one.remember_client(at(5002, 2)).await.unwrap();
    });
}

#[test]
fn a_client_is_recorded_where_it_locks() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inner = house.zone("inner").await;
        let file = inner.create("file", 0o644).await;
        // It came to the zone around the other one.
        house.remember(1).await.unwrap();
        let before = rig.faults.calls(FaultPoint::Commit);
        house.lock(exclusive(file, 1)).await.unwrap();
        house.lock(exclusive(file, 1)).await.unwrap();
        assert_eq!(rig.faults.calls(FaultPoint::Commit), before + 1, "once, before it is granted");
        drop((house, inner));
        rig.check().await;

        let house = rig.open().await;
        let inner = house.zone("inner").await;
        assert_eq!(house.filesystem.lock_recovery().clients, [client(1)]);
        inner.remember(2).await.unwrap();
        assert_eq!(inner.lock(exclusive(file, 2)).await, Err(FsError::Grace));
        house.lock(reclaim(file, 1)).await.unwrap();
        house.free(1).await;
        drop((house, inner));
        assert_eq!(rig.open().await.clients(), [2], "all records of it are gone");
    });
}
