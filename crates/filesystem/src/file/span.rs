//! Where the blocks of a range of a file come from: spans that lie one behind the other in one place each.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunk::Placement;
use meta::records::{Coding, Extent, InodeRecord, RegionRecord};
use pages::{BLOCK_SIZE, Payload};
use smallvec::SmallVec;
use vfs::{FsError, InodeId};

use super::driver::is_absent;
use super::{BLOCK_BYTES, REGION_BLOCKS};
use crate::Filesystem;
use crate::cache::{Cached, RegionKey, Seen};

/// Blocks of a file that come from one place.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// How many, at least one.
    pub(super) blocks: u32,
    pub(super) place: Place,
}

/// Where blocks of a file come from.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// They read as zeros.
    Hole,
    /// They are in memory: so many bytes.
    Memory(Bytes),
    /// They lie in the store, one behind the other.
    Stored(Stored),
}

/// Blocks of a region that lie in the store.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// Where the first lies.
    pub(super) placement: Placement,
    /// The region that names them.
    region: Arc<RegionRecord>,
    /// Which of its checksums is that of the first.
    crc_at: usize,
}

/// The spans of a range of a file, in order.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    /// The block of the file that the first of them begins with.
    pub(super) first: u64,
    pub(super) list: SmallVec<[Span; 2]>,
}

/// Why the spans of a file are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// This region is not in memory.
    Region(RegionKey),
    /// A block is stored in a way that this house does not know.
    Foreign,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Where the records say that blocks of a file are, and what of them the cache has. Waits for nothing.
    pub(super) fn spans_of(
        &self,
        (inode, record): (InodeId, &InodeRecord),
        blocks: Range<u64>,
        seen: &mut Seen,
    ) -> Result<Spans, Unknown> {
        let mut spans = Spans { first: blocks.start, list: SmallVec::new() };
        let mut at = blocks.start;
        while at < blocks.end {
            let index = at / REGION_BLOCKS;
            let end = blocks.end.min((index + 1) * REGION_BLOCKS);
            let region = match is_absent(record, index) {
                true => None,
                false => {
                    let slot = self.records.regions.get(&(inode, index)).ok_or(Unknown::Region((inode, index)))?;
                    seen.note(slot.version);
                    slot.value.filter(|region| !record.is_masked(index, region.generation))
                }
            };
            let within = [at, end].map(|block| u32::try_from(block - index * REGION_BLOCKS).unwrap_or(0));
            self.add_region(&mut spans, region.as_ref(), within)?;
            at = end;
        }
        Ok(spans)
    }

    /// As `spans_of`, of a whole region as this record has it.
    ///
    /// Errors: `Io` when it is stored in a way that this house does not know.
    pub(super) fn spans_of_region(&self, (index, region): (u64, &Arc<RegionRecord>)) -> Result<Spans, FsError> {
        let mut spans = Spans { first: index * REGION_BLOCKS, list: SmallVec::new() };
        let blocks = [0, u32::try_from(REGION_BLOCKS).unwrap_or(0)];
        self.add_region(&mut spans, Some(region), blocks).map_err(|_| FsError::Io)?;
        Ok(spans)
    }

    fn add_region(
        &self,
        spans: &mut Spans,
        region: Option<&Arc<RegionRecord>>,
        [start, end]: [u32; 2],
    ) -> Result<(), Unknown> {
        let (mut at, mut crc_at) = (start, 0);
        for (region, extent) in
            region.iter().flat_map(|region| region.extents.iter().map(move |extent| (region, extent)))
        {
            let (first, behind) = (u32::from(extent.first_block), u32::from(extent.end()));
            let (from, to) = (first.max(at), behind.min(end));
            if from < to {
                spans.push_hole(from - at);
                let placement = place_of(extent, from - first)?;
                let stored = Stored { placement, region: Arc::clone(region), crc_at: crc_at + (from - first) as usize };
                self.add_stored(spans, stored, to - from);
                at = to;
            }
            crc_at += usize::from(extent.blocks);
        }
        spans.push_hole(end - at);
        Ok(())
    }

    fn add_stored(&self, spans: &mut Spans, mut stored: Stored, mut blocks: u32) {
        while blocks > 0 {
            let (found, place) = match self.data.cache.get(stored.placement, blocks) {
                Cached::Here(bytes) => (blocks_in(&bytes), Place::Memory(bytes)),
                Cached::Absent(absent) => (absent, Place::Stored(stored.clone())),
            };
            let found = found.clamp(1, blocks);
            spans.push(Span { blocks: found, place });
            blocks -= found;
            if blocks > 0 {
                stored = stored.plus(found);
            }
        }
    }
}

