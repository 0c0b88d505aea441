//! The blocks of a file that were written and not flushed yet.
//!
//! A block that is written in part needs what it held before. That is read without a lock, under a ticket that every
//! change of the block takes back: with a valid ticket what was read is still what the block holds.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use pages::{BLOCK_SIZE, Payload};
use smallvec::SmallVec;

use super::BLOCK_BYTES;
use super::place::checksum;

/// Dirty blocks in runs that share memory, by the index of their first block in the file.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    runs: BTreeMap<u64, Held>,
    /// Blocks of all runs.
    blocks: u64,
    tickets: HashMap<u64, Ticket>,
    last: u64,
}

/// The right to take what was read of a block for what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// What blocks held before a write changes a part of them; empty bytes are zeros.
pub(crate) type Bases = HashMap<u64, (Ticket, Bytes)>;

/// Dirty blocks that follow each other, as a flush takes them.
#[derive(Clone, Debug)]
pub(crate) struct DirtyRun {
    /// Index of the first in the file.
    pub(crate) first: u64,
    /// Their bytes: whole blocks.
    pub(crate) bytes: Bytes,
    sums: Sums,
    generation: u64,
}

/// The checksums of the blocks of a run, where they are known: of the blocks from an index on.
#[derive(Clone, Debug, Default)]
struct Sums(Option<(Arc<[u32]>, usize)>);

/// The part of a write that falls into one block, or the whole blocks in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    block: u64,
    /// First byte within the block.
    from: usize,
    length: usize,
    /// First byte within the payload.
    at: usize,
}

#[derive(Debug)]
struct Held {
    bytes: Bytes,
    sums: Sums,
    /// Which write they are of: parts of a run have the same.
    generation: u64,
    /// Length of the memory that these bytes keep.
    kept_bytes: usize,
}

impl DirtyRun {
    /// A block that is placed without ever having been dirty.
    pub(crate) fn clean(block: u64, bytes: Bytes) -> Self {
        Self { first: block, bytes, sums: Sums::default(), generation: 0 }
    }

    /// Blocks of the run.
    pub(crate) fn blocks(&self) -> u64 {
        count(&self.bytes)
    }

    /// Takes the first blocks off, as many as so many bytes hold.
    pub(crate) fn split_to(&mut self, bytes_max: usize) -> Self {
        let bytes = self.bytes.split_to(bytes_max.min(self.bytes.len()));
        let part = Self { first: self.first, bytes, sums: self.sums.clone(), generation: self.generation };
        self.sums = self.sums.behind(part.blocks());
        self.first = part.end();
        part
    }

    /// Its blocks by their index in the file, with their checksums.
    pub(crate) fn checksums(&self) -> impl Iterator<Item = (u64, u32)> {
        let known = self.sums.known();
        let sum = |(index, bytes)| known.get(index).copied().unwrap_or_else(|| checksum(bytes));
        (self.first..).zip(self.bytes.chunks(BLOCK_SIZE).enumerate().map(sum))
    }

    /// The block behind the last.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.blocks()
    }
}

impl Buffer {
    /// Whether no block is dirty.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many blocks are dirty.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The first dirty block and the last.
    pub(crate) fn bounds(&self) -> Option<(u64, u64)> {
        let (first, (start, held)) = (self.runs.first_key_value()?.0, self.runs.last_key_value()?);
        Some((*first, start + count(&held.bytes) - 1))
    }

    /// The bytes of a dirty block.
    pub(crate) fn get(&self, block: u64) -> Option<Bytes> {
        self.range(block, block + 1).pop().map(|(_, bytes)| bytes)
    }

    /// The dirty blocks from `first` up to `end`, excluded: runs of whole blocks in order, with the first of each.
    pub(crate) fn range(&self, first: u64, end: u64) -> Vec<(u64, Bytes)> {
        let cut = |(start, held): (u64, &Held)| {
            let (from, to) = (first.max(start), end.min(start + count(&held.bytes)));
            (from, held.bytes.slice(bytes_of(from - start)..bytes_of(to - start)))
        };
        self.overlapping(first, end).map(cut).collect()
    }

    /// The blocks whose former content a write into a file of this size still needs: at most its first and its last.
    pub(crate) fn missing(&self, (offset, length): (u64, usize), size: u64, bases: &Bases) -> SmallVec<[u64; 2]> {
        let has = |block: u64| self.has(block) || self.valid_base(block, bases).is_some();
        let edges = pieces(offset, length).filter(|piece| piece.needs_base(size) && !has(piece.block));
        edges.map(|piece| piece.block).collect()
    }

