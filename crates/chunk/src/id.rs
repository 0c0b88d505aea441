//! How blocks are named.

/// Whose blocks a segment holds: a shard. A segment belongs to one owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u64);

/// A container of blocks: a local file, an object. Never reused; below 2^40.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

/// Where a block lies: segment and index of the block in it, in 8 bytes. The next block of a run has the next index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement(u64);

impl Placement {
    /// The place of block `block` (below 2^24) of a segment (below 2^40).
    #[must_use]
    pub fn new(segment: SegmentId, block: u32) -> Self {
        assert!(segment.0 < 1 << 40 && block < 1 << 24, "placement out of range: {segment:?} block {block}");
        Self(segment.0 << 24 | u64::from(block))
    }

    /// The segment that holds the block.
    #[must_use]
    pub fn segment(self) -> SegmentId {
        SegmentId(self.0 >> 24)
    }

    /// The index of the block in its segment.
    #[must_use]
    pub fn block(self) -> u32 {
        (self.0 & 0xff_ffff) as u32
    }

    /// The place `blocks` further on in the same segment.
    #[must_use]
    pub fn plus(self, blocks: u32) -> Self {
        Self::new(self.segment(), self.block() + blocks)
    }

    /// The eight bytes that records keep.
    #[must_use]
    pub fn to_raw(self) -> u64 {
        self.0
    }

    /// The placement that [`Placement::to_raw`] came from.
    #[must_use]
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

/// A run of blocks as it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where the first block lies.
    pub placement: Placement,
    /// How many blocks follow each other from there.
    pub blocks: u32,
}
