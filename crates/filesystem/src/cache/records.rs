//! The decoded records that the owner keeps, by kind.

use std::sync::Arc;

use bytes::Bytes;
use meta::records::{
    BacklinkRecord, DentryRecord, DescriptorRecord, InodeRecord, OwnerUsageRecord, RegionRecord, SharedRecord,
    StreamRecord, UsageRecord, XattrRecord,
};
use meta::{Key, Version};
use vfs::{CacheFigures, Cookie, InodeId, InodeNumber, Principal, ShardId, TreeId};

use super::{KnownDescriptors, KnownNames, ListingCache, Slot, Table};

/// A run of dentries of one directory whose names share a hash.
pub(crate) type BucketKey = (InodeId, u64);
/// An entry of a bucket with its cookie.
pub(crate) type BucketEntry = (Cookie, DentryRecord);
/// The entries of a bucket.
pub(crate) type Bucket = Arc<Vec<BucketEntry>>;
/// A region of a file by its index.
pub(crate) type RegionKey = (InodeId, u64);
/// A directory, and a user, or with `true` a group, of which is counted what they own below it.
pub(crate) type OwnerKey = (InodeId, bool, Principal);
/// An extended attribute by its name.
pub(crate) type XattrEntry = (Bytes, XattrRecord);
/// All extended attributes of an inode, in the order of their names.
pub(crate) type Xattrs = Arc<Vec<XattrEntry>>;
/// A stream by the number of its inode.
pub(crate) type StreamEntry = (InodeNumber, StreamRecord);
/// All streams of an inode, in the order in which they were made.
pub(crate) type Streams = Arc<Vec<StreamEntry>>;
/// A descriptor of a shard by its hash.
pub(crate) type DescriptorKey = (ShardId, TreeId, [u8; 32]);
/// A group of blocks of which some may be shared, by the placement of the first.
pub(crate) type SharedKey = (ShardId, u64);
/// A name of an inode that has several: directory and cookie of the dentry.
pub(crate) type BacklinkEntry = (InodeNumber, Cookie, BacklinkRecord);
/// All names of an inode that has several, oldest first.
pub(crate) type Backlinks = Arc<Vec<BacklinkEntry>>;

/// A record that has to be loaded before an operation can go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Miss {
    /// An inode.
    Inode(InodeId),
    /// The dentries of a directory with one hash.
    Bucket(BucketKey),
    /// The counters of a directory.
    Usage(InodeId),
    /// The counters of an owner; `true` for a group.
    Owner(OwnerKey),
    /// When the last kept state of a region ended.
    LastEnded(RegionKey),
    /// All names of an inode.
    Backlinks(InodeId),
    /// All extended attributes of an inode.
    Xattrs(InodeId),
    /// All streams of an inode.
    Streams(InodeId),
    /// A descriptor, with the number of inodes that point at it.
    Descriptor(DescriptorKey),
    /// A region.
    Region(RegionKey),
    /// How often blocks of these groups of a shard are named.
    Shared(ShardId, Vec<u64>),
    /// Whether keys of clones are marked as gone.
    Marks(ShardId, Vec<Key>),
    /// Which regions a file has from an index on; only under the file's flush turn.
    RegionList(InodeId, u64),
}

/// All tables.
#[derive(Debug)]
pub(crate) struct RecordCache {
    pub(crate) inodes: Table<InodeId, Option<Arc<InodeRecord>>>,
    pub(crate) buckets: Table<BucketKey, Bucket>,
    pub(crate) usages: Table<InodeId, Option<Arc<UsageRecord>>>,
    pub(crate) owners: Table<OwnerKey, Option<Arc<OwnerUsageRecord>>>,
    pub(crate) backlinks: Table<InodeId, Backlinks>,
    pub(crate) xattrs: Table<InodeId, Xattrs>,
    pub(crate) streams: Table<InodeId, Streams>,
    pub(crate) descriptors: Table<DescriptorKey, Option<Arc<DescriptorRecord>>>,
    pub(crate) known_descriptors: KnownDescriptors,
    pub(crate) regions: Table<RegionKey, Option<Arc<RegionRecord>>>,
    pub(crate) shared: Table<SharedKey, Option<Arc<SharedRecord>>>,
    pub(crate) listings: ListingCache,
    /// Directories of which every name is known.
    pub(crate) names: KnownNames,
}