    /// A ticket to read what a block that is not dirty holds.
    pub(crate) fn ticket(&mut self, block: u64) -> Ticket {
        self.last += 1;
        *self.tickets.entry(block).or_insert(Ticket(self.last))
    }

    /// Writes; nothing may be missing. Returns how many blocks have become dirty. What was read of a block before it was
    /// changed is not taken: when nothing of it is missing all the same, a cut has made it zeros.
    pub(crate) fn write(&mut self, offset: u64, data: &Payload, bases: &Bases) -> usize {
        let before = self.blocks;
        for piece in pieces(offset, data.len()) {
            let part = data.slice(piece.at, piece.length);
            if piece.is_whole() {
                self.put_whole(piece.block, &part);
                continue;
            }
            let held = self.take(piece.block);
            let base = held.or_else(|| self.valid_base(piece.block, bases));
            self.put(piece.block, patch(base.unwrap_or_default(), piece.from, &part));
        }
        // A patched block was taken out for a moment, but is back.
        usize::try_from(self.blocks - before).unwrap_or(usize::MAX)
    }

    /// Notes the checksums of what was written last, whole blocks from `first` on: they cost least while the bytes are
    /// still in the caches of the processor.
    pub(crate) fn note_checksums(&mut self, first: u64, crcs: &Arc<[u32]>) {
        let last = self.last;
        let held = self.runs.get_mut(&first).filter(|held| held.generation == last);
        if let Some(held) = held.filter(|held| held.bytes.len() == crcs.len() * BLOCK_SIZE) {
            held.sums = Sums(Some((Arc::clone(crcs), 0)));
        }
    }

    /// All dirty blocks in order.
    pub(crate) fn snapshot(&self) -> Vec<DirtyRun> {
        let take = |(first, held): (&u64, &Held)| DirtyRun {
            first: *first,
            bytes: held.bytes.clone(),
            sums: held.sums.clone(),
            generation: held.generation,
        };
        self.runs.iter().map(take).collect()
    }

    /// Forgets what was flushed of these blocks and not written since. `flushed` is in order. Returns how many blocks.
    pub(crate) fn clean(&mut self, flushed: &[DirtyRun], blocks: Range<u64>) -> usize {
        let before = self.blocks;
        let begin = flushed.partition_point(|run| run.end() <= blocks.start);
        for run in flushed.iter().skip(begin).take_while(|run| run.first < blocks.end) {
            let (first, end) = (run.first.max(blocks.start), run.end().min(blocks.end));
            let same = self.overlapping(first, end).filter(|(_, held)| held.generation == run.generation);
            let same: SmallVec<[(u64, u64); 4]> =
                same.map(|(start, held)| (start.max(first), end.min(start + count(&held.bytes)))).collect();
            for (first, end) in same {
                self.take_out(first, end);
            }
        }
        usize::try_from(before - self.blocks).unwrap_or(usize::MAX)
    }

    /// Makes everything from `size` on zeros. Returns how many blocks are no longer dirty.
    pub(crate) fn cut(&mut self, size: u64) -> usize {
        let before = self.blocks;
        self.take_out(size.div_ceil(BLOCK_BYTES), u64::MAX);
        let dropped = usize::try_from(before - self.blocks).unwrap_or(usize::MAX);
        let last = size / BLOCK_BYTES;
        self.tickets.retain(|block, _| *block < last);
        let from = within(size);
        if from > 0
            && let Some(bytes) = self.take(last)
        {
            self.put(last, zero_from(bytes, from));
        }
        dropped
    }

    /// Forgets everything. Returns how many blocks were dirty.
    pub(crate) fn clear(&mut self) -> usize {
        self.tickets.clear();
        self.runs.clear();
        usize::try_from(std::mem::take(&mut self.blocks)).unwrap_or(usize::MAX)
    }

    /// What was read of a block, if it is what the block still holds.
    fn valid_base(&self, block: u64, bases: &Bases) -> Option<Bytes> {
        let (ticket, base) = bases.get(&block)?;
        (self.tickets.get(&block) == Some(ticket)).then(|| base.clone())
    }

