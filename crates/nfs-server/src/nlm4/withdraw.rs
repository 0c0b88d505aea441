//! Taking requests back of which nobody would ever hear.

use vfs::{Failure, FsError, LockRequest, OpContext, Vfs};

use super::waits::WaitKey;
use crate::door::Door;

/// Takes a request back that is to be forgotten for this reason, queued or granted meanwhile, and forgets it. The
/// caller has the turn of its owner.
///
/// Errors: as [`vfs::Opens::unlock`]; then it is not forgotten.
pub(super) async fn withdraw<V: Vfs>(
    door: &Door<V>,
    key: &WaitKey,
    (ctx, reason): (&OpContext, FsError),
) -> Result<(), Failure> {
    let was_queued = door.vfs.cancel_lock(ctx, request(key)).await?;
    // One that would wait for ever is not queued and not granted either: what its owner held before, it keeps.
    if !was_queued && reason != FsError::Deadlock {
        door.vfs.unlock(ctx, request(key)).await?;
    }
    door.locks.waits.remove(key);
    Ok(())
}

/// Whether it says nothing about the request: asked a little later, the answer may be another.
pub(super) const fn is_passing(error: FsError) -> bool {
    matches!(error, FsError::Delay | FsError::Breaking(_) | FsError::Io | FsError::Cancelled | FsError::Grace)
}

/// The request of a key, without wait.
pub(super) fn request(key: &WaitKey) -> LockRequest {
    let (inode, owner) = (key.inode, key.owner.clone());
    LockRequest { inode, owner, range: key.range(), kind: key.kind(), mandatory: false, wait: None, reclaim: false }
}
