//! How much is dirty, and how much of it each shard may have.
//!
//! An access zone is a shard. Each may use three times what is left for all: one alone comes to three quarters of the
//! room, two to three sevenths each, `n` to `3 / (3n + 1)`; so there is some for whoever comes next.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use vfs::ShardId;

use super::BLOCK_BYTES;
use crate::cache::Seeded;

/// Bytes of dirty blocks, reserved ones included.
#[derive(Debug)]
pub(crate) struct DirtyBytes {
    max: u64,
    /// Changed only with the shares held.
    used: AtomicU64,
    /// What shards use of it; those that use nothing are not there.
    shares: Mutex<Shares>,
    /// Told whenever room is given back.
    freed: Notify,
}

type Shares = HashMap<ShardId, u64, Seeded>;

/// Room for blocks that are about to become dirty; what was not kept is given back when dropped.
#[derive(Debug)]
pub(crate) struct DirtyRoom<'d> {
    dirty: &'d DirtyBytes,
    shard: ShardId,
    bytes: u64,
}

impl DirtyBytes {
    /// Nothing is dirty, and so many bytes may be.
    pub(super) fn new(max: u64) -> Self {
        Self { max, used: AtomicU64::new(0), shares: Mutex::default(), freed: Notify::new() }
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

    /// Takes room for blocks of a shard; `None` when there is none, or the shard has what it may have. The first blocks
    /// of all always fit, and the first of a shard if there is room.
    pub(crate) fn take(&self, shard: ShardId, blocks: u64) -> Option<DirtyRoom<'_>> {
        let bytes = blocks * BLOCK_BYTES;
        let mut shares = self.shares();
        self.admits(&shares, (shard, bytes)).then(|| {
            self.add(&mut shares, (shard, bytes));
            DirtyRoom { dirty: self, shard, bytes }
        })
    }

    /// Waits until there may be room for blocks of a shard.
    pub(crate) async fn room(&self, shard: ShardId, blocks: u64) {
        let mut freed = pin!(self.freed.notified());
        // Before the look, so that what is given back after it is heard of.
        freed.as_mut().enable();
        let has_room = self.admits(&self.shares(), (shard, blocks * BLOCK_BYTES));
        if !has_room {
            freed.await;
        }
    }

    /// Blocks are dirty, whether there is room or not.
    pub(crate) fn take_anyway(&self, shard: ShardId, blocks: usize) {
        self.add(&mut self.shares(), (shard, blocks as u64 * BLOCK_BYTES));
    }

    /// Blocks are no longer dirty.
    pub(crate) fn give_back(&self, shard: ShardId, blocks: usize) {
        self.subtract(shard, blocks as u64 * BLOCK_BYTES);
    }

    fn admits(&self, shares: &Shares, (shard, bytes): (ShardId, u64)) -> bool {
        let used = self.used();
        let Some(left) = self.max.checked_sub(used.saturating_add(bytes)) else { return used == 0 };
        shares.get(&shard).is_none_or(|share| share + bytes <= left.saturating_mul(SHARE_OF_LEFT))
    }

    fn add(&self, shares: &mut Shares, (shard, bytes): (ShardId, u64)) {
        if bytes > 0 {
            *shares.entry(shard).or_default() += bytes;
            self.used.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn subtract(&self, shard: ShardId, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut shares = self.shares();
        let left = shares.get(&shard).map_or(0, |share| share.saturating_sub(bytes));
        if left > 0 {
            shares.insert(shard, left);
        } else {
            shares.remove(&shard);
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        drop(shares);
        self.freed.notify_waiters();
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// A shard may use so many times what is left for all.
const SHARE_OF_LEFT: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(dirty: &DirtyBytes, shard: u32) -> Vec<DirtyRoom<'_>> {
        std::iter::from_fn(|| dirty.take(ShardId(shard), 1)).collect()
    }

    #[test]
    fn one_shard_cannot_take_all_room() {
        let dirty = DirtyBytes::new(16 * BLOCK_BYTES);
        let mut rooms = fill(&dirty, 1);
        assert_eq!(rooms.len(), 12);
        rooms.extend(dirty.take(ShardId(2), 4));
        assert_eq!(rooms.len(), 13, "the first of another fit");
        assert!(dirty.take(ShardId(2), 1).is_none(), "all is taken");
        rooms.truncate(11);
        assert!(dirty.take(ShardId(1), 2).is_none() && dirty.take(ShardId(1), 1).is_some());
        rooms.clear();
        assert!(dirty.take(ShardId(2), 99).is_some(), "the first of all always fit");
        assert_eq!((dirty.used(), dirty.shares().len()), (0, 0));
    }

    #[test]
    fn shards_come_to_equal_shares_and_leave_one() {
        let dirty = DirtyBytes::new(1000 * BLOCK_BYTES);
        // Numbers that a table of fixed size would have in one place, too.
        let shards = [64, 128, 192];
        let mut rooms = shards.map(|shard| fill(&dirty, shard));
        assert_eq!(rooms.each_ref().map(Vec::len), [750, 187, 47], "each took three quarters of what it found");
        for _ in 0..1000 {
            for (shard, rooms) in shards.iter().zip(&mut rooms) {
                rooms.pop();
                rooms.extend(fill(&dirty, *shard));
            }
        }
        let shares = rooms.each_ref().map(Vec::len);
        assert!(shares.iter().all(|share| (299..=301).contains(share)), "{shares:?}");
        assert_eq!(fill(&dirty, 256).len(), 75, "three quarters of what three leave");
    }
}
