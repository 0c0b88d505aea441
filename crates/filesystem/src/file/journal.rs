//! Small stable writes: their blocks stand in the journal of the metadata store before a flush places them.
//!
//! What is journaled stays dirty. Entries of a file are submitted under its data, so their order is that of its writes;
//! after a crash they are put back into the buffer in that order. The records say which of them are void: a flush, and
//! a cut of everything, set the *floor* of the inode in the change that makes them so. An entry is given back once
//! that change is durable.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kv::{JOURNAL_HEAD_BYTES, KvError};
use meta::records::{InodeRecord, Record, STABLE_BLOCK_BYTES_MAX, StableBlock, StableWrite};
use meta::{Change, MetaError, RecordError, Version, keys};
use pages::Payload;
use smallvec::SmallVec;
use vfs::{Failure, InodeId, ShardId};

use super::buffer::{Bases, Buffer};
use super::state::{FileData, FileState};
use super::{BLOCK_BYTES, Pending};
use crate::Filesystem;

/// What of a file stands in the journal, and what of its dirty blocks does not.
#[derive(Debug, Default)]
pub(crate) struct FileJournal {
    /// Dirty blocks that no entry holds as they are are among these.
    fresh: SmallVec<[u64; 4]>,
    /// There are more of them.
    is_flooded: bool,
    /// Change number of the last write that an entry holds.
    change: u64,
    /// The change to wait for until that is durable; 0 when it was so at a start.
    submitted: Version,
    /// The entries that are not void, oldest first.
    spans: SmallVec<[Span; 2]>,
    /// No entry may be made: a cut is on its way.
    is_held: bool,
}

/// Entries that become void together.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: Version,
    last: Version,
    /// A flush is under way that will void them; the next entry begins another span.
    is_closed: bool,
}

/// The spans of all files, and how much of the journal they take.
#[derive(Debug, Default)]
pub(crate) struct JournalTable(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By the first entry of each.
    spans: BTreeMap<Version, Placed>,
    /// The last entry of all.
    last: Version,
    /// Bytes of all entries ever made.
    total_bytes: u64,
    bytes_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    /// Bytes of all entries made before it.
    at: u64,
    /// It is void once this change is durable.
    void_by: Option<Version>,
}

/// Keeps entries from being made of a file while this lives.
#[derive(Debug)]
pub(super) struct Hold<'f>(&'f FileState);

impl FileJournal {
    /// Blocks from `first` up to `end` were written.
    pub(super) fn note_write(&mut self, first: u64, end: u64) {
        if self.is_flooded || end - first > JOURNAL_BLOCKS_MAX as u64 {
            self.is_flooded = true;
            return;
        }
        for block in first..end {
            if !self.fresh.contains(&block) {
                self.fresh.push(block);
            }
        }
        self.is_flooded = self.fresh.len() > JOURNAL_BLOCKS_MAX;
    }

    /// The blocks of [`FileJournal::note_write`] that no entry holds as they are, in order. None when there are too many:
    /// then no entry is made before a flush of everything.
    pub(super) fn fresh_blocks(&self) -> SmallVec<[u64; 4]> {
        let mut blocks = if self.is_flooded { SmallVec::new() } else { self.fresh.clone() };
        blocks.sort_unstable();
        blocks
    }

    /// Whether an entry is there that is not void.
    pub(super) fn is_live(&self) -> bool {
        !self.spans.is_empty()
    }

    /// The last entry, if one is there that is not void.
    pub(crate) fn last_live(&self) -> Option<Version> {
        self.spans.last().map(|span| span.last)
    }

    /// What is dirty now is about to be flushed: gives the floor that the last change of the flush sets.
    pub(super) fn close(&mut self) -> Option<Version> {
        let last = self.spans.last_mut()?;
        last.is_closed = true;
        Some(last.last)
    }

    /// Entries up to `floor` are void once the change `by` is durable; `is_clean` says that nothing is dirty any more.
    pub(super) fn void(&mut self, table: &JournalTable, floor: Option<Version>, (by, is_clean): (Version, bool)) {
        if is_clean {
            self.fresh.clear();
            self.is_flooded = false;
        }
        let Some(floor) = floor else { return };
        self.spans.retain(|span| {
            let is_live = span.last > floor;
            if !is_live {
                table.void(span.first, by);
            }
            is_live
        });
    }

