//! Which blocks of the store are named.

use bytes::Bytes;
use vfs::{Name, ShardId};

use super::{Record, Shared};
use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields, record, tags};

/// Blocks that lie one behind the other in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// Where the first lies: segment in the upper 40 bits, block in the lower 24.
    pub placement: u64,
    /// How many.
    pub blocks: u32,
}

/// What one group of changes did to the blocks of a shard: first these were named, then these released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpaceRecord {
    /// Blocks that are named now.
    pub named: Vec<Run>,
    /// Blocks that nobody names any more.
    pub released: Vec<Run>,
}

/// A segment, as far as space records have been folded into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Whose blocks it holds.
    pub shard: ShardId,
    /// What happens to it.
    pub state: SegmentState,
    /// Pool it lies in.
    pub pool: u16,
    /// Bits that are set.
    pub live_blocks: u32,
    /// One bit per block, bit 0 of byte 0 first; bytes of zeros at the end are left out.
    pub bitmap: Bytes,
}

/// What happens to a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SegmentState {
    /// Its blocks are read, named and released.
    #[default]
    Active,
    /// Its blocks are being moved away.
    Evacuating,
}

/// How often blocks are named beyond the first time, for [`SHARED_GROUP_BLOCKS`] blocks of a segment; the first of them
/// stands in the key. A block that is named once, or not at all, has 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRecord {
    /// For each block of the group.
    pub more: [u16; SHARED_GROUP_BLOCKS],
}

/// A pool of storage; its number stands in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRecord {
    /// Its name.
    pub name: Name,
    /// Store id that its segments carry.
    pub store_id: u128,
    /// Kind of the store below: 1 local segments, 2 objects, 3 RADOS.
    pub kind: u8,
    /// Whether new blocks go there.
    pub writable: bool,
    /// What the store below needs to be found, as text; at most 32 KiB.
    pub settings: Bytes,
}

impl Run {
    /// The segment it lies in.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.placement >> 24
    }

    /// Index of its first block in the segment.
    #[must_use]
    pub fn first_block(&self) -> u32 {
        u32::try_from(self.placement & 0xff_ffff).unwrap_or(u32::MAX)
    }

    /// Index of the block behind its last.
    #[must_use]
    pub fn end_block(&self) -> u32 {
        self.first_block().saturating_add(self.blocks)
    }

    pub(crate) fn check(&self) -> Result<(), RecordError> {
        let fits = self.blocks > 0 && self.end_block() <= SEGMENT_BLOCKS_MAX;
        if fits { Ok(()) } else { Err(RecordError::Invalid("run of blocks")) }
    }
}

impl SpaceRecord {
    /// Runs of both kinds.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.named.len() + self.released.len()
    }

    fn check(&self) -> Result<(), RecordError> {
        if self.runs() > SPACE_RUNS_MAX {
            return Err(RecordError::Invalid("count of runs"));
        }
        self.named.iter().chain(&self.released).try_for_each(Run::check)
    }
}

impl SegmentRecord {
    /// The record of these bits (bit 0 of byte 0 first).
    #[must_use]
    pub fn of_bitmap(shard: ShardId, pool: u16, bitmap: &[u8]) -> Self {
        let length = bitmap.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let bitmap = bitmap.get(..length).unwrap_or_default();
        let live_blocks = bitmap.iter().map(|byte| byte.count_ones()).sum();
        Self { shard, state: SegmentState::Active, pool, live_blocks, bitmap: Bytes::copy_from_slice(bitmap) }
    }

    fn check(&self) -> Result<(), RecordError> {
        let bits: u32 = self.bitmap.iter().map(|byte| byte.count_ones()).sum();
        match self.bitmap.last() {
            _ if self.bitmap.len() > SEGMENT_BITMAP_BYTES_MAX => Err(RecordError::Invalid("size of a bitmap")),
            _ if bits != self.live_blocks => Err(RecordError::Invalid("count of live blocks")),
            Some(0) => Err(RecordError::Invalid("end of a bitmap")),
            _ => Ok(()),
        }
    }
}

