//! GRANTED, which clients serve, and the acknowledgement of ours (C702 14, RFC 1813 6.3.5, 6.3.15).

use nfs_wire::nlm4::{Nlm4Stats, StatusResult, TestArgs};
use vfs::Vfs;

use super::call::Call;
use super::grants::give_back;

/// The house waits for nobody's lock.
pub(super) async fn answer(args: TestArgs) -> StatusResult {
    StatusResult { cookie: args.cookie, status: Nlm4Stats::Denied }
}

/// A client says whether it takes a lock that it was told of.
pub(super) async fn acknowledge<V: Vfs>(call: &Call<'_, V>, args: StatusResult) {
    let waits = &call.desk().waits;
    let Some(cookie) = args.cookie.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else { return };
    let Some(key) = waits.by_cookie(cookie, call.nfs.caller.client) else { return };
    if !waits.is_granted(&key, cookie) {
        return;
    }
    match args.status {
        Nlm4Stats::Granted => waits.settle(&key),
        // It will be told again.
        Nlm4Stats::DeniedGracePeriod => {}
        // If it cannot be taken now: who tells the client goes on, and hears the same.
        _ => drop(give_back(call.nfs.door, &key, cookie).await),
    }
}
