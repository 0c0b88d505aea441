//! LOCK and NM_LOCK (C702 14, RFC 1813 6.3.2, 6.3.22).

use std::sync::Arc;

use nfs_wire::nlm4::{LockArgs, Nlm4Stats, StatusResult};
use vfs::{FsError, LockReply, LockRequest, Vfs};

use super::call::{Call, File, kept, kind, range};
use super::waits::{WaitKey, WaitState};
use super::withdraw::{is_passing, withdraw};
use crate::status::nlm_status;

/// Errors, in order: STALE_FH, FAILED or ROFS (the handle), FBIG, DENIED_NOLOCKS (clients), STALE_FH, FAILED (no regular
/// file, or no right to it), DENIED_GRACE_PERIOD, DENIED (and not to wait), DEADLCK, DENIED_NOLOCKS.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: LockArgs) -> StatusResult {
    let status = lock(call, &args).await.unwrap_or_else(|status| status);
    StatusResult { cookie: args.cookie, status }
}

async fn lock<V: Vfs>(call: &Call<'_, V>, args: &LockArgs) -> Result<Nlm4Stats, Nlm4Stats> {
    let file = call.open(&args.lock.fh, args.exclusive).await?;
    let what = (range(&args.lock)?, kind(args.exclusive));
    let owner = call.owner(&args.lock);
    let key = WaitKey::new(file.inode, owner.clone(), what);
    let waits = &call.desk().waits;
    let _turn = waits.turn(&owner).await;
    call.remember(&file.ctx, (args.lock.caller_name.as_bytes(), args.state)).await?;
    let may_wait = args.block && waits.has_room(&key, (file.ctx.zone, call.nfs.caller.client));
    let wait = may_wait.then(|| Arc::clone(&call.state.lock_events));
    let request = LockRequest { wait, reclaim: args.reclaim, ..file.request(owner, what) };
    match call.vfs().lock(&file.ctx, request).await {
        Ok(LockReply::Granted) => {
            // It may have waited: then its client knows now.
            waits.settle(&key);
            Ok(Nlm4Stats::Granted)
        }
        Ok(LockReply::Queued) => {
            wait_for(call, &key, (args, file));
            Ok(Nlm4Stats::Blocked)
        }
        Err(failure) if args.block && !may_wait && failure.error == FsError::LockConflict => {
            Err(Nlm4Stats::DeniedNolocks)
        }
        Err(failure) => {
            if may_wait {
                give_up(call, &key, failure.error).await;
            }
            Err(nlm_status(failure.error))
        }
    }
}

fn wait_for<V: Vfs>(call: &Call<'_, V>, key: &WaitKey, (args, file): (&LockArgs, File)) {
    call.desk().waits.insert(key, (call.line(), kept(&args.lock), file.ctx));
    // Nobody may have listened to the mailbox of this zone so far.
    call.desk().wake();
}

/// Its client is told no: if it waits, it does so no more. Unless that may pass: then it is granted later, and its client
/// says whether it still wants it.
async fn give_up<V: Vfs>(call: &Call<'_, V>, key: &WaitKey, reason: FsError) {
    let wait = call.desk().waits.find(key).filter(|wait| wait.state != WaitState::Settled);
    let Some(wait) = wait.filter(|_| !is_passing(reason)) else { return };
    if let Err(failure) = withdraw(call.nfs.door, key, (&wait.ctx, reason)).await {
        tracing::warn!(client = %wait.line.to, error = ?failure.error, "a request that waits could not be taken back");
    }
}
