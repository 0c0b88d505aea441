//! Space is decided before anything is promised, so that nothing that was promised fails for it.

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

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// How much room there is now.
    ///
    /// Errors: `Io`.
    pub(crate) fn room(&self) -> Result<Room, FsError> {
        let capacity = self.data.chunks.capacity().map_err(|error| {
            tracing::error!(%error, "the data store does not say how much room it has");
            FsError::Io
        })?;
        let taken = self.kept_free().saturating_add(self.data.dirty.used());
        Ok(Room {
            total_bytes: capacity.total_bytes,
            free_bytes: capacity.free_bytes,
            available_bytes: capacity.free_bytes.saturating_sub(taken),
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
    /// none flushes first: its own file, then the oldest dirty one.
    ///
    /// Errors: `NoSpace`, `Io`, `Delay` (others keep taking what is given back).
    pub(crate) async fn admit_write(&self, inode: InodeId, blocks: u64) -> Result<DirtyRoom<'_>, Failure> {
        let mut has_tried = false;
        for _ in 0..ADMISSIONS_MAX {
            let Some(taken) = self.data.dirty.take(blocks) else {
                self.relieve(inode).await?;
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
            self.settle(self.flush(inode).await?).await?;
            self.release_all().await;
        }
        Err(FsError::Delay.into())
    }

    fn has_room(&self) -> Result<bool, FsError> {
        let room = self.room()?;
        Ok(room.free_bytes >= self.kept_free().saturating_add(self.data.dirty.used()))
    }

    async fn relieve(&self, inode: InodeId) -> Result<(), Failure> {
        if self.flush(inode).await? == meta::Version::default() && !self.flush_oldest().await {
            // All that is dirty is on its way into buffers.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Bytes of the store that stay free: for removals, and for the engine below to go on.
    fn kept_free(&self) -> u64 {
        self.settings.ballast_bytes.saturating_add(self.meta.engine().reserve_bytes())
    }
}

/// Times a writer makes room for itself.
const ADMISSIONS_MAX: usize = 1024;
