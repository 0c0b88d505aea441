//! The blocks of a file that were written and not flushed yet.
//!
//! A block that is written in part needs what it held before. That is read without a lock, under a ticket that every
//! change of the block takes back: with a valid ticket what was read is still what the block holds.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use pages::{BLOCK_SIZE, Payload};
use smallvec::SmallVec;

use super::BLOCK_BYTES;

/// Dirty blocks by their index in the file.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    blocks: BTreeMap<u64, Held>,
    tickets: HashMap<u64, Ticket>,
    last: u64,
}

/// The right to take what was read of a block for what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// What blocks held before a write changes a part of them; empty bytes are zeros.
pub(crate) type Bases = HashMap<u64, (Ticket, Bytes)>;

/// A dirty block as a flush takes it.
#[derive(Clone, Debug)]
pub(crate) struct DirtyBlock {
    /// Index in the file.
    pub(crate) block: u64,
    /// Its bytes.
    pub(crate) bytes: Bytes,
    generation: u64,
}

/// The part of a write that falls into one block.
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
    generation: u64,
}

impl DirtyBlock {
    /// A block that is placed without ever having been dirty.
    pub(crate) fn clean(block: u64, bytes: Bytes) -> Self {
        Self { block, bytes, generation: 0 }
    }
}

impl Buffer {
    /// Whether no block is dirty.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The bytes of a dirty block.
    pub(crate) fn get(&self, block: u64) -> Option<Bytes> {
        self.blocks.get(&block).map(|held| held.bytes.clone())
    }

    /// The dirty blocks from `first` up to `end`, excluded.
    pub(crate) fn range(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, Bytes)> {
        self.blocks.range(first..end.max(first)).map(|(block, held)| (*block, held.bytes.clone()))
    }

    /// The blocks whose former content a write into a file of this size still needs: at most its first and its last.
    pub(crate) fn missing(&self, (offset, length): (u64, usize), size: u64, bases: &Bases) -> SmallVec<[u64; 2]> {
        let has = |block: u64| {
            let valid = |(ticket, _): &(Ticket, Bytes)| self.tickets.get(&block) == Some(ticket);
            self.blocks.contains_key(&block) || bases.get(&block).is_some_and(valid)
        };
        let pieces = edges(offset, length).filter(|piece| piece.needs_base(size) && !has(piece.block));
        pieces.map(|piece| piece.block).collect()
    }

    /// A ticket to read what a block that is not dirty holds.
    pub(crate) fn ticket(&mut self, block: u64) -> Ticket {
        self.last += 1;
        *self.tickets.entry(block).or_insert(Ticket(self.last))
    }

    /// Writes; nothing may be missing. Returns how many blocks have become dirty.
    pub(crate) fn write(&mut self, offset: u64, data: &Payload, bases: &Bases) -> usize {
        let before = self.blocks.len();
        for piece in pieces(offset, data.len()) {
            let part = data.slice(piece.at, piece.length);
            let bytes = if piece.is_whole() {
                part.to_bytes()
            } else {
                let held = self.blocks.remove(&piece.block).map(|held| held.bytes);
                let base = held.or_else(|| bases.get(&piece.block).map(|(_, base)| base.clone()));
                patch(base.unwrap_or_default(), piece.from, &part)
            };
            self.put(piece.block, bytes);
        }
        // A patched block was taken out for a moment, but is back.
        self.blocks.len() - before
    }

    /// All dirty blocks in order.
    pub(crate) fn snapshot(&self) -> Vec<DirtyBlock> {
        let take = |(block, held): (&u64, &Held)| DirtyBlock {
            block: *block,
            bytes: held.bytes.clone(),
            generation: held.generation,
        };
        self.blocks.iter().map(take).collect()
    }

    /// Forgets blocks that were flushed and not written since. Returns how many.
    pub(crate) fn clean<'b>(&mut self, flushed: impl Iterator<Item = &'b DirtyBlock>) -> usize {
        let before = self.blocks.len();
        for dirty in flushed {
            if self.blocks.get(&dirty.block).is_some_and(|held| held.generation == dirty.generation) {
                self.blocks.remove(&dirty.block);
            }
        }
        before - self.blocks.len()
    }

    /// Makes everything from `size` on zeros. Returns how many blocks are no longer dirty.
    pub(crate) fn cut(&mut self, size: u64) -> usize {
        let dropped = self.blocks.split_off(&size.div_ceil(BLOCK_BYTES)).len();
        let last = size / BLOCK_BYTES;
        self.tickets.retain(|block, _| *block < last);
        let from = within(size);
        if from > 0
            && let Some(held) = self.blocks.remove(&last)
        {
            self.put(last, zero_from(held.bytes, from));
        }
        dropped
    }

    /// Forgets everything. Returns how many blocks were dirty.
    pub(crate) fn clear(&mut self) -> usize {
        self.tickets.clear();
        std::mem::take(&mut self.blocks).len()
    }

    fn put(&mut self, block: u64, bytes: Bytes) {
        self.last += 1;
        self.tickets.remove(&block);
        self.blocks.insert(block, Held { bytes, generation: self.last });
    }
}

impl Piece {
    fn is_whole(&self) -> bool {
        self.length == BLOCK_SIZE
    }

    /// Whether bytes of the file that the write leaves alone lie in the block.
    fn needs_base(&self, size: u64) -> bool {
        let start = self.block * BLOCK_BYTES;
        let covers_all = self.from == 0 && start + self.length as u64 >= size;
        !self.is_whole() && start < size && !covers_all
    }
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

fn edges(offset: u64, length: usize) -> impl Iterator<Item = Piece> {
    let last = pieces(offset, length).last();
    let first = pieces(offset, length).next();
    first.into_iter().chain(last.filter(|last| Some(*last) != first))
}

fn pieces(offset: u64, length: usize) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = length.checked_sub(at).filter(|left| *left > 0)?;
        let position = offset + at as u64;
        let from = within(position);
        let piece = Piece { block: position / BLOCK_BYTES, from, length: left.min(BLOCK_SIZE - from), at };
        at += piece.length;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_share_the_memory_of_the_payload() {
        let payload = Payload::from(vec![7; 4 * BLOCK_SIZE]);
        let mut buffer = Buffer::default();
        assert_eq!(buffer.write(BLOCK_BYTES, &payload, &Bases::new()), 4);
        let start = payload.slices()[0].as_ptr();
        assert!(
            buffer
                .range(0, 9)
                .zip(0..)
                .all(|((_, bytes), index)| bytes.as_ptr() == start.wrapping_add(index * BLOCK_SIZE))
        );
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
        assert_eq!(buffer.clean(flushed.iter()), 1);
        assert_eq!(buffer.missing((5, 1), 4096, &bases).as_slice(), [0], "what was read is old");
    }

    #[test]
    fn a_block_that_was_written_again_stays_dirty() {
        let mut buffer = Buffer::default();
        buffer.write(0, &Payload::from(vec![1; 2 * BLOCK_SIZE]), &Bases::new());
        let flushed = buffer.snapshot();
        buffer.write(1, &Payload::from(vec![2; 1]), &Bases::new());
        assert_eq!(buffer.clean(flushed.iter()), 1);
        assert_eq!(buffer.get(0).map(|bytes| bytes[..3].to_vec()), Some(vec![1, 2, 1]));
        assert_eq!(flushed[0].bytes[..3], [1, 1, 1], "what the flush holds does not change");
    }
}
