//! Sparse segments are emptied, and nobody sees a difference but the room.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use chunk::{MemorySettings, MemoryStore, Store};
use testkit::faulty::{FaultRates, Faults, FaultyStore};
use testkit::{Random, block_on};
use vfs::{Admin, InodeId, JobKind};

use super::space::Slow;
use super::{BLOCK_BYTES, House, Rig, pattern};
use crate::file::Wish;

/// Segments of 64 blocks.
fn small_segments(is_short: bool) -> MemoryStore {
    let store = MemoryStore::new(MemorySettings { blocks_max: 1 << 24, segment_blocks: 64 });
    store.set_short(is_short);
    store
}

fn slow() -> Slow {
    Slow { inner: small_segments(true), ..Slow::default() }
}

/// A file of 4 MiB of which all but each tenth block was written again: what was written first is nine parts holes.
async fn holey_file<C: Store>(house: &House<C>, name: &str) -> (InodeId, Vec<u8>) {
    let inode = house.create(name).await;
    let mut expected = pattern(1, BYTES);
    house.write(inode, 0, expected.clone()).await;
    house.commit(inode).await.unwrap();
    for block in (0..BYTES / 4096).filter(|block| block % 10 != 0) {
        let bytes = pattern(block as u64, 4096);
        expected[block * 4096..][..4096].copy_from_slice(&bytes);
        house.write(inode, block as u64 * BLOCK_BYTES, bytes).await;
    }
    house.commit(inode).await.unwrap();
    (inode, expected)
}

async fn sparse<C: Store>(chunks: &C) -> BTreeSet<u64> {
    let all = chunks.list(None, usize::MAX).await.unwrap();
    all.into_iter().filter(|of| of.is_sealed && of.is_sparse()).map(|of| of.segment.0).collect()
}

/// Lets time pass and the background work until it has nothing to do, again and again.
async fn wait<C: Store>(house: &House<C>, rounds: u32) {
    for _ in 0..rounds {
        house.clock.advance(Duration::from_secs(1));
        while house.filesystem.background_round().await {}
    }
}

#[test]
fn room_between_few_live_blocks_comes_back() {
    block_on(async {
        let rig = Rig::over(small_segments(true)).with_journal(0);
        let house = rig.open().await;
        let (inode, expected) = holey_file(&house, "file").await;
        let (other, unlike) = holey_file(&house, "other").await;
        house.rest().await;
        let (before, attributes) = (sparse(&rig.chunks).await, house.attributes(inode).await);
        assert!(before.len() >= 30, "{} sparse segments", before.len());
        wait(&house, 60).await;
        assert_eq!(sparse(&rig.chunks).await.len(), 0);
        let figures = house.filesystem.figures().evacuation;
        assert!(figures.segments >= 30 && figures.sparse_segments == 0, "{figures:?}");
        let jobs = house.filesystem.figures().jobs;
        let job = jobs.into_iter().find(|job| job.kind == JobKind::Evacuation).unwrap();
        assert_eq!((job.kind, job.left, job.done), (JobKind::Evacuation, 0, figures.segments));
        // One segment has the end of one file and the beginning of what was written again of it.
        assert!(figures.moved_bytes >= 190 * BLOCK_BYTES, "{figures:?}");
        assert_eq!(rig.chunks.used_blocks(), 2 * BYTES as u64 / BLOCK_BYTES, "the old blocks are free");
        assert_eq!(house.attributes(inode).await, attributes);
        house.filesystem.data.cache.clear();
        assert!(house.read(inode, 0, BYTES).await == expected && house.read(other, 0, BYTES).await == unlike);
        drop(house);
        rig.chunks.power_cut();
        let house = rig.open().await;
        assert!(house.read(inode, 0, BYTES).await == expected && house.read(other, 0, BYTES).await == unlike);
        rig.check().await;
    });
}

