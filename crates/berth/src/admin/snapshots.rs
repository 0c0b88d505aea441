//! The snapshots, as the window asks the house for them.

use std::sync::Arc;

use admin_server::SnapshotStore;
use futures_util::future::BoxFuture;
use vfs::{
    Case, ChangeSnapshotRequest, ChangedRangesReply, ChangedRangesRequest, ChangesReply, ChangesRequest, CloneTree,
    FsError, InodeId, MakeCloneRequest, Name, OpContext, Revert, Snapshot, SnapshotId, TakeSnapshotRequest, TreeId,
    Vfs, WalkRequest,
};

/// The snapshots of a house.
#[derive(Debug)]
pub(crate) struct HouseSnapshots<V>(pub(crate) Arc<V>);

impl<V: Vfs> SnapshotStore for HouseSnapshots<V> {
    fn all(&self, root: InodeId) -> Result<Vec<Snapshot>, FsError> {
        self.0.snapshots(&OpContext::internal(root), root)
    }

    fn path(&self, directory: InodeId) -> BoxFuture<'_, Result<Vec<Name>, FsError>> {
        let ctx = OpContext::internal(directory);
        Box::pin(async move { self.0.path_of(&ctx, directory).await.map_err(|failure| failure.error) })
    }

    fn take(&self, request: TakeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>> {
        let ctx = OpContext::internal(request.directory);
        Box::pin(async move { self.0.take_snapshot(&ctx, request).await.map_err(|failure| failure.error) })
    }

    fn change(&self, request: ChangeSnapshotRequest) -> BoxFuture<'_, Result<Snapshot, FsError>> {
        let ctx = OpContext::internal(request.within);
        Box::pin(async move { self.0.change_snapshot(&ctx, request).await.map_err(|failure| failure.error) })
    }

    fn inode(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>> {
        Box::pin(async move {
            let request = WalkRequest { start: root, path, case: Case::Sensitive };
            let reply = self.0.walk(&OpContext::internal(root), request).await.map_err(|failure| failure.error)?;
            Ok(reply.attributes.inode)
        })
    }

    fn changes(&self, request: ChangesRequest) -> BoxFuture<'_, Result<ChangesReply, FsError>> {
        let ctx = OpContext::internal(request.from);
        Box::pin(async move { self.0.changes(&ctx, request).await.map_err(|failure| failure.error) })
    }

    fn changed_ranges(&self, request: ChangedRangesRequest) -> BoxFuture<'_, Result<ChangedRangesReply, FsError>> {
        let ctx = OpContext::internal(request.from);
        Box::pin(async move { self.0.changed_ranges(&ctx, request).await.map_err(|failure| failure.error) })
    }

    fn revert(&self, past: InodeId) -> BoxFuture<'_, Result<Revert, FsError>> {
        let ctx = OpContext::internal(past);
        Box::pin(async move { self.0.revert(&ctx, past).await.map_err(|failure| failure.error) })
    }

    fn reverts(&self, root: InodeId) -> Result<Vec<Revert>, FsError> {
        self.0.reverts(&OpContext::internal(root), root)
    }

    fn cancel_revert(&self, root: InodeId, id: u64) -> BoxFuture<'_, Result<(), FsError>> {
        let ctx = OpContext::internal(root);
        Box::pin(async move { self.0.cancel_revert(&ctx, root, id).await.map_err(|failure| failure.error) })
    }

    fn clones(&self, root: InodeId) -> Result<Vec<CloneTree>, FsError> {
        self.0.clones(&OpContext::internal(root), root)
    }

    fn make_clone(&self, request: MakeCloneRequest) -> BoxFuture<'_, Result<CloneTree, FsError>> {
        let ctx = OpContext::internal(request.parent);
        Box::pin(async move { self.0.make_clone(&ctx, request).await.map_err(|failure| failure.error) })
    }

    fn delete_clone(&self, root: InodeId, tree: TreeId) -> BoxFuture<'_, Result<(), FsError>> {
        let ctx = OpContext::internal(root);
        Box::pin(async move { self.0.delete_clone(&ctx, root, tree).await.map_err(|failure| failure.error) })
    }

    fn delete(&self, root: InodeId, id: SnapshotId) -> BoxFuture<'_, Result<(), FsError>> {
        let ctx = OpContext::internal(root);
        Box::pin(async move { self.0.delete_snapshot(&ctx, root, id).await.map_err(|failure| failure.error) })
    }
}
