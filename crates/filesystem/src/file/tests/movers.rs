//! Moving blocks changes nothing that a client sees, and ends with files in order.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chunk::{Placement, Store};
use testkit::{Random, block_on};
use vfs::{Admin, InodeId, JobKind};

use super::space::Slow;
use super::{BLOCK_BYTES, House, Rig, pattern};
use crate::cache::Seen;
use crate::file::Wish;

/// A file of 6 MiB of which every third block was written again by itself.
async fn scattered_file<C: Store>(house: &House<C>) -> InodeId {
    let inode = house.create("file").await;
    house.write(inode, 0, pattern(1, BYTES)).await;
    house.commit(inode).await.unwrap();
    for block in (0..BYTES as u64 / BLOCK_BYTES).step_by(3) {
        house.write(inode, block * BLOCK_BYTES, pattern(block, 4096)).await;
    }
    house.commit(inode).await.unwrap();
    house.rest().await;
    inode
}

async fn extents<C: Store>(house: &House<C>, inode: InodeId) -> usize {
    let mut count = 0;
    for index in 0..24 {
        let region = house.filesystem.region((inode, index), &mut Seen::default()).await.unwrap();
        count += region.map_or(0, |region| region.extents.len());
    }
    count
}

#[test]
fn what_is_read_in_order_is_put_in_order_and_looks_the_same() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let (bytes, attributes) = (house.read(inode, 0, BYTES).await, house.attributes(inode).await);
        assert!(extents(&house, inode).await > 500);
        house.filesystem.data.cache.clear();
        for offset in (0..BYTES as u64).step_by(1 << 20) {
            house.read(inode, offset, 1 << 20).await;
        }
        let job = |kind| house.filesystem.figures().jobs.into_iter().find(|job| job.kind == kind).unwrap();
        let found = job(JobKind::Reordering);
        assert!(found.left > 0 && found.is_waiting && found.done == 0, "{found:?}");
        for _ in 0..4 {
            house.clock.advance(Duration::from_secs(1));
            house.filesystem.background_round().await;
        }
        assert!(extents(&house, inode).await <= 24 + 1, "{} extents", extents(&house, inode).await);
        let reordered = job(JobKind::Reordering);
        assert_eq!((reordered.left, reordered.done), (0, found.left));
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), BYTES as u64 / BLOCK_BYTES, "the old blocks are free");
        assert_eq!(house.attributes(inode).await, attributes);
        house.filesystem.data.cache.clear();
        assert!(house.read(inode, 0, BYTES).await == bytes);
        drop(house);
        rig.chunks.power_cut();
        let house = rig.open().await;
        assert!(house.read(inode, 0, BYTES).await == bytes);
        rig.check().await;
    });
}

#[test]
fn nothing_is_moved_while_what_is_scattered_is_being_read() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let before = extents(&house, inode).await;
        for _ in 0..20 {
            house.filesystem.data.cache.clear();
            house.read(inode, 0, 1 << 20).await;
            house.clock.advance(Duration::from_millis(150));
            house.filesystem.background_round().await;
        }
        assert_eq!(extents(&house, inode).await, before);
        house.clock.advance(Duration::from_millis(1100));
        house.filesystem.background_round().await;
        assert!(extents(&house, inode).await < before);
        house.rest().await;
        rig.check().await;
    });
}

#[test]
fn what_a_snapshot_sees_and_what_is_being_written_stays_where_it_is() {
    block_on(async {
        let rig = Rig::over(Slow::default());
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        house.write(inode, 5, vec![1]).await;
        assert!(house.filesystem.move_part((inode, 0), Wish::InOrder).await.unwrap() == 0, "it is dirty");
        house.commit(inode).await.unwrap();
        let before = extents(&house, inode).await;
        house.snapshot("first").await;
        house.filesystem.data.cache.clear();
        rig.chunks.is_held.store(true, Ordering::Release);
        let moving =
            pin!(house.filesystem.move_part((inode, 0), Wish::InOrder)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(moving, Poll::Ready(Ok(0))), "a snapshot sees it, so nothing is read");
        rig.chunks.is_held.store(false, Ordering::Release);
        assert_eq!(extents(&house, inode).await, before);
        house.rest().await;
        rig.check().await;
    });
}