impl SharedRecord {
    /// Whether no block is shared: the record can go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.more.iter().all(|more| *more == 0)
    }

    /// How often a block of the group is named beyond the first time.
    #[must_use]
    pub fn of(&self, placement: u64) -> u16 {
        self.more.get(place_in_group(placement)).copied().unwrap_or_default()
    }

    /// Sets how often a block of the group is named beyond the first time.
    pub fn set(&mut self, placement: u64, more: u16) {
        if let Some(slot) = self.more.get_mut(place_in_group(placement)) {
            *slot = more;
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        if self.is_empty() { Err(RecordError::Invalid("shared blocks")) } else { Ok(()) }
    }
}

impl Default for SharedRecord {
    fn default() -> Self {
        Self { more: [0; SHARED_GROUP_BLOCKS] }
    }
}

impl Shared for SharedRecord {
    fn append(&self, to: &mut Vec<u8>) {
        Record::append(self, to);
    }

    fn bytes_max(&self) -> usize {
        1 + size_of::<u64>() + size_of::<u32>() + size_of_val(&self.more)
    }

    fn check(&self) -> Result<(), RecordError> {
        Self::check(self)
    }
}

/// As a mask of the blocks that are shared, and how often: one number if that is the same for all, else one for each.
impl Field for [u16; SHARED_GROUP_BLOCKS] {
    fn put(&self, to: &mut Writer) {
        let shared = || self.iter().filter(|more| **more > 0);
        let mask = (0..).zip(self).fold(0_u64, |mask, (block, more)| mask | u64::from(*more > 0) << block);
        let is_even = shared().zip(shared().skip(1)).all(|(one, next)| one == next);
        let counts: Vec<u16> = shared().copied().take(if is_even { 1 } else { usize::MAX }).collect();
        mask.put(to);
        counts.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (mask, counts) = (u64::take(from)?, Vec::<u16>::take(from)?);
        let is_even = counts.iter().zip(counts.iter().skip(1)).all(|(one, next)| one == next);
        let expected = if is_even { 1 } else { mask.count_ones() as usize };
        if counts.len() != expected.min(mask.count_ones() as usize) || counts.contains(&0) {
            return Err(RecordError::Invalid("counts of shared blocks"));
        }
        let mut counts = counts.iter().cycle();
        let mut more = [0; SHARED_GROUP_BLOCKS];
        for (_, slot) in (0..).zip(&mut more).filter(|(block, _)| mask >> block & 1 == 1) {
            *slot = counts.next().copied().unwrap_or_default();
        }
        Ok(more)
    }
}

/// The first block of the group that a block is in.
#[must_use]
pub fn shared_group(placement: u64) -> u64 {
    placement - place_in_group(placement) as u64
}

fn place_in_group(placement: u64) -> usize {
    usize::try_from(placement % SHARED_GROUP_BLOCKS as u64).unwrap_or_default()
}

impl PoolRecord {
    fn check(&self) -> Result<(), RecordError> {
        if self.settings.len() > 32 * 1024 { Err(RecordError::Invalid("settings of a pool")) } else { Ok(()) }
    }
}

tags!(SegmentState, "segment state", Active = 1, Evacuating = 2);
fields!(Run, placement, blocks);
record!(SpaceRecord, "space", Self::check, named, released);
record!(SegmentRecord, "segment", Self::check, shard, state, pool, live_blocks, bitmap);
// No store has any of format 1: nothing wrote them.
record!(format 2, SharedRecord, "shared", Self::check, more);
record!(PoolRecord, "pool", Self::check, name, store_id, kind, writable, settings);

/// Most blocks of a segment that is recorded here: 256 MiB of 4 KiB.
pub const SEGMENT_BLOCKS_MAX: u32 = 65_536;
/// Most runs in one space record: it must fit into a value.
pub const SPACE_RUNS_MAX: usize = 4096;
/// Blocks of a segment, one behind the other, that one record says of how often they are named.
pub const SHARED_GROUP_BLOCKS: usize = 64;
pub(crate) const SEGMENT_BITMAP_BYTES_MAX: usize = 8 * 1024;
