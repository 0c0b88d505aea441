//! What the journal keeps of a file: blocks and attributes that are stable before a flush names them.

use bytes::Bytes;
use vfs::{InodeId, Timestamp};

use crate::RecordError;
use crate::codec::{fields, record};

/// The part of a file that a stable write or a COMMIT made durable. It holds until the records say otherwise: see
/// [`crate::records::InodeRecord::journal_floor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StableWrite {
    /// The file.
    pub inode: InodeId,
    /// Its size is at least this.
    pub size: Option<u64>,
    /// New time of modification.
    pub modified: Option<Timestamp>,
    /// Time of this change.
    pub changed: Timestamp,
    /// Change number of the last write in it.
    pub change: u64,
    /// A write by another than the superuser took the set-id bits away.
    pub clears_set_id: bool,
    /// Blocks as they are after it.
    pub blocks: Vec<StableBlock>,
}

/// A whole block of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StableBlock {
    /// Its index in the file.
    pub block: u64,
    /// Its bytes without the zeros at its end; at most [`STABLE_BLOCK_BYTES_MAX`].
    pub bytes: Bytes,
}

impl StableWrite {
    fn check(&self) -> Result<(), RecordError> {
        let is_long = |block: &StableBlock| block.bytes.len() > STABLE_BLOCK_BYTES_MAX;
        if self.blocks.iter().any(is_long) { Err(RecordError::Invalid("block")) } else { Ok(()) }
    }
}

fields!(StableBlock, block, bytes);
record!(StableWrite, "stable write", Self::check, inode, size, modified, changed, change, clears_set_id, blocks,);

/// Bytes of a block.
pub const STABLE_BLOCK_BYTES_MAX: usize = 4096;
