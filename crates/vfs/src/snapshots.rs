//! Snapshots: the state of a directory and everything below it as it was at one moment.
//!
//! What is in a snapshot has the number that it had in the live tree, and the tree [`TreeId::of_snapshot`]: whoever has
//! such an inode reads it as any other, and can change nothing.

use crate::{InodeId, Name, SnapshotId, Timestamp, TreeId};

/// A snapshot to be taken.
#[derive(Clone, Debug)]
pub struct TakeSnapshotRequest {
    /// The directory that it stands on.
    pub directory: InodeId,
    /// Its name: unique in the shard.
    pub name: Name,
    /// From when on it is deleted by itself.
    pub expires: Option<Timestamp>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which one of its shard.
    pub id: SnapshotId,
    /// The directory that it stands on, as it was: in the tree of the snapshot.
    pub root: InodeId,
    /// The tree that it was taken of.
    pub of: TreeId,
    /// Its name.
    pub name: Name,
    /// When it was taken.
    pub created: Timestamp,
    /// From when on it is deleted by itself.
    pub expires: Option<Timestamp>,
    /// Locks that keep it from being deleted.
    pub locks: u32,
    /// Whether it is being deleted: nobody sees it any more, and its space comes back.
    pub is_going: bool,
}

/// What is to be different about a snapshot; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeSnapshotRequest {
    /// A directory of its shard.
    pub within: InodeId,
    /// Which.
    pub id: SnapshotId,
    /// Its new name.
    pub name: Option<Name>,
    /// From when on it is deleted by itself; the inner `None` is never.
    pub expires: Option<Option<Timestamp>>,
    /// Locks that keep it.
    pub locks: Option<u32>,
}

/// An inode as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastInode {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The inode, in the tree of the snapshot.
    pub inode: InodeId,
}
