//! What the journal keeps of a file: blocks and attributes that are stable before a flush names them.

use bytes::Bytes;
use vfs::{Epoch, InodeId, Timestamp};

use super::Record;
use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields};

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
    /// Epoch in which it was written.
    pub epoch: Epoch,
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

macro_rules! head_fields {
    ($($field:ident),+) => {
        impl StableWrite {
            fn put_fields(&self, to: &mut Writer) {
                $(self.$field.put(to);)+
            }

            fn take_fields(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                Ok(Self { $($field: Field::take(from)?,)+ epoch: EPOCH_OF_FORMAT_1 })
            }
        }
    };
}
head_fields!(inode, size, modified, changed, change, clears_set_id, blocks);

/// Format 1 has no epoch, which is the first then: that of a shard in which no snapshot was taken yet.
impl Record for StableWrite {
    const NAME: &'static str = "stable write";

    fn append(&self, to: &mut Vec<u8>) {
        assert_eq!(self.check(), Ok(()), "a stable write that must not be written");
        let has_epoch = self.epoch != EPOCH_OF_FORMAT_1;
        let mut behind = Writer::behind(to, if has_epoch { FORMAT_EPOCH } else { FORMAT });
        self.put_fields(&mut behind);
        if has_epoch {
            self.epoch.put(&mut behind);
        }
        *to = behind.into_bytes();
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let format = bytes.first().copied().filter(|format| *format == FORMAT_EPOCH).unwrap_or(FORMAT);
        let mut from = Reader::open(bytes, Self::NAME, format)?;
        let mut write = Self::take_fields(&mut from)?;
        if format == FORMAT_EPOCH {
            write.epoch = Field::take(&mut from)?;
            if write.epoch == EPOCH_OF_FORMAT_1 {
                return Err(RecordError::Invalid("epoch of a stable write"));
            }
        }
        from.end()?;
        write.check()?;
        Ok(write)
    }
}

const FORMAT: u8 = 1;
const FORMAT_EPOCH: u8 = 2;
const EPOCH_OF_FORMAT_1: Epoch = Epoch(1);

/// Bytes of a block.
pub const STABLE_BLOCK_BYTES_MAX: usize = 4096;
