//! In which epoch the buffered data of a file was written, and that it is named as of that epoch before anything else
//! changes the file: else a snapshot would miss what was written before it, or show what came after.

use std::sync::atomic::Ordering;

use vfs::{Failure, InodeId};

use crate::Filesystem;
use crate::file::{FileData, FileState};
use crate::turn::{Step, Stop, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Whether a file may be written now; its buffered data is of the current epoch then. `false` when what is buffered is
    /// older, and a snapshot sees it: it has to be flushed first. The data is held, so whoever sees a snapshot finds what
    /// was written before it.
    ///
    /// Errors: as [`Filesystem::shard`].
    pub(crate) fn date(&self, inode: InodeId, data: &mut FileData) -> Result<bool, Failure> {
        let count = self.epochs.load(Ordering::Acquire);
        if data.dated == count {
            return Ok(true);
        }
        let shard = self.shard(inode.shard)?;
        let current = shard.past.epoch();
        if data.is_dirty() && data.epoch < current && shard.past.is_seen(inode.tree, data.epoch, current) {
            return Ok(false);
        }
        (data.epoch, data.dated) = (current, count);
        Ok(true)
    }

    /// Names what is buffered of a file as of its epoch, if a snapshot sees it; the caller holds the flush turn.
    ///
    /// Errors: as a flush.
    pub(crate) async fn name_past(&self, inode: InodeId, file: &FileState) -> Result<(), Failure> {
        let is_past = {
            let (data, shard) = (file.data(), self.shard(inode.shard)?);
            data.is_dirty() && shard.past.is_seen(inode.tree, data.epoch, shard.past.epoch())
        };
        // In a box: a flush changes files too.
        if is_past { Box::pin(self.flush_in_turn(inode, file)).await.map(drop) } else { Ok(()) }
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Whether a snapshot sees what is buffered of a file.
    pub(crate) fn is_past(&self, inode: InodeId, data: &FileData) -> bool {
        let current = self.present().current;
        data.epoch < current && data.is_dirty() && self.shard.past.is_seen(inode.tree, data.epoch, current)
    }

    /// What is buffered of a file has to be named before it changes.
    ///
    /// Errors: `Past`.
    pub(crate) fn require_past_named(&self, inode: InodeId) -> Step<()> {
        if self.present().newest_snapshot.is_none() {
            return Ok(());
        }
        let is_past = self.house.files.peek(inode).is_some_and(|file| self.is_past(inode, &file.data()));
        if is_past { Err(Stop::Past(inode)) } else { Ok(()) }
    }

    /// As that, of all files that this change writes.
    pub(crate) fn require_named(&self) -> Step<()> {
        self.writes.inodes.written().try_for_each(|touched| self.require_past_named(touched.key))
    }

    /// As that, but for one whose data is held.
    pub(crate) fn require_named_beside(&self, held: InodeId) -> Step<()> {
        let others = self.writes.inodes.written().filter(|touched| touched.key != held);
        others.map(|touched| touched.key).try_for_each(|inode| self.require_past_named(inode))
    }
}