    /// How many blocks from `first` up to `end`, excluded, are dirty. Soon said of what lies behind all others, and of
    /// what was written alike before.
    pub(crate) fn dirty_in(&self, first: u64, end: u64) -> u64 {
        if self.runs.last_key_value().is_none_or(|(start, held)| start + count(&held.bytes) <= first) {
            return 0;
        }
        if self.runs.get(&first).is_some_and(|held| first + count(&held.bytes) >= end) {
            return end.saturating_sub(first);
        }
        let overlap = |(start, held): (u64, &Held)| end.min(start + count(&held.bytes)) - first.max(start);
        self.overlapping(first, end).map(overlap).sum()
    }

    /// Whether a block is dirty.
    pub(crate) fn has(&self, block: u64) -> bool {
        self.overlapping(block, block + 1).next().is_some()
    }

    /// The runs that have blocks from `first` up to `end`, with the index of their first block.
    fn overlapping(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, &Held)> {
        let before = self.runs.range(..first).next_back();
        let before = before.filter(|(start, held)| **start + count(&held.bytes) > first && end > first);
        before.into_iter().chain(self.runs.range(first..end.max(first))).map(|(start, held)| (*start, held))
    }

    /// Whole blocks of a write; runs share the memory of the payload where its slices are whole blocks.
    fn put_whole(&mut self, first: u64, data: &Payload) {
        if data.slices().iter().any(|slice| !slice.len().is_multiple_of(BLOCK_SIZE)) {
            return self.put(first, data.to_bytes());
        }
        let mut at = first;
        for slice in data.slices() {
            self.put(at, slice.clone());
            at += count(slice);
        }
    }

    fn put(&mut self, first: u64, bytes: Bytes) {
        let end = first + count(&bytes);
        self.take_out(first, end);
        if !self.tickets.is_empty() {
            self.tickets.retain(|block, _| *block < first || *block >= end);
        }
        self.last += 1;
        self.blocks += end - first;
        let kept_bytes = bytes.len();
        self.runs.insert(first, Held { bytes, sums: Sums::default(), generation: self.last, kept_bytes });
    }

    /// A dirty block, taken out.
    fn take(&mut self, block: u64) -> Option<Bytes> {
        // Not cloned if it is a run by itself: it can be changed in place then.
        if let Some(held) = self.runs.remove(&block) {
            if held.bytes.len() == BLOCK_SIZE {
                self.blocks -= 1;
                return Some(held.bytes);
            }
            self.runs.insert(block, held);
        }
        let bytes = self.get(block);
        self.take_out(block, block + 1);
        bytes
    }

    /// Blocks from `first` up to `end` are no longer dirty; what is left of a run on either side stays.
    fn take_out(&mut self, first: u64, end: u64) {
        let starts: SmallVec<[u64; 4]> = self.overlapping(first, end).map(|(start, _)| start).collect();
        for start in starts {
            let Some(held) = self.runs.remove(&start) else { continue };
            let behind = start + count(&held.bytes);
            self.blocks -= behind.min(end) - start.max(first);
            if start < first {
                self.runs.insert(start, held.part(0, first - start));
            }
            if behind > end {
                self.runs.insert(end, held.part(end - start, behind - start));
            }
        }
    }
}

impl Held {
    /// What is left of a run. A little of much memory is copied: otherwise a few dirty blocks could keep any amount.
    fn part(&self, from: u64, to: u64) -> Self {
        let bytes = self.bytes.slice(bytes_of(from)..bytes_of(to));
        let sums = self.sums.behind(from);
        if bytes.len() * KEPT_SHARE_MIN < self.kept_bytes {
            let kept_bytes = bytes.len();
            return Self { bytes: Bytes::copy_from_slice(&bytes), sums, generation: self.generation, kept_bytes };
        }
        Self { bytes, sums, generation: self.generation, kept_bytes: self.kept_bytes }
    }
}

impl Sums {
    fn known(&self) -> &[u32] {
        self.0.as_ref().and_then(|(crcs, from)| crcs.get(*from..)).unwrap_or_default()
    }

    /// Those of the blocks behind so many.
    fn behind(&self, blocks: u64) -> Self {
        let blocks = usize::try_from(blocks).unwrap_or(usize::MAX);
        Self(self.0.as_ref().map(|(crcs, from)| (Arc::clone(crcs), from.saturating_add(blocks))))
    }
}

impl Piece {
    fn is_whole(&self) -> bool {
        self.from == 0 && self.length.is_multiple_of(BLOCK_SIZE)
    }

