//! The reference file system: everything the contract says, in memory, as plainly as it can be said. It is the oracle
//! that the real file system is compared with, and the house behind the tests of the doors.
//!
//! Decisions where the contract leaves room (all houses are held to them by [`crate::operations`]):
//! - Reads, listings and look-ups never change `accessed`.
//! - A mode that is not given is 0 for everything made by a client, 0777 for symbolic links, 0755 for the directories
//!   that `zone_root` makes. A size given for anything but a regular file is ignored at creation.
//! - The size of a directory is the number of its entries, that of a symbolic link the length of its target.
//! - Setting a size sets `modified`, even to the size the file has; setting owner or group to what it is counts as a
//!   change. Setting nothing, writing no bytes and a rename between two names of one inode change nothing at all.
//! - The verifier of an exclusive creation lasts until a `setattr` that sets something, or a size applied by an
//!   unchecked creation.
//! - Set-id bits are cleared by others than the superuser on non-directories, also when a mode is set in the same step.
//! - Without a descriptor `access` goes by the mode alone: that the owner may always read and write is for files that are open already.
//!   Adding and removing in a directory are granted only together with search. `DELETE` and `WRITE_OWNER` are the
//!   superuser's.
//! - The root of a zone can be neither removed (`NotPermitted`) nor renamed (`CrossDevice`).
//! - Names over the NFS limit are refused where the contract lists `NameTooLong`, elsewhere after search permission.
//! - There are no snapshots.
//! - Names that differ in the case of ASCII letters only are alike to who asks so; of several that are, the first in the
//!   order of bytes is found, if none is exact.
//! - Quotas are kept and told, but refuse nothing; those of directories are not told.
//! - Locks and shares of NLM bind each other only, not reads and writes. A reclaim outside the grace period is `Grace`.

mod content;
mod create;
mod file;
mod inode;
mod leases;
mod link;
mod locks;
mod lookup;
mod opens;
mod permission;
mod quota;
mod readdir;
mod remove;
mod rename;
mod set_attributes;
mod state;
mod streams;
mod turn;
mod watch;
mod zone;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

pub use state::MemoryCapacity;
use state::State;
use turn::Turn;
use vfs::acl::AccessMask;
use vfs::{
    AccessReply, AccessRequest, AcknowledgementRefusal, Admin, AttributeIo, Attributes, Awaited, BreakAcknowledgement,
    Change, ClientId, Clock, CloneRangeRequest, CloseReply, CloseRequest, CommitReply, CommitRequest, CreateReply,
    CreateRequest, DeletePendingRequest, Failure, FileIo, FsError, GetattrReply, InodeId, LeaseGrant, LeaseOwner,
    LeaseState, LinkReply, LinkRequest, LockClient, LockEntry, LockRecovery, LockReply, LockRequest, LookupReply,
    LookupRequest, Mailbox, MakeSymlinkRequest, MkdirRequest, MknodRequest, Namespace, OpContext, OpenId, OpenReply,
    OpenRequest, OpenState, Opens, OwnerQuotasRequest, Quota, RangeRequest, ReadReply, ReadRequest, ReaddirReply,
    ReaddirRequest, ReadlinkReply, RemoveReply, RemoveRequest, RenameOpenRequest, RenameReply, RenameRequest,
    RenameStreamRequest, SeekReply, SeekRequest, SessionId, SetQuotaRequest, SetattrReply, SetattrRequest, ShardId,
    ShareRequest, StatFsReply, StreamListReply, StreamListRequest, SymlinkRequest, TakeOverRequest, TestLockReply,
    WalkReply, WalkRequest, Watch, WatchRequest, WriteReply, WriteRequest, WriteVerifier, XattrListReply,
    XattrListRequest, ZoneRootReply, ZoneRootRequest,
};
use watch::Changes;

use crate::ManualClock;

/// A file system in memory: one mutex, ordered maps, nothing clever.
#[derive(Debug)]
pub struct ReferenceFilesystem {
    state: Mutex<State>,
    refusal: Mutex<Option<FsError>>,
    frees_slowly: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl ReferenceFilesystem {
    /// An empty file system whose root belongs to root with mode 0755.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State::new(clock.now()));
        Self { state, refusal: Mutex::default(), frees_slowly: AtomicBool::new(false), clock }
    }

