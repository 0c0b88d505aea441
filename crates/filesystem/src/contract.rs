//! The contract, each method in one line.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vfs::{
    AccessReply, AccessRequest, AcknowledgementRefusal, Admin, AttributeIo, Attributes, Awaited, BreakAcknowledgement,
    Change, ChangeSnapshotRequest, ChangedRangesReply, ChangedRangesRequest, ChangesReply, ChangesRequest, ClientId,
    CloneRangeRequest, CloneTree, CloseReply, CloseRequest, CommitReply, CommitRequest, CreateReply, CreateRequest,
    DeletePendingRequest, Failure, FileIo, FsError, GetattrReply, HouseFigures, InodeId, LeaseGrant, LeaseState,
    LinkReply, LinkRequest, LockClient, LockEntry, LockRecovery, LockReply, LockRequest, LookupReply, LookupRequest,
    Mailbox, MakeCloneRequest, MakeSymlinkRequest, MkdirRequest, MknodRequest, Name, Namespace, OpContext, OpenId,
    OpenReply, OpenRequest, OpenState, Opens, OwnerQuotasRequest, PastInode, Quota, QuotaRefused, RangeRequest,
    ReadReply, ReadRequest, ReaddirReply, ReaddirRequest, ReadlinkReply, RemoveReply, RemoveRequest, RenameOpenRequest,
    RenameReply, RenameRequest, RenameStreamRequest, RestoredOpen, Revert, SeekReply, SeekRequest, SessionId,
    SetQuotaRequest, SetattrReply, SetattrRequest, ShareRequest, Snapshot, SnapshotId, StatFsReply, StreamListReply,
    StreamListRequest, SymlinkRequest, TakeOverRequest, TakeSnapshotRequest, TestLockReply, TreeId, WalkReply,
    WalkRequest, Watch, WatchRequest, WriteReply, WriteRequest, WriteVerifier, XattrListReply, XattrListRequest,
    ZoneRootReply, ZoneRootRequest,
};

use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Namespace for Filesystem<K, C> {
    async fn lookup(&self, ctx: &OpContext, request: LookupRequest) -> Result<LookupReply, Failure> {
        self.do_lookup(ctx, request).await
    }

    async fn walk(&self, ctx: &OpContext, request: WalkRequest) -> Result<WalkReply, Failure> {
        self.do_walk(ctx, request).await
    }

    async fn create(&self, ctx: &OpContext, request: CreateRequest) -> Result<CreateReply, Failure> {
        self.do_create(ctx, request).await
    }

    async fn mkdir(&self, ctx: &OpContext, request: MkdirRequest) -> Result<CreateReply, Failure> {
        self.do_mkdir(ctx, request).await
    }

    async fn symlink(&self, ctx: &OpContext, request: SymlinkRequest) -> Result<CreateReply, Failure> {
        self.do_symlink(ctx, request).await
    }

    async fn mknod(&self, ctx: &OpContext, request: MknodRequest) -> Result<CreateReply, Failure> {
        self.do_mknod(ctx, request).await
    }

    async fn link(&self, ctx: &OpContext, request: LinkRequest) -> Result<LinkReply, Failure> {
        self.do_link(ctx, request).await
    }

    async fn remove(&self, ctx: &OpContext, request: RemoveRequest) -> Result<RemoveReply, Failure> {
        self.do_remove(ctx, request).await
    }

    async fn rename(&self, ctx: &OpContext, request: RenameRequest) -> Result<RenameReply, Failure> {
        self.do_rename(ctx, request).await
    }

    async fn readdir(&self, ctx: &OpContext, request: ReaddirRequest) -> Result<ReaddirReply, Failure> {
        self.do_readdir(ctx, request).await
    }

    async fn readlink(&self, ctx: &OpContext, inode: InodeId) -> Result<ReadlinkReply, Failure> {
        self.do_readlink(ctx, inode).await
    }
}

impl<K: kv::Engine, C: chunk::Store> FileIo for Filesystem<K, C> {
    async fn read(&self, ctx: &OpContext, request: ReadRequest) -> Result<ReadReply, Failure> {
        self.do_read(ctx, request).await
    }

    async fn write(&self, ctx: &OpContext, request: WriteRequest) -> Result<WriteReply, Failure> {
        self.do_write(ctx, request).await
    }

    async fn commit(&self, ctx: &OpContext, request: CommitRequest) -> Result<CommitReply, Failure> {
        self.do_commit(ctx, request).await
    }

    async fn deallocate(&self, ctx: &OpContext, request: RangeRequest) -> Result<Change, Failure> {
        self.do_deallocate(ctx, request).await
    }

    async fn clone_range(&self, ctx: &OpContext, request: CloneRangeRequest) -> Result<Change, Failure> {
        self.do_clone_range(ctx, request).await
    }

