//! The bytes of a file: a sparse map of blocks, with what is needed to undo unstable writes.

use std::collections::BTreeMap;
use std::fmt;

use pages::{BLOCK_SIZE, Payload};
use vfs::Timestamp;

const BLOCK_BYTES: u64 = BLOCK_SIZE as u64;

/// Blocks that were ever written; all others read as zeros.
#[derive(Default)]
pub(super) struct Content {
    blocks: BTreeMap<u64, Box<[u8]>>,
    unstable: Option<Undo>,
}

/// What stood there before the first write that is not stable.
struct Undo {
    size: u64,
    modified: Timestamp,
    blocks: BTreeMap<u64, Option<Box<[u8]>>>,
}

impl Content {
    /// Bytes of the blocks.
    pub(super) fn allocated_bytes(&self) -> u64 {
        self.blocks.len() as u64 * BLOCK_BYTES
    }

    /// Bytes that a write of this range would newly allocate.
    pub(super) fn missing_bytes(&self, offset: u64, length: u64) -> u64 {
        if length == 0 {
            return 0;
        }
        let (first, last) = (offset / BLOCK_BYTES, (offset + length - 1) / BLOCK_BYTES);
        (last - first + 1 - self.blocks.range(first..=last).count() as u64) * BLOCK_BYTES
    }

    pub(super) fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            let (index, within, count) = piece(offset, done, length);
            let source = self.blocks.get(&index).and_then(|block| block.get(within..within + count));
            if let (Some(source), Some(target)) = (source, bytes.get_mut(done..done + count)) {
                target.copy_from_slice(source);
            }
            done += count;
        }
        bytes
    }

    /// The blocks of a range, each with its distance from the beginning; of the last only what lies in the range.
    pub(super) fn blocks_of(&self, offset: u64, end: u64) -> Vec<(u64, Vec<u8>)> {
        let found = self.blocks.range(offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES));
        let cut = |at: u64| usize::try_from((end - at).min(BLOCK_BYTES)).unwrap_or_default();
        let of_block = |index| (index * BLOCK_BYTES - offset, cut(index * BLOCK_BYTES));
        let pieces = found.map(|(index, block)| (of_block(index), block));
        pieces.map(|((at, count), block)| (at, block.iter().copied().take(count).collect())).collect()
    }

    pub(super) fn write(&mut self, offset: u64, data: &Payload) {
        let (mut done, length) = (0, data.len());
        while done < length {
            let (index, within, count) = piece(offset, done, length);
            if let Some(undo) = &mut self.unstable {
                undo.blocks.entry(index).or_insert_with(|| self.blocks.get(&index).cloned());
            }
            let block = self.blocks.entry(index).or_insert_with(|| vec![0; BLOCK_SIZE].into());
            if let Some(target) = block.get_mut(within..within + count) {
                data.slice(done, count).copy_to(target);
            }
            done += count;
        }
    }

    /// Makes everything behind `size` read as zeros.
    pub(super) fn cut(&mut self, size: u64) {
        self.blocks.split_off(&size.div_ceil(BLOCK_BYTES));
        let within = usize::try_from(size % BLOCK_BYTES).unwrap_or_default();
        let last = self.blocks.get_mut(&(size / BLOCK_BYTES)).and_then(|block| block.get_mut(within..));
        if let Some(tail) = last {
            tail.fill(0);
        }
    }

    /// Makes a range read as zeros; blocks that lie in it are given back, and what is stored of others is overwritten.
    pub(super) fn punch(&mut self, from: u64, to: u64) {
        let mut at = from;
        while at < to {
            let (index, within) = (at / BLOCK_BYTES, usize::try_from(at % BLOCK_BYTES).unwrap_or_default());
            let end = to.min((index + 1) * BLOCK_BYTES);
            let count = usize::try_from(end - at).unwrap_or_default();
            if count == BLOCK_SIZE {
                self.blocks.remove(&index);
            } else if let Some(part) =
                self.blocks.get_mut(&index).and_then(|block| block.get_mut(within..within + count))
            {
                part.fill(0);
            }
            // A hole may be as long as a file: go on with the next block that is there.
            at = match self.blocks.range(end / BLOCK_BYTES..).next() {
                Some((next, _)) => end.max(next * BLOCK_BYTES),
                None => to,
            };
        }
    }

    /// The first byte from this one on that lies in a block, or in none.
    pub(super) fn seek(&self, from: u64, is_stored: bool) -> Option<u64> {
        let first = from / BLOCK_BYTES;
        let index = if is_stored {
            *self.blocks.range(first..).next()?.0
        } else {
            (first..).find(|index| !self.blocks.contains_key(index))?
        };
        Some(from.max(index * BLOCK_BYTES))
    }

    /// What is written from here on is lost in a crash; `size` and `modified` are as before it.
    pub(super) fn begin_unstable(&mut self, size: u64, modified: Timestamp) {
        self.unstable.get_or_insert_with(|| Undo { size, modified, blocks: BTreeMap::new() });
    }

    /// What was written so far survives a crash.
    pub(super) fn make_stable(&mut self) {
        self.unstable = None;
    }

    /// Goes back to the last stable state; the size and time of modification it had, if something was unstable.
    pub(super) fn undo(&mut self) -> Option<(u64, Timestamp)> {
        let undo = self.unstable.take()?;
        for (index, block) in undo.blocks {
            match block {
                Some(block) => self.blocks.insert(index, block),
                None => self.blocks.remove(&index),
            };
        }
        Some((undo.size, undo.modified))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Content({} blocks)", self.blocks.len())
    }
}

/// The next piece of a range that lies in one block: index of the block, first byte in it, and length.
fn piece(offset: u64, done: usize, length: usize) -> (u64, usize, usize) {
    let at = offset + done as u64;
    let within = usize::try_from(at % BLOCK_BYTES).unwrap_or_default();
    (at / BLOCK_BYTES, within, (BLOCK_SIZE - within).min(length - done))
}