    /// Dirty blocks that no entry holds; `None` when they are too many for one.
    fn fresh(&self, buffer: &Buffer) -> Option<Vec<StableBlock>> {
        if self.is_flooded {
            return None;
        }
        let dirty = |block: &u64| buffer.get(*block).map(|bytes| stable_block(*block, &bytes));
        Some(self.fresh.iter().filter_map(dirty).collect())
    }

    /// An entry is in the journal.
    fn add(&mut self, table: &mut Table, (version, bytes): (Version, u64)) {
        match self.spans.last_mut().filter(|span| !span.is_closed) {
            Some(span) => span.last = version,
            None => {
                self.spans.push(Span { first: version, last: version, is_closed: false });
                table.spans.insert(version, Placed { at: table.total_bytes, void_by: None });
            }
        }
        table.note(version, bytes);
    }
}

impl JournalTable {
    /// Nothing is in the journal, and it takes so many bytes.
    pub(super) fn reset(&self, bytes_max: u64) {
        *self.lock() = Table { bytes_max, ..Table::default() };
    }

    /// Whether more than this part of the journal is used.
    pub(crate) fn is_above(&self, numerator: u64, denominator: u64) -> bool {
        self.lock().is_above(numerator, denominator)
    }

    fn void(&self, first: Version, by: Version) {
        if let Some(placed) = self.lock().spans.get_mut(&first) {
            placed.void_by = Some(by);
        }
    }

    /// Forgets what durable changes have made void. Returns the oldest entry that is still needed; all before it can be
    /// given back.
    fn release(&self, durable: Version) -> Version {
        let mut table = self.lock();
        while let Some(first) = table.spans.first_entry()
            && first.get().void_by.is_some_and(|by| by <= durable)
        {
            first.remove();
        }
        table.spans.keys().next().copied().unwrap_or(Version(table.last.0 + 1))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Bytes from the oldest entry that is needed to the newest.
    fn used_bytes(&self) -> u64 {
        self.spans.values().next().map_or(0, |oldest| self.total_bytes - oldest.at)
    }

    fn is_above(&self, numerator: u64, denominator: u64) -> bool {
        self.used_bytes() > self.bytes_max / denominator * numerator
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.used_bytes() + bytes <= self.bytes_max
    }

    fn note(&mut self, version: Version, bytes: u64) {
        self.total_bytes += bytes;
        self.last = self.last.max(version);
    }
}

impl<'f> Hold<'f> {
    pub(super) fn new(file: &'f FileState) -> Self {
        file.data().journal.is_held = true;
        Self(file)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.data().journal.is_held = false;
    }
}

/// What is known of files while the journal is read.
#[derive(Debug, Default)]
struct Known {
    inodes: BTreeMap<InodeId, Option<InodeRecord>>,
    open: KeptOpen,
}

/// By shard, what an open that survives a restart has open.
#[derive(Debug, Default)]
struct KeptOpen(BTreeMap<ShardId, HashSet<InodeId>>);

impl KeptOpen {
    async fn is_open<K: kv::Engine, C: chunk::Store>(
        &mut self,
        house: &Filesystem<K, C>,
        inode: InodeId,
    ) -> Result<bool, MetaError> {
        let open = match self.0.entry(inode.shard) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(house.kept_open(inode.shard).await?),
        };
        Ok(open.contains(&inode))
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Puts what is dirty of a file into the journal, as far as it is not there yet. Returns the version to wait for;
    /// `None` when a flush has to make it stable: it is too much, or the journal is full.
    ///
    /// Errors: `Io`.
    pub(super) fn journal_dirty(&self, inode: InodeId) -> Result<Option<Version>, Failure> {
        let Some(file) = self.files.peek(inode) else { return Ok(Some(Version::default())) };
        let mut data = file.data();
        let data = &mut *data;
        if !data.is_dirty() {
            return Ok(Some(Version::default()));
        }
        let Some(blocks) = data.journal.fresh(&data.buffer).filter(|_| !data.journal.is_held) else { return Ok(None) };
        if blocks.is_empty() && data.pending.change <= data.journal.change {
            return Ok(Some(data.journal.submitted));
        }
        let bytes = room_for(blocks.len());
        self.give_back_for(bytes);
        let mut table = self.data.journal.lock();
        if !table.has_room(bytes) {
            return Ok(None);
        }
        let mut change = Change::new();
        change.keep_in_journal(stable_write(inode, data, blocks).encode());
        // Submitted under the table: no entry is given back before one that comes before it is known.
        let version = self.meta.submit(change).map_err(|error| self.refuse(&error))?;
        data.journal.add(&mut table, (version, bytes));
        data.journal.submitted = version;
        data.journal.change = data.pending.change;
        data.journal.fresh.clear();
        if table.is_above(1, 2) {
            self.data.hurry();
        }
        Ok(Some(version))
    }

