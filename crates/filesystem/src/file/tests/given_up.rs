//! Requests that are given up half-way, and reloads in the middle of one.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use meta::records::Intent;
use testkit::block_on;
use testkit::faulty::{FaultRates, Faults, FaultyEngine};
use vfs::{Admin, FsError, InodeId, JobKind, SetAttributes, SetattrRequest, ShardId, Via};

use super::space::Slow;
use super::{BLOCK_BYTES, House, Rig, pattern};

#[test]
fn a_flush_in_flight_over_a_reload_names_nothing() {
    block_on(async {
        let (rig, house, inode) = stable_file().await;
        house.write(inode, 0, pattern(2, 100_000)).await;
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        let mut commit = pin!(house.commit(inode));
        assert!(poll_once(commit.as_mut()).is_pending());
        house.filesystem.reload().await.unwrap();
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        assert_eq!(commit.await, Err(FsError::Io));
        expect_unchanged(&rig, &house, inode).await;
    });
}

#[test]
fn a_cut_in_flight_over_a_reload_cuts_nothing() {
    block_on(async {
        let (rig, house, inode) = stable_file().await;
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        let attributes = SetAttributes { size: Some(50_000), ..SetAttributes::default() };
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        let mut cut = pin!(vfs::AttributeIo::setattr(&house.filesystem, &house.ctx, request));
        assert!(poll_once(cut.as_mut()).is_pending());
        house.filesystem.reload().await.unwrap();
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        assert_eq!(cut.await.unwrap_err().error, FsError::Io);
        expect_unchanged(&rig, &house, inode).await;
    });
}

#[test]
fn a_list_of_regions_from_before_a_reload_is_not_used() {
    block_on(async {
        let faults = Faults::seeded(1, FaultRates::default());
        let mut rig = Rig::new();
        rig.engine = FaultyEngine::new(kv::MemoryEngine::new(), faults.clone());
        let house = rig.open().await;
        let inode = house.create("file").await;
        let file = house.filesystem.files.state(inode);
        faults.set_rates(FaultRates { delay_percent: 100, delay_polls_max: 50, ..FaultRates::default() });
        let mut change = pin!(house.filesystem.change_file(
            (inode, &file),
            |turn, _| turn.region_list(inode, 0).map(<[u64]>::len),
            |_, _| (),
        ));
        assert!(poll_once(change.as_mut()).is_pending());
        faults.set_rates(FaultRates::default());
        house.filesystem.reload().await.unwrap();
        assert_eq!(change.await.unwrap_err().error, FsError::Io);
    });
}

#[test]
fn what_is_left_of_giving_back_is_given_back_later() {
    block_on(async {
        let rig = Rig::over(Slow::default()).with_journal(0);
        let house = rig.open().await;
        let inode = house.create("file").await;
        for extent in 0..10 {
            house.write(inode, extent * 2 * BLOCK_BYTES, vec![1; 4096]).await;
        }
        rig.chunks.is_sync_broken.store(true, Ordering::Release);
        rig.chunks.is_free_held.store(true, Ordering::Release);
        assert!(poll_once(pin!(house.commit(inode))).is_pending());
        rig.chunks.is_sync_broken.store(false, Ordering::Release);
        rig.chunks.is_free_held.store(false, Ordering::Release);
        house.filesystem.release_round().await;
        assert_eq!(rig.chunks.inner.used_blocks(), 0);
        house.commit(inode).await.unwrap();
        assert_eq!(rig.chunks.inner.used_blocks(), 10);
    });
}

#[test]
fn what_is_left_of_a_release_is_freed_later() {
    block_on(async {
        let (rig, house, inode) = stable_file().await;
        house.write(inode, 5 * BLOCK_BYTES, vec![1; 4096]).await;
        house.commit(inode).await.unwrap();
        house.remove("file").await;
        rig.chunks.is_free_held.store(true, Ordering::Release);
        assert!(poll_once(pin!(house.filesystem.release_round())).is_pending());
        rig.chunks.is_free_held.store(false, Ordering::Release);
        house.rest().await;
        assert_eq!(rig.chunks.inner.used_blocks(), 0);
        rig.check().await;
    });
}

#[test]
fn a_file_whose_flush_is_given_up_is_flushed_later() {
    block_on(async {
        let (rig, house, inode) = stable_file().await;
        house.write(inode, 0, pattern(2, 100_000)).await;
        house.clock.advance(Duration::from_secs(10));
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        assert!(poll_once(pin!(house.filesystem.flush_oldest(std::future::pending()))).is_pending());
        house.clock.advance(Duration::from_secs(10));
        assert!(poll_once(pin!(house.filesystem.background_round())).is_pending());
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        house.rest().await;
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        assert_eq!(house.read(inode, 0, 100_000).await, pattern(2, 100_000));
        rig.check().await;
    });
}

#[test]
fn intents_that_fail_neither_spin_nor_hold_up_others() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file").await;
        super::huge::scatter(&house, file, 4_000).await;
        house.remove("file").await;
        let intents = &house.filesystem.data.intents;
        intents.clear();
        // Of a shard that is not here: each page fails.
        for number in 0..100 {
            let inode = InodeId { shard: ELSEWHERE, number: vfs::InodeNumber(number), ..InodeId::default() };
            intents.add((ELSEWHERE, number), Intent::Remove { inode });
        }
        assert!(!house.filesystem.intents_round().await, "nothing could be done");
        intents.add((ELSEWHERE, 100), Intent::Remove { inode: file });
        for _ in 0..8 {
            house.filesystem.background_round().await;
        }
        assert_eq!(rig.chunks.used_blocks(), 0);
        let job = *house.filesystem.figures().jobs.first().unwrap();
        assert_eq!((job.kind, job.left, job.done), (JobKind::Removal, 100, 1));
    });
}

/// A shard that the store does not have.
const ELSEWHERE: ShardId = ShardId(77);

/// A file with 100 000 stable bytes.
async fn stable_file() -> (Rig<Slow>, House<Slow>, InodeId) {
    let rig = Rig::over(Slow::default());
    let house = rig.open().await;
    let inode = house.create("file").await;
    house.write(inode, 0, pattern(1, 100_000)).await;
    house.commit(inode).await.unwrap();
    (rig, house, inode)
}

async fn expect_unchanged(rig: &Rig<Slow>, house: &House<Slow>, inode: InodeId) {
    assert_eq!(house.read(inode, 0, 200_000).await, pattern(1, 100_000));
    house.rest().await;
    assert_eq!(rig.chunks.inner.used_blocks(), 25, "what was placed is given back");
    rig.check().await;
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