    async fn seek(&self, ctx: &OpContext, request: SeekRequest) -> Result<SeekReply, Failure> {
        self.do_seek(ctx, request).await
    }

    fn write_verifier(&self) -> WriteVerifier {
        self.verifier()
    }
}

impl<K: kv::Engine, C: chunk::Store> AttributeIo for Filesystem<K, C> {
    async fn getattr(&self, ctx: &OpContext, inode: InodeId) -> Result<GetattrReply, Failure> {
        self.do_getattr(ctx, inode).await
    }

    async fn setattr(&self, ctx: &OpContext, request: SetattrRequest) -> Result<SetattrReply, Failure> {
        self.do_setattr(ctx, request).await
    }

    async fn access(&self, ctx: &OpContext, request: AccessRequest) -> Result<AccessReply, Failure> {
        self.do_access(ctx, request).await
    }

    async fn xattr_list(&self, ctx: &OpContext, request: XattrListRequest) -> Result<XattrListReply, Failure> {
        self.do_xattr_list(ctx, request).await
    }

    async fn stream_list(&self, ctx: &OpContext, request: StreamListRequest) -> Result<StreamListReply, Failure> {
        self.do_stream_list(ctx, request).await
    }

    async fn stat_fs(&self, ctx: &OpContext, inode: InodeId) -> Result<StatFsReply, Failure> {
        self.do_stat_fs(ctx, inode).await
    }
}

impl<K: kv::Engine, C: chunk::Store> Admin for Filesystem<K, C> {
    async fn zone_root(&self, _ctx: &OpContext, request: ZoneRootRequest) -> Result<ZoneRootReply, Failure> {
        self.do_zone_root(request).await
    }

    async fn take_snapshot(&self, ctx: &OpContext, request: TakeSnapshotRequest) -> Result<Snapshot, Failure> {
        self.do_take_snapshot(ctx, request).await
    }

    fn snapshots(&self, _ctx: &OpContext, within: InodeId) -> Result<Vec<Snapshot>, FsError> {
        self.do_snapshots(within)
    }

    async fn path_of(&self, _ctx: &OpContext, directory: InodeId) -> Result<Vec<Name>, Failure> {
        self.path_below((InodeId::root_of(directory.shard), directory)).await
    }

    async fn past_of(&self, ctx: &OpContext, inode: InodeId) -> Result<Vec<PastInode>, Failure> {
        self.do_past_of(ctx, inode).await
    }

    async fn change_snapshot(&self, _ctx: &OpContext, request: ChangeSnapshotRequest) -> Result<Snapshot, Failure> {
        self.do_change_snapshot(request).await
    }

    async fn changes(&self, _ctx: &OpContext, request: ChangesRequest) -> Result<ChangesReply, Failure> {
        self.do_changes(request).await
    }

    async fn changed_ranges(
        &self,
        _ctx: &OpContext,
        request: ChangedRangesRequest,
    ) -> Result<ChangedRangesReply, Failure> {
        self.do_changed_ranges(request).await
    }

    async fn revert(&self, _ctx: &OpContext, past: InodeId) -> Result<Revert, Failure> {
        self.do_revert(past).await
    }

    fn reverts(&self, _ctx: &OpContext, within: InodeId) -> Result<Vec<Revert>, FsError> {
        self.do_reverts(within)
    }

    async fn cancel_revert(&self, _ctx: &OpContext, within: InodeId, id: u64) -> Result<(), Failure> {
        self.do_cancel_revert(within, id).await
    }

    async fn make_clone(&self, ctx: &OpContext, request: MakeCloneRequest) -> Result<CloneTree, Failure> {
        self.do_make_clone(ctx, request).await
    }

    fn clones(&self, _ctx: &OpContext, within: InodeId) -> Result<Vec<CloneTree>, FsError> {
        self.do_clones(within)
    }

    async fn delete_clone(&self, _ctx: &OpContext, within: InodeId, tree: TreeId) -> Result<(), Failure> {
        self.do_delete_clone(within, tree).await
    }

    async fn delete_snapshot(&self, _ctx: &OpContext, within: InodeId, id: SnapshotId) -> Result<(), Failure> {
        self.do_delete_snapshot(within, id).await
    }

    async fn set_quota(&self, _ctx: &OpContext, request: SetQuotaRequest) -> Result<Option<Quota>, Failure> {
        self.do_set_quota(request).await
    }

    fn quota_refusals(&self, of: InodeId) -> Vec<QuotaRefused> {
        self.shards.find(of.shard).map(|shard| shard.quotas.refusals.take()).unwrap_or_default()
    }

