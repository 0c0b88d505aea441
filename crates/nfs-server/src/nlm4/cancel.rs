//! CANCEL (C702 14, RFC 1813 6.3.3).

use nfs_wire::nlm4::{CancelArgs, Nlm4Stats, StatusResult};
use vfs::Vfs;

use super::call::{Call, kind, range};
use super::waits::WaitKey;
use crate::status::nlm_status;

/// Takes a request back, also one that was granted meanwhile without its thread hearing of it. Nothing that waits is no
/// error: the call may be a copy.
///
/// Errors, in order: STALE_FH, FBIG, FAILED.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: CancelArgs) -> StatusResult {
    let status = match cancel(call, &args).await {
        Ok(()) => Nlm4Stats::Granted,
        Err(status) => status,
    };
    StatusResult { cookie: args.cookie, status }
}

async fn cancel<V: Vfs>(call: &Call<'_, V>, args: &CancelArgs) -> Result<(), Nlm4Stats> {
    let file = call.open_to_release(&args.lock.fh).await?;
    let what = (range(&args.lock)?, kind(args.exclusive));
    let owner = call.owner(&args.lock);
    let key = WaitKey::new(file.inode, owner.clone(), what);
    let waits = &call.desk().waits;
    let _turn = waits.turn(&owner).await;
    let request = file.request(owner, what);
    let refuse = |failure: vfs::Failure| nlm_status(failure.error);
    let waited = call.vfs().cancel_lock(&file.ctx, request.clone()).await.map_err(refuse)?;
    if !waited && waits.find(&key).is_some() {
        // It was granted. Whoever got it does not cancel it.
        call.vfs().unlock(&file.ctx, request).await.map_err(refuse)?;
    }
    waits.remove(&key);
    Ok(())
}
