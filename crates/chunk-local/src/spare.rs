//! Files that are used again. A file that was written once has its room for good: a sync of what is written into it has
//! nothing but the data to wait for, and the file system nothing to take back and hand out.
//!
//! It comes back under the name of the new segment, with its head. A crash leaves it under the one name or the other;
//! either way nothing in it is live before a sync of file and directory, and what is not live is removed at the next start.

use std::io;

use chunk::SegmentId;
use uring::{Create, File};

use crate::layout::{block_offset, segment_file_name};
use crate::space::Space;
use crate::store::{Shared, lock};

/// The file of a segment that is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spare {
    id: SegmentId,
    /// Whether old ones were dropped since it came.
    is_old: bool,
}

impl Shared {
    /// Keeps the file of a segment that is gone and whose file is reusable, if it is worth it. Says whether it did.
    pub(crate) fn keep_spare(&self, id: SegmentId) -> bool {
        let is_worth_it = lock(&self.spares).len() < self.settings.spares_max()
            && Space::has_plenty(&self.settings, 0).unwrap_or(false);
        if is_worth_it {
            lock(&self.spares).push(Spare { id, is_old: false });
        }
        is_worth_it
    }

    /// The file of a new segment, made of a spare one; it has room for a whole segment. `None` when there is none.
    pub(crate) fn reuse(&self) -> Option<(SegmentId, File)> {
        let Spare { id: spare, .. } = lock(&self.spares).pop()?;
        let outcome = self.next_id().and_then(|id| self.rename(spare, id).map(|()| id));
        let id = match outcome {
            Ok(id) => id,
            Err(error) => {
                tracing::warn!(segment = spare.0, %error, "a spare segment file cannot be used again");
                self.discard_file(spare);
                return None;
            }
        };
        // It counted as free until now.
        self.space.grown(block_offset(self.settings.segment_blocks()));
        let file = self.open_file(id, Create::Never);
        file.map(|file| (id, file)).map_err(|_| self.discard_file(id)).ok()
    }

    /// Removes a spare file. Says whether there was one.
    pub(crate) fn drop_spare(&self) -> bool {
        let Some(spare) = lock(&self.spares).pop() else { return false };
        self.discard_file(spare.id);
        true
    }

    /// Removes the spare files that were there at the last call already.
    pub(crate) fn drop_old_spares(&self) {
        let old: Vec<_> =
            lock(&self.spares).extract_if(.., |spare| std::mem::replace(&mut spare.is_old, true)).collect();
        old.into_iter().for_each(|spare| self.discard_file(spare.id));
    }

    /// Blocks that spare files have room for.
    pub(crate) fn spare_blocks(&self) -> u64 {
        lock(&self.spares).len() as u64 * u64::from(self.settings.segment_blocks())
    }

    /// An id that no segment had.
    pub(crate) fn next_id(&self) -> io::Result<SegmentId> {
        lock(&self.superblock).next_id()
    }

    fn rename(&self, from: SegmentId, to: SegmentId) -> io::Result<()> {
        self.entries.rename(&segment_file_name(from), &segment_file_name(to))
    }
}
