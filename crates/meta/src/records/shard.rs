//! Shards, trees, snapshots, and what is handed out or still to be done in them.

use bytes::Bytes;
use vfs::{Epoch, FencingEpoch, InodeId, InodeNumber, Name, ShardId, SnapshotId, Timestamp, TreeId};

use crate::codec::{Field, Reader, Writer, record};
use crate::{RecordError, ShardClock};

/// A shard: where it hangs, and its snapshot clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRecord {
    /// Names from the root of the house to its root; none for the root shard.
    pub base: Vec<Name>,
    /// The directory that holds the junction to it; of the root shard its own root.
    pub parent: InodeId,
    /// The snapshot clock.
    pub clock: ShardClock,
    /// The file system as clients tell it apart.
    pub fsid: u64,
    /// When it was made.
    pub created: Timestamp,
}

/// A writable clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRecord {
    /// The tree it was made from.
    pub origin: TreeId,
    /// The state of the origin that it shows, which is that of a snapshot.
    pub epoch: Epoch,
    /// The directory of the origin that is its root.
    pub root: InodeNumber,
    /// How many origins lie below it; 1 if the origin is the live tree.
    pub depth: u8,
    /// The file system as clients tell it apart.
    pub fsid: u64,
    /// Its name.
    pub name: Name,
    /// When it was made.
    pub created: Timestamp,
    /// The tree of the directory that it hangs in; which one it is the home of its root says.
    pub parent: TreeId,
    /// Its origin has no inode of this number or a higher one.
    pub first_own: InodeNumber,
    /// Whether it is being deleted and cannot be seen any more.
    pub deleting: bool,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// Tree it was taken in.
    pub tree: TreeId,
    /// Directory it stands on.
    pub root: InodeNumber,
    /// The epoch it shows.
    pub epoch: Epoch,
    /// Its name.
    pub name: Name,
    /// The file system as clients tell it apart.
    pub fsid: u64,
    /// When it was taken.
    pub created: Timestamp,
    /// When it may be deleted by itself.
    pub expires: Option<Timestamp>,
    /// Locks that keep it.
    pub locks: u32,
    /// Whether it is being deleted and cannot be seen any more.
    pub deleting: bool,
}

/// Numbers below these have been handed out, and are never handed out again. A shard's record has its own numbers, the
/// store's record those of the whole store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorRecord {
    /// Of the shard: the next inode number.
    pub next_inode: InodeNumber,
    /// Of the shard: the next clone.
    pub next_tree: TreeId,
    /// Of the shard: the next snapshot.
    pub next_snapshot: SnapshotId,
    /// Of the shard: the next intent.
    pub next_intent: u64,
    /// Of the store: the next shard.
    pub next_shard: ShardId,
    /// Of the store: the next file system id.
    pub next_fsid: u64,
}

/// Segments below this number may have been used. A record of its own, since nobody but the folding of space writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextSegmentRecord {
    /// The next segment.
    pub next_segment: u64,
}

/// Something that was promised and is done in pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentRecord {
    /// When it was promised.
    pub created: Timestamp,
    /// What is to be done.
    pub intent: Intent,
}

/// What is to be done. The tags up to 31 are reserved: 3 deallocate, 4 clone range, 5 delete a snapshot, 6 delete a clone,
/// 8 migrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Remove an inode without links, and all its regions.
    Remove {
        /// Which.
        inode: InodeId,
    },
    /// Remove the masked records of a range of regions, then the mask.
    Truncate {
        /// Of which inode.
        inode: InodeId,
        /// First region of the range.
        first_region: u64,
        /// First region behind the range.
        end_region: u64,
        /// Generation of the mask: only records below it go.
        generation: u32,
    },
    /// Make a directory and all below it again what a snapshot shows.
    Revert {
        /// The directory, where it is written.
        inode: InodeId,
        /// The tree of the snapshot.
        past: TreeId,
    },
}

/// The number that the owner of the store must know: every commit expects it unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceRecord {
    /// Raised by every start and take-over.
    pub epoch: FencingEpoch,
}

/// Who owns a shard; for houses of several gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Name of the owner.
    pub owner: Bytes,
    /// Fencing epoch of the owner.
    pub epoch: FencingEpoch,
    /// When another one may take it.
    pub expires: Timestamp,
}

impl Intent {
    /// The inode it works on.
    #[must_use]
    pub fn inode(&self) -> InodeId {
        match self {
            Self::Remove { inode } | Self::Truncate { inode, .. } | Self::Revert { inode, .. } => *inode,
        }
    }
}

impl Field for Intent {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Remove { inode } => {
                1_u8.put(to);
                inode.put(to);
            }
            Self::Truncate { inode, first_region, end_region, generation } => {
                2_u8.put(to);
                inode.put(to);
                first_region.put(to);
                end_region.put(to);
                generation.put(to);
            }
            Self::Revert { inode, past } => {
                7_u8.put(to);
                inode.put(to);
                past.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            1 => Ok(Self::Remove { inode: Field::take(from)? }),
            2 => Ok(Self::Truncate {
                inode: Field::take(from)?,
                first_region: Field::take(from)?,
                end_region: Field::take(from)?,
                generation: Field::take(from)?,
            }),
            7 => Ok(Self::Revert { inode: Field::take(from)?, past: Field::take(from)? }),
            _ => Err(RecordError::Invalid("kind of intent")),
        }
    }
}

impl ShardRecord {
    fn check(&self) -> Result<(), RecordError> {
        match self.clock.newest_snapshot {
            Some(newest) if newest >= self.clock.current => Err(RecordError::Invalid("snapshot clock")),
            _ => Ok(()),
        }
    }
}

record!(ShardRecord, "shard", Self::check, base, parent, clock, fsid, created);
// No store has any of format 1: nothing wrote them.
record!(
    format 2,
    TreeRecord,
    "tree",
    |_| Ok(()),
    origin,
    epoch,
    root,
    depth,
    fsid,
    name,
    created,
    parent,
    first_own,
    deleting,
);
record!(SnapshotRecord, "snapshot", |_| Ok(()), tree, root, epoch, name, fsid, created, expires, locks, deleting);
record!(
    AllocatorRecord,
    "allocator",
    |_| Ok(()),
    next_inode,
    next_tree,
    next_snapshot,
    next_intent,
    next_shard,
    next_fsid,
);
record!(NextSegmentRecord, "next segment", |_| Ok(()), next_segment);
record!(IntentRecord, "intent", |_| Ok(()), created, intent);
record!(FenceRecord, "fence", |_| Ok(()), epoch);
record!(LeaseRecord, "lease", |_| Ok(()), owner, epoch, expires);
