//! TEST (C702 14, RFC 1813 6.3.1).

use nfs_wire::nlm4::{Nlm4Holder, Nlm4Stats, TestArgs, TestReply, TestResult};
use vfs::{LockKind, LockOwner, LockRange, Vfs};

use super::call::{Call, kind, range};
use super::client::parts;
use crate::status::nlm_status;

/// Tells who is in the way.
///
/// Errors, in order: STALE_FH, FAILED or ROFS (the handle), FBIG, STALE_FH, DENIED_GRACE_PERIOD (who held a lock before
/// the restart may take it again), FAILED.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: TestArgs) -> TestResult {
    let reply = match test(call, &args).await {
        Ok(Some(holder)) => TestReply::Denied(holder),
        Ok(None) => TestReply::Status(Nlm4Stats::Granted),
        Err(status) => TestReply::Status(status),
    };
    TestResult { cookie: args.cookie, reply }
}

async fn test<V: Vfs>(call: &Call<'_, V>, args: &TestArgs) -> Result<Option<Nlm4Holder>, Nlm4Stats> {
    let file = call.open(&args.lock.fh, args.exclusive).await?;
    let request = file.request(call.owner(&args.lock), (range(&args.lock)?, kind(args.exclusive)));
    let tested = call.vfs().test_lock(&file.ctx, request).await.map_err(|failure| nlm_status(failure.error))?;
    Ok(tested.conflict.map(|conflict| holder(&conflict)))
}

fn holder((owner, range, kind): &(LockOwner, LockRange, LockKind)) -> Nlm4Holder {
    let (svid, oh) = parts(owner);
    Nlm4Holder { exclusive: *kind == LockKind::Exclusive, svid, oh, offset: range.offset, len: range.length }
}
