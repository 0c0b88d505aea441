//! LOCK (MS-SMB2 3.3.5.14).

use std::sync::Arc;

use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::lock::{LockElement, LockFlags, LockRequest, LockResponse};
use smb_wire::negotiate::Capabilities;
use vfs::{FsError, LockKind, LockOwner, LockRange, LockReply, LockRequest as Locking, Mailbox, OpContext, Vfs};

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::lock_sequence::Turn;
use crate::open_table::Open;
use crate::status;
use crate::tree::Tree;
use crate::waits::told;

/// Locks ranges, all or none, or gives ranges back up to the first that is not held. One range alone may be waited for.
///
/// Errors, in order: INVALID_PARAMETER (unreadable), FILE_CLOSED, INVALID_PARAMETER (flags that say nothing, or not the
/// same; several that would wait), INVALID_LOCK_RANGE (ends behind the last byte that can be), LOCK_NOT_GRANTED or
/// RANGE_NOT_LOCKED, and those of a wait: CANCELLED, RANGE_NOT_LOCKED (the open went).
pub(crate) async fn lock<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: LockRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let open = call.open(request.file_id, tree)?;
    // Only who may have several connections sends one again (MS-SMB2 3.3.5.14).
    let is_multi_channel = call.terms.capabilities.contains(Capabilities::MULTI_CHANNEL);
    let turn = Turn::of(&request).filter(|_| is_multi_channel);
    if turn.is_some_and(|turn| open.locks.is_done(turn)) {
        return Ok(Answer::success(&LockResponse {}));
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let locker = Locker { call, ctx, open: &open };
    let unlocks = request.locks.get(0).is_some_and(|first| first.flags.contains(LockFlags::UNLOCK));
    if unlocks {
        locker.unlock_all(&request).await?;
    } else {
        locker.lock_all(&request).await?;
    }
    if let Some(turn) = turn {
        open.locks.note(turn);
    }
    Ok(Answer::success(&LockResponse {}))
}

struct Locker<'a, V> {
    call: &'a Call<'a, V>,
    ctx: OpContext,
    open: &'a Arc<Open>,
}

impl<V: Vfs> Locker<'_, V> {
    /// MS-SMB2 3.3.5.14.1: what was given back before a wrong one stays so.
    async fn unlock_all(&self, request: &LockRequest<'_>) -> Result<(), Status> {
        for element in request.locks.iter() {
            if element.flags != LockFlags::UNLOCK {
                return Err(Status::INVALID_PARAMETER);
            }
            self.unlock(range_of(&element)).await?;
        }
        Ok(())
    }

    /// MS-SMB2 3.3.5.14.2.
    async fn lock_all(&self, request: &LockRequest<'_>) -> Result<(), Status> {
        let is_alone = request.locks.len() == 1;
        for element in request.locks.iter() {
            let (_, waits) = kind_of(element.flags)?;
            if waits && !is_alone {
                return Err(Status::INVALID_PARAMETER);
            }
        }
        for (index, element) in request.locks.iter().enumerate() {
            let (kind, waits) = kind_of(element.flags)?;
            let range = range_of(&element);
            let outcome = match self.lock(range, kind, None).await {
                Err(FsError::LockConflict) if waits => self.wait(range, kind).await,
                outcome => outcome.map(drop).map_err(refused),
            };
            if let Err(status) = outcome {
                self.give_back(request, index).await;
                return Err(status);
            }
        }
        Ok(())
    }

    async fn give_back(&self, request: &LockRequest<'_>, taken: usize) {
        for element in request.locks.iter().take(taken) {
            // What is not held any more was given back by another request meanwhile.
            let _ = self.unlock(range_of(&element)).await;
        }
    }

    async fn wait(&self, range: LockRange, kind: LockKind) -> Result<(), Status> {
        let waited = self.call.wait(Some(self.open), self.acquire(range, kind)).await;
        waited.unwrap_or_else(|interrupted| Err(interrupted.status(Status::RANGE_NOT_LOCKED)))
    }

    async fn acquire(&self, range: LockRange, kind: LockKind) -> Result<(), Status> {
        loop {
            let mailbox = Arc::<Mailbox>::default();
            match self.lock(range, kind, Some(&mailbox)).await {
                Ok(LockReply::Granted) => return Ok(()),
                Ok(LockReply::Queued) => drop(told(&mailbox).await),
                Err(FsError::BadOpen) => return Err(Status::RANGE_NOT_LOCKED),
                Err(error) => return Err(refused(error)),
            }
        }
    }

    async fn lock(&self, range: LockRange, kind: LockKind, wait: Option<&Arc<Mailbox>>) -> Result<LockReply, FsError> {
        let locking = Locking { wait: wait.cloned(), ..self.locking(range, kind) };
        self.call.door.vfs.lock(&self.ctx, locking).await.map_err(|failure| failure.error)
    }

    async fn unlock(&self, range: LockRange) -> Result<(), Status> {
        let unlocking = self.locking(range, LockKind::Shared);
        self.call.door.vfs.unlock(&self.ctx, unlocking).await.map_err(|failure| match failure.error {
            FsError::NotFound => Status::RANGE_NOT_LOCKED,
            error => status::of_error(error),
        })
    }

    fn locking(&self, range: LockRange, kind: LockKind) -> Locking {
        let (inode, owner) = (self.open.inode, LockOwner::Open(self.open.id));
        Locking { inode, owner, range, kind, mandatory: true, wait: None, reclaim: false }
    }
}

/// What is to be locked, and whether it is waited for.
///
/// Errors: INVALID_PARAMETER.
fn kind_of(flags: LockFlags) -> Result<(LockKind, bool), Status> {
    let waits = !flags.contains(LockFlags::FAIL_IMMEDIATELY);
    let kind = flags.difference(LockFlags::FAIL_IMMEDIATELY);
    if kind == LockFlags::SHARED {
        Ok((LockKind::Shared, waits))
    } else if kind == LockFlags::EXCLUSIVE {
        Ok((LockKind::Exclusive, waits))
    } else {
        Err(Status::INVALID_PARAMETER)
    }
}

fn range_of(element: &LockElement) -> LockRange {
    LockRange { offset: element.offset, length: element.length }
}

fn refused(error: FsError) -> Status {
    match error {
        FsError::LockConflict => Status::LOCK_NOT_GRANTED,
        FsError::InvalidArgument => Status::INVALID_LOCK_RANGE,
        error => status::of_error(error),
    }
}
