//! Everything of the house that has to do with bytes rather than names.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use vfs::{InodeId, ShardId};

use super::ahead::ReadAhead;
use super::journal::JournalTable;
use super::{BLOCK_BYTES, ReadGate, ScatteredParts};
use crate::Settings;
use crate::cache::BlockCache;
use crate::gc::{IntentQueue, ReleaseQueue};

/// The block store with its cache, what is dirty, and what waits to be given back.
#[derive(Debug)]
pub(crate) struct DataPlane<C> {
    /// The store; what is read ahead may outlast the file system.
    pub(crate) chunks: Arc<C>,
    /// Clean blocks.
    pub(crate) cache: BlockCache,
    /// What is read before it is asked for.
    pub(crate) ahead: ReadAhead,
    /// Who reads.
    pub(crate) gate: ReadGate,
    /// How much is dirty.
    pub(crate) dirty: DirtyBytes,
    /// What of it stands in the journal.
    pub(crate) journal: JournalTable,
    /// Released blocks that are not free yet.
    pub(crate) releases: ReleaseQueue,
    /// Work that was promised.
    pub(crate) intents: IntentQueue,
    /// What is to be put in order.
    pub(crate) scattered: ScatteredParts,
    /// How often unstable data was dropped: part of the write verifier.
    pub(crate) drops: AtomicU64,
    /// Syncs of the store that failed: what was placed before may be lost, whoever placed it.
    pub(crate) failed_syncs: AtomicU64,
    /// Blocks found that did not match their checksum.
    pub(crate) damaged: AtomicU64,
    /// When space records were folded last, on the monotonic clock.
    pub(crate) folded: Mutex<Option<Duration>>,
    /// When the store was last asked to give back what it keeps.
    pub(crate) given_back: Mutex<Option<Duration>>,
    /// Dirty files with the time they became so, oldest first; each at most once.
    queue: Mutex<VecDeque<(InodeId, Duration)>>,
    /// Files of which much is dirty; each at most once.
    large: Mutex<VecDeque<InodeId>>,
    /// Told when there is something to write back now.
    write_back: Notify,
}

/// Bytes of dirty blocks, reserved ones included.
#[derive(Debug)]
pub(crate) struct DirtyBytes {
    used: AtomicU64,
    max: u64,
    /// What shards use of it; those with the same place share it.
    shares: [AtomicU64; SHARES],
    /// Told whenever room is given back.
    freed: Notify,
}

/// Room for blocks that are about to become dirty; what was not kept is given back when dropped.
#[derive(Debug)]
pub(crate) struct DirtyRoom<'d> {
    dirty: &'d DirtyBytes,
    shard: ShardId,
    bytes: u64,
}

impl<C: chunk::Store> DataPlane<C> {
    /// Over a store, with nothing in memory.
    pub(crate) fn new(chunks: C, settings: &Settings) -> Self {
        Self {
            chunks: Arc::new(chunks),
            cache: BlockCache::new(settings.block_cache_bytes()),
            ahead: ReadAhead::new(settings.block_cache_bytes()),
            gate: ReadGate::default(),
            dirty: DirtyBytes::new(settings.dirty_bytes_max()),
            journal: JournalTable::default(),
            releases: ReleaseQueue::default(),
            intents: IntentQueue::default(),
            scattered: ScatteredParts::default(),
            drops: AtomicU64::new(0),
            failed_syncs: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            folded: Mutex::new(None),
            given_back: Mutex::new(None),
            queue: Mutex::new(VecDeque::new()),
            large: Mutex::new(VecDeque::new()),
            write_back: Notify::new(),
        }
    }

    /// A file has become dirty.
    pub(crate) fn queue_file(&self, inode: InodeId, since: Duration) {
        self.queue().push_back((inode, since));
    }

    /// Takes the oldest dirty file off the queue if it has been dirty since this time or longer.
    pub(crate) fn next_file(&self, since: Duration) -> Option<InodeId> {
        self.queue().pop_front_if(|(_, queued)| *queued <= since).map(|(inode, _)| inode)
    }

    /// How many files are queued.
    pub(crate) fn queued_files(&self) -> usize {
        self.queue().len()
    }

