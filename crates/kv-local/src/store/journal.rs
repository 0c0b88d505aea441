//! The journal: entries that stand in the log until they are released. The log is not recycled over them; when it is
//! needed all the same, the committer carries the oldest ones to its head.

use std::collections::VecDeque;

use bytes::Bytes;
use kv::{Batch, JournalEntry, KvError};

use super::Store;
use super::state::{Mark, State};
use crate::errors::from_io;
use crate::log::buffer::AlignedBuffer;
use crate::log::record::EntryPlace;
use crate::log::ring::Geometry;
use crate::log::write::PendingWrite;
use crate::log::{BLOCK_BYTES, WRITE_BYTES_MAX, checksum};

/// An entry in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeptEntry {
    sequence: u64,
    /// Position of its first byte.
    position: u64,
    length: usize,
    crc: u32,
}

/// A write with entries that may still be needed.
#[derive(Clone, Debug)]
struct KeptWrite {
    /// Where replay would start with it.
    mark: Mark,
    entries: Vec<KeptEntry>,
}

/// Where the entries stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    /// In the order of the log.
    writes: VecDeque<KeptWrite>,
    /// Entries below are needed no more.
    released: u64,
    /// The highest entry so far.
    last: u64,
    /// How often entries have been moved: what was looked up before may be elsewhere.
    carries: u64,
    /// Writes that have left the front because all of their entries were released.
    popped: u64,
}

/// The oldest writes, as they are carried.
struct Oldest {
    /// What is needed of them, in order.
    entries: Vec<KeptEntry>,
    writes: usize,
    /// [`Journal::popped`] when they were the oldest.
    popped: u64,
}

impl Journal {
    /// Takes note of the entries of a write that is in the log from `mark` on.
    pub(super) fn add(&mut self, mark: Mark, entries: &[EntryPlace]) {
        let Some(last) = entries.last() else { return };
        self.last = self.last.max(last.sequence);
        let place = |entry: &EntryPlace| KeptEntry {
            sequence: entry.sequence,
            position: mark.position + entry.at as u64,
            length: entry.length,
            crc: entry.crc,
        };
        self.writes.push_back(KeptWrite { mark, entries: entries.iter().map(place).collect() });
    }

    /// As [`Journal::add`], for a record that replay has found in the write from `mark` on. What it holds was carried
    /// when it is there already: then it counts here.
    pub(super) fn add_replayed(&mut self, mark: Mark, entries: &[EntryPlace]) {
        let is_carried = entries.first().is_some_and(|entry| entry.sequence <= self.last);
        if is_carried {
            for write in &mut self.writes {
                write.entries.retain(|kept| entries.iter().all(|entry| entry.sequence != kept.sequence));
            }
            self.writes.retain(|write| !write.entries.is_empty());
        }
        self.add(mark, entries);
    }

    /// Where replay must start so that it finds every entry that is needed.
    pub(super) fn start(&self) -> Option<Mark> {
        self.writes.front().map(|write| write.mark)
    }

    fn release(&mut self, before: u64) {
        self.released = self.released.max(before);
        let released = self.released;
        let is_over = |write: &mut KeptWrite| write.entries.iter().all(|entry| entry.sequence < released);
        while self.writes.pop_front_if(is_over).is_some() {
            self.popped += 1;
        }
    }

    /// The needed entries above `after` in order, up to so many bytes, but at least one.
    fn above(&self, after: u64, bytes_max: usize) -> Vec<KeptEntry> {
        let needed = |entry: &&KeptEntry| entry.sequence > after && entry.sequence >= self.released;
        let mut found: Vec<_> = self.writes.iter().flat_map(|write| &write.entries).filter(needed).copied().collect();
        found.sort_unstable_by_key(|entry| entry.sequence);
        // What is being carried stands in two places for a moment.
        found.dedup_by_key(|entry| entry.sequence);
        let mut size = 0;
        let fits = |entry: &KeptEntry| {
            let is_first = size == 0;
            size += entry.length + kv::JOURNAL_HEAD_BYTES;
            is_first || size <= bytes_max
        };
        found.into_iter().take_while(fits).collect()
    }