    async fn owner_quotas(&self, _ctx: &OpContext, request: OwnerQuotasRequest) -> Result<Vec<Quota>, Failure> {
        self.do_owner_quotas(request).await
    }

    async fn quotas(&self, _ctx: &OpContext, below: InodeId) -> Result<Vec<Quota>, Failure> {
        self.do_quotas(below).await
    }

    fn figures(&self) -> HouseFigures {
        self.figures_now()
    }

    fn is_reloading(&self) -> bool {
        self.is_reloading.load(Ordering::Acquire)
    }
}

impl<K: kv::Engine, C: chunk::Store> Opens for Filesystem<K, C> {
    async fn open(&self, ctx: &OpContext, request: OpenRequest) -> Result<OpenReply, Failure> {
        self.do_open(ctx, request).await
    }

    async fn close(&self, ctx: &OpContext, request: CloseRequest) -> Result<CloseReply, Failure> {
        self.do_close(ctx, request).await
    }

    async fn set_delete_pending(&self, ctx: &OpContext, request: DeletePendingRequest) -> Result<(), Failure> {
        self.do_set_delete_pending(ctx, request).await
    }

    async fn make_symlink(&self, ctx: &OpContext, request: MakeSymlinkRequest) -> Result<Attributes, Failure> {
        self.do_make_symlink(ctx, request).await
    }

    async fn rename_open(&self, ctx: &OpContext, request: RenameOpenRequest) -> Result<RenameReply, Failure> {
        self.do_rename_open(ctx, request).await
    }

    async fn rename_stream(&self, ctx: &OpContext, request: RenameStreamRequest) -> Result<(), Failure> {
        self.do_rename_stream(ctx, request).await
    }

    fn restored_opens(&self) -> Vec<RestoredOpen> {
        self.do_restored_opens()
    }

    fn take_over(&self, ctx: &OpContext, request: TakeOverRequest) -> Result<LeaseGrant, FsError> {
        self.do_take_over(ctx, &request)
    }

    fn open_state(&self, ctx: &OpContext, open: OpenId) -> Result<OpenState, FsError> {
        self.do_open_state(ctx, open)
    }

    fn acknowledge_break(
        &self,
        ctx: &OpContext,
        acknowledgement: BreakAcknowledgement,
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        self.do_acknowledge_break(ctx, acknowledgement)
    }

    fn await_break(&self, inode: InodeId, mailbox: &Arc<Mailbox>) -> Result<Awaited, FsError> {
        self.do_await_break(inode, mailbox)
    }

    async fn end_session(&self, session: SessionId) {
        self.do_end_session(session).await;
    }

    async fn lock(&self, ctx: &OpContext, request: LockRequest) -> Result<LockReply, Failure> {
        self.do_lock(ctx, request).await
    }

    async fn test_lock(&self, ctx: &OpContext, request: LockRequest) -> Result<TestLockReply, Failure> {
        self.do_test_lock(ctx, request).await
    }

    async fn unlock(&self, ctx: &OpContext, request: LockRequest) -> Result<(), Failure> {
        self.do_unlock(ctx, &request).await
    }

    async fn cancel_lock(&self, _ctx: &OpContext, request: LockRequest) -> Result<bool, Failure> {
        self.do_cancel_lock(&request)
    }

    async fn share(&self, ctx: &OpContext, request: ShareRequest) -> Result<(), Failure> {
        self.do_share(ctx, request).await
    }

    async fn unshare(&self, _ctx: &OpContext, request: ShareRequest) -> Result<(), Failure> {
        self.do_unshare(&request);
        Ok(())
    }

    async fn remember_lock_client(&self, ctx: &OpContext, client: LockClient) -> Result<(), Failure> {
        self.do_remember_lock_client(ctx.root.shard, client).await
    }

    async fn free_lock_client(&self, _ctx: &OpContext, client: ClientId) -> Result<(), Failure> {
        self.do_free_lock_client(client).await
    }

    fn lock_clients(&self) -> Vec<LockClient> {
        self.do_lock_clients()
    }

    fn lock_clients_at(&self, address: IpAddr) -> Vec<LockClient> {
        self.do_lock_clients_at(address)
    }

    fn lock_client(&self, client: ClientId) -> Option<LockClient> {
        self.do_lock_client(client)
    }

    fn lock_recovery(&self) -> LockRecovery {
        self.do_lock_recovery()
    }

    fn lock_entries(&self, max: usize) -> Vec<LockEntry> {
        self.do_lock_entries(max)
    }
}

impl<K: kv::Engine, C: chunk::Store> Watch for Filesystem<K, C> {
    async fn watch(&self, ctx: &OpContext, request: WatchRequest) -> Result<(), Failure> {
        self.do_watch(ctx, request).await
    }
}
