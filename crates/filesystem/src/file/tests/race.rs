//! Several at the same files at the same time: as tasks that a seed interleaves at every wait for the stores, and as
//! threads.

use std::cell::Cell;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::thread;

use chunk::MemoryStore;
use futures_util::future::{join, join_all};
use testkit::faulty::{FaultRates, Faults, FaultyEngine, FaultyStore};
use testkit::{Random, block_on};
use vfs::{FsError, InodeId, Stability};

use super::space::Slow;
use super::{House, Rig, pattern};

/// Each writer has its own bytes, which share blocks with those of its neighbours.
const SHARE: usize = 9_001;
const WRITERS: usize = 4;

#[test]
fn writers_of_shared_blocks_lose_nothing() {
    for seed in 0..12 {
        block_on(async {
            let (rig, memory) = delayed(seed);
            let house = rig.open().await;
            let inode = house.create("file").await;
            let is_done = Cell::new(false);
            let writers = async {
                join_all((0..WRITERS).map(|writer| write_own(&house, inode, (writer, seed)))).await;
                is_done.set(true);
            };
            let mut random = Random::new(seed);
            let others = async {
                while !is_done.get() {
                    house.truncate(inode, (WRITERS * SHARE) as u64 + random.below(1_000_000)).await;
                    house.rest().await;
                    forget_clean(&house);
                    tokio::task::yield_now().await;
                }
            };
            join(writers, others).await;
            house.commit(inode).await.unwrap();
            house.rest().await;
            rig.check().await;
            assert_eq!(memory.used_blocks() * 4096, house.attributes(inode).await.allocated_bytes);
            assert_eq!(house.filesystem.data.dirty.used(), 0);
        });
    }
}

#[test]
fn a_reader_never_sees_half_a_cut() {
    for seed in 0..12 {
        block_on(async {
            let (rig, _) = delayed(seed);
            let house = rig.open().await;
            let inode = house.create("file").await;
            let is_done = Cell::new(false);
            let writer = async {
                write_and_cut(&house, inode).await;
                is_done.set(true);
            };
            let reader = async {
                while !is_done.get() {
                    let found = house.read(inode, 0, 400_000).await;
                    assert!([0, 300_000].contains(&found.len()), "seed {seed}");
                    assert!(found.iter().all(|byte| *byte == found[0] && *byte != 0), "seed {seed}");
                    tokio::task::yield_now().await;
                }
            };
            join(writer, reader).await;
        });
    }
}

/// A write that waits for what its block held is overtaken by a cut of that block.
#[test]
fn what_was_cut_off_does_not_come_back_with_a_write() {
    for (size, (offset, length)) in [(4096, (5000, 10)), (5, (0, 10)), (0, (9, 1)), (5000, (4100, 1000))] {
        block_on(async {
            let rig = Rig::over(Slow::default());
            let house = rig.open().await;
            let inode = house.create("file").await;
            let mut expected = pattern(1, 8192);
            house.write(inode, 0, expected.clone()).await;
            house.filesystem.flush_all().await.unwrap();
            forget_clean(&house);
            rig.chunks.is_held.store(true, Ordering::Release);
            let mut context = Context::from_waker(Waker::noop());
            let mut write = pin!(house.write(inode, offset as u64, vec![7; length]));
            assert!(write.as_mut().poll(&mut context).is_pending());
            let mut cut = pin!(house.truncate(inode, size as u64));
            let is_cut = cut.as_mut().poll(&mut context).is_ready();
            rig.chunks.is_held.store(false, Ordering::Release);
            if !is_cut {
                cut.await;
            }
            write.await;
            expected.truncate(size);
            expected.resize(size.max(offset + length), 0);
            expected[offset..offset + length].fill(7);
            assert!(house.read(inode, 0, 8192).await == expected, "cut to {size}");
            house.truncate(inode, 8192).await;
            house.filesystem.flush_all().await.unwrap();
            forget_clean(&house);
            expected.resize(8192, 0);
            assert!(house.read(inode, 0, 8192).await == expected, "behind the end, cut to {size}");
        });
    }
}

async fn write_and_cut<C: chunk::Store>(house: &House<C>, inode: InodeId) {
    for round in 1..60_u8 {
        house.write(inode, 0, vec![round; 300_000]).await;
        if round % 2 == 0 {
            house.commit(inode).await.unwrap();
        }
        forget_clean(house);
        house.truncate(inode, 0).await;
    }
}

async fn write_own<C: chunk::Store>(house: &House<C>, inode: InodeId, (writer, seed): (usize, u64)) {
    let (start, mut random) = (writer * SHARE, Random::new(writer as u64 + 100 * seed));
    let mut own = vec![0; SHARE];
    for round in 0..40_u8 {
        let from = usize::try_from(random.below(SHARE as u64)).unwrap();
        let length = 1 + usize::try_from(random.below((SHARE - from) as u64)).unwrap();
        own[from..from + length].fill(round);
        let stability = random.pick(&[None, Some(Stability::File)]).unwrap_or(Stability::Unstable);
        let at = (start + from) as u64;
        house.write_as(inode, (at, vec![round; length]), stability).await.unwrap();
        let mut found = house.read(inode, start as u64, SHARE).await;
        found.resize(SHARE, 0);
        assert!(found == own, "seed {seed}, writer {writer}, round {round}");
    }
}

/// Reads have to wait for the stores again.
fn forget_clean<C: chunk::Store>(house: &House<C>) {
    house.filesystem.data.cache.clear();
    house.filesystem.records.regions.clear();
}

fn delayed(seed: u64) -> (Rig<FaultyStore<MemoryStore>>, MemoryStore) {
    delayed_with_journal(seed, 0)
}

pub(super) fn delayed_with_journal(seed: u64, bytes_max: u64) -> (Rig<FaultyStore<MemoryStore>>, MemoryStore) {
    let rates = FaultRates { delay_percent: 60, delay_polls_max: 6, ..FaultRates::default() };
    let memory = MemoryStore::default();
    let mut rig = Rig::over(FaultyStore::over_memory(memory.clone(), Faults::seeded(seed, rates)));
    rig.engine =
        FaultyEngine::new(kv::MemoryEngine::new().with_journal_bytes(bytes_max), Faults::seeded(seed + 1_000, rates));
    (rig, memory)
}

#[test]
fn files_are_removed_under_their_writers() {
    let rig = Rig::new();
    let house = block_on(rig.open());
    thread::scope(|scope| {
        for thread in 0..3 {
            let house = &house;
            scope.spawn(move || block_on(write_and_remove(house, thread)));
        }
    });
    block_on(async {
        house.filesystem.flush_all().await.unwrap();
        house.rest().await;
        rig.check().await;
        assert_eq!((rig.chunks.used_blocks(), house.filesystem.data.dirty.used()), (0, 0));
    });
}

async fn write_and_remove(house: &House<MemoryStore>, thread: u64) {
    for round in 0..20 {
        let name = format!("{thread}-{round}");
        let inode = house.create(&name).await;
        thread::scope(|scope| {
            scope.spawn(|| while block_on(house.write_as(inode, (5, vec![1; 50_000]), Stability::File)).is_ok() {});
            scope.spawn(|| while block_on(house.write_as(inode, (0, vec![2; 9_000]), Stability::Unstable)).is_ok() {});
            scope.spawn(|| while block_on(house.try_read(inode, 0, 100_000)).is_ok() {});
            scope.spawn(|| while block_on(house.commit(inode)) != Err(FsError::StaleHandle) {});
            block_on(house.rest());
            block_on(house.remove(&name));
        });
    }
}
