//! Clean blocks, by where they lie: a placement is never used twice, so an entry is never wrong.
//!
//! Blocks that were read together are kept together, in pieces of up to 64 KiB as the store hands them out. The pieces of
//! 64 KiB of a segment form a line, which comes and goes as a whole. What is counted is the memory that the pieces take,
//! not what is seen of them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chunk::{Placement, SLICE_BLOCKS_MAX};
use pages::{BLOCK_SIZE, held_bytes};
use smallvec::SmallVec;
use vfs::CacheFigures;

use super::hash::{Seeded, part_of};

/// A bounded cache of blocks that gives a second chance to those that were used.
pub(crate) struct BlockCache {
    parts: Vec<Mutex<Part>>,
    /// For each part.
    bytes_max: usize,
    seed: Seeded,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What there is of some blocks that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// The bytes of the first blocks, at least of one.
    Here(Bytes),
    /// Of the first so many blocks, at least one, nothing is here.
    Absent(u32),
}

#[derive(Default)]
struct Part {
    lines: HashMap<u64, Line, Seeded>,
    /// Every line once.
    order: VecDeque<u64>,
    bytes: usize,
    pieces: usize,
}

#[derive(Default)]
struct Line {
    /// For each block of the line: which piece has it, counted from 1; 0 for none. A random READ looks here and at one
    /// piece only.
    index: [u8; SLICE_BLOCKS_MAX as usize],
    /// None lies within another.
    pieces: SmallVec<[Piece; 1]>,
    is_referenced: bool,
}

/// Blocks that were read together.
struct Piece {
    /// Within the line.
    first: u32,
    bytes: Bytes,
    held_bytes: usize,
}

impl BlockCache {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(),
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX) / PARTS,
            seed: Seeded::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Most bytes it holds.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max * PARTS
    }

    /// What is here of so many blocks from a placement on.
    pub(crate) fn get(&self, placement: Placement, blocks: u32) -> Cached {
        let first = within(placement);
        let blocks = blocks.min(SLICE_BLOCKS_MAX - first);
        match self.part(placement).lines.get_mut(&line_of(placement)) {
            Some(line) => line.get(first, blocks),
            None => Cached::Absent(blocks),
        }
    }

    /// Keeps blocks whose checksums were found right; the bytes must be whole blocks and not reach over a multiple of
    /// [`SLICE_BLOCKS_MAX`], and keep no other memory than their own.
    pub(crate) fn put(&self, placement: Placement, bytes: Bytes) {
        let first = within(placement);
        let is_piece = !bytes.is_empty() && first as usize * BLOCK_SIZE + bytes.len() <= LINE_BYTES;
        debug_assert!(is_piece, "{} bytes from block {first} of a line", bytes.len());
        if self.bytes_max == 0 || !is_piece {
            return;
        }
        let held_bytes = held_bytes(bytes.len());
        self.part(placement).put(line_of(placement), Piece { first, bytes, held_bytes }, self.bytes_max);
    }

    /// Forgets blocks that are freed. What was read together with others stays for as long as one of them is not.
    pub(crate) fn forget(&self, placement: Placement, blocks: u32) {
        let (start, end) = (placement.to_raw(), placement.to_raw() + u64::from(blocks));
        for number in start / LINE_BLOCKS..end.div_ceil(LINE_BLOCKS) {
            let base = number * LINE_BLOCKS;
            let mut part = self.part(Placement::from_raw(base));
            part.forget(number, (start.saturating_sub(base), end - base));
        }
    }

    /// Counts blocks that were found and that were not.
    pub(crate) fn count(&self, hits: u64, misses: u64) {
        self.hits.fetch_add(hits, Ordering::Relaxed);
        if misses > 0 {
            self.misses.fetch_add(misses, Ordering::Relaxed);
        }
    }

    /// How it is doing.
    pub(crate) fn figures(&self) -> CacheFigures {
        let mut figures = CacheFigures {
            name: "block",
            bytes_max: self.bytes_max() as u64,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            ..CacheFigures::default()
        };
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            figures.entries += part.pieces as u64;
            figures.bytes += part.bytes as u64;
        }
        figures
    }

    /// Forgets everything, so that tests read from the store.
    #[cfg(test)]
    pub(crate) fn clear(&self) {
        for part in &self.parts {
            *part.lock().unwrap_or_else(PoisonError::into_inner) = Part::default();
        }
    }

    /// Neighbours share a part.
    fn part(&self, placement: Placement) -> MutexGuard<'_, Part> {
        use std::hash::BuildHasher;
        let index = part_of(self.seed.hash_one(placement.to_raw() >> NEIGHBOUR_BITS), PARTS);
        #[expect(clippy::indexing_slicing, reason = "below PARTS")]
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn put(&mut self, number: u64, piece: Piece, bytes_max: usize) {
        let line = self.lines.entry(number).or_insert_with(|| {
            self.order.push_back(number);
            Line::default()
        });
        let before = line.held();
        line.put(piece);
        let after = line.held();
        self.replace(before, after);
        self.evict(bytes_max);
    }

    fn forget(&mut self, number: u64, (first, end): (u64, u64)) {
        let Some(line) = self.lines.get_mut(&number) else { return };
        let before = line.held();
        line.retain(|piece| u64::from(piece.first) < first || u64::from(piece.end()) > end);
        let after = line.held();
        self.replace(before, after);
        self.tidy();
    }

    /// Counts what a line holds now in place of what it held: pieces and bytes.
    fn replace(&mut self, before: (usize, usize), after: (usize, usize)) {
        self.pieces = self.pieces + after.0 - before.0;
        self.bytes = self.bytes + after.1 - before.1;
    }

    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(number) = self.order.pop_front() else { return };
            let Some(line) = self.lines.get_mut(&number) else { continue };
            if std::mem::take(&mut line.is_referenced) && !line.pieces.is_empty() {
                self.order.push_back(number);
                continue;
            }
            let before = line.held();
            self.lines.remove(&number);
            self.replace(before, (0, 0));
        }
    }

    /// Keeps lines of which everything was forgotten from gathering.
    fn tidy(&mut self) {
        let empty_max = EMPTY_LINES_MAX.max(self.bytes / LINE_BYTES);
        if self.lines.len() <= empty_max * 2 {
            return;
        }
        self.lines.retain(|_, line| !line.pieces.is_empty());
        self.order.retain(|number| self.lines.contains_key(number));
    }
}

