//! Writable clones: trees that begin as what a snapshot shows, and are written from then on.

use crate::{InodeId, Name, Timestamp, TreeId};

/// A clone to be made.
#[derive(Clone, Debug)]
pub struct MakeCloneRequest {
    /// The directory of a snapshot that it shows: an inode in the tree of that.
    pub source: InodeId,
    /// The directory that it is to hang in.
    pub parent: InodeId,
    /// The name of the entry there that leads to it.
    pub entry: Name,
    /// Its own name: unique in the shard.
    pub name: Name,
}

/// A clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneTree {
    /// The tree that it is.
    pub tree: TreeId,
    /// Its root directory.
    pub root: InodeId,
    /// Its name.
    pub name: Name,
    /// When it was made.
    pub created: Timestamp,
    /// What it was made of: the directory in the tree of the snapshot, which stays as long as the clone.
    pub origin: InodeId,
    /// Whether it is being deleted: nobody sees it any more, and its space comes back.
    pub is_going: bool,
}
