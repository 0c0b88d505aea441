//! What the house does by itself. The roof calls [`Filesystem::background_round`] again and again, about ten times a
//! second, and at once when a round says that there was something to do.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future;
use futures_util::stream;
use vfs::{Failure, InodeId};

use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// One round of everything that is done in the background: flushes files that have been dirty for 5 seconds (all
    /// when half of the room for dirty data is used), works off promised removals, frees blocks, folds space records,
    /// removes old replies, forgets clients without locks. Says whether anything was done.
    pub async fn background_round(&self) -> bool {
        if !self.reload_if_failed().await {
            return false;
        }
        let rounds = future::join4(self.flush_round(), self.intents_round(), self.space_round(), self.replies_round());
        let (flushed, worked, folded, forgot) = rounds.await;
        let locks = self.locks_round();
        // Nobody else may wait for what these submitted, and it is committed only when somebody waits.
        if let Err(failure) = self.settle(self.meta.submitted()).await {
            tracing::warn!(?failure, "background work is not durable");
            return false;
        }
        let freed = self.release_round().await;
        flushed || worked || folded || forgot || locks || freed
    }

    /// Makes all data that was written so far stable: for an orderly stop.
    ///
    /// # Errors
    /// `NoSpace` or `Io` when some of it could not be; the rest is stable all the same.
    pub async fn flush_all(&self) -> Result<(), Failure> {
        let dirty = self.files.all().into_iter().filter(|(_, file)| file.data().is_dirty());
        let flushes = stream::iter(dirty).map(|(inode, _)| self.flush(inode)).buffer_unordered(FLUSHES_AT_ONCE);
        let outcomes: Vec<_> = flushes.collect().await;
        self.settle(self.meta.submitted()).await?;
        outcomes.into_iter().find_map(Result::err).map_or(Ok(()), Err)
    }

    /// Makes everything stable and closes the metadata engine: the end of an orderly stop. Nothing may be asked after.
    ///
    /// # Errors
    /// As `flush_all`; the engine is closed all the same, unless that fails with `Io`.
    pub async fn close(&self) -> Result<(), Failure> {
        let flushed = self.flush_all().await;
        self.meta.close().await.map_err(|error| self.refuse(&error))?;
        flushed
    }

    /// Flushes the file that has been dirty longest. `false` when none is, or it could not be.
    pub(crate) async fn flush_oldest(&self) -> bool {
        match self.next_dirty(Duration::MAX) {
            Some(taken) => self.flush_queued(taken).await,
            None => false,
        }
    }

    async fn flush_round(&self) -> bool {
        let is_full = self.data.dirty.is_above(1, 2);
        let age = if is_full { Duration::ZERO } else { DIRTY_AGE };
        let Some(since) = self.clock.monotonic().checked_sub(age) else { return false };
        let queued = std::iter::from_fn(|| self.next_dirty(since)).take(self.data.queued_files());
        // Collected, as a closure over borrowed files may not be held over a wait by a future that has to be `Send`.
        let flushes: Vec<_> = queued.map(|taken| self.flush_queued(taken)).collect();
        let flushes = stream::iter(flushes).buffer_unordered(FLUSHES_AT_ONCE);
        flushes.fold(false, |any, flushed| future::ready(any || flushed)).await
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