impl Line {
    fn get(&mut self, first: u32, blocks: u32) -> Cached {
        let wanted = self.index.iter().skip(first as usize).take(blocks as usize);
        let piece = wanted.clone().next().and_then(|number| self.pieces.get(usize::from(*number).wrapping_sub(1)));
        let Some(piece) = piece else {
            let absent = wanted.take_while(|number| **number == 0).count();
            return Cached::Absent(u32::try_from(absent).unwrap_or(blocks));
        };
        self.is_referenced = true;
        let from = (first - piece.first) as usize * BLOCK_SIZE;
        let to = piece.bytes.len().min(from + blocks as usize * BLOCK_SIZE);
        Cached::Here(piece.bytes.slice(from..to))
    }

    fn put(&mut self, piece: Piece) {
        let has = |kept: &Piece| kept.first <= piece.first && kept.end() >= piece.end();
        if !self.pieces.iter().any(has) {
            self.pieces.retain(|kept| kept.first < piece.first || kept.end() > piece.end());
            self.pieces.push(piece);
            self.number();
        }
    }

    fn retain(&mut self, mut stays: impl FnMut(&Piece) -> bool) {
        self.pieces.retain(|piece| stays(piece));
        self.number();
    }

    fn number(&mut self) {
        self.index = Default::default();
        for (piece, number) in self.pieces.iter().zip(1..) {
            let blocks = self.index.iter_mut().take(piece.end() as usize).skip(piece.first as usize);
            blocks.for_each(|place| *place = number);
        }
    }

    /// Pieces and the bytes that they take.
    fn held(&self) -> (usize, usize) {
        (self.pieces.len(), self.pieces.iter().map(|piece| piece.held_bytes).sum())
    }
}

impl Piece {
    fn end(&self) -> u32 {
        self.first + u32::try_from(self.bytes.len() / BLOCK_SIZE).unwrap_or(SLICE_BLOCKS_MAX)
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlockCache").field("bytes_max", &self.bytes_max()).finish_non_exhaustive()
    }
}

/// The line of a block, by its number.
fn line_of(placement: Placement) -> u64 {
    placement.to_raw() / LINE_BLOCKS
}

/// Place of a block in its line.
fn within(placement: Placement) -> u32 {
    placement.block() % SLICE_BLOCKS_MAX
}

