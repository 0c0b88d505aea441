//! Contract of a store for immutable, self-locating blocks, an in-memory store, and its conformance suite.
//!
//! The unit is the 4 KiB block ([`pages::BLOCK_SIZE`]): checksum, free and share granularity are the same. A stored
//! block never changes until it is freed. The store knows nothing of files: who names a block is recorded elsewhere.

mod checksum;
pub mod conformance;
mod error;
mod id;
mod memory;

use std::future::Future;

pub use checksum::crc32c;
pub use error::ChunkError;
pub use id::{Owner, Placed, Placement, SegmentId};
pub use memory::{MemorySettings, MemoryStore};
use pages::Payload;

/// Most blocks of a slice that is read: 64 KiB.
pub const SLICE_BLOCKS_MAX: u32 = 16;

/// Blocks of one segment that are named by durable metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSegment {
    /// The segment.
    pub segment: SegmentId,
    /// Whose blocks it holds.
    pub owner: Owner,
    /// One bit per block, bit 0 of byte 0 first; blocks beyond the end are not live.
    pub bitmap: Vec<u8>,
}

/// A segment as the store sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The segment.
    pub segment: SegmentId,
    /// Whose blocks it holds.
    pub owner: Owner,
    /// Blocks that have been placed in it so far, freed ones included.
    pub blocks: u32,
    /// Those of them that are not freed.
    pub live_blocks: u32,
    /// Free blocks whose room nobody else has yet.
    pub kept_blocks: u32,
    /// Whether no block comes to it any more.
    pub is_sealed: bool,
}

impl SegmentSummary {
    /// Whether so little of it is live, a quarter or less, that what is live is better moved elsewhere: for each block
    /// written at least three return.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.live_blocks <= self.blocks / 4
    }
}

/// Room in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Size of the file system or pool below, in bytes.
    pub total_bytes: u64,
    /// What is free of it now, in bytes.
    pub free_bytes: u64,
}

/// How a store is doing, but for its room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Segments in which blocks lie.
    pub segments: u64,
}

/// A store of immutable 4 KiB blocks.
pub trait Store: Send + Sync + 'static {
    /// Writes blocks (a whole number of them) and says where they lie, in order; usually in one run. They can be read
    /// back at once, but survive a power cut only after the next [`Store::sync`] that starts later. Blocks that no
    /// durable metadata names are free after a crash.
    ///
    /// Errors, in order: `Unaligned`, `NoSpace`, `Io`.
    fn place(&self, owner: Owner, blocks: Payload) -> impl Future<Output = Result<Vec<Placed>, ChunkError>> + Send;

    /// Reads `blocks` blocks from `placement` on, all within one segment. The slices are whole blocks, have memory of
    /// their own each, and none reaches over a multiple of [`SLICE_BLOCKS_MAX`] blocks of the segment: whoever keeps one
    /// keeps nothing else with it.
    ///
    /// Errors, in order: `Missing`, `Io`.
    fn read(&self, placement: Placement, blocks: u32) -> impl Future<Output = Result<Payload, ChunkError>> + Send;

    /// Gives blocks back; they must not be named by anyone any more. Their space may return later.
    ///
    /// Errors, in order: `Missing`, `Io`.
    fn free(&self, placement: Placement, blocks: u32) -> impl Future<Output = Result<(), ChunkError>> + Send;

    /// Gives the room back that free blocks keep since before the last call: for a caller who calls now and then, so that
    /// room is kept for what comes next and not for ever.
    ///
    /// Errors: `Io`.
    fn give_back_kept(&self) -> impl Future<Output = Result<(), ChunkError>> + Send {
        std::future::ready(Ok(()))
    }

    /// When room is short ([`Store::has_plenty`]), gives some of what free blocks keep back to those who need it: for a
    /// caller who calls about ten times a second, so little at a time. Says whether there was any.
    ///
    /// Errors: `Io`.
    fn relieve(&self) -> impl Future<Output = Result<bool, ChunkError>> + Send {
        std::future::ready(Ok(false))
    }

    /// Whether there is so much room that nobody misses what free blocks keep.
    fn has_plenty(&self) -> bool {
        true
    }

    /// Returns when every block placed before this call is on stable storage. Callers at the same time share one sync.
    ///
    /// Errors: `Io` (the blocks placed since the last good sync must be placed again).
    fn sync(&self) -> impl Future<Output = Result<(), ChunkError>> + Send;

    /// The segments after `after` in order of their ids, at most `limit`.
    ///
    /// Errors: `Io`.
    fn list(
        &self,
        after: Option<SegmentId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<SegmentSummary>, ChunkError>> + Send;

    /// Called once after opening, before anything else: frees every block that is not live, and forgets segments
    /// without a live block. New segments get ids at or above `next_segment`.
    ///
    /// Errors, in order: `Missing` (a live segment or block is not there: data is lost), `Io`.
    fn recover(
        &self,
        live: Vec<LiveSegment>,
        next_segment: SegmentId,
    ) -> impl Future<Output = Result<(), ChunkError>> + Send;

    /// Total and free room now.
    ///
    /// Errors: `Io`.
    fn capacity(&self) -> Result<Capacity, ChunkError>;

    /// Bytes that the store has taken from the file system since it was opened, room made ahead included; never falls.
    /// With it a caller may reckon on from a [`Store::capacity`] that is a moment old. `None`: the store does not count
    /// them, or something else bounds it too, so that `capacity` must be asked each time.
    fn taken_bytes(&self) -> Option<u64> {
        None
    }

    /// How it is doing, without asking the file system; cheap enough to be asked every second.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }
}
