//! What is in memory of a file that is being read or written: data and attributes that no change names yet.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vfs::{Epoch, FsError, InodeId, Timestamp};

use super::ahead::Ahead;
use super::buffer::Buffer;
use super::journal::FileJournal;
use crate::cache::{Seeded, part_of};
use crate::quota::Advance;

/// Attributes that writes have changed and no change has submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    /// New size, if a write went beyond the submitted one.
    pub(crate) size: Option<u64>,
    /// New modification time.
    pub(crate) modified: Option<Timestamp>,
    /// New change time.
    pub(crate) changed: Timestamp,
    /// Change number of the last write; 0 when nothing is pending.
    pub(crate) change: u64,
    /// A write by another than the superuser took the set-id bits away.
    pub(crate) clear_set_id: bool,
    /// Blocks that are dirty: only in what [`FileData::shown`] gives.
    pub(crate) dirty_blocks: u64,
}

/// A file with something in memory.
#[derive(Debug, Default)]
pub(crate) struct FileState {
    /// Who holds it may change the region records of the file.
    pub(crate) flush_turn: tokio::sync::Mutex<()>,
    data: Mutex<FileData>,
}

/// The part of a file's state that is held for moments.
#[derive(Debug, Default)]
pub(crate) struct FileData {
    /// Attributes not submitted yet.
    pub(crate) pending: Pending,
    /// Data not submitted yet.
    pub(crate) buffer: Buffer,
    /// What of both stands in the journal.
    pub(crate) journal: FileJournal,
    /// The epoch in which all this was written, and at which count of epochs that was found to be the current one.
    pub(crate) epoch: Epoch,
    pub(crate) dated: u64,
    /// How often data was taken out: who read records meanwhile reads them again.
    pub(crate) cuts: u64,
    /// What quotas have reserved ahead of the next writes.
    pub(crate) advance: Option<Arc<Advance>>,
    /// What is read ahead.
    pub(crate) ahead: Ahead,
    /// Whether the file stands in the queue of those that the background flushes.
    pub(crate) is_queued: bool,
    /// Whether it stands among those of which much is dirty.
    pub(crate) is_large: bool,
}

/// The files with something in memory.
#[derive(Debug)]
pub(crate) struct FileTable {
    parts: Vec<Mutex<Part>>,
    hasher: Seeded,
}

/// A part of the table; idle files are swept out when it has doubled since the last time.
#[derive(Debug)]
struct Part {
    files: HashMap<InodeId, Arc<FileState>, Seeded>,
    sweep_at: usize,
}

impl FileState {
    /// The data, for a moment.
    pub(crate) fn data(&self) -> MutexGuard<'_, FileData> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileData {
    /// What clients see of it beside the record.
    pub(crate) fn shown(&self) -> Pending {
        Pending { dirty_blocks: self.buffer.blocks(), ..self.pending }
    }

    /// Whether anything waits for a flush.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.buffer.is_empty() || self.pending != Pending::default() || self.journal.is_live()
    }

    /// What was prepared under the flush turn is void when data was taken out since: a reload took back the state that
    /// it was prepared from.
    ///
    /// Errors: `Io`.
    pub(super) fn check_cuts(&self, cuts: u64) -> Result<(), FsError> {
        if self.cuts == cuts { Ok(()) } else { Err(FsError::Io) }
    }
}

impl FileTable {
    /// No file has anything in memory.
    pub(crate) fn new() -> Self {
        Self { parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(), hasher: Seeded::default() }
    }

    /// The state of a file that has one.
    pub(crate) fn peek(&self, inode: InodeId) -> Option<Arc<FileState>> {
        self.part(inode).files.get(&inode).cloned()
    }

    /// The state of a file, made when it has none.
    pub(crate) fn state(&self, inode: InodeId) -> Arc<FileState> {
        let mut part = self.part(inode);
        if let Some(file) = part.files.get(&inode) {
            return Arc::clone(file);
        }
        if part.files.len() >= part.sweep_at {
            part.sweep();
        }
        Arc::clone(part.files.entry(inode).or_default())
    }

    /// All files with something in memory.
    pub(crate) fn all(&self) -> Vec<(InodeId, Arc<FileState>)> {
        let of_part = |part: &Mutex<Part>| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.files.iter().map(|(inode, file)| (*inode, Arc::clone(file))).collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(of_part).collect()
    }

    fn part(&self, inode: InodeId) -> MutexGuard<'_, Part> {
        let index = part_of(self.hasher.hash_one(inode), PARTS);
        #[expect(clippy::indexing_slicing, reason = "below PARTS")]
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Forgets files that nobody holds and that have nothing to flush.
    fn sweep(&mut self) {
        self.files.retain(|_, file| Arc::strong_count(file) > 1 || file.data().is_dirty());
        self.sweep_at = (self.files.len() * 2).max(FILES_PER_PART_MIN);
    }
}

impl Default for Part {
    fn default() -> Self {
        Self { files: HashMap::default(), sweep_at: FILES_PER_PART_MIN }
    }
}

/// Parts of the table, so that threads seldom meet.
const PARTS: usize = 64;
/// Files of a part that are never swept.
const FILES_PER_PART_MIN: usize = 64;

#[cfg(test)]
mod tests {
    use vfs::InodeNumber;

    use super::*;

    #[test]
    fn idle_files_are_swept_and_others_stay() {
        let table = FileTable::new();
        let inode = |number| InodeId { number: InodeNumber(number), ..InodeId::default() };
        let held = table.state(inode(0));
        table.state(inode(1)).data().pending.change = 1;
        (2..100_000).for_each(|number| drop(table.state(inode(number))));
        assert!(table.all().len() <= 2 * PARTS * FILES_PER_PART_MIN, "{}", table.all().len());
        assert!(Arc::ptr_eq(&held, &table.state(inode(0))));
        assert_eq!(table.state(inode(1)).data().pending.change, 1);
    }
}
