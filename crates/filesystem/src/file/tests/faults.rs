//! Failures of the stores below.

use bytes::Bytes;
use chunk::MemoryStore;
use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint, Faults, FaultyStore};
use vfs::{FileIo, FsError, ShardId, Stability};

use super::{Rig, pattern};
use crate::turn::{Scratch, Turn};

#[test]
fn a_failed_sync_is_answered_by_storing_elsewhere() {
    block_on(async {
        let (rig, faults) = faulty();
        let house = rig.open().await;
        let inode = house.create("file").await;
        let verifier = house.filesystem.write_verifier();
        house.write(inode, 0, pattern(1, 100_000)).await;
        faults.fail(FaultPoint::Sync, 1, Fault::Io);
        house.commit(inode).await.unwrap();
        house.filesystem.data.cache.clear();
        assert_eq!(house.read(inode, 0, 100_000).await, pattern(1, 100_000));
        assert_eq!(house.filesystem.write_verifier(), verifier, "nothing was lost");
        rig.check().await;
    });
}

#[test]
fn a_commit_that_fails_says_so_and_keeps_the_data() {
    block_on(async {
        let (rig, faults) = faulty();
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 100_000)).await;
        (1..=8).for_each(|nth| faults.fail(FaultPoint::Place, nth, Fault::Io));
        assert_eq!(house.commit(inode).await, Err(FsError::Io));
        let stable = house.write_as(inode, (5, vec![9; 10]), Stability::File).await;
        assert_eq!(stable.unwrap_err().error, FsError::Io);
        let mut expected = pattern(1, 100_000);
        expected[5..15].fill(9);
        assert_eq!(house.read(inode, 0, 100_000).await, expected, "still in memory");
        house.commit(inode).await.unwrap();
        house.filesystem.data.cache.clear();
        assert_eq!(house.read(inode, 0, 100_000).await, expected);
        rig.check().await;
    });
}

#[test]
fn a_store_without_room_fails_with_no_space() {
    block_on(async {
        let (rig, faults) = faulty();
        let rig = rig.with_journal(0);
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 10_000)).await;
        faults.fail(FaultPoint::Place, 1, Fault::NoSpace);
        assert_eq!(house.commit(inode).await, Err(FsError::NoSpace));
        house.commit(inode).await.unwrap();
    });
}

/// A checkpoint that fails takes the engine out of service while no commit is under way that could tell.
#[test]
fn an_engine_that_failed_by_itself_is_reopened_in_the_background() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 10_000)).await;
        house.commit(inode).await.unwrap();
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        kv::Engine::commit(&rig.engine, kv::Batch::default()).await.unwrap_err();
        assert!(kv::Engine::view(&rig.engine).await.is_err(), "it is out of service");
        house.filesystem.background_round().await;
        assert_eq!(house.read(inode, 0, 10_000).await, pattern(1, 10_000));
        house.write(inode, 0, pattern(2, 10_000)).await;
        house.commit(inode).await.unwrap();
        rig.check().await;
    });
}

#[test]
fn dropped_data_changes_the_verifier() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 10_000)).await;
        let verifier = house.filesystem.write_verifier();
        house.filesystem.reload().await.unwrap();
        assert_ne!(house.filesystem.write_verifier(), verifier);
        assert_eq!((house.attributes(inode).await.size, house.filesystem.data.dirty.used()), (0, 0));
        house.write(inode, 0, pattern(1, 10_000)).await;
        house.commit(inode).await.unwrap();
        rig.check().await;
    });
}

pub(super) fn faulty() -> (Rig<FaultyStore<MemoryStore>>, Faults) {
    let faults = Faults::none();
    let store = FaultyStore::over_memory(MemoryStore::default(), faults.clone());
    (Rig::over(store), faults)
}

#[test]
fn what_a_reload_took_back_is_not_durable() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let key = meta::keys::policy(ShardId::ROOT, 1);
        let mut step = |turn: &mut Turn<'_, _, _>| {
            turn.write_plain(key.clone(), Some(Bytes::from_static(b"lost")));
            Ok(())
        };
        let changed = house.filesystem.mutate_once(ShardId::ROOT, &mut Scratch::default(), &mut step).await.unwrap();
        let ((), version) = changed.unwrap();
        house.filesystem.reload().await.unwrap();
        assert!(house.filesystem.meta.watermark() > version);
        assert_eq!(house.filesystem.settle(version).await.unwrap_err().error, FsError::Io);
        assert_eq!(house.filesystem.meta.read(&key).await.unwrap(), None);
    });
}
