//! Running out of space, and getting it back.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};

use chunk::{
    Capacity, ChunkError, LiveSegment, MemoryStore, Owner, Placed, Placement, SegmentId, SegmentSummary, Store,
};
use pages::{BLOCK_SIZE, Payload};
use testkit::block_on;
use vfs::{FsError, Stability};

use super::{BLOCK_BYTES, Rig, pattern};
use crate::Settings;

#[test]
fn a_full_store_refuses_writes_but_never_a_commit() {
    block_on(async {
        let mut rig = Rig::new();
        rig.settings = Settings { memory_bytes: 4 << 20, ballast_bytes: 16 * BLOCK_BYTES, ..Settings::default() };
        rig.chunks.set_blocks_max(200);
        let house = rig.open().await;
        let inode = house.create("file").await;
        let mut written = 0;
        let refused = loop {
            match house.write_as(inode, (written * BLOCK_BYTES, vec![1; 4096]), Stability::Unstable).await {
                Ok(_) => written += 1,
                Err(failure) => break failure,
            }
        };
        assert_eq!((refused.error, written), (FsError::NoSpace, 184));
        house.commit(inode).await.unwrap();
        house.write_as(inode, (0, vec![2; 4096]), Stability::File).await.unwrap_err();
        house.truncate(inode, 100 * BLOCK_BYTES + 7).await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 101);
        house.write_as(inode, (0, vec![2; 4096]), Stability::File).await.unwrap();
        house.remove("file").await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 0);
        rig.check().await;
    });
}

#[test]
fn writers_flush_when_too_much_is_dirty() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        for name in 0..64 {
            let inode = house.create(&name.to_string()).await;
            house.write(inode, 0, vec![1; 256 << 10]).await;
            assert!(house.filesystem.data.dirty.used() <= rig.settings.dirty_bytes_max());
        }
        house.filesystem.flush_all().await.unwrap();
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        assert_eq!(rig.chunks.used_blocks(), 64 * 64);
        rig.check().await;
    });
}

#[test]
fn blocks_are_not_freed_under_a_reader() {
    block_on(async {
        let slow = Slow::default();
        let rig = Rig::over(slow.clone());
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 1 << 20)).await;
        house.commit(inode).await.unwrap();
        slow.is_held.store(true, Ordering::Release);
        let mut read: Pin<&mut _> = pin!(house.read(inode, 0, 1 << 20));
        assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        house.write(inode, 0, pattern(2, 1 << 20)).await;
        house.commit(inode).await.unwrap();
        house.rest().await;
        assert_eq!(slow.inner.used_blocks(), 512, "the old blocks are still there");
        slow.is_held.store(false, Ordering::Release);
        assert_eq!(read.await, pattern(1, 1 << 20));
        house.rest().await;
        assert_eq!(slow.inner.used_blocks(), 256);
        assert_eq!(house.read(inode, 0, 1 << 20).await, pattern(2, 1 << 20));
    });
}

#[test]
fn damage_is_an_error_and_never_data() {
    block_on(async {
        let slow = Slow::default();
        let rig = Rig::over(slow.clone());
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write(inode, 0, pattern(1, 1 << 20)).await;
        house.commit(inode).await.unwrap();
        slow.is_damaged.store(true, Ordering::Release);
        assert_eq!(house.try_read(inode, 5_000, 100).await, Err(FsError::Io));
        let part = house.write_as(inode, (5_000, vec![1]), Stability::Unstable).await;
        assert_eq!(part.unwrap_err().error, FsError::Io, "nothing is merged into damage");
        house.write(inode, 4096, vec![3; 4096]).await;
        assert_eq!(house.read(inode, 5_000, 100).await, vec![3; 100], "what is overwritten whole is well again");
        assert!(house.filesystem.data.damaged.load(Ordering::Relaxed) >= 2);
        slow.is_damaged.store(false, Ordering::Release);
        assert_eq!(house.read(inode, 9_000, 100).await, pattern(1, 1 << 20)[9_000..9_100]);
    });
}

