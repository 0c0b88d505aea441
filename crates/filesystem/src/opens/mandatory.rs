//! Byte-range locks of opens, which bind reads and writes (MS-FSA 2.1.5.8).

use std::sync::Arc;

use locking::{Intrusion, MandatoryLock, MandatoryRefusal, Open};
use vfs::acl::AccessMask;
use vfs::{Failure, FileType, FsError, InodeId, LockOwner, LockRange, LockReply, LockRequest, OpContext, OpenId, Via};

use crate::Filesystem;
use crate::cache::Seen;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Locks for an open. Who wants to wait is told when to ask again.
    ///
    /// Errors: as `lock`, without `Deadlock`.
    pub(super) async fn lock_through_open(&self, ctx: &OpContext, request: &LockRequest) -> Result<LockReply, Failure> {
        let record = self.live(request.inode, &mut Seen::default()).await?;
        let open = self.locking_open(ctx, request)?;
        if record.file_type != FileType::Regular {
            return Err(FsError::WrongType.into());
        }
        if open.granted().0 & BYTES.0 == 0 {
            return Err(FsError::AccessDenied.into());
        }
        let (range, kind) = (request.range, request.kind);
        let wanted = MandatoryLock { open: open.id, range, kind, since: self.clock.now() };
        if !wanted.is_valid() {
            return Err(FsError::InvalidArgument.into());
        }
        self.require_no_grace(request.inode.shard)?;
        let forgotten = self.locks.register().forgotten;
        self.settle(forgotten).await?;
        self.intrude(request.inode, Some(&open), Intrusion::Write)?;
        let wait = request.wait.as_ref();
        match self.locks.table.lock_mandatory(request.inode, &wanted, wait) {
            Ok(()) => {}
            Err(MandatoryRefusal::Conflict) if wait.is_some() => return Ok(LockReply::Queued),
            Err(MandatoryRefusal::Conflict) => return Err(FsError::LockConflict.into()),
            Err(MandatoryRefusal::TooMany) => return Err(FsError::TooManyLocks.into()),
        }
        if self.opens.find(ctx.session, open.id).is_none() {
            // It was closed meanwhile, perhaps before it had this lock.
            self.locks.table.free_open(open.inode, open.id);
            return Err(FsError::BadOpen.into());
        }
        self.pass_writers(request.inode);
        if let Err(failure) = self.keep(&open).await {
            self.locks.table.unlock_mandatory(request.inode, open.id, range);
            return Err(failure);
        }
        Ok(LockReply::Granted)
    }

    pub(super) async fn unlock_through_open(&self, ctx: &OpContext, request: &LockRequest) -> Result<(), Failure> {
        let open = self.locking_open(ctx, request)?;
        let was_held = self.locks.table.unlock_mandatory(request.inode, open.id, request.range);
        if was_held { self.keep(&open).await } else { Err(FsError::NotFound.into()) }
    }

    /// Refuses to read or write what an open has locked.
    ///
    /// Errors: `LockConflict`.
    pub(crate) fn require_unlocked(
        &self,
        inode: InodeId,
        bytes: (LockRange, bool),
        own: Option<OpenId>,
    ) -> Result<(), FsError> {
        if self.locks.table.denies_bytes(inode, bytes, own) { Err(FsError::LockConflict) } else { Ok(()) }
    }

    /// A write that looked for opens and locks before something stood there is done when its file's data can be had.
    pub(super) fn pass_writers(&self, inode: InodeId) {
        if let Some(file) = self.files.peek(inode) {
            drop(file.data());
        }
    }

    fn locking_open(&self, ctx: &OpContext, request: &LockRequest) -> Result<Arc<Open>, FsError> {
        let LockOwner::Open(open) = request.owner else { return Err(FsError::InvalidArgument) };
        self.open_of(ctx, (request.inode, Via::Open(open)))?.ok_or(FsError::BadOpen)
    }
}

/// Either lets an open lock.
const BYTES: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::WRITE_DATA.0);
