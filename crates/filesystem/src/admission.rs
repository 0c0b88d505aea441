//! Space is decided before anything is promised, so that nothing that was promised fails for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chunk::Capacity;
use vfs::{Failure, FsError, InodeId, OpContext};

use crate::Filesystem;
use crate::file::DirtyRoom;

/// Room in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Size of the store.
    pub(crate) total_bytes: u64,
    /// Bytes that are free.
    pub(crate) free_bytes: u64,
    /// Bytes of these that are neither kept free nor promised to dirty blocks.
    pub(crate) available_bytes: u64,
}

/// What the store said last of its room.
#[derive(Debug, Default)]
pub(crate) struct KnownRoom(Mutex<Option<Reading>>);

#[derive(Clone, Copy, Debug)]
struct Reading {
    capacity: Capacity,
    /// What the store had taken by then.
    taken_bytes: u64,
    /// When, on the monotonic clock.
    at: Duration,
}

impl KnownRoom {
    fn lock(&self) -> MutexGuard<'_, Option<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// How much room there is now.
    ///
    /// Errors: `Io`.
    pub(crate) fn room(&self) -> Result<Room, FsError> {
        let capacity = self.known_capacity()?;
        let taken = self.kept_free().saturating_add(self.data.dirty.used());
        Ok(Room {
            total_bytes: capacity.total_bytes,
            free_bytes: capacity.free_bytes,
            available_bytes: capacity.free_bytes.saturating_sub(taken),
        })
    }

    /// What the store says, at most [`READING_AGE_MAX`] old and less by all that it has taken since; only while there is
    /// plenty: near the end of the room it is asked each time.
    fn known_capacity(&self) -> Result<Capacity, FsError> {
        let Some(taken_bytes) = self.data.chunks.taken_bytes() else { return self.capacity() };
        let now = self.clock.monotonic();
        let reading = *self.room.lock();
        if let Some(known) = reading.filter(|reading| now < reading.at + READING_AGE_MAX) {
            let since = taken_bytes.saturating_sub(known.taken_bytes);
            let free_bytes = known.capacity.free_bytes.saturating_sub(since);
            let promised = self.kept_free().saturating_add(self.data.dirty.used());
            if free_bytes.saturating_sub(promised) >= PLENTY_BYTES {
                return Ok(Capacity { free_bytes, ..known.capacity });
            }
        }
        // The count was read before the file system is asked, so nothing is missed between both.
        let capacity = self.capacity()?;
        *self.room.lock() = Some(Reading { capacity, taken_bytes, at: now });
        Ok(capacity)
    }

    fn capacity(&self) -> Result<Capacity, FsError> {
        self.data.chunks.capacity().map_err(|error| {
            tracing::error!(%error, "the data store does not say how much room it has");
            FsError::Io
        })
    }

    /// Whether something new may be made.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) fn admit_growth(&self, _ctx: &OpContext) -> Result<(), Failure> {
        if self.room()?.available_bytes == 0 { Err(FsError::NoSpace.into()) } else { Ok(()) }
    }

    /// Whether something may be removed, which takes a little room too: half of what is kept free is for that.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) fn admit_release(&self) -> Result<(), Failure> {
        if self.room()?.free_bytes < self.kept_free() / 2 { Err(FsError::NoSpace.into()) } else { Ok(()) }
    }

    /// Takes room for blocks of a file that are about to become dirty, in memory and in the store. A writer that finds
    /// none waits for others to give some back, or flushes a part: of its own file, or else of the oldest dirty one.
    ///
    /// Errors: `NoSpace`, `Io`, `Delay` (others keep taking what is given back).
    pub(crate) async fn admit_write(&self, inode: InodeId, blocks: u64) -> Result<DirtyRoom<'_>, Failure> {
        let mut has_tried = false;
        for _ in 0..ADMISSIONS_MAX {
            let Some(taken) = self.data.dirty.take(inode.shard, blocks) else {
                Box::pin(self.relieve(inode, blocks)).await?;
                continue;
            };
            // What was just taken is counted as promised already.
            if self.has_room()? {
                return Ok(taken);
            }
            drop(taken);
            if std::mem::replace(&mut has_tried, true) {
                return Err(FsError::NoSpace.into());
            }
            self.settle(Box::pin(self.flush(inode)).await?).await?;
            self.release_all().await;
        }
        Err(FsError::Delay.into())
    }

    fn has_room(&self) -> Result<bool, FsError> {
        let room = self.room()?;
        Ok(room.free_bytes >= self.kept_free().saturating_add(self.data.dirty.used()))
    }

    /// Bytes of the store that stay free: for removals, and for the engine below to go on.
    fn kept_free(&self) -> u64 {
        self.settings.ballast_bytes.saturating_add(self.meta.engine().reserve_bytes())
    }
}

