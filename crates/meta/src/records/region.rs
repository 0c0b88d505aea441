//! Where the data of 256 KiB of a file lies, and what its checksums are.

use smallvec::SmallVec;
use vfs::Epoch;

use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields, record};

/// A region: 64 blocks, those that exist are named by extents; holes have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Mask generation of the inode when it was written; below that of a mask over the region it reads as a hole.
    pub generation: u32,
    /// Extents in order, none overlapping another.
    pub extents: SmallVec<[Extent; 2]>,
    /// CRC32C of every named block, in order.
    pub crcs: Vec<u32>,
}

/// Blocks of a region that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First block within the region, below 64.
    pub first_block: u8,
    /// How many blocks, at least 1.
    pub blocks: u8,
    /// Epoch in which the blocks were written.
    pub birth: Epoch,
    /// Pool they lie in.
    pub pool: u16,
    /// Where the first lies.
    pub placement: u64,
    /// Bytes they take in the store; of a compressed extent the whole of what it was cut from.
    pub stored_bytes: u32,
    /// How they are stored.
    pub coding: Coding,
}

/// How blocks are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// As they are.
    #[default]
    Plain,
    /// Compressed together, from `placement` on.
    Compressed {
        /// Blocks of what was compressed that come before the first of this extent.
        skip: u8,
    },
    /// Encrypted block by block.
    Cipher {
        /// Which key.
        key: u32,
    },
}

/// One block of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where it lies; of a compressed extent, where that begins.
    pub placement: u64,
    /// Its CRC32C.
    pub crc: u32,
    /// Epoch in which it was written.
    pub birth: Epoch,
    /// Pool it lies in.
    pub pool: u16,
    /// How it is stored.
    pub coding: Coding,
    /// How many blocks from this one on lie one behind the other.
    pub run: u8,
}

/// Blocks that the region names no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Where the first lies.
    pub placement: u64,
    /// How many blocks of the store.
    pub blocks: u32,
    /// Epoch in which they were written.
    pub birth: Epoch,
    /// Pool they lie in.
    pub pool: u16,
    /// Bytes they took.
    pub stored_bytes: u64,
}

impl RegionRecord {
    /// A region without a block.
    #[must_use]
    pub fn empty(born: Epoch, generation: u32) -> Self {
        Self { born, generation, ..Self::default() }
    }

