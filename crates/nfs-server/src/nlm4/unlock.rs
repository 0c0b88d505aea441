//! UNLOCK (C702 14, RFC 1813 6.3.4).

use nfs_wire::nlm4::{Nlm4Stats, StatusResult, UnlockArgs};
use vfs::{LockKind, Vfs};

use super::call::{Call, range};
use super::waits::WaitKey;
use crate::status::nlm_status;

/// Gives a range back; what is not held is no error. Works in the grace period, on a file that is gone, and through an
/// export that does not let the client in any more.
///
/// Errors, in order: STALE_FH, FBIG, DENIED_NOLOCKS (the middle of a lock leaves two), FAILED.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: UnlockArgs) -> StatusResult {
    let status = match unlock(call, &args).await {
        Ok(()) => Nlm4Stats::Granted,
        Err(status) => status,
    };
    StatusResult { cookie: args.cookie, status }
}

async fn unlock<V: Vfs>(call: &Call<'_, V>, args: &UnlockArgs) -> Result<(), Nlm4Stats> {
    let file = call.open_to_release(&args.lock.fh).await?;
    let range = range(&args.lock)?;
    let owner = call.owner(&args.lock);
    let waits = &call.desk().waits;
    let _turn = waits.turn(&owner).await;
    let request = file.request(owner.clone(), (range, LockKind::Exclusive));
    call.vfs().unlock(&file.ctx, request).await.map_err(|failure| nlm_status(failure.error))?;
    for kind in [LockKind::Shared, LockKind::Exclusive] {
        waits.remove(&WaitKey::new(file.inode, owner.clone(), (range, kind)));
    }
    Ok(())
}