impl Spans {
    /// The blocks of the file that they are.
    pub(super) fn range(&self) -> Range<u64> {
        self.first..self.first + self.list.iter().map(|span| u64::from(span.blocks)).sum::<u64>()
    }

    /// Whether nothing has to be read from the store.
    pub(super) fn is_whole(&self) -> bool {
        self.stored().next().is_none()
    }

    /// Whether some of it reads as zeros because nothing is there.
    pub(super) fn has_hole(&self) -> bool {
        self.list.iter().any(|span| matches!(span.place, Place::Hole))
    }

    /// The blocks of the file of which nothing is stored.
    pub(super) fn holes(&self) -> impl Iterator<Item = u64> {
        let mut at = self.first;
        self.list.iter().flat_map(move |span| {
            let blocks = at..at + u64::from(span.blocks);
            at = blocks.end;
            if matches!(span.place, Place::Hole) { blocks } else { at..at }
        })
    }

    /// Blocks that are in memory, and blocks that must be read.
    pub(super) fn count(&self) -> (u64, u64) {
        self.list.iter().fold((0, 0), |(memory, stored), span| match span.place {
            Place::Hole => (memory, stored),
            Place::Memory(_) => (memory + u64::from(span.blocks), stored),
            Place::Stored(_) => (memory, stored + u64::from(span.blocks)),
        })
    }

    /// What must be read.
    pub(super) fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.list.iter().filter_map(|span| match &span.place {
            Place::Stored(stored) => Some(stored),
            Place::Hole | Place::Memory(_) => None,
        })
    }

    /// Puts whole blocks in place of what is there. Those that lie outside of the range are left out.
    pub(super) fn overlay(&mut self, block: u64, bytes: &Bytes) {
        let mut at = self.first;
        let end = block + u64::from(blocks_in(bytes));
        let mut list = SmallVec::new();
        for span in self.list.drain(..) {
            let behind = at + u64::from(span.blocks);
            let (from, to) = (block.max(at), end.min(behind));
            if from >= to {
                list.push(span);
            } else {
                list.extend(span.part(0, from - at));
                let memory = Place::Memory(bytes.slice(bytes_of(from - block)..bytes_of(to - block)));
                list.push(Span { blocks: u32::try_from(to - from).unwrap_or(0), place: memory });
                list.extend(span.part(to - at, behind - at));
            }
            at = behind;
        }
        self.list = list;
    }

    /// Appends a span; one of the store that goes on where the last one ends is joined to it.
    pub(super) fn push(&mut self, span: Span) {
        match self.list.last_mut() {
            Some(last) if last.continues_in(&span) => last.blocks += span.blocks,
            _ => self.list.push(span),
        }
    }

    fn push_hole(&mut self, blocks: u32) {
        if blocks > 0 {
            self.push(Span { blocks, place: Place::Hole });
        }
    }

    /// Bytes of spans that are all in memory, from a byte on, at most so many. What is not in memory ends them.
    pub(super) fn into_payload(self, mut skip: usize, mut left: usize) -> Payload {
        let mut payload = Payload::new();
        for span in self.list {
            let length = span.blocks as usize * BLOCK_SIZE;
            let take = length.saturating_sub(skip).min(left);
            match span.place {
                Place::Memory(bytes) if take == length => payload.push(bytes),
                Place::Memory(bytes) if take > 0 => payload.push(bytes.slice(skip..skip + take)),
                Place::Memory(_) => {}
                Place::Hole => push_zeros(&mut payload, take),
                Place::Stored(_) => return payload,
            }
            skip = skip.saturating_sub(length);
            left -= take;
        }
        payload
    }
}

impl Span {
    fn continues_in(&self, next: &Self) -> bool {
        match (&self.place, &next.place) {
            (Place::Hole, Place::Hole) => true,
            (Place::Stored(stored), Place::Stored(next)) => {
                Arc::ptr_eq(&stored.region, &next.region)
                    && stored.crc_at + self.blocks as usize == next.crc_at
                    && stored.placement.to_raw() + u64::from(self.blocks) == next.placement.to_raw()
            }
            _ => false,
        }
    }