    /// Whether it names no block: the record can go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// Named blocks.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.extents.iter().map(|extent| u32::from(extent.blocks)).sum()
    }

    /// Bytes that they take in the store; what several extents were cut from counts once.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let is_first = |index: usize, extent: &Extent| {
            !extent.is_compressed() || !self.extents.iter().take(index).any(|earlier| earlier.shares(extent))
        };
        let counted = self.extents.iter().enumerate().filter(|(index, extent)| is_first(*index, extent));
        counted.map(|(_, extent)| u64::from(extent.stored_bytes)).sum()
    }

    /// Where a block lies, if it is not in a hole.
    #[must_use]
    pub fn find(&self, block: u8) -> Option<Located> {
        let mut named_before = 0_usize;
        for extent in &self.extents {
            if extent.contains(block) {
                let offset = block - extent.first_block;
                let crc = *self.crcs.get(named_before + usize::from(offset))?;
                return Some(extent.locate(offset, crc));
            }
            named_before += usize::from(extent.blocks);
        }
        None
    }

    /// Names new blocks in place of whatever was there, with one CRC for each, and says what is named no more.
    ///
    /// Panics when the extent leaves the region or the CRCs are not one for each of its blocks.
    pub fn replace(&mut self, extent: Extent, crcs: &[u32]) -> SmallVec<[Released; 2]> {
        assert!(extent.check().is_ok(), "an extent out of its region: {extent:?}");
        assert_eq!(crcs.len(), usize::from(extent.blocks), "one CRC for each block");
        let released = self.punch(extent.first_block, extent.blocks);
        let at = self.extents.iter().position(|other| other.first_block > extent.first_block);
        let at = at.unwrap_or(self.extents.len());
        let crc_at = self.named_before(at);
        self.extents.insert(at, extent);
        self.crcs.splice(crc_at..crc_at, crcs.iter().copied());
        self.join();
        released
    }

    /// Names none of these blocks any more. `first_block` and `blocks` may reach beyond the region.
    pub fn punch(&mut self, first_block: u8, blocks: u8) -> SmallVec<[Released; 2]> {
        let end = first_block.saturating_add(blocks);
        let mut kept: SmallVec<[Extent; 2]> = SmallVec::new();
        let mut cut: SmallVec<[Extent; 2]> = SmallVec::new();
        let mut crcs = Vec::with_capacity(self.crcs.len());
        let mut old_crcs = self.crcs.iter();
        for extent in &self.extents {
            for block in extent.first_block..extent.end() {
                let crc = old_crcs.next().copied();
                crcs.extend(crc.filter(|_| block < first_block || block >= end));
            }
            kept.extend(extent.part(0, first_block));
            cut.extend(extent.part(first_block, end));
            kept.extend(extent.part(end, REGION_BLOCKS));
        }
        self.extents = kept;
        self.crcs = crcs;
        self.released(&cut)
    }

    /// Names no block from this one on.
    pub fn cut_from(&mut self, block: u8) -> SmallVec<[Released; 2]> {
        self.punch(block, REGION_BLOCKS)
    }

    /// Every run of blocks of the store that it names; what several extents were cut from comes once.
    #[must_use]
    pub fn named(&self) -> SmallVec<[Released; 2]> {
        Self::default().released(&self.extents)
    }

    /// What it names and neither of its neighbours in time does. A block is the same when it is named in the same place since
    /// the same epoch.
    #[must_use]
    pub fn alone(&self, neighbours: [Option<&Self>; 2]) -> SmallVec<[Released; 2]> {
        let is_named_beside = |extent: &Extent| {
            let names = |other: &Extent| other.is_same(extent) || other.shares(extent) && other.birth == extent.birth;
            neighbours.iter().flatten().any(|region| region.extents.iter().any(names))
        };
        let mut alone: SmallVec<[Extent; 2]> = SmallVec::new();
        for extent in &self.extents {
            let blocks = if extent.is_compressed() { extent.blocks } else { 1 };
            let pieces = (extent.first_block..extent.end()).step_by(blocks.into());
            for piece in pieces.filter_map(|first| extent.part(first, first + blocks)) {
                match alone.last_mut() {
                    _ if is_named_beside(&piece) => {}
                    Some(last) if last.continues_in(&piece) => {
                        last.blocks += piece.blocks;
                        last.stored_bytes += piece.stored_bytes;
                    }
                    _ => alone.push(piece),
                }
            }
        }
        Self::default().released(&alone)
    }

    /// What of the cut extents is gone: all but compressed ones of which a part is kept.
    fn released(&self, cut: &[Extent]) -> SmallVec<[Released; 2]> {
        let mut released: SmallVec<[Released; 2]> = SmallVec::new();
        for (index, extent) in cut.iter().enumerate() {
            let is_kept = self.extents.iter().chain(cut.iter().take(index)).any(|other| other.shares(extent));
            if !(extent.is_compressed() && is_kept) {
                released.push(extent.whole());
            }
        }
        released
    }

    /// The region with these of its extents only.
    #[must_use]
    pub fn of_extents(&self, is_wanted: impl Fn(&Extent) -> bool) -> Self {
        let mut part = Self::empty(self.born, self.generation);
        let mut crcs = self.crcs.iter();
        for extent in &self.extents {
            let own = crcs.by_ref().take(usize::from(extent.blocks));
            if is_wanted(extent) {
                part.crcs.extend(own);
                part.extents.push(*extent);
            } else {
                own.for_each(drop);
            }
        }
        part
    }

    /// What it names of the blocks from one up to another: extents cut to these, each with its checksums.
    pub fn pieces(&self, first_block: u8, end: u8) -> impl Iterator<Item = (Extent, &[u32])> {
        let crcs_of = move |(index, extent): (usize, &Extent)| {
            let piece = extent.part(first_block, end)?;
            let from = self.named_before(index) + usize::from(piece.first_block - extent.first_block);
            Some((piece, self.crcs.get(from..from + usize::from(piece.blocks))?))
        };
        self.extents.iter().enumerate().filter_map(crcs_of)
    }

    fn named_before(&self, extent_index: usize) -> usize {
        self.extents.iter().take(extent_index).map(|extent| usize::from(extent.blocks)).sum()
    }

    /// Makes one extent of two that continue each other.
    fn join(&mut self) {
        let mut joined: SmallVec<[Extent; 2]> = SmallVec::new();
        for extent in &self.extents {
            match joined.last_mut() {
                Some(last) if last.continues_in(extent) => {
                    last.blocks += extent.blocks;
                    last.stored_bytes += extent.stored_bytes;
                }
                _ => joined.push(*extent),
            }
        }
        self.extents = joined;
    }

    fn check(&self) -> Result<(), RecordError> {
        let mut end = 0;
        for extent in &self.extents {
            extent.check()?;
            if extent.first_block < end {
                return Err(RecordError::Invalid("order of extents"));
            }
            end = extent.end();
        }
        let blocks = usize::try_from(self.blocks()).unwrap_or(usize::MAX);
        if self.crcs.len() == blocks { Ok(()) } else { Err(RecordError::Invalid("count of checksums")) }
    }
}

