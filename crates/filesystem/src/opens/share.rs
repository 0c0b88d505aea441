//! DOS shares of the network lock manager.

use locking::{HeldShare, ShareReservation};
use vfs::{Failure, OpContext, ShareRequest};

use super::lock::{own, refuse};
use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_share(&self, ctx: &OpContext, request: ShareRequest) -> Result<(), Failure> {
        self.require_lockable(ctx, request.inode).await?;
        let owner = own(&request.owner)?;
        self.settle_admitted(request.inode.shard, &owner, request.reclaim).await?;
        let reservation = ShareReservation::of_share(request.access, request.deny);
        let wanted = HeldShare { owner: owner.clone(), reservation, since: self.clock.now() };
        let shared = self.locks.table.share(request.inode, wanted);
        self.confirm_client(&owner)?;
        shared.map_err(|refusal| refuse(&refusal).into())
    }

    pub(crate) fn do_unshare(&self, request: &ShareRequest) {
        self.locks.table.unshare(request.inode, &request.owner);
    }
}