    /// Whether bytes of the file that the write leaves alone lie in the block.
    fn needs_base(&self, size: u64) -> bool {
        let start = self.block * BLOCK_BYTES;
        let covers_all = self.from == 0 && start + self.length as u64 >= size;
        !self.is_whole() && start < size && !covers_all
    }
}

/// The checksums of a large write of whole blocks that lie in one piece of memory; `None` for any other.
pub(crate) fn checksums_of(offset: u64, data: &Payload) -> Option<Arc<[u32]>> {
    let [bytes] = data.slices() else { return None };
    let is_whole = within(offset) == 0 && bytes.len().is_multiple_of(BLOCK_SIZE);
    (is_whole && bytes.len() >= SUMMED_BYTES_MIN).then(|| bytes.chunks(BLOCK_SIZE).map(checksum).collect())
}

/// How many blocks a range touches.
pub(crate) fn blocks_of(offset: u64, length: usize) -> u64 {
    match length {
        0 => 0,
        _ => (offset + length as u64).div_ceil(BLOCK_BYTES) - offset / BLOCK_BYTES,
    }
}

/// The block with zeros from a byte on.
pub(crate) fn zero_from(bytes: Bytes, from: usize) -> Bytes {
    let mut block = own(bytes);
    if let Some(tail) = block.get_mut(from..) {
        tail.fill(0);
    }
    block.freeze()
}

/// Place of a byte of the file in its block.
pub(crate) fn within(position: u64) -> usize {
    usize::try_from(position % BLOCK_BYTES).unwrap_or(0)
}

fn patch(base: Bytes, from: usize, part: &Payload) -> Bytes {
    let mut block = own(base);
    if let Some(target) = block.get_mut(from..) {
        part.copy_to(target);
    }
    block.freeze()
}

/// A block that may be changed: itself when nobody else has it, else a copy.
fn own(bytes: Bytes) -> BytesMut {
    let mut block = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    block.resize(BLOCK_SIZE, 0);
    block
}

/// The pieces of a write: what it changes of its first block, whole blocks, what it changes of its last.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = length.checked_sub(at).filter(|left| *left > 0)?;
        let position = offset + at as u64;
        let from = within(position);
        let whole = left - left % BLOCK_SIZE;
        let length = if from == 0 && whole > 0 { whole } else { left.min(BLOCK_SIZE - from) };
        let piece = Piece { block: position / BLOCK_BYTES, from, length, at };
        at += length;
        Some(piece)
    })
}

/// How many blocks these bytes are.
fn count(bytes: &Bytes) -> u64 {
    (bytes.len() / BLOCK_SIZE) as u64
}

/// Bytes of so many blocks of a run.
fn bytes_of(blocks: u64) -> usize {
    usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK_SIZE)
}

