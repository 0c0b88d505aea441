//! Every record that stands in the store. A record opens with the number of its format; those that snapshots keep
//! carry the epoch they were born in right behind it.

mod descriptor;
mod inode;
mod names;
mod quota;
mod region;
#[cfg(test)]
pub(crate) mod sample;
mod shard;
mod space;
mod stable;
mod state;
mod superblock;
#[cfg(test)]
mod tests;
mod usage;

use std::fmt;

use bytes::Bytes;
pub use descriptor::{DescriptorRef, decode_descriptor, encode_descriptor};
pub use inode::{ArchiveState, INODE_MASKS_MAX, InodeRecord, Mask};
pub use names::{
    BacklinkRecord, DESCRIPTOR_BYTES_MAX, DentryRecord, DescriptorRecord, ExpiryRecord, GoneRecord, StreamRecord,
    XattrRecord, XattrValue,
};
pub use quota::QuotaRecord;
pub use region::{Coding, Extent, Located, REGION_BLOCKS, REGION_BYTES, RegionRecord, Released};
pub use shard::{
    AllocatorRecord, FenceRecord, Intent, IntentRecord, LeaseRecord, NextSegmentRecord, ShardRecord, SnapshotRecord,
    TreeRecord,
};
pub(crate) use space::SEGMENT_BITMAP_BYTES_MAX;
pub use space::{
    PoolRecord, Run, SEGMENT_BLOCKS_MAX, SHARED_GROUP_BLOCKS, SPACE_RUNS_MAX, SegmentRecord, SegmentState,
    SharedRecord, SpaceRecord, shared_group,
};
pub use stable::{STABLE_BLOCK_BYTES_MAX, StableBlock, StableWrite};
pub use state::{
    NlmClientRecord, OPEN_LOCKS_MAX, OpenRecord, PolicyRecord, ReplyRecord, StoredFile, StoredLease, StoredLeaseKey,
    StoredLink, StoredLock,
};
pub use superblock::{HandleKey, Superblock};
pub use usage::{Charge, OwnerUsageRecord, OwnersRecord, UsageRecord};
use vfs::Epoch;

use crate::{Key, MetaError, RecordError};

/// Something with a fixed form in the store.
pub trait Record: Sized {
    /// What it is called in messages.
    const NAME: &'static str;

    /// Puts its bytes behind what is there. Panics when the record breaks a rule that `decode` enforces: such a thing must
    /// never be written.
    fn append(&self, to: &mut Vec<u8>);

    /// Its bytes. Panics as [`Record::append`].
    fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(CAPACITY);
        self.append(&mut bytes);
        Bytes::from(bytes)
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// In order: `Truncated` (no byte), `Format`, `Truncated` or `Invalid` (as the fields come), `Trailing`, `Invalid`.
    fn decode(bytes: &[u8]) -> Result<Self, RecordError>;

    /// As [`Record::decode`], with an error that names the key.
    ///
    /// # Errors
    /// `Damaged`.
    fn decode_at(key: &Key, bytes: &[u8]) -> Result<Self, MetaError> {
        Self::decode(bytes).map_err(|problem| MetaError::Damaged { key: key.clone(), problem })
    }
}

/// A record whose old states snapshots keep.
pub trait Versioned: Record {
    /// The epoch in which this state was written.
    fn born(&self) -> Epoch;
}

/// A record that is shared with the caches and encoded when its group is: of many changes of a group that write it, such
/// as a directory's and its counters', only the last one is ever encoded.
pub trait Shared: fmt::Debug + Send + Sync {
    /// Puts its bytes behind what is there, as [`Record::append`].
    fn append(&self, to: &mut Vec<u8>);

    /// No fewer than its bytes.
    fn bytes_max(&self) -> usize;

    /// What [`Record::append`] panics over: whoever hands it on is told at once, not whoever encodes it.
    ///
    /// # Errors
    /// `Invalid`.
    fn check(&self) -> Result<(), RecordError>;
}

macro_rules! counters {
    ($($type:ident),+) => {$(
        impl Shared for $type {
            fn append(&self, to: &mut Vec<u8>) {
                Record::append(self, to);
            }

            fn bytes_max(&self) -> usize {
                1 + size_of::<Self>()
            }

            fn check(&self) -> Result<(), RecordError> {
                Ok(())
            }
        }
    )+};
}
counters!(UsageRecord, OwnerUsageRecord);

macro_rules! versioned {
    ($($type:ident),+) => {$(
        impl Versioned for $type {
            fn born(&self) -> Epoch {
                self.born
            }
        }
    )+};
}
versioned!(
    InodeRecord,
    DentryRecord,
    RegionRecord,
    UsageRecord,
    XattrRecord,
    BacklinkRecord,
    DescriptorRecord,
    StreamRecord,
    GoneRecord
);

/// The epoch in which a versioned record was born, read from its head without decoding the rest.
///
/// # Errors
/// `Truncated`.
pub fn born_of(bytes: &[u8]) -> Result<Epoch, RecordError> {
    let head = bytes.get(1..9).and_then(|head| <[u8; 8]>::try_from(head).ok());
    head.map(|head| Epoch(u64::from_be_bytes(head))).ok_or(RecordError::Truncated("versioned"))
}

/// Most records fit into this without growing.
const CAPACITY: usize = 192;