    /// Gives back what the journal need not keep any more.
    pub(crate) fn release_journal(&self) {
        let before = self.data.journal.release(self.meta.watermark());
        self.meta.release_journal(before);
    }

    fn give_back_for(&self, bytes: u64) {
        if !self.data.journal.lock().has_room(bytes) {
            self.release_journal();
        }
    }

    /// Puts what the journal kept back into the buffers: after a start or reload, before anything is served.
    ///
    /// # Errors
    /// `Engine`, `Failed`, `Damaged`.
    pub(crate) async fn replay_journal(&self) -> Result<(), MetaError> {
        self.data.journal.reset(self.journal_bytes_max());
        let mut known = Known::default();
        let mut after = Version::default();
        loop {
            let page = self.meta.journal(after, REPLAY_PAGE_BYTES).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (version, bytes) in page {
                let write = StableWrite::decode(&bytes).map_err(|problem| damaged(version, problem))?;
                self.replay(version, write, &mut known).await?;
            }
        }
        self.release_journal();
        Ok(())
    }

    async fn replay(&self, version: Version, write: StableWrite, known: &mut Known) -> Result<(), MetaError> {
        let record = match known.inodes.entry(write.inode) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let key = keys::inode(write.inode);
                let record = self.meta.read(&key).await?;
                unknown.insert(record.map(|record| InodeRecord::decode_at(&key, &record)).transpose()?)
            }
        };
        let bytes = room_for(write.blocks.len());
        let record = record.as_ref().filter(|record| version.0 > record.journal_floor);
        let is_there = match record {
            Some(record) if record.links == 0 => known.open.is_open(self, write.inode).await?,
            record => record.is_some(),
        };
        match record.filter(|_| is_there) {
            Some(record) => self.put_back((version, bytes), record, &write),
            None => self.data.journal.lock().note(version, bytes),
        }
        Ok(())
    }

    fn put_back(&self, (version, bytes): (Version, u64), record: &InodeRecord, write: &StableWrite) {
        let file = self.files.state(write.inode);
        let mut data = file.data();
        for block in &write.blocks {
            let mut whole = block.bytes.to_vec();
            whole.resize(STABLE_BLOCK_BYTES_MAX, 0);
            let blocks = data.buffer.write(block.block * BLOCK_BYTES, &Payload::from(whole), &Bases::new());
            // Not admitted: the bound of the journal is one for what comes back of it too.
            self.data.dirty.take_anyway(write.inode.shard, blocks);
        }
        (data.epoch, data.dated) = (write.epoch, 0);
        put_back_attributes(&mut data.pending, (version, record), write);
        data.journal.add(&mut self.data.journal.lock(), (version, bytes));
        data.journal.change = data.pending.change;
        data.journal.submitted = Version::default();
        if !std::mem::replace(&mut data.is_queued, true) {
            self.data.queue_file(write.inode, self.clock.monotonic());
        }
    }

    /// Dirty data that comes back at a start has room.
    fn journal_bytes_max(&self) -> u64 {
        self.meta.journal_bytes_max().min(self.data.dirty.max() / 2)
    }
}

fn put_back_attributes(pending: &mut Pending, (version, record): (Version, &InodeRecord), write: &StableWrite) {
    let size = pending.size.unwrap_or(record.size);
    pending.size = write.size.filter(|found| *found > size).or(pending.size);
    if version.0 > record.attributes_floor {
        pending.modified = write.modified.or(pending.modified);
        pending.clear_set_id |= write.clears_set_id;
    }
    if write.change > record.change.max(pending.change) {
        pending.changed = write.changed;
        pending.change = write.change;
    }
}