    /// From now on every operation fails so; `None` ends it.
    pub fn refuse_all(&self, error: Option<FsError>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// From now on others come in between when a lock client is freed, as where that becomes durable.
    pub fn free_slowly(&self) {
        self.frees_slowly.store(true, Ordering::Relaxed);
    }

    /// Sets how much room there is; what is there already stays.
    pub fn set_capacity(&self, capacity: MemoryCapacity) {
        self.state().capacity = capacity;
    }

    /// Sets how many locks, waits and shares there may be together, and how many lock clients.
    pub fn set_lock_capacity(&self, max: usize) {
        self.state().locks.set_max(max);
    }

    /// Restarts the lock table: nothing is held any more, the clients remembered are to be told, and only they may take
    /// locks, for this time.
    pub fn restart_locks(&self, grace: Duration) {
        let grace_until = self.clock.monotonic() + grace;
        self.state().locks.restart(grace_until);
    }

    /// Ends the breaks of leases that are as old as that.
    pub fn expire_breaks(&self, age: Duration) {
        self.state().leases.expire(self.clock.monotonic(), age);
    }

    /// Loses power: data that was written unstable and not made stable since is gone, and the write verifier changes.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// Numbers the next inode above `number`, as in a store that has lived long.
    pub fn number_inodes_above(&self, number: u64) {
        self.state().last_number = number;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn<'a>(&'a self, ctx: &'a OpContext) -> Result<Turn<'a>, Failure> {
        if let Some(error) = *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(error.into());
        }
        Ok(Turn {
            state: self.state(),
            ctx,
            now: self.clock.now(),
            monotonic: self.clock.monotonic(),
            spared: None,
            changes: Changes::default(),
        })
    }
}

impl Default for ReferenceFilesystem {
    /// An empty file system with a clock that ticks one nanosecond at each operation.
    fn default() -> Self {
        Self::new(Arc::new(ManualClock::ticking(Duration::from_nanos(1))))
    }
}

impl Namespace for ReferenceFilesystem {
    async fn lookup(&self, ctx: &OpContext, request: LookupRequest) -> Result<LookupReply, Failure> {
        self.turn(ctx)?.lookup(&request)
    }

    async fn walk(&self, ctx: &OpContext, request: WalkRequest) -> Result<WalkReply, Failure> {
        self.turn(ctx)?.walk(&request)
    }

    async fn create(&self, ctx: &OpContext, request: CreateRequest) -> Result<CreateReply, Failure> {
        self.turn(ctx)?.create(&request)
    }

    async fn mkdir(&self, ctx: &OpContext, request: MkdirRequest) -> Result<CreateReply, Failure> {
        self.turn(ctx)?.mkdir(&request)
    }

    async fn symlink(&self, ctx: &OpContext, request: SymlinkRequest) -> Result<CreateReply, Failure> {
        self.turn(ctx)?.symlink(&request)
    }

    async fn mknod(&self, ctx: &OpContext, request: MknodRequest) -> Result<CreateReply, Failure> {
        self.turn(ctx)?.mknod(&request)
    }

    async fn link(&self, ctx: &OpContext, request: LinkRequest) -> Result<LinkReply, Failure> {
        self.turn(ctx)?.link(&request)
    }

    async fn remove(&self, ctx: &OpContext, request: RemoveRequest) -> Result<RemoveReply, Failure> {
        self.turn(ctx)?.remove(&request)
    }

    async fn rename(&self, ctx: &OpContext, request: RenameRequest) -> Result<RenameReply, Failure> {
        self.turn(ctx)?.rename(&request)
    }

    async fn readdir(&self, ctx: &OpContext, request: ReaddirRequest) -> Result<ReaddirReply, Failure> {
        self.turn(ctx)?.readdir(&request)
    }

    async fn readlink(&self, ctx: &OpContext, inode: InodeId) -> Result<ReadlinkReply, Failure> {
        self.turn(ctx)?.readlink(inode)
    }
}

impl FileIo for ReferenceFilesystem {
    async fn read(&self, ctx: &OpContext, request: ReadRequest) -> Result<ReadReply, Failure> {
        self.turn(ctx)?.read(&request)
    }