    /// The blocks from one up to another of it.
    fn part(&self, from: u64, to: u64) -> Option<Self> {
        let blocks = u32::try_from(to.checked_sub(from)?).ok().filter(|blocks| *blocks > 0)?;
        let place = match &self.place {
            Place::Hole => Place::Hole,
            Place::Memory(bytes) => Place::Memory(bytes.slice(bytes_of(from)..bytes_of(to))),
            Place::Stored(stored) => Place::Stored(stored.plus(u32::try_from(from).unwrap_or(0))),
        };
        Some(Self { blocks, place })
    }
}

impl Stored {
    /// The first blocks of a region.
    #[cfg(test)]
    pub(super) fn new(placement: Placement, region: Arc<RegionRecord>) -> Self {
        Self { placement, region, crc_at: 0 }
    }

    /// What lies so many blocks further on.
    pub(super) fn plus(&self, blocks: u32) -> Self {
        let placement = Placement::from_raw(self.placement.to_raw() + u64::from(blocks));
        Self { placement, region: Arc::clone(&self.region), crc_at: self.crc_at + blocks as usize }
    }

    /// The checksums of the first blocks.
    pub(super) fn checksums(&self) -> &[u32] {
        self.region.crcs.get(self.crc_at..).unwrap_or_default()
    }
}

fn place_of(extent: &Extent, skip: u32) -> Result<Placement, Unknown> {
    if extent.coding == Coding::Plain && extent.pool == 0 {
        return Ok(Placement::from_raw(extent.placement + u64::from(skip)));
    }
    tracing::error!(?extent, "a block is stored in a way that this house does not know");
    Err(Unknown::Foreign)
}

/// How many blocks these bytes are.
pub(super) fn blocks_in(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len() / BLOCK_SIZE).unwrap_or(u32::MAX)
}

fn bytes_of(blocks: u64) -> usize {
    usize::try_from(blocks * BLOCK_BYTES).unwrap_or(usize::MAX)
}

fn push_zeros(payload: &mut Payload, mut length: usize) {
    while length > 0 {
        let part = length.min(ZEROS.len());
        payload.push(Bytes::from_static(&ZEROS).slice(..part));
        length -= part;
    }
}

/// What holes read as.
static ZEROS: [u8; 65_536] = [0; 65_536];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(blocks: usize, mark: u8) -> Bytes {
        Bytes::from(vec![mark; blocks * BLOCK_SIZE])
    }

    fn spans(list: &[(u32, Option<u8>)]) -> Spans {
        let span = |(blocks, mark): &(u32, Option<u8>)| Span {
            blocks: *blocks,
            place: mark.map_or(Place::Hole, |mark| Place::Memory(bytes(*blocks as usize, mark))),
        };
        Spans { first: 10, list: list.iter().map(span).collect() }
    }

    fn marks(spans: Spans) -> Vec<u8> {
        let blocks = spans.list.iter().map(|span| span.blocks as usize).sum::<usize>();
        let payload = spans.into_payload(0, usize::MAX).to_bytes();
        assert_eq!(payload.len(), blocks * BLOCK_SIZE);
        payload.chunks(BLOCK_SIZE).map(|block| block[0]).collect()
    }

    #[test]
    fn what_is_put_over_spans_is_seen_and_nothing_else_moves() {
        let put = |block, count, mark| {
            let mut spans = spans(&[(2, Some(1)), (3, None), (2, Some(2))]);
            spans.overlay(block, &bytes(count, mark));
            marks(spans)
        };
        assert_eq!(put(11, 1, 9), [1, 9, 0, 0, 0, 2, 2]);
        assert_eq!(put(11, 5, 9), [1, 9, 9, 9, 9, 9, 2]);
        assert_eq!(put(8, 3, 9), [9, 1, 0, 0, 0, 2, 2], "begins before");
        assert_eq!(put(16, 4, 9), [1, 1, 0, 0, 0, 2, 9], "ends behind");
        assert_eq!(put(0, 10, 9), [1, 1, 0, 0, 0, 2, 2], "beside");
        assert_eq!(put(0, 99, 9), [9; 7]);
    }

    #[test]
    fn a_part_of_the_bytes_is_cut_out() {
        let spans = || spans(&[(1, Some(1)), (1, None), (1, Some(2))]);
        let part = spans().into_payload(4090, 4108).to_bytes();
        assert_eq!((part.len(), part[5], part[6], part[4101], part[4102]), (4108, 1, 0, 0, 2));
        assert_eq!(spans().into_payload(4096, 4096).slices().len(), 1);
        assert_eq!(spans().into_payload(12_288, 10).len(), 0);
    }
}