fn stable_write(inode: InodeId, data: &FileData, blocks: Vec<StableBlock>) -> StableWrite {
    let pending = data.pending;
    StableWrite {
        inode,
        size: pending.size,
        modified: pending.modified,
        changed: pending.changed,
        change: pending.change,
        clears_set_id: pending.clear_set_id,
        blocks,
        epoch: data.epoch,
    }
}

fn stable_block(block: u64, bytes: &Bytes) -> StableBlock {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    StableBlock { block, bytes: bytes.slice(..length) }
}

/// What an entry of so many blocks counts: as much as it takes at most, in the log and, put back, in memory.
fn room_for(blocks: usize) -> u64 {
    (ENTRY_HEAD_BYTES + JOURNAL_HEAD_BYTES + blocks * (STABLE_BLOCK_BYTES_MAX + BLOCK_HEAD_BYTES)) as u64
}

fn damaged(version: Version, problem: RecordError) -> MetaError {
    MetaError::Engine(KvError::Damaged(format!("entry {} of the journal: {problem}", version.0)))
}

/// Most blocks of an entry: 64 KiB.
const JOURNAL_BLOCKS_MAX: usize = 16;
/// What an entry takes beside its blocks: attributes, at most.
const ENTRY_HEAD_BYTES: usize = 96;
/// Index and length of a block.
const BLOCK_HEAD_BYTES: usize = 12;
const _: () = assert!(
    ENTRY_HEAD_BYTES + JOURNAL_BLOCKS_MAX * (STABLE_BLOCK_BYTES_MAX + BLOCK_HEAD_BYTES)
        <= kv::limits::JOURNAL_ENTRY_BYTES_MAX
);
/// Bytes of entries read at once by a start.
const REPLAY_PAGE_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn add(journal: &mut FileJournal, table: &JournalTable, version: u64) {
        journal.add(&mut table.lock(), (Version(version), 10));
    }

    #[test]
    fn entries_after_the_snapshot_of_a_flush_outlive_it_and_others_do_not() {
        let (table, mut journal) = (JournalTable::default(), FileJournal::default());
        table.reset(100);
        for version in [3, 5] {
            add(&mut journal, &table, version);
        }
        let floor = journal.close();
        assert_eq!(floor, Some(Version(5)));
        add(&mut journal, &table, 7);
        journal.void(&table, floor, (Version(9), false));
        assert_eq!(table.release(Version(8)), Version(3), "what voids them is not durable");
        assert_eq!(table.lock().used_bytes(), 30);
        assert_eq!(table.release(Version(9)), Version(7));
        assert_eq!(table.lock().used_bytes(), 10);
        assert_eq!(journal.last_live(), Some(Version(7)));
        let floor = journal.close();
        journal.void(&table, floor, (Version(11), true));
        assert_eq!(table.release(Version(11)), Version(8));
        assert!(!journal.is_live() && table.lock().has_room(100));
    }

    #[test]
    fn room_is_counted_from_the_oldest_entry_that_is_needed() {
        let table = JournalTable::default();
        table.reset(50);
        let (mut old, mut new) = (FileJournal::default(), FileJournal::default());
        add(&mut old, &table, 1);
        for version in 2..6 {
            add(&mut new, &table, version);
            let floor = new.close();
            new.void(&table, floor, (Version(version), true));
        }
        table.release(Version(100));
        assert!(!table.lock().has_room(1), "the engine keeps what lies between");
        let floor = old.close();
        old.void(&table, floor, (Version(6), true));
        table.release(Version(100));
        assert!(table.lock().has_room(50));
    }

    #[test]
    fn many_blocks_are_no_entry_until_all_is_clean() {
        let mut journal = FileJournal::default();
        let buffer = Buffer::default();
        journal.note_write(0, 16);
        journal.note_write(3, 9);
        assert_eq!(journal.fresh.len(), 16);
        assert!(journal.fresh(&buffer).is_some_and(|blocks| blocks.is_empty()), "none is dirty any more");
        journal.note_write(20, 21);
        assert!(journal.fresh(&buffer).is_none());
        journal.void(&JournalTable::default(), None, (Version(1), false));
        assert!(journal.fresh(&buffer).is_none());
        journal.void(&JournalTable::default(), None, (Version(1), true));
        assert!(journal.fresh(&buffer).is_some());
    }
}