#[test]
fn with_plenty_of_room_few_sparse_segments_stay() {
    block_on(async {
        let rig = Rig::over(small_segments(false)).with_journal(0);
        let house = rig.open().await;
        holey_file(&house, "file").await;
        house.rest().await;
        let before = sparse(&rig.chunks).await;
        assert!(!before.is_empty());
        wait(&house, 60).await;
        assert_eq!(sparse(&rig.chunks).await, before);
        assert_eq!(house.filesystem.figures().evacuation.sparse_segments, before.len() as u64);
        for name in 0..5 {
            holey_file(&house, &name.to_string()).await;
        }
        wait(&house, 60).await;
        let left = sparse(&rig.chunks).await.len();
        assert!(left <= 16, "{left} of many are left");
        rig.check().await;
    });
}

#[test]
fn clients_go_first_but_not_for_ever() {
    block_on(async {
        let rig = Rig::over(small_segments(true)).with_journal(0);
        let house = rig.open().await;
        holey_file(&house, "file").await;
        house.clock.advance(Duration::from_secs(20));
        while house.filesystem.release_round().await {}
        assert!(!house.filesystem.evacuate_round().await, "a pass begins");
        let reader = house.filesystem.data.gate.enter();
        for _ in 0..10 {
            assert!(!house.filesystem.evacuate_round().await, "somebody reads");
            house.clock.advance(Duration::from_millis(100));
        }
        assert!(house.filesystem.evacuate_round().await, "a second is enough");
        house.clock.advance(Duration::from_millis(100));
        assert!(!house.filesystem.evacuate_round().await);
        drop(reader);
    });
}

#[test]
fn what_a_snapshot_sees_stays_and_is_not_looked_for_all_the_time() {
    block_on(async {
        let rig = Rig::over(small_segments(true)).with_journal(0);
        let house = rig.open().await;
        holey_file(&house, "file").await;
        house.rest().await;
        house.snapshot("first").await;
        let before = sparse(&rig.chunks).await;
        wait(&house, 200).await;
        assert_eq!(sparse(&rig.chunks).await, before);
        assert_eq!(house.filesystem.figures().evacuation.moved_bytes, 0);
        rig.check().await;
    });
}

#[test]
fn dirty_and_cut_files_are_moved_and_keep_what_clients_wrote() {
    block_on(async {
        let rig = Rig::over(slow()).with_journal(0);
        let house = rig.open().await;
        let mut context = Context::from_waker(Waker::noop());
        for (round, is_cut) in [(0_u64, false), (1, true)] {
            let (inode, mut expected) = holey_file(&house, &format!("file-{round}")).await;
            house.rest().await;
            house.write(inode, 5, vec![3; 9000]).await;
            expected[5..9005].fill(3);
            house.filesystem.data.cache.clear();
            let segments = sparse(&rig.chunks).await;
            rig.chunks.is_sync_held.store(true, Ordering::Release);
            let moved = {
                let mut moving = pin!(house.filesystem.move_part((inode, 0), Wish::Away(&segments)));
                assert!(moving.as_mut().poll(&mut context).is_pending());
                // Block 20 is one of those on their way.
                house.write(inode, 20 * BLOCK_BYTES + 7, vec![4; 10]).await;
                expected[20 * 4096 + 7..][..10].fill(4);
                if is_cut {
                    let mut cut = pin!(house.truncate(inode, 1 << 20));
                    assert!(cut.as_mut().poll(&mut context).is_pending());
                    rig.chunks.is_sync_held.store(false, Ordering::Release);
                    let (moved, _) = futures_util::future::join(moving, cut).await;
                    expected.truncate(1 << 20);
                    moved
                } else {
                    rig.chunks.is_sync_held.store(false, Ordering::Release);
                    moving.await
                }
            };
            assert!(moved.unwrap() >= 100, "dirty blocks elsewhere keep nothing from being moved");
            house.rest().await;
            house.filesystem.data.cache.clear();
            assert!(house.read(inode, 0, BYTES).await == expected, "round {round}");
            rig.check().await;
            house.remove(&format!("file-{round}")).await;
            house.rest().await;
            assert_eq!(rig.chunks.inner.used_blocks(), 0);
        }
    });
}