impl RecordCache {
    /// Tables for about `records_max` records of each kind that is hot, and listings of so many bytes.
    pub(crate) fn new(records_max: usize, listing_bytes_max: usize) -> Self {
        let few = (records_max / 8).max(RECORDS_MIN);
        let many = records_max.max(RECORDS_MIN);
        Self {
            inodes: Table::new(many),
            buckets: Table::new(many),
            usages: Table::new(few),
            owners: Table::new(few),
            backlinks: Table::new(few),
            xattrs: Table::new(few),
            streams: Table::new(few),
            descriptors: Table::new(few),
            known_descriptors: KnownDescriptors::default(),
            regions: Table::new(many),
            shared: Table::new(many),
            listings: ListingCache::new(listing_bytes_max),
            names: KnownNames::new(records_max.saturating_mul(NAMES_PER_RECORD)),
        }
    }

    /// How each table is doing. `entries_max` may be exceeded by what is not durable.
    pub(crate) fn figures(&self) -> Vec<CacheFigures> {
        vec![
            self.inodes.figures("inode"),
            self.buckets.figures("dentry"),
            self.usages.figures("usage"),
            self.owners.figures("owner"),
            self.backlinks.figures("backlink"),
            self.xattrs.figures("xattr"),
            self.streams.figures("stream"),
            self.descriptors.figures("descriptor"),
            self.regions.figures("region"),
            self.shared.figures("shared"),
            self.listings.figures(),
        ]
    }

    /// Forgets everything: for a reload.
    pub(crate) fn clear(&self) {
        // First: a load that asks them once buckets are cleared would fill one with what is void.
        self.names.clear();
        self.inodes.clear();
        self.buckets.clear();
        self.usages.clear();
        self.owners.clear();
        self.backlinks.clear();
        self.xattrs.clear();
        self.streams.clear();
        self.descriptors.clear();
        self.regions.clear();
        self.shared.clear();
        self.listings.clear();
    }
}

/// The highest version that an operation has read or written: what its reply waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen(pub(crate) Version, bool);

impl Seen {
    /// Of who passes through directories, and tells nobody of their times and counts.
    pub(crate) fn passing() -> Self {
        Self(Version::default(), true)
    }

    /// Takes note of an inode.
    pub(crate) fn note_inode(&mut self, slot: &Slot<Option<Arc<InodeRecord>>>) {
        self.note(if self.1 { slot.decided } else { slot.version });
    }

    /// Takes note of a version.
    pub(crate) fn note(&mut self, version: Version) {
        self.0 = self.0.max(version);
    }
}

/// Enough for one operation at the greatest depth, so that its own loads do not push each other out.
const RECORDS_MIN: usize = 4096;
/// Names of known directories for each record: about one part in sixteen of the memory for records.
const NAMES_PER_RECORD: usize = 4;

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::cache::Slot;

    /// A load between both would keep an empty bucket in place of names whose removal failed.
    #[test]
    fn names_are_forgotten_before_buckets() {
        let records = RecordCache::new(0, 0);
        let key = (InodeId::default(), 7);
        records.names.begin(key.0);
        records.buckets.put(key, Slot::new(Bucket::default(), Version(1)), Version(0));
        thread::scope(|scope| {
            let held_up = records.buckets.hold_up(&key);
            scope.spawn(|| records.clear());
            let is_forgotten = (0..20_000).any(|_| {
                thread::sleep(Duration::from_millis(1));
                !records.names.lacks(&key)
            });
            drop(held_up);
            assert!(is_forgotten, "they wait for the buckets");
        });
        assert!(records.buckets.get(&key).is_none());
    }
}