/// Parts of the cache, so that threads seldom meet.
const PARTS: usize = 16;
/// So many blocks that follow each other are in one part, as a power of two.
const NEIGHBOUR_BITS: u32 = 6;
const LINE_BLOCKS: u64 = SLICE_BLOCKS_MAX as u64;
const LINE_BYTES: usize = SLICE_BLOCKS_MAX as usize * BLOCK_SIZE;
/// Lines of a part without anything in them that need not be cleared away.
const EMPTY_LINES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use chunk::SegmentId;
    use pages::{Pool, PoolSettings};

    use super::*;

    fn place(block: u32) -> Placement {
        Placement::new(SegmentId(1), block)
    }

    fn piece(blocks: usize, mark: u8) -> Bytes {
        Bytes::from(vec![mark; blocks * BLOCK_SIZE])
    }

    fn has(cache: &BlockCache, block: u32) -> bool {
        matches!(cache.get(place(block), 1), Cached::Here(_))
    }

    fn count(part: &Part) -> usize {
        part.lines.values().map(|line| line.pieces.len()).sum()
    }

    #[test]
    fn is_bounded_and_keeps_what_is_used() {
        let cache = BlockCache::new((PARTS * 8 * LINE_BYTES) as u64);
        cache.put(place(0), piece(1, 1));
        for line in 1..2_000 {
            assert!(has(&cache, 0), "{line}");
            cache.put(place(line * SLICE_BLOCKS_MAX), piece(16, 2));
        }
        let kept = (0..2_000).filter(|line| has(&cache, line * SLICE_BLOCKS_MAX)).count();
        assert!((PARTS * 4..=PARTS * 8).contains(&kept), "{kept}");
    }

    #[test]
    fn what_is_counted_is_what_is_held() {
        let pool = Pool::new(PoolSettings { bytes_max: 64 << 20, huge_pages: false });
        let cache = BlockCache::new(8 << 20);
        let mut random = 7_u32;
        for _ in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (line, first) = ((random >> 8) % 1000, (random >> 20) % 16);
            let blocks = 1 + (random >> 24) % (16 - first);
            let block = line * 16 + first;
            match random % 7 {
                0 => cache.forget(place(block), blocks * 3),
                1 => drop(cache.get(place(block), blocks)),
                _ => cache.put(place(block), pool.allocate(blocks as usize * BLOCK_SIZE).unwrap().freeze()),
            }
            let (figures, used) = (cache.figures(), pool.usage().used_bytes);
            let pieces: usize = cache.parts.iter().map(|part| count(&part.lock().unwrap())).sum();
            assert_eq!((figures.bytes, figures.entries), (used as u64, pieces as u64));
            assert!(used <= 8 << 20, "{used}");
        }
        assert!(pool.usage().used_bytes > 4 << 20, "it is made use of");
    }

    #[test]
    fn pieces_are_found_from_any_of_their_blocks() {
        let cache = BlockCache::new(16 << 20);
        cache.put(place(18), piece(4, 1));
        cache.put(place(24), piece(1, 2));
        assert_eq!(cache.get(place(16), 16), Cached::Absent(2));
        assert_eq!(cache.get(place(18), 2), Cached::Here(piece(2, 1)));
        assert_eq!(cache.get(place(20), 99), Cached::Here(piece(2, 1)));
        assert_eq!(cache.get(place(22), 99), Cached::Absent(2));
        assert_eq!(cache.get(place(24), 99), Cached::Here(piece(1, 2)));
        assert_eq!(cache.get(place(25), 99), Cached::Absent(7), "to the end of the line");
    }

    #[test]
    fn a_larger_piece_takes_the_place_of_smaller_ones() {
        let cache = BlockCache::new(16 << 20);
        cache.put(place(3), piece(1, 1));
        cache.put(place(8), piece(4, 1));
        cache.put(place(2), piece(4, 1));
        assert_eq!((cache.figures().entries, cache.figures().bytes), (2, 2 * 16_384));
        cache.put(place(0), piece(16, 1));
        cache.put(place(7), piece(4, 1));
        assert_eq!((cache.figures().entries, cache.figures().bytes), (1, 65_536));
    }

    #[test]
    fn what_is_freed_is_forgotten_and_costs_nothing() {
        let cache = BlockCache::new(1 << 20);
        for block in 0..100_000 {
            cache.put(place(block), piece(1, 1));
            cache.forget(place(block), 1);
            assert!(!has(&cache, block));
        }
        let is_small = |part: &Mutex<Part>| {
            let part = part.lock().unwrap();
            part.order.len() <= EMPTY_LINES_MAX * 2 + 1 && part.lines.len() == part.order.len() && part.bytes == 0
        };
        assert!(cache.parts.iter().all(is_small));
    }

    #[test]
    fn a_piece_goes_with_the_last_of_its_blocks_only() {
        let cache = BlockCache::new(16 << 20);
        cache.put(place(20), piece(4, 1));
        cache.forget(place(0), 23);
        assert!(has(&cache, 23));
        cache.forget(place(20), 40);
        assert!(!has(&cache, 23));
    }
}
