//! Which blocks of the store are named.

use bytes::Bytes;
use vfs::{InodeNumber, Name, ShardId, TreeId};

use crate::RecordError;
use crate::codec::{fields, record, tags};

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

/// Who names a block that is shared; the block stands in the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedRecord {
    /// Every region that names it; at most 2048.
    pub referrers: Vec<Referrer>,
}

/// A region that names a shared block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// Tree of the inode.
    pub tree: TreeId,
    /// The inode.
    pub inode: InodeNumber,
    /// Index of the region.
    pub region: u64,
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
    fn check(&self) -> Result<(), RecordError> {
        let too_many = self.referrers.len() > SHARED_REFERRERS_MAX;
        if too_many { Err(RecordError::Invalid("count of referrers")) } else { Ok(()) }
    }
}

impl PoolRecord {
    fn check(&self) -> Result<(), RecordError> {
        if self.settings.len() > 32 * 1024 { Err(RecordError::Invalid("settings of a pool")) } else { Ok(()) }
    }
}

tags!(SegmentState, "segment state", Active = 1, Evacuating = 2);
fields!(Run, placement, blocks);
fields!(Referrer, tree, inode, region);
record!(SpaceRecord, "space", Self::check, named, released);
record!(SegmentRecord, "segment", Self::check, shard, state, pool, live_blocks, bitmap);
record!(SharedRecord, "shared", Self::check, referrers);
record!(PoolRecord, "pool", Self::check, name, store_id, kind, writable, settings);

/// Most blocks of a segment that is recorded here: 256 MiB of 4 KiB.
pub const SEGMENT_BLOCKS_MAX: u32 = 65_536;
/// Most runs in one space record: it must fit into a value.
pub const SPACE_RUNS_MAX: usize = 4096;
pub(crate) const SEGMENT_BITMAP_BYTES_MAX: usize = 8 * 1024;
const SHARED_REFERRERS_MAX: usize = 2048;
