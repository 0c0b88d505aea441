//! What the owner of a shard keeps in memory: decoded records, listings and clean blocks.

mod block;
mod descriptors;
mod hash;
mod listing;
mod names;
mod near;
mod records;
mod table;

pub(crate) use block::{BlockCache, Cached};
pub(crate) use descriptors::KnownDescriptors;
pub(crate) use hash::{Seeded, part_of};
pub(crate) use listing::{DirectoryState, Listed, ListedRun, ListingCache};
pub(crate) use names::KnownNames;
pub(crate) use records::{
    BacklinkEntry, Backlinks, Bucket, BucketEntry, BucketKey, DescriptorKey, Miss, OwnerKey, RecordCache, RegionKey,
    Seen, SharedKey, StreamEntry, Streams, XattrEntry, Xattrs,
};
pub(crate) use table::{Slot, Table};