    fn oldest(&self) -> Oldest {
        let mut entries: Vec<KeptEntry> = Vec::new();
        let (mut size, mut writes) = (0, 0);
        for write in &self.writes {
            let needed = write.entries.iter().filter(|entry| entry.sequence >= self.released);
            size += needed.clone().map(|entry| entry.length + kv::JOURNAL_HEAD_BYTES).sum::<usize>();
            if size > CARRY_BYTES && writes > 0 {
                break;
            }
            entries.extend(needed);
            writes += 1;
        }
        entries.sort_unstable_by_key(|entry| entry.sequence);
        Oldest { entries, writes, popped: self.popped }
    }

    /// These writes were carried: those of them that were not released meanwhile are still the oldest.
    fn forget(&mut self, carried: &Oldest) {
        let gone = usize::try_from(self.popped - carried.popped).unwrap_or(usize::MAX);
        self.writes.drain(..carried.writes.saturating_sub(gone));
        self.carries += 1;
    }

    /// Whether what was looked up may have been overwritten since: there were so many carries then.
    fn is_outdated(&self, wanted: &[KeptEntry], carries: u64) -> bool {
        self.carries != carries || wanted.first().is_some_and(|entry| entry.sequence < self.released)
    }
}

impl State {
    /// Where replay may start: behind what is flushed, but not behind an entry that is needed.
    pub(super) fn start_wanted(&self) -> Mark {
        let kept = self.journal.start().filter(|kept| kept.position < self.flushed.position);
        kept.unwrap_or(self.flushed)
    }

    /// Whether nothing but entries of the journal keeps the log from being recycled.
    pub(super) fn is_held_by_journal(&self) -> bool {
        let wanted = self.start_wanted().position;
        wanted == self.ring.start && wanted < self.flushed.position
    }

    /// Bytes of the log that ordinary writes leave free, so that entries can always be carried.
    pub(super) fn spare_bytes(&self) -> u64 {
        if self.journal.writes.is_empty() { 0 } else { spare_bytes(self.ring.geometry) }
    }

    /// Whether the checkpointer should move the start of replay.
    pub(super) fn is_advance_due(&self) -> bool {
        let gain = self.start_wanted().position.saturating_sub(self.ring.start);
        gain >= self.ring.geometry.area_bytes() / 8 || (gain > 0 && self.is_log_wanted)
    }
}

impl Store {
    /// The entries above `after`; blocks.
    ///
    /// Errors: `Damaged`, `Io`.
    pub(crate) fn journal(&self, after: u64, bytes_max: usize) -> Result<Vec<JournalEntry>, KvError> {
        for _ in 0..READ_ATTEMPTS_MAX {
            let (wanted, carries) = {
                let state = self.lock();
                state.refusal().map_or(Ok(()), Err)?;
                (state.journal.above(after, bytes_max), state.journal.carries)
            };
            let read = self.read_entries(&wanted);
            // What was carried or released meanwhile may have been read after it was overwritten.
            if !self.lock().journal.is_outdated(&wanted, carries) {
                return read;
            }
        }
        Err(KvError::Io("entries of the journal move too often to be read".to_owned()))
    }

    /// Entries before this one are needed no more.
    pub(crate) fn release_journal(&self, before: u64) {
        let mut state = self.lock();
        state.journal.release(before);
        if state.is_advance_due() {
            drop(state);
            self.checkpoints.notify_one();
        }
    }

    /// Carries the oldest entries to the head of the log when little but them is left of it.
    pub(super) fn carry_if_due(&self) -> Result<(), KvError> {
        let is_due = {
            let state = self.lock();
            let geometry = state.ring.geometry;
            let little = (geometry.area_bytes() / 8).max(2 * spare_bytes(geometry));
            state.is_held_by_journal() && state.ring.free_bytes() < little
        };
        if is_due { self.carry() } else { Ok(()) }
    }