    async fn write(&self, ctx: &OpContext, request: WriteRequest) -> Result<WriteReply, Failure> {
        self.turn(ctx)?.write(&request)
    }

    async fn commit(&self, ctx: &OpContext, request: CommitRequest) -> Result<CommitReply, Failure> {
        self.turn(ctx)?.commit(&request)
    }

    async fn deallocate(&self, ctx: &OpContext, request: RangeRequest) -> Result<Change, Failure> {
        self.turn(ctx)?.deallocate(&request)
    }

    async fn clone_range(&self, ctx: &OpContext, request: CloneRangeRequest) -> Result<Change, Failure> {
        self.turn(ctx)?.clone_range(&request)
    }

    async fn seek(&self, ctx: &OpContext, request: SeekRequest) -> Result<SeekReply, Failure> {
        self.turn(ctx)?.seek(&request)
    }

    fn write_verifier(&self) -> WriteVerifier {
        self.state().verifier()
    }
}

impl AttributeIo for ReferenceFilesystem {
    async fn getattr(&self, ctx: &OpContext, inode: InodeId) -> Result<GetattrReply, Failure> {
        Ok(GetattrReply { attributes: self.turn(ctx)?.whole(inode)? })
    }

    async fn setattr(&self, ctx: &OpContext, request: SetattrRequest) -> Result<SetattrReply, Failure> {
        self.turn(ctx)?.setattr(&request)
    }

    async fn access(&self, ctx: &OpContext, request: AccessRequest) -> Result<AccessReply, Failure> {
        let turn = self.turn(ctx)?;
        let attributes = turn.attributes(request.inode)?.clone();
        let granted = permission::allowed(&ctx.credentials, &attributes).intersection(request.wanted);
        Ok(AccessReply { granted, attributes })
    }

    async fn xattr_list(&self, ctx: &OpContext, request: XattrListRequest) -> Result<XattrListReply, Failure> {
        let turn = self.turn(ctx)?;
        let inode = turn.inode(request.inode)?;
        let by_open = turn.attributes_through(request.inode, request.via)?.map(opens::Open::granted);
        let rights = by_open.unwrap_or_else(|| permission::rights(&ctx.credentials, &inode.attributes));
        turn.ensure(rights.contains(AccessMask::READ_EA), request.inode, FsError::AccessDenied)?;
        let entries = inode.xattrs.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(XattrListReply { entries, attributes: inode.attributes.clone() })
    }

    async fn stream_list(&self, ctx: &OpContext, request: StreamListRequest) -> Result<StreamListReply, Failure> {
        self.turn(ctx)?.stream_list(&request)
    }

    async fn stat_fs(&self, ctx: &OpContext, inode: InodeId) -> Result<StatFsReply, Failure> {
        let turn = self.turn(ctx)?;
        Ok(StatFsReply { statistics: turn.state.statistics(), attributes: turn.attributes(inode)?.clone() })
    }
}

impl Admin for ReferenceFilesystem {
    async fn zone_root(&self, ctx: &OpContext, request: ZoneRootRequest) -> Result<ZoneRootReply, Failure> {
        self.turn(ctx)?.zone_root(&request)
    }

    async fn set_quota(&self, ctx: &OpContext, request: SetQuotaRequest) -> Result<Option<Quota>, Failure> {
        self.turn(ctx)?.set_quota(request).map(|()| None)
    }

    async fn owner_quotas(&self, ctx: &OpContext, request: OwnerQuotasRequest) -> Result<Vec<Quota>, Failure> {
        self.turn(ctx)?.owner_quotas(&request)
    }
}

impl Opens for ReferenceFilesystem {
    async fn open(&self, ctx: &OpContext, request: OpenRequest) -> Result<OpenReply, Failure> {
        self.turn(ctx)?.open(&request)
    }

    async fn close(&self, ctx: &OpContext, request: CloseRequest) -> Result<CloseReply, Failure> {
        self.turn(ctx)?.close(request.open)
    }

    async fn set_delete_pending(&self, ctx: &OpContext, request: DeletePendingRequest) -> Result<(), Failure> {
        self.turn(ctx)?.set_delete_pending(request)
    }

