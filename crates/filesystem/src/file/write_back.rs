//! Writing dirty data back before anybody waits for it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{self, Either, select};
use futures_util::stream::{self, StreamExt};
use vfs::{Failure, InodeId};

use super::{FILES_TOGETHER_MAX, FileState};
use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// One round of writing back: flushes files of which much is dirty and those that have been dirty for 5 seconds (all
    /// when half of the room for dirty data or of the journal is used). Says whether anything was done.
    pub async fn write_back_round(&self) -> bool {
        let large = self.large_round().await;
        let aged = self.flush_round().await;
        let any = large || aged;
        // What is void of the journal is given back once that is durable.
        if any && self.data.journal.is_above(0, 1) {
            match self.settle(self.meta.submitted()).await {
                Ok(()) => self.release_journal(),
                Err(failure) => tracing::warn!(?failure, "what was written back is not durable"),
            }
        }
        any
    }

    /// Waits until there is something to write back at once.
    pub async fn write_back_is_due(&self) {
        self.data.is_hurried().await;
    }

    async fn large_round(&self) -> bool {
        let inodes: Vec<_> = std::iter::from_fn(|| self.data.next_large()).take(LARGE_PER_ROUND).collect();
        let flushes: Vec<_> = inodes.into_iter().map(|inode| self.flush_large(inode)).collect();
        let flushes = stream::iter(flushes).buffer_unordered(FLUSHES_AT_ONCE);
        flushes.fold(false, |any, flushed| future::ready(any || flushed)).await
    }

    /// Flushes a file of which much is dirty. It stands in the queue of all dirty files too, so nothing is lost when this
    /// fails or is given up.
    async fn flush_large(&self, inode: InodeId) -> bool {
        let Some(file) = self.files.peek(inode) else { return false };
        file.data().is_large = false;
        let flushed = self.flush(inode).await;
        if let Err(failure) = &flushed {
            tracing::warn!(?inode, ?failure, "a file could not be flushed and stays dirty");
        }
        flushed.is_ok()
    }

    /// Waits until there may be room for dirty blocks of a file. Who gets the flush turn of it before that flushes a part,
    /// or a part of the file that has been dirty longest when nothing of this one is.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) async fn relieve(&self, inode: InodeId, blocks: u64) -> Result<(), Failure> {
        self.data.hurry();
        let (file, room) = (self.files.state(inode), self.data.dirty.room(inode.shard, blocks));
        if file.data().is_dirty() {
            self.flush_unless(room, (inode, &file)).await?;
        } else if !self.flush_oldest(room).await {
            // All that is dirty is on its way into buffers.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Flushes a part of the file that has been dirty longest, unless there is enough before its turn comes. `false` when
    /// none is dirty, or it could not be flushed.
    pub(crate) async fn flush_oldest(&self, is_enough: impl Future<Output = ()>) -> bool {
        let Some(taken) = self.next_dirty(Duration::MAX) else { return false };
        let Some(file) = self.files.peek(taken.inode) else { return false };
        self.flush_unless(is_enough, (taken.inode, &file)).await.unwrap_or_else(|failure| {
            tracing::warn!(inode = ?taken.inode, ?failure, "a file could not be flushed and stays dirty");
            false
        })
    }

    async fn flush_unless(
        &self,
        is_enough: impl Future<Output = ()>,
        (inode, file): (InodeId, &FileState),
    ) -> Result<bool, Failure> {
        match select(pin!(is_enough), pin!(file.flush_turn.lock())).await {
            Either::Left(_) => Ok(true),
            Either::Right((_turn, _)) => self.flush_some(inode, file).await,
        }
    }

    async fn flush_round(&self) -> bool {
        let is_full = self.data.dirty.is_above(1, 2) || self.data.journal.is_above(1, 2);
        let age = if is_full { Duration::ZERO } else { DIRTY_AGE };
        let Some(since) = self.clock.monotonic().checked_sub(age) else { return false };
        let mut left = self.data.queued_files();
        let mut any = false;
        while left > 0 {
            let taken: Vec<_> =
                std::iter::from_fn(|| self.next_dirty(since)).take(left.min(FILES_TOGETHER_MAX)).collect();
            left = if taken.is_empty() { 0 } else { left - taken.len() };
            any |= self.flush_taken(taken).await;
        }
        any
    }

    async fn flush_taken(&self, taken: Vec<TakenOff<'_, K, C>>) -> bool {
        let inodes: Vec<_> = taken.iter().map(|taken| taken.inode).collect();
        let left = self.flush_together(&inodes).await;
        let any = left.len() < inodes.len();
        // Collected, as a closure over borrowed files may not be held over a wait by a future that has to be `Send`.
        let flushes: Vec<_> = taken.into_iter().filter(|taken| left.contains(&taken.inode)).collect();
        let flushes: Vec<_> = flushes.into_iter().map(|taken| self.flush_queued(taken)).collect();
        let flushes = stream::iter(flushes).buffer_unordered(FLUSHES_AT_ONCE);
        flushes.fold(any, |any, flushed| future::ready(any || flushed)).await
    }

    /// Takes the file off the queue that has been dirty longest, if it has been so since this time or longer.
    fn next_dirty(&self, since: Duration) -> Option<TakenOff<'_, K, C>> {
        let inode = self.data.next_file(since)?;
        if let Some(file) = self.files.peek(inode) {
            file.data().is_queued = false;
        }
        Some(TakenOff { house: self, inode })
    }

    /// Flushes a file that was taken off the queue.
    async fn flush_queued(&self, taken: TakenOff<'_, K, C>) -> bool {
        let inode = taken.inode;
        if !self.files.peek(inode).is_some_and(|file| file.data().is_dirty()) {
            return false;
        }
        let flushed = self.flush(inode).await;
        if let Err(failure) = &flushed {
            tracing::warn!(?inode, ?failure, "a file could not be flushed and stays dirty");
        }
        flushed.is_ok()
    }
}

/// A file that was taken off the queue to be flushed: goes back to its end if it is still dirty when this is dropped,
/// also by a request that is given up half-way.
struct TakenOff<'h, K: kv::Engine, C: chunk::Store> {
    house: &'h Filesystem<K, C>,
    inode: InodeId,
}

impl<K: kv::Engine, C: chunk::Store> Drop for TakenOff<'_, K, C> {
    fn drop(&mut self) {
        let Some(file) = self.house.files.peek(self.inode) else { return };
        let mut data = file.data();
        if data.is_dirty() && !std::mem::replace(&mut data.is_queued, true) {
            self.house.data.queue_file(self.inode, self.house.clock.monotonic());
        }
    }
}

/// How long data stays dirty without a COMMIT.
const DIRTY_AGE: Duration = Duration::from_secs(5);
/// Files flushed at the same time.
const FLUSHES_AT_ONCE: usize = 16;
/// Files of which much is dirty that are flushed in one round.
const LARGE_PER_ROUND: usize = 64;