#[test]
fn a_file_that_is_removed_on_its_way_is_gone_and_so_is_the_copy() {
    block_on(async {
        let rig = Rig::over(slow()).with_journal(0);
        let house = rig.open().await;
        let (inode, _) = holey_file(&house, "file").await;
        house.rest().await;
        let segments = sparse(&rig.chunks).await;
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        let mut moving = pin!(house.filesystem.move_part((inode, 0), Wish::Away(&segments)));
        assert!(moving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut removal = pin!(house.remove("file"));
        assert!(removal.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "it waits for the move");
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        drop(moving.await);
        removal.await;
        house.rest().await;
        assert_eq!(rig.chunks.inner.used_blocks(), 0);
        rig.check().await;
    });
}

#[test]
fn evacuation_writers_and_power_cuts_at_random() {
    for seed in 0..20 {
        block_on(async {
            let mut random = Random::new(seed);
            let chunks = small_segments(true);
            let rig = Rig::over(chunks.clone());
            let (inode, mut expected) = {
                let house = rig.open().await;
                let file = holey_file(&house, "file").await;
                house.rest().await;
                file
            };
            for _ in 0..3 {
                let house = rig.open().await;
                let rounds = random.below(30);
                for _ in 0..rounds {
                    house.clock.advance(Duration::from_millis(random.below(3000)));
                    house.filesystem.background_round().await;
                    let offset = usize::try_from(random.below(BYTES as u64 - 9000)).unwrap();
                    let bytes = pattern(random.bits(), 9000);
                    expected[offset..offset + 9000].copy_from_slice(&bytes);
                    let wrote = house.write_as(inode, (offset as u64, bytes), vfs::Stability::File);
                    let moved = house.filesystem.evacuate_round();
                    let (wrote, _) = futures_util::future::join(wrote, moved).await;
                    wrote.unwrap();
                }
                drop(house);
                chunks.power_cut();
                rig.check().await;
                let house = rig.open().await;
                assert!(house.read(inode, 0, BYTES).await == expected, "seed {seed}");
            }
        });
    }
}

/// The process is gone, and the power with it, at one step of an evacuation after the other.
#[test]
fn a_power_cut_at_any_step_leaves_all_bytes() {
    block_on(async {
        let (mut steps, mut cuts) = (0, 0);
        loop {
            let inner = small_segments(true);
            let rates = FaultRates { delay_percent: 100, delay_polls_max: 2, ..FaultRates::default() };
            let faults = Faults::seeded(steps, FaultRates::default());
            let rig = Rig::over(FaultyStore::new(inner.clone(), faults.clone())).with_journal(0);
            let house = rig.open().await;
            let (inode, expected) = holey_file(&house, "file").await;
            house.rest().await;
            let before = sparse(&inner).await;
            faults.set_rates(rates);
            let is_done = {
                let mut work = pin!(wait(&house, 30));
                let mut context = Context::from_waker(Waker::noop());
                (0..steps).any(|_| work.as_mut().poll(&mut context).is_ready())
            };
            faults.set_rates(FaultRates::default());
            drop(house);
            inner.power_cut();
            rig.check().await;
            let house = rig.open().await;
            assert!(house.read(inode, 0, BYTES).await == expected, "{steps} steps");
            house.rest().await;
            assert_eq!(inner.used_blocks(), BYTES as u64 / BLOCK_BYTES, "{steps} steps");
            if is_done {
                assert!(sparse(&inner).await.len() < before.len() / 4 && cuts > 10, "{cuts} cuts");
                return;
            }
            cuts += 1;
            steps = steps * 3 / 2 + 1;
        }
    });
}

const BYTES: usize = 4 << 20;
