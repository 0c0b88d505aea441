//! The bytes of files: buffered writes, flushing to blocks that are never overwritten, reading, cutting.
//!
//! Locks, outermost first: the file's flush turn (awaited), the shard's turn, the file's data, the journal, the caches.
//! Region records change only under the flush turn, so what was listed of them while holding it stays true.

mod ahead;
mod buffer;
mod check;
mod clone_range;
mod commit;
mod cut;
mod dirty;
mod driver;
mod fetch;
mod flush;
mod fold;
mod gate;
mod journal;
mod mover;
mod place;
mod plane;
mod punch;
mod read;
mod remove;
mod seek;
mod span;
mod state;
mod stream;
mod together;
mod truncate;
mod write;
mod write_back;

pub(crate) use cut::take_out;
pub(crate) use dirty::DirtyRoom;
pub(crate) use gate::ReadGate;
pub(crate) use mover::{PartOfFile, ScatteredParts, Wish, lies_in, part_of};
pub(crate) use plane::DataPlane;
pub(crate) use remove::remove_in_turn;
pub(crate) use state::{FileData, FileState, FileTable, Pending};
pub(crate) use together::FILES_TOGETHER_MAX;

/// Bytes of a block.
pub(crate) const BLOCK_BYTES: u64 = pages::BLOCK_SIZE as u64;
/// Bytes of a region.
pub(crate) const REGION_BYTES: u64 = meta::records::REGION_BYTES as u64;
/// Blocks of a region.
pub(crate) const REGION_BLOCKS: u64 = meta::records::REGION_BLOCKS as u64;

#[cfg(test)]
mod tests;