/// Times a writer makes room for itself.
const ADMISSIONS_MAX: usize = 1024;
/// How old a reading of the room may be: others may live on the same disk.
const READING_AGE_MAX: Duration = Duration::from_millis(100);
/// With less than this beyond what is kept free and promised, the store is asked each time: more than others, or the
/// metadata engine, take of a disk within the age of a reading.
const PLENTY_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use chunk::{ChunkError, LiveSegment, MemoryStore, Owner, Placed, Placement, SegmentId, SegmentSummary, Store};
    use kv::MemoryEngine;
    use pages::Payload;
    use testkit::{ManualClock, block_on};

    use super::*;
    use crate::{Parts, Settings};

    /// A store that says what the test wants, and counts how often it is asked.
    #[derive(Clone, Default)]
    struct Said {
        inner: MemoryStore,
        free_bytes: Arc<AtomicU64>,
        taken_bytes: Arc<AtomicU64>,
        asked: Arc<AtomicU64>,
    }

    impl Store for Said {
        async fn place(&self, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
            self.inner.place(owner, blocks).await
        }

        async fn read(&self, placement: Placement, blocks: u32) -> Result<Payload, ChunkError> {
            self.inner.read(placement, blocks).await
        }

        async fn free(&self, placement: Placement, blocks: u32) -> Result<(), ChunkError> {
            self.inner.free(placement, blocks).await
        }

        async fn sync(&self) -> Result<(), ChunkError> {
            self.inner.sync().await
        }

        async fn list(&self, after: Option<SegmentId>, limit: usize) -> Result<Vec<SegmentSummary>, ChunkError> {
            self.inner.list(after, limit).await
        }

        async fn recover(&self, live: Vec<LiveSegment>, next: SegmentId) -> Result<(), ChunkError> {
            self.inner.recover(live, next).await
        }

        fn capacity(&self) -> Result<Capacity, ChunkError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Ok(Capacity { total_bytes: 1 << 40, free_bytes: self.free_bytes.load(Ordering::Relaxed) })
        }

        fn taken_bytes(&self) -> Option<u64> {
            Some(self.taken_bytes.load(Ordering::Relaxed))
        }
    }

    struct Rig {
        house: Filesystem<MemoryEngine, Said>,
        store: Said,
        clock: Arc<ManualClock>,
    }

    const KEPT: u64 = 1 << 20;

    impl Rig {
        fn new(free_bytes: u64) -> Self {
            let (store, clock) = (Said::default(), Arc::new(ManualClock::standing()));
            store.free_bytes.store(free_bytes, Ordering::Relaxed);
            let settings = Settings { memory_bytes: 4 << 20, ballast_bytes: KEPT, ..Settings::default() };
            let engine = MemoryEngine::default();
            let (chunks, shown) = (store.clone(), Arc::clone(&clock) as Arc<dyn vfs::Clock>);
            let parts = Parts { engine, chunks, clock: shown, settings, seed: [3; 64] };
            Self { house: block_on(Filesystem::open(parts)).unwrap(), store, clock }
        }

        /// Room, and how often the store was asked for it.
        fn room(&self) -> (u64, u64) {
            let before = self.store.asked.load(Ordering::Relaxed);
            let room = self.house.room().unwrap();
            (room.available_bytes, self.store.asked.load(Ordering::Relaxed) - before)
        }
    }

    #[test]
    fn with_plenty_of_room_the_store_is_asked_once_in_a_while() {
        let rig = Rig::new(KEPT + 4 * PLENTY_BYTES);
        assert_eq!(rig.room(), (4 * PLENTY_BYTES, 1));
        rig.store.free_bytes.store(KEPT + 3 * PLENTY_BYTES, Ordering::Relaxed);
        assert_eq!(rig.room(), (4 * PLENTY_BYTES, 0));
        rig.clock.advance(READING_AGE_MAX);
        assert_eq!(rig.room(), (3 * PLENTY_BYTES, 1));
    }

    #[test]
    fn what_the_store_takes_counts_at_once() {
        let rig = Rig::new(KEPT + 4 * PLENTY_BYTES);
        rig.room();
        rig.store.taken_bytes.store(PLENTY_BYTES + 5, Ordering::Relaxed);
        assert_eq!(rig.room(), (3 * PLENTY_BYTES - 5, 0));
        // Less than plenty is left by this reckoning: better ask.
        rig.store.taken_bytes.store(3 * PLENTY_BYTES + 1, Ordering::Relaxed);
        assert_eq!(rig.room(), (4 * PLENTY_BYTES, 1));
    }

    #[test]
    fn near_the_end_of_the_room_the_store_is_asked_each_time() {
        let rig = Rig::new(KEPT + PLENTY_BYTES - 1);
        for _ in 0..3 {
            assert_eq!(rig.room(), (PLENTY_BYTES - 1, 1));
        }
        rig.store.free_bytes.store(KEPT, Ordering::Relaxed);
        assert_eq!(rig.room(), (0, 1), "the last byte is seen at once");
    }
}