    async fn make_symlink(&self, ctx: &OpContext, request: MakeSymlinkRequest) -> Result<Attributes, Failure> {
        self.turn(ctx)?.make_symlink(request)
    }

    async fn rename_open(&self, ctx: &OpContext, request: RenameOpenRequest) -> Result<RenameReply, Failure> {
        self.turn(ctx)?.rename_open(request)
    }

    async fn rename_stream(&self, ctx: &OpContext, request: RenameStreamRequest) -> Result<(), Failure> {
        self.turn(ctx)?.rename_stream(&request)
    }

    fn take_over(&self, ctx: &OpContext, request: TakeOverRequest) -> Result<LeaseGrant, FsError> {
        let mut turn = self.turn(ctx).map_err(|failure| failure.error)?;
        turn.state.opens.hand_over(&request, ctx.session)?;
        Ok(turn.state.leases.rehome(&request))
    }

    fn open_state(&self, ctx: &OpContext, open: OpenId) -> Result<OpenState, FsError> {
        self.turn(ctx).and_then(|turn| turn.open_state(open)).map_err(|failure| failure.error)
    }

    fn acknowledge_break(
        &self,
        ctx: &OpContext,
        acknowledgement: BreakAcknowledgement,
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        if let LeaseOwner::Open(open) = acknowledgement.owner {
            let found = self.turn(ctx).and_then(|turn| turn.opened(open));
            found.map_err(|_| AcknowledgementRefusal::Unknown)?;
        }
        self.state().leases.acknowledge(acknowledgement, self.clock.monotonic())
    }

    fn await_break(&self, inode: InodeId, mailbox: &Arc<Mailbox>) -> Result<Awaited, FsError> {
        Ok(self.state().leases.await_break(inode, mailbox))
    }

    async fn end_session(&self, session: SessionId) {
        let opens = self.state().opens.of_session(session);
        let ctx = OpContext { session, ..OpContext::internal(InodeId::root_of(ShardId::ROOT)) };
        for open in opens {
            let closed = self.turn(&ctx).and_then(|mut turn| turn.close(open));
            drop(closed);
        }
    }

    async fn lock(&self, ctx: &OpContext, request: LockRequest) -> Result<LockReply, Failure> {
        let now = self.clock.monotonic();
        self.turn(ctx)?.lock(request, now)
    }

    async fn test_lock(&self, ctx: &OpContext, request: LockRequest) -> Result<TestLockReply, Failure> {
        let now = self.clock.monotonic();
        self.turn(ctx)?.test_lock(&request, now)
    }

    async fn unlock(&self, ctx: &OpContext, request: LockRequest) -> Result<(), Failure> {
        self.turn(ctx)?.unlock(&request)
    }

    async fn cancel_lock(&self, ctx: &OpContext, request: LockRequest) -> Result<bool, Failure> {
        self.turn(ctx)?.cancel_lock(&request)
    }

    async fn share(&self, ctx: &OpContext, request: ShareRequest) -> Result<(), Failure> {
        let now = self.clock.monotonic();
        self.turn(ctx)?.share(request, now)
    }

    async fn unshare(&self, ctx: &OpContext, request: ShareRequest) -> Result<(), Failure> {
        self.turn(ctx)?.unshare(&request);
        Ok(())
    }

    async fn remember_lock_client(&self, _ctx: &OpContext, client: LockClient) -> Result<(), Failure> {
        self.state().locks.remember(client)
    }

    async fn free_lock_client(&self, _ctx: &OpContext, client: ClientId) -> Result<(), Failure> {
        self.state().locks.free(client);
        if self.frees_slowly.load(Ordering::Relaxed) {
            yield_once().await;
        }
        Ok(())
    }

    fn lock_clients(&self) -> Vec<LockClient> {
        self.state().locks.clients()
    }

    fn lock_recovery(&self) -> LockRecovery {
        let now = self.clock.monotonic();
        self.state().locks.recovery(now)
    }

    fn lock_entries(&self, max: usize) -> Vec<LockEntry> {
        self.state().locks.entries(max)
    }
}

impl Watch for ReferenceFilesystem {
    async fn watch(&self, ctx: &OpContext, request: WatchRequest) -> Result<(), Failure> {
        self.turn(ctx)?.watch(request)
    }
}

async fn yield_once() {
    let mut has_yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