impl Extent {
    /// Blocks stored as they are.
    #[must_use]
    pub fn plain(first_block: u8, blocks: u8, birth: Epoch, placement: u64) -> Self {
        let stored_bytes = u32::from(blocks) * BLOCK_BYTES;
        Self { first_block, blocks, birth, pool: 0, placement, stored_bytes, coding: Coding::Plain }
    }

    /// First block behind it, at most 64.
    #[must_use]
    pub fn end(&self) -> u8 {
        self.first_block.saturating_add(self.blocks)
    }

    fn contains(&self, block: u8) -> bool {
        (self.first_block..self.end()).contains(&block)
    }

    fn is_compressed(&self) -> bool {
        matches!(self.coding, Coding::Compressed { .. })
    }

    /// Whether both were cut from the same compressed run.
    fn shares(&self, other: &Self) -> bool {
        self.is_compressed() && other.is_compressed() && self.placement == other.placement && self.pool == other.pool
    }

    /// Whether it names the one block of a piece too.
    fn is_same(&self, piece: &Self) -> bool {
        let (kind, at) = ((self.birth, self.pool, self.coding), self.contains(piece.first_block));
        let is_alike = at && !self.is_compressed() && kind == (piece.birth, piece.pool, piece.coding);
        is_alike && self.placement + u64::from(piece.first_block - self.first_block) == piece.placement
    }

    fn locate(&self, offset: u8, crc: u32) -> Located {
        let (placement, coding) = match self.coding {
            Coding::Compressed { skip } => (self.placement, Coding::Compressed { skip: skip.saturating_add(offset) }),
            coding => (self.placement + u64::from(offset), coding),
        };
        let run = self.blocks - offset;
        Located { placement, crc, birth: self.birth, pool: self.pool, coding, run }
    }

    /// The part of it within these blocks of the region.
    fn part(&self, first_block: u8, end: u8) -> Option<Self> {
        let first = self.first_block.max(first_block);
        let end = self.end().min(end);
        let blocks = end.checked_sub(first).filter(|&blocks| blocks > 0)?;
        let offset = first - self.first_block;
        let located = self.locate(offset, 0);
        let stored_bytes = if self.is_compressed() { self.stored_bytes } else { u32::from(blocks) * BLOCK_BYTES };
        let (placement, coding) = (located.placement, located.coding);
        Some(Self { first_block: first, blocks, placement, stored_bytes, coding, ..*self })
    }

    fn continues_in(&self, next: &Self) -> bool {
        !self.is_compressed()
            && self.end() == next.first_block
            && (self.birth, self.pool, self.coding) == (next.birth, next.pool, next.coding)
            && self.placement + u64::from(self.blocks) == next.placement
    }

    fn whole(&self) -> Released {
        Released {
            placement: self.placement,
            blocks: self.stored_bytes.div_ceil(BLOCK_BYTES),
            birth: self.birth,
            pool: self.pool,
            stored_bytes: u64::from(self.stored_bytes),
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        let bytes = u32::from(self.blocks) * BLOCK_BYTES;
        let fits = self.blocks > 0 && self.end() <= REGION_BLOCKS;
        let is_stored = match self.coding {
            Coding::Plain | Coding::Cipher { .. } => self.stored_bytes == bytes,
            Coding::Compressed { skip } => {
                (1..=REGION_BYTES).contains(&self.stored_bytes)
                    && u32::from(skip) + u32::from(self.blocks) <= u32::from(REGION_BLOCKS)
            }
        };
        let end = (self.placement & 0xff_ffff) + u64::from(self.stored_bytes.div_ceil(BLOCK_BYTES));
        if fits && is_stored && end <= 1 << 24 { Ok(()) } else { Err(RecordError::Invalid("extent")) }
    }
}

/// `1` plain, `2 | skip` compressed, `3 | key` encrypted.
impl Field for Coding {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Plain => 1_u8.put(to),
            Self::Compressed { skip } => {
                2_u8.put(to);
                skip.put(to);
            }
            Self::Cipher { key } => {
                3_u8.put(to);
                key.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            1 => Ok(Self::Plain),
            2 => u8::take(from).map(|skip| Self::Compressed { skip }),
            3 => u32::take(from).map(|key| Self::Cipher { key }),
            _ => Err(RecordError::Invalid("coding")),
        }
    }
}

fields!(Extent, first_block, blocks, birth, pool, placement, stored_bytes, coding);
record!(RegionRecord, "region", Self::check, born, generation, extents, crcs);

/// Blocks of a region.
pub const REGION_BLOCKS: u8 = 64;
/// Bytes of a region.
pub const REGION_BYTES: u32 = 256 * 1024;
const BLOCK_BYTES: u32 = 4096;