/// The checksums of smaller writes are left to the flush: they may be written again before it.
const SUMMED_BYTES_MIN: usize = 64 << 10;
/// Runs keep memory of at most so many times their length.
const KEPT_SHARE_MIN: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_blocks_share_the_memory_of_the_payload() {
        let payload = Payload::from(vec![7; 4 * BLOCK_SIZE]);
        let mut buffer = Buffer::default();
        assert_eq!(buffer.write(BLOCK_BYTES, &payload, &Bases::new()), 4);
        let start = payload.slices()[0].as_ptr();
        let runs = buffer.range(0, 9);
        assert_eq!(runs.iter().map(|(block, bytes)| (*block, bytes.as_ptr())).collect::<Vec<_>>(), [(1, start)]);
        assert_eq!(buffer.get(3).map(|bytes| bytes.as_ptr()), Some(start.wrapping_add(2 * BLOCK_SIZE)));
    }

    #[test]
    fn only_edges_inside_the_file_need_a_base() {
        let buffer = Buffer::default();
        let missing = |offset, length, size| buffer.missing((offset, length), size, &Bases::new()).into_vec();
        assert_eq!(missing(10, 10, 0), []);
        assert_eq!(missing(10, 10, 5), [0]);
        assert_eq!(missing(0, 10, 10), []);
        assert_eq!(missing(0, 10, 11), [0]);
        assert_eq!(missing(1, 8191, 100_000), [0]);
        assert_eq!(missing(1, 8192, 100_000), [0, 2]);
        assert_eq!(missing(4096, 4096, 100_000), []);
        assert_eq!(missing(4090, 10_000, 8192), [0]);
    }

    #[test]
    fn a_write_takes_the_ticket_of_its_block_back() {
        let mut buffer = Buffer::default();
        let ticket = buffer.ticket(0);
        let bases = Bases::from([(0, (ticket, Bytes::from(vec![1; BLOCK_SIZE])))]);
        assert!(buffer.missing((5, 1), 4096, &bases).is_empty());
        buffer.write(0, &Payload::from(vec![2; BLOCK_SIZE]), &Bases::new());
        let flushed = buffer.snapshot();
        assert_eq!(buffer.clean(&flushed, 0..9), 1);
        assert_eq!(buffer.missing((5, 1), 4096, &bases).as_slice(), [0], "what was read is old");
    }

    #[test]
    fn what_was_read_before_a_cut_does_not_come_back() {
        let mut buffer = Buffer::default();
        let ticket = buffer.ticket(1);
        let bases = Bases::from([(1, (ticket, Bytes::from(vec![1; BLOCK_SIZE])))]);
        buffer.cut(BLOCK_BYTES);
        assert!(buffer.missing((5000, 10), BLOCK_BYTES, &bases).is_empty(), "the file ends before the block");
        buffer.write(5000, &Payload::from(vec![2; 10]), &bases);
        let mut expected = vec![0; BLOCK_SIZE];
        expected[904..914].fill(2);
        assert_eq!(buffer.get(1), Some(Bytes::from(expected)));
    }

    #[test]
    fn dirty_blocks_of_a_range_are_counted() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.dirty_in(0, 9), 0);
        for (block, blocks) in [(2, 3), (8, 1)] {
            buffer.write(block * BLOCK_BYTES, &Payload::from(vec![1; blocks * BLOCK_SIZE]), &Bases::default());
        }
        let all: Vec<_> = (0..12).flat_map(|first| (first..12).map(move |end| (first, end))).collect();
        for (first, end) in all {
            let expected = (first..end).filter(|block| buffer.has(*block)).count() as u64;
            assert_eq!(buffer.dirty_in(first, end), expected, "{first} to {end}");
        }
    }

    #[test]
    fn a_block_that_was_written_again_stays_dirty() {
        let mut buffer = Buffer::default();
        buffer.write(0, &Payload::from(vec![1; 2 * BLOCK_SIZE]), &Bases::new());
        let flushed = buffer.snapshot();
        buffer.write(1, &Payload::from(vec![2; 1]), &Bases::new());
        assert_eq!(buffer.clean(&flushed, 0..9), 1);
        assert_eq!(buffer.get(0).map(|bytes| bytes[..3].to_vec()), Some(vec![1, 2, 1]));
        assert_eq!(flushed[0].bytes[..3], [1, 1, 1], "what the flush holds does not change");
    }

    #[test]
    fn a_few_dirty_blocks_do_not_keep_much_memory() {
        let mut buffer = Buffer::default();
        for first in 0..8 {
            buffer.write(first * BLOCK_BYTES, &Payload::from(vec![1; 64 * BLOCK_SIZE]), &Bases::new());
        }
        let kept: usize = buffer.runs.values().map(|held| held.kept_bytes).sum();
        assert_eq!((buffer.blocks, kept), (71, 71 * BLOCK_SIZE));
        let first = buffer.write(0, &Payload::from(vec![2; 16 * BLOCK_SIZE]), &Bases::new());
        assert_eq!((first, buffer.runs[&16].kept_bytes), (0, 64 * BLOCK_SIZE), "a large part is not copied");
    }

    /// A buffer and what it should hold: bytes, and the number of the change that a block is of.
    #[derive(Default)]
    struct Rig {
        buffer: Buffer,
        model: Model,
        changes: u64,
        /// All that was ever read, and what of it is still true: a block full of one byte.
        bases: Bases,
        read: BTreeMap<u64, u8>,
    }

    type Model = BTreeMap<u64, (Vec<u8>, u64)>;

    impl Rig {
        fn read(&mut self, block: u64, mark: u8) {
            let is_known = self.model.contains_key(&block) || self.read.contains_key(&block);
            if !is_known {
                let base = (self.buffer.ticket(block), Bytes::from(vec![mark; BLOCK_SIZE]));
                self.bases.insert(block, base);
                self.read.insert(block, mark);
            }
        }

        fn write(&mut self, (offset, length): (u64, usize), mark: u8, slice_bytes: usize) {
            // Each block of a write differs from the others.
            let bytes: Vec<u8> =
                (offset..).take(length).map(|at| mark ^ (at / BLOCK_BYTES).to_le_bytes()[0].rotate_left(3)).collect();
            let payload: Payload = bytes.chunks(slice_bytes).map(Bytes::copy_from_slice).collect();
            // The file ends far behind it or, since a cut perhaps, before it.
            let size = if mark.is_multiple_of(2) { u64::MAX } else { 0 };
            for block in self.buffer.missing((offset, length), size, &self.bases) {
                self.read(block, mark);
            }
            let before = self.model.len();
            self.changes += 1;
            for (at, byte) in (offset..).zip(bytes) {
                let block = at / BLOCK_BYTES;
                let base = self.read.remove(&block).unwrap_or(0);
                let held = self.model.entry(block).or_insert_with(|| (vec![base; BLOCK_SIZE], 0));
                held.0[within(at)] = byte;
                held.1 = self.changes;
            }
            assert_eq!(self.buffer.write(offset, &payload, &self.bases), self.model.len() - before);
            if let Some(crcs) = checksums_of(offset, &payload) {
                self.buffer.note_checksums(offset / BLOCK_BYTES, &crcs);
            }
        }

        fn cut(&mut self, size: u64) {
            let before = self.model.len();
            self.changes += 1;
            self.model.retain(|block, _| block * BLOCK_BYTES < size);
            self.read.retain(|block, _| *block < size / BLOCK_BYTES);
            if let Some(held) = self.model.get_mut(&(size / BLOCK_BYTES)) {
                held.0[within(size)..].fill(0);
                held.1 = self.changes;
            }
            assert_eq!(self.buffer.cut(size), before - self.model.len());
        }

        fn clean(&mut self, (flushed, then): (&[DirtyRun], &Model), blocks: Range<u64>) {
            let before = self.model.len();
            let is_flushed = |block: &u64, change| then.get(block).is_some_and(|held| held.1 == change);
            self.model.retain(|block, held| !blocks.contains(block) || !is_flushed(block, held.1));
            assert_eq!(self.buffer.clean(flushed, blocks), before - self.model.len());
        }

        fn check(&self) {
            let runs = self.buffer.range(0, u64::MAX);
            let blocks = runs.iter().flat_map(|(first, bytes)| (*first..).zip(bytes.chunks(BLOCK_SIZE)));
            assert!(blocks.eq(self.model.iter().map(|(block, held)| (*block, held.0.as_slice()))));
            let sums = self.buffer.snapshot().into_iter().flat_map(|mut run| {
                let part = run.split_to(3 * BLOCK_SIZE);
                [part, run].into_iter().flat_map(|run| run.checksums().collect::<Vec<_>>())
            });
            assert!(sums.eq(self.model.iter().map(|(block, held)| (*block, checksum(&held.0)))));
            assert_eq!(self.buffer.blocks, self.model.len() as u64);
            assert!(self.buffer.runs.values().all(|held| held.bytes.len() * KEPT_SHARE_MIN >= held.kept_bytes));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn runs_hold_what_single_blocks_would(
            steps in proptest::collection::vec((0_u8..12, 0_u64..40, 0_u64..4096, 1_usize..20), 1..40),
        ) {
            let mut rig = Rig::default();
            let mut flush = (Vec::new(), BTreeMap::new());
            for ((kind, block, within, blocks), mark) in steps.into_iter().zip(1..) {
                match kind {
                    0..=1 => rig.write((block * BLOCK_BYTES, blocks * BLOCK_SIZE), mark, 3 * BLOCK_SIZE),
                    2 => rig.write((block * BLOCK_BYTES, (15 + blocks) * BLOCK_SIZE), mark, usize::MAX),
                    3 => rig.write((block * BLOCK_BYTES, blocks * BLOCK_SIZE), mark, 5000),
                    4 | 5 => rig.write((block % 8 * BLOCK_BYTES + within, blocks * 1000), mark, 4096),
                    6 => rig.cut(block * BLOCK_BYTES + within),
                    7 => rig.cut(block % 8 * BLOCK_BYTES + within),
                    8 | 9 => rig.read(block % 8, mark),
                    10 => flush = (rig.buffer.snapshot(), rig.model.clone()),
                    _ => rig.clean((&flush.0, &flush.1), block..block + blocks as u64),
                }
                rig.check();
            }
        }
    }
}