#[test]
fn damage_is_not_moved() {
    block_on(async {
        let rig = Rig::over(Slow::default());
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let region = house.filesystem.region((inode, 0), &mut Seen::default()).await.unwrap().unwrap();
        house.filesystem.data.cache.clear();
        rig.chunks.is_damaged.store(true, Ordering::Release);
        assert!(house.filesystem.move_part((inode, 0), Wish::InOrder).await.is_err());
        let same = house.filesystem.region((inode, 0), &mut Seen::default()).await.unwrap().unwrap();
        assert_eq!(region, same);
    });
}

#[test]
fn a_move_changes_no_checksum() {
    block_on(async {
        let mut rig = Rig::new();
        // What is planted below must not be evicted.
        rig.settings.memory_bytes = 64 << 20;
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let region = house.filesystem.region((inode, 1), &mut Seen::default()).await.unwrap().unwrap();
        house.filesystem.data.cache.clear();
        let wrong = Placement::from_raw(region.extents[3].placement);
        house.filesystem.data.cache.put(wrong, vec![9; 4096].into());
        assert!(house.filesystem.move_part((inode, 0), Wish::InOrder).await.unwrap() == 0);
        let same = house.filesystem.region((inode, 1), &mut Seen::default()).await.unwrap().unwrap();
        assert_eq!(region, same);
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), BYTES as u64 / BLOCK_BYTES, "the copies are given back");
        rig.check().await;
    });
}

#[test]
fn a_write_in_the_middle_of_a_move_stays_and_a_reload_names_nothing() {
    block_on(async {
        let rig = Rig::over(Slow::default()).with_journal(0);
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let mut expected = house.read(inode, 0, BYTES).await;
        let mut context = Context::from_waker(Waker::noop());
        for reloads in [false, true] {
            rig.chunks.is_sync_held.store(true, Ordering::Release);
            let mut moving = pin!(house.filesystem.move_part((inode, 0), Wish::InOrder));
            assert!(moving.as_mut().poll(&mut context).is_pending());
            if reloads {
                house.filesystem.reload().await.unwrap();
            } else {
                house.write(inode, 7000, vec![7; 5000]).await;
                expected[7000..12_000].fill(7);
            }
            rig.chunks.is_sync_held.store(false, Ordering::Release);
            assert_eq!(moving.await.is_ok(), !reloads);
            house.rest().await;
            assert!(house.read(inode, 0, BYTES).await == expected);
            assert_eq!(rig.chunks.inner.used_blocks(), BYTES as u64 / BLOCK_BYTES);
            rig.check().await;
            house.filesystem.data.cache.clear();
            house.write(inode, 9000, vec![7; 100]).await;
            house.commit(inode).await.unwrap();
        }
    });
}

#[test]
fn movers_and_writers_at_random() {
    block_on(async {
        let mut random = Random::new(5);
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = scattered_file(&house).await;
        let mut expected = house.read(inode, 0, BYTES).await;
        let mut moves = 0;
        for _ in 0..80 {
            let offset = usize::try_from(random.below(BYTES as u64 - 70_000)).unwrap();
            let bytes = pattern(random.bits(), 1 + usize::try_from(random.below(60_000)).unwrap());
            expected[offset..offset + bytes.len()].copy_from_slice(&bytes);
            let moved = house.filesystem.move_part((inode, random.below(2)), Wish::InOrder);
            let wrote = house.write(inode, offset as u64, bytes);
            let (moved, ()) = futures_util::future::join(moved, wrote).await;
            moves += u32::from(moved.unwrap() > 0);
            if random.chance(40) {
                house.commit(inode).await.unwrap();
            }
            if random.chance(10) {
                house.filesystem.data.cache.clear();
                assert!(house.read(inode, 0, BYTES).await == expected);
            }
        }
        assert!(moves > 5, "{moves} moves");
        house.rest().await;
        house.filesystem.data.cache.clear();
        assert!(house.read(inode, 0, BYTES).await == expected);
        assert_eq!(rig.chunks.used_blocks(), BYTES as u64 / BLOCK_BYTES);
        rig.check().await;
    });
}

const BYTES: usize = 6 << 20;