    /// Carries the oldest entries to the head of the log, so that it can be recycled up to those behind them.
    ///
    /// Errors: `Unknown`, `Damaged`, `Io`.
    pub(super) fn carry(&self) -> Result<(), KvError> {
        let oldest = self.lock().journal.oldest();
        let journal = self.read_entries(&oldest.entries)?;
        if !journal.is_empty() {
            let mut write = PendingWrite::new();
            let added = write.add(&Batch { journal, ..Batch::default() });
            added.ok_or_else(|| KvError::Io("carried entries do not fit a log write".to_owned()))?;
            self.write_carried(&mut write)?;
        }
        let mut state = self.lock();
        state.journal.forget(&oldest);
        drop(state);
        self.checkpoints.notify_one();
        Ok(())
    }

    fn write_carried(&self, write: &mut PendingWrite) -> Result<(), KvError> {
        let length = write.padded_len();
        let mut state = self.lock();
        while state.ring.place(length, 0).is_none() {
            if state.is_over() || !state.ring.is_free(length, 0) {
                return Err(KvError::Io("the log has no room for what it keeps".to_owned()));
            }
            // Its first lap is not zero-filled so far yet.
            state = self.commits.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let mark = Mark { position: state.ring.place(length, 0).unwrap_or(state.ring.head), group: state.last_group };
        drop(state);
        self.write_at(write, mark).map(drop)
    }

    fn read_entries(&self, wanted: &[KeptEntry]) -> Result<Vec<JournalEntry>, KvError> {
        let longest = wanted.iter().map(|entry| entry.length).max().unwrap_or(0);
        let mut window = Window { start: 0, buffer: AlignedBuffer::new(WINDOW_BYTES.max(longest + 2 * BLOCK)) };
        wanted.iter().map(|entry| self.read_entry(entry, &mut window)).collect()
    }

    fn read_entry(&self, entry: &KeptEntry, window: &mut Window) -> Result<JournalEntry, KvError> {
        let offset = self.lock().ring.geometry.offset(entry.position);
        if window.get(offset, entry.length).is_none() {
            window.start = offset - offset % BLOCK_BYTES;
            window.buffer.set_len(usize::try_from(self.log_bytes - window.start).unwrap_or(usize::MAX));
            let read = self.device.read_at(window.buffer.bytes_mut(), window.start);
            read.map_err(|error| from_io("cannot read", &self.log_path, &error))?;
        }
        let bytes = window.get(offset, entry.length).unwrap_or_default();
        if bytes.len() != entry.length || checksum(bytes) != entry.crc {
            let path = self.log_path.display();
            return Err(KvError::Damaged(format!("{path}: an entry of the journal at byte {offset} is unreadable")));
        }
        Ok(JournalEntry { sequence: entry.sequence, bytes: Bytes::copy_from_slice(bytes) })
    }
}

/// A part of the file in memory.
struct Window {
    start: u64,
    buffer: AlignedBuffer,
}

impl Window {
    fn get(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.buffer.bytes().get(at..at.checked_add(length)?)
    }
}

/// Room for the largest write with entries, and for what the end of a lap may leave over; a small log has less.
fn spare_bytes(geometry: Geometry) -> u64 {
    (2 * WRITE_BYTES_MAX as u64).min(geometry.area_bytes() / 4)
}

/// Bytes of entries that are carried at once, unless one write holds more.
const CARRY_BYTES: usize = 256 * 1024;
const WINDOW_BYTES: usize = 1024 * 1024;
/// Times that entries are looked up again because they were carried or released while they were read.
const READ_ATTEMPTS_MAX: u32 = 16;
#[expect(clippy::cast_possible_truncation, reason = "4096 fits every usize")]
const BLOCK: usize = BLOCK_BYTES as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_carried_is_found_once() {
        let mut journal = Journal::default();
        let entries = [3, 5].map(|sequence| EntryPlace { sequence, at: 64, length: 10, crc: 0 });
        journal.add(Mark { position: 0, group: 0 }, &entries);
        journal.add(Mark { position: 4096, group: 1 }, &entries);
        let found = journal.above(0, usize::MAX);
        assert!(found.iter().map(|entry| entry.sequence).eq([3, 5]));
    }
}