    /// Much of a file has become dirty: writing it back begins now.
    pub(crate) fn queue_large(&self, inode: InodeId) {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).push_back(inode);
        self.write_back.notify_one();
    }

    /// Takes a file off the queue of those of which much is dirty.
    pub(crate) fn next_large(&self) -> Option<InodeId> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Lets whoever writes back begin.
    pub(crate) fn hurry(&self) {
        self.write_back.notify_one();
    }

    /// Waits until there is something to write back at once.
    pub(crate) async fn is_hurried(&self) {
        self.write_back.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(InodeId, Duration)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DirtyBytes {
    fn new(max: u64) -> Self {
        Self { used: AtomicU64::new(0), max, shares: [const { AtomicU64::new(0) }; SHARES], freed: Notify::new() }
    }

    /// Bytes used now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How many there may be.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// Whether more than this part of the bound is used.
    pub(crate) fn is_above(&self, numerator: u64, denominator: u64) -> bool {
        self.used() > self.max / denominator * numerator
    }

    /// Takes room for blocks of a shard; `None` when the bound, or three quarters of it by this shard, is reached. The
    /// first always fit.
    pub(crate) fn take(&self, shard: ShardId, blocks: u64) -> Option<DirtyRoom<'_>> {
        let bytes = blocks * BLOCK_BYTES;
        add(self.share(shard), bytes, self.share_max()).then_some(())?;
        if !add(&self.used, bytes, self.max) {
            self.share(shard).fetch_sub(bytes, Ordering::Relaxed);
            return None;
        }
        Some(DirtyRoom { dirty: self, shard, bytes })
    }

    /// Waits until there may be room for blocks of a shard.
    pub(crate) async fn room(&self, shard: ShardId, blocks: u64) {
        let bytes = blocks * BLOCK_BYTES;
        let mut freed = pin!(self.freed.notified());
        // Before the look, so that what is given back after it is heard of.
        freed.as_mut().enable();
        let share = self.share(shard).load(Ordering::Relaxed);
        if sum(self.used(), bytes, self.max).is_none() || sum(share, bytes, self.share_max()).is_none() {
            freed.await;
        }
    }

    /// Blocks are dirty, whether there is room or not.
    pub(crate) fn take_anyway(&self, shard: ShardId, blocks: usize) {
        let bytes = blocks as u64 * BLOCK_BYTES;
        self.share(shard).fetch_add(bytes, Ordering::Relaxed);
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Blocks are no longer dirty.
    pub(crate) fn give_back(&self, shard: ShardId, blocks: usize) {
        self.subtract(shard, blocks as u64 * BLOCK_BYTES);
    }

    fn share(&self, shard: ShardId) -> &AtomicU64 {
        #[expect(clippy::indexing_slicing, reason = "below SHARES")]
        &self.shares[shard.0 as usize % SHARES]
    }

    fn share_max(&self) -> u64 {
        self.max - self.max / 4
    }

    fn subtract(&self, shard: ShardId, bytes: u64) {
        if bytes > 0 {
            self.share(shard).fetch_sub(bytes, Ordering::Relaxed);
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.freed.notify_waiters();
        }
    }
}

/// Adds to a counter, if it stays within its bound.
fn add(counter: &AtomicU64, bytes: u64, max: u64) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| sum(used, bytes, max)).is_ok()
}

/// The sum, if it is within the bound; the first bytes always are.
fn sum(used: u64, bytes: u64, max: u64) -> Option<u64> {
    (used == 0 || used + bytes <= max).then_some(used + bytes)
}

impl DirtyRoom<'_> {
    /// Blocks have become dirty: their room stays taken until they are not.
    pub(crate) fn keep(&mut self, blocks: usize) {
        self.bytes = self.bytes.saturating_sub(blocks as u64 * BLOCK_BYTES);
    }
}

impl Drop for DirtyRoom<'_> {
    fn drop(&mut self) {
        self.dirty.subtract(self.shard, self.bytes);
    }
}

/// Shards beyond so many share the counts of others.
const SHARES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shard_cannot_take_all_room() {
        let dirty = DirtyBytes::new(16 * BLOCK_BYTES);
        let (greedy, modest) = (ShardId(1), ShardId(2));
        let mut rooms: Vec<_> = std::iter::from_fn(|| dirty.take(greedy, 1)).collect();
        assert_eq!(rooms.len(), 12);
        rooms.extend(dirty.take(modest, 4));
        assert_eq!(rooms.len(), 13, "the rest is for others");
        assert!(dirty.take(modest, 1).is_none(), "all is taken");
        rooms.truncate(11);
        assert!(dirty.take(greedy, 2).is_none() && dirty.take(greedy, 1).is_some());
        rooms.clear();
        assert!(dirty.take(modest, 99).is_some(), "the first always fits");
        assert_eq!(dirty.used(), 0);
    }
}
