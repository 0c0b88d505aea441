//! Snapshots of a zone: listed, shown, taken, changed and deleted.

pub(crate) mod answer;
pub(crate) mod order;
pub(crate) mod schedules;

use futures_util::future::BoxFuture;
use vfs::{
    ChangeSnapshotRequest, ChangedRangesReply, ChangedRangesRequest, ChangesReply, ChangesRequest, CloneTree, FsError,
    InodeId, MakeCloneRequest, Name, Revert, Snapshot, SnapshotId, TakeSnapshotRequest, TreeId,
};

pub(crate) use self::answer::{list, show};
pub(crate) use self::order::{delete, put};
pub(crate) use self::schedules::schedules;

/// The snapshots of the house, and clones of them. The roof implements it.
pub trait SnapshotStore: Send + Sync {
    /// All of a zone, oldest first.
    ///
    /// Errors: as the contract says.
    fn all(&self, root: InodeId) -> Result<Vec<Snapshot>, FsError>;

    /// Where a directory of one was, below the base of the zone.
    ///
    /// Errors: as the contract says.
    fn path(&self, directory: InodeId) -> BoxFuture<'_, Result<Vec<Name>, FsError>>;

    /// Takes one.
    ///
    /// Errors: as the contract says.
    fn take(&self, request: TakeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>>;

    /// Changes one.
    ///
    /// Errors: as the contract says.
    fn change(&self, request: ChangeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>>;

    /// Deletes one.
    ///
    /// Errors: as the contract says.
    fn delete(&self, root: InodeId, id: SnapshotId) -> BoxFuture<'_, Result<(), FsError>>;

    /// What a path leads to in a directory.
    ///
    /// Errors, in order: `NotFound`, `NotDirectory`, `Io`.
    fn inode(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>>;

    /// What differs of a directory, a page of it.
    ///
    /// Errors: as the contract says.
    fn changes(&self, request: ChangesRequest) -> BoxFuture<'_, Result<ChangesReply, FsError>>;

    /// In which ranges a file differs, a page of them.
    ///
    /// Errors: as the contract says.
    fn changed_ranges(&self, request: ChangedRangesRequest) -> BoxFuture<'_, Result<ChangedRangesReply, FsError>>;

    /// Makes a directory again what a snapshot shows of it.
    ///
    /// Errors: as the contract says.
    fn revert(&self, past: InodeId) -> BoxFuture<'_, Result<Revert, FsError>>;

    /// The reverts of a zone.
    ///
    /// Errors: as the contract says.
    fn reverts(&self, root: InodeId) -> Result<Vec<Revert>, FsError>;

    /// Gives one up.
    ///
    /// Errors: as the contract says.
    fn cancel_revert(&self, root: InodeId, id: u64) -> BoxFuture<'_, Result<(), FsError>>;

    /// All clones of a zone, oldest first.
    ///
    /// Errors: as the contract says.
    fn clones(&self, root: InodeId) -> Result<Vec<CloneTree>, FsError>;

    /// Makes a clone.
    ///
    /// Errors: as the contract says.
    fn make_clone(&self, request: MakeCloneRequest) -> BoxFuture<'_, Result<CloneTree, FsError>>;

    /// Deletes a clone.
    ///
    /// Errors: as the contract says.
    fn delete_clone(&self, root: InodeId, tree: TreeId) -> BoxFuture<'_, Result<(), FsError>>;
}
