//! Byte-range locks. Whether one is granted is not durable, so nobody waits for the store here.

use bytes::Bytes;
use locking::{Intrusion, Locked, RangeLock, Refusal, Span};
use vfs::{
    Failure, FileType, FsError, InodeId, LockKind, LockOwner, LockReply, LockRequest, OpContext, ShardId, TestLockReply,
};

use crate::Filesystem;
use crate::access::{READ, WRITE, is_owner, permission_bits};
use crate::cache::Seen;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_lock(&self, ctx: &OpContext, request: LockRequest) -> Result<LockReply, Failure> {
        if request.mandatory {
            return self.lock_through_open(ctx, &request).await;
        }
        self.require_lockable(ctx, request.inode).await?;
        let wanted = self.wanted(&request)?;
        self.settle_admitted(request.inode.shard, &wanted.owner, request.reclaim).await?;
        let intrusion = if request.kind == LockKind::Shared { Intrusion::Read } else { Intrusion::Write };
        self.intrude(request.inode, None, intrusion)?;
        let locked = self.locks.table.lock(request.inode, &wanted, request.wait.as_ref());
        self.confirm_client(&wanted.owner)?;
        match locked.map_err(|refusal| refuse(&refusal))? {
            Locked::Granted => Ok(LockReply::Granted),
            Locked::Queued => Ok(LockReply::Queued),
        }
    }

    pub(crate) async fn do_test_lock(&self, _ctx: &OpContext, request: LockRequest) -> Result<TestLockReply, Failure> {
        self.live(request.inode, &mut Seen::default()).await?;
        let wanted = self.wanted(&request)?;
        self.require_no_grace(request.inode.shard)?;
        let conflict = self.locks.table.conflict(request.inode, &wanted);
        Ok(TestLockReply { conflict: conflict.map(|held| (held.owner, held.span.range(), held.kind)) })
    }

    pub(crate) async fn do_unlock(&self, ctx: &OpContext, request: &LockRequest) -> Result<(), Failure> {
        if request.mandatory {
            return self.unlock_through_open(ctx, request).await;
        }
        let wanted = self.wanted(request)?;
        let unlocked = self.locks.table.unlock(request.inode, &wanted.owner, wanted.span);
        unlocked.map_err(|refusal| refuse(&refusal).into())
    }

    pub(crate) fn do_cancel_lock(&self, request: &LockRequest) -> Result<bool, Failure> {
        Ok(self.locks.table.cancel(request.inode, &self.wanted(request)?))
    }

    /// Something of this inode may be locked by the caller: who may neither read nor write it has no business there.
    ///
    /// Errors, in order: `StaleHandle`, `WrongType`, `AccessDenied`, `Io`.
    pub(super) async fn require_lockable(&self, ctx: &OpContext, inode: InodeId) -> Result<(), Failure> {
        let record = self.live(inode, &mut Seen::default()).await?;
        if record.file_type != FileType::Regular {
            return Err(FsError::WrongType.into());
        }
        let attributes = self.attributes(inode, &record);
        let bits = permission_bits(&attributes, &ctx.credentials);
        let may = bits & (READ | WRITE) != 0 || is_owner(&attributes, &ctx.credentials);
        if may { Ok(()) } else { Err(FsError::AccessDenied.into()) }
    }

    /// Admits an owner to a shard, and waits until its client is recorded there, and those who were forgotten before are
    /// so, durably.
    ///
    /// Errors, in order: `InvalidArgument`, `Grace`, `TooManyLocks` (clients), `Io`.
    pub(super) async fn settle_admitted(
        &self,
        shard: ShardId,
        owner: &LockOwner,
        is_reclaim: bool,
    ) -> Result<(), Failure> {
        let recorded = self.admit_lock(shard, owner, is_reclaim)?;
        self.meta.durable(recorded).await.map_err(|error| self.refuse(&error))
    }

    fn wanted(&self, request: &LockRequest) -> Result<RangeLock, FsError> {
        let span = Span::new(request.range).ok_or(FsError::InvalidArgument)?;
        let owner = own(&request.owner)?;
        Ok(RangeLock { owner, span, kind: request.kind, since: self.clock.now() })
    }
}

/// An owner that does not keep the buffer alive in which its request came.
///
/// Errors: `InvalidArgument` (too long).
pub(super) fn own(owner: &LockOwner) -> Result<LockOwner, FsError> {
    match owner {
        LockOwner::Nlm { owner, .. } if owner.len() > OWNER_BYTES_MAX => Err(FsError::InvalidArgument),
        LockOwner::Nlm { client, owner } => {
            Ok(LockOwner::Nlm { client: *client, owner: Bytes::copy_from_slice(owner) })
        }
        LockOwner::Open(open) => Ok(LockOwner::Open(*open)),
    }
}

pub(super) fn refuse(refusal: &Refusal) -> FsError {
    match refusal {
        Refusal::Held(_) => FsError::LockConflict,
        Refusal::Shared(_) => FsError::ShareConflict,
        Refusal::Deadlock => FsError::Deadlock,
        Refusal::TooMany => FsError::TooManyLocks,
    }
}

/// Longest owner, in bytes: an opaque handle of 1024 bytes (Open Group C702, `MAXNETOBJ_SZ`) and a number.
const OWNER_BYTES_MAX: usize = 1024 + 8;
