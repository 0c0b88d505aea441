//! Snapshots of a zone: listed, shown, taken, changed and deleted.

pub(crate) mod answer;
pub(crate) mod order;

use futures_util::future::BoxFuture;
use vfs::{ChangeSnapshotRequest, FsError, InodeId, Name, Snapshot, SnapshotId, TakeSnapshotRequest};

pub(crate) use self::answer::{list, show};
pub(crate) use self::order::{delete, put};

/// The snapshots of the house. The roof implements it.
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
}
