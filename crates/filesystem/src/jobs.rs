//! What the house does by itself. The roof calls [`Filesystem::jobs_round`] and, on another thread,
//! [`Filesystem::write_back_round`] again and again, about ten times a second, and at once when a round says that there
//! was something to do: who waits for a flush must not wait for a scan.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future;
use futures_util::stream;
use vfs::{Epoch, Failure, InodeId};

use crate::Filesystem;
use crate::file::FileState;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// One round of everything that is done in the background: for those who have one thread for it. Says whether
    /// anything was done.
    pub async fn background_round(&self) -> bool {
        let (flushed, worked) = future::join(self.write_back_round(), self.jobs_round()).await;
        flushed || worked
    }

    /// One round of what may wait long for disks: works off promised removals, frees blocks, folds space records, puts
    /// scattered files in order, empties sparse segments, removes old replies, counts owners, drops what only deleted
    /// snapshots and clones needed, forgets clients without locks. Says whether anything was done.
    pub async fn jobs_round(&self) -> bool {
        if !self.reload_if_failed().await {
            return false;
        }
        let movers = future::join3(self.reorder_round(), self.evacuate_round(), self.owners_round());
        let movers = future::join3(movers, Box::pin(self.snapshots_round()), Box::pin(self.clones_round()));
        let movers = future::join(movers, Box::pin(self.revert_round()));
        let rounds = future::join4(self.intents_round(), self.space_round(), self.replies_round(), movers);
        let (worked, folded, forgot, (((ordered, evacuated, counted), trimmed, cleared), reverted)) = rounds.await;
        let locks = self.locks_round();
        // Nobody else may wait for what these submitted, and it is committed only when somebody waits.
        if let Err(failure) = self.settle(self.meta.submitted()).await {
            tracing::warn!(?failure, "background work is not durable");
            return false;
        }
        self.release_journal();
        let freed = self.release_round().await;
        self.give_back_round().await;
        self.relieve_round().await;
        worked
            || folded
            || forgot
            || ordered
            || evacuated
            || counted
            || trimmed
            || cleared
            || reverted
            || locks
            || freed
    }

    /// Makes all data that was written so far stable: for an orderly stop.
    ///
    /// # Errors
    /// `NoSpace` or `Io` when some of it could not be; the rest is stable all the same.
    pub async fn flush_all(&self) -> Result<(), Failure> {
        self.flush_those(|_, _| true).await
    }

    /// Makes the data of those files stable that are chosen by inode and by the epoch that their data is of.
    ///
    /// Errors: `NoSpace` or `Io` when some of it could not be; the rest is stable all the same.
    pub(crate) async fn flush_those(&self, is_chosen: impl Fn(InodeId, Epoch) -> bool + Send) -> Result<(), Failure> {
        let is_chosen = |(inode, file): &(InodeId, Arc<FileState>)| {
            let data = file.data();
            data.is_dirty() && is_chosen(*inode, data.epoch)
        };
        let dirty: Vec<_> = self.files.all().into_iter().filter(is_chosen).map(|(inode, _)| inode).collect();
        let left = self.flush_together(&dirty).await;
        let flushes = stream::iter(left).map(|inode| self.flush(inode)).buffer_unordered(FLUSHES_AT_ONCE);
        let outcomes: Vec<_> = flushes.collect().await;
        self.settle(self.meta.submitted()).await?;
        self.release_journal();
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
}

/// Files flushed at the same time.
const FLUSHES_AT_ONCE: usize = 16;