/// A store whose calls can be held up, whose reads can come back damaged, and whose syncs can fail.
#[derive(Clone, Debug, Default)]
pub(super) struct Slow {
    pub(super) inner: MemoryStore,
    pub(super) is_held: Arc<AtomicBool>,
    pub(super) is_damaged: Arc<AtomicBool>,
    pub(super) is_free_held: Arc<AtomicBool>,
    pub(super) is_sync_held: Arc<AtomicBool>,
    pub(super) is_sync_broken: Arc<AtomicBool>,
    /// So many syncs are let through though they are held.
    pub(super) syncs_let_through: Arc<AtomicU64>,
}

impl Store for Slow {
    async fn place(&self, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
        self.inner.place(owner, blocks).await
    }

    async fn read(&self, placement: Placement, blocks: u32) -> Result<Payload, ChunkError> {
        while self.is_held.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        let found = self.inner.read(placement, blocks).await?;
        if !self.is_damaged.load(Ordering::Acquire) {
            return Ok(found);
        }
        let mut bytes = found.to_bytes().to_vec();
        bytes.iter_mut().step_by(BLOCK_SIZE).for_each(|byte| *byte ^= 1);
        Ok(bytes.into())
    }

    async fn free(&self, placement: Placement, blocks: u32) -> Result<(), ChunkError> {
        while self.is_free_held.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        self.inner.free(placement, blocks).await
    }

    async fn sync(&self) -> Result<(), ChunkError> {
        let let_through = || {
            let less = |count: u64| count.checked_sub(1);
            self.syncs_let_through.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
        };
        while self.is_sync_held.load(Ordering::Acquire) && !let_through() {
            tokio::task::yield_now().await;
        }
        if self.is_sync_broken.load(Ordering::Acquire) {
            return Err(ChunkError::Io("broken".to_owned()));
        }
        self.inner.sync().await
    }

    async fn list(&self, after: Option<SegmentId>, limit: usize) -> Result<Vec<SegmentSummary>, ChunkError> {
        self.inner.list(after, limit).await
    }

    async fn recover(&self, live: Vec<LiveSegment>, next_segment: SegmentId) -> Result<(), ChunkError> {
        self.inner.recover(live, next_segment).await
    }

    fn has_plenty(&self) -> bool {
        self.inner.has_plenty()
    }

    fn capacity(&self) -> Result<Capacity, ChunkError> {
        self.inner.capacity()
    }
}

#[test]
fn who_waits_for_room_goes_on_after_a_part_of_a_flush() {
    block_on(async {
        let mut rig = Rig::over(Slow::default());
        // A quarter of it for dirty data, and three quarters of that for one shard.
        rig.settings.memory_bytes = 128 << 20;
        let house = rig.open().await;
        let (large, small) = (house.create("large").await, house.create("small").await);
        for part in 0..3 {
            house.write(large, part << 23, vec![1; 8 << 20]).await;
        }
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        let mut commit = pin!(house.commit(large));
        let mut write = pin!(house.write(small, 0, vec![2; 4096]));
        let mut context = Context::from_waker(Waker::noop());
        assert!(commit.as_mut().poll(&mut context).is_pending());
        assert!(write.as_mut().poll(&mut context).is_pending(), "there is no room");
        rig.chunks.syncs_let_through.store(1, Ordering::Release);
        while rig.chunks.syncs_let_through.load(Ordering::Acquire) > 0 {
            assert!(commit.as_mut().poll(&mut context).is_pending());
        }
        (0..9).for_each(|_| assert!(commit.as_mut().poll(&mut context).is_pending(), "the second part is not synced"));
        assert!(write.as_mut().poll(&mut context).is_ready(), "a part is enough");
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        commit.await.unwrap();
        assert_eq!(house.read(large, (24 << 20) - 5, 9).await, [1; 5]);
    });
}
