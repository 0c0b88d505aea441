//! Clean blocks, by where they lie: a placement is never used twice, so an entry is never wrong.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chunk::Placement;
use pages::BLOCK_SIZE;
use vfs::CacheFigures;

/// A bounded cache of blocks that gives a second chance to those that were used.
pub(crate) struct BlockCache {
    parts: Vec<Mutex<Part>>,
    blocks_max: usize,
}

#[derive(Default)]
struct Part {
    blocks: HashMap<Placement, Entry>,
    order: VecDeque<Placement>,
    hits: u64,
    misses: u64,
}

struct Entry {
    bytes: Bytes,
    is_referenced: bool,
}

impl BlockCache {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let blocks_max = usize::try_from(bytes_max).unwrap_or(usize::MAX) / BLOCK_SIZE / PARTS;
        Self { parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(), blocks_max }
    }

    /// A block, if it is here.
    pub(crate) fn get(&self, placement: Placement) -> Option<Bytes> {
        let mut part = self.part(placement);
        let Some(entry) = part.blocks.get_mut(&placement) else {
            part.misses += 1;
            return None;
        };
        entry.is_referenced = true;
        let bytes = entry.bytes.clone();
        part.hits += 1;
        Some(bytes)
    }

    /// Keeps a block whose checksum was found right.
    pub(crate) fn put(&self, placement: Placement, bytes: Bytes) {
        if self.blocks_max == 0 {
            return;
        }
        let mut part = self.part(placement);
        let entry = Entry { bytes, is_referenced: false };
        if part.blocks.insert(placement, entry).is_none() {
            part.order.push_back(placement);
            part.evict(self.blocks_max);
        }
    }

    /// Forgets blocks that are freed.
    pub(crate) fn forget(&self, placement: Placement, blocks: u32) {
        for block in 0..blocks {
            let placement = placement.plus(block);
            let mut part = self.part(placement);
            part.blocks.remove(&placement);
            part.tidy(self.blocks_max);
        }
    }

    /// How it is doing.
    pub(crate) fn figures(&self) -> CacheFigures {
        let bytes_max = (self.blocks_max * PARTS * BLOCK_SIZE) as u64;
        let mut figures = CacheFigures { name: "block", bytes_max, ..CacheFigures::default() };
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            figures.entries += part.blocks.len() as u64;
            figures.hits += part.hits;
            figures.misses += part.misses;
        }
        figures.bytes = figures.entries * BLOCK_SIZE as u64;
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
        let mixed = (placement.to_raw() >> NEIGHBOUR_BITS).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let index = usize::try_from(mixed).unwrap_or(0) % PARTS;
        #[expect(clippy::indexing_slicing, reason = "below PARTS")]
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn evict(&mut self, blocks_max: usize) {
        while self.blocks.len() > blocks_max {
            let Some(placement) = self.order.pop_front() else { return };
            let is_used = self.blocks.get_mut(&placement).map(|entry| std::mem::take(&mut entry.is_referenced));
            match is_used {
                Some(true) => self.order.push_back(placement),
                Some(false) => drop(self.blocks.remove(&placement)),
                None => {}
            }
        }
    }

    /// Keeps the order from growing with what was forgotten.
    fn tidy(&mut self, blocks_max: usize) {
        if self.order.len() > blocks_max.saturating_mul(2) {
            self.order.retain(|placement| self.blocks.contains_key(placement));
        }
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlockCache").field("blocks_max", &self.blocks_max).finish_non_exhaustive()
    }
}

/// Parts of the cache, so that threads seldom meet.
const PARTS: usize = 16;
/// So many blocks that follow each other are in one part, as a power of two.
const NEIGHBOUR_BITS: u32 = 6;

#[cfg(test)]
mod tests {
    use chunk::SegmentId;

    use super::*;

    fn place(block: u32) -> Placement {
        Placement::new(SegmentId(1), block)
    }

    #[test]
    fn is_bounded_and_keeps_what_is_used() {
        let cache = BlockCache::new((PARTS * 8 * BLOCK_SIZE) as u64);
        cache.put(place(0), Bytes::from_static(b"hot"));
        for block in 1..10_000 {
            assert!(cache.get(place(0)).is_some(), "{block}");
            cache.put(place(block), Bytes::from_static(b"cold"));
        }
        let kept = (0..10_000).filter(|block| cache.get(place(*block)).is_some()).count();
        assert!(kept <= PARTS * 8, "{kept}");
    }

    #[test]
    fn what_is_freed_is_forgotten_and_costs_nothing() {
        let cache = BlockCache::new((PARTS * 8 * BLOCK_SIZE) as u64);
        for block in 0..10_000 {
            cache.put(place(block), Bytes::from_static(b"x"));
            cache.forget(place(block), 1);
            assert!(cache.get(place(block)).is_none());
        }
        assert!(cache.parts.iter().all(|part| part.lock().unwrap().order.len() <= 16));
    }
}
