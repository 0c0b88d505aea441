//! What is done to the name of an open: marking it for deletion, and renaming.

use locking::{Intrusion, Open};
use vfs::acl::AccessMask;
use vfs::{DeletePendingRequest, Failure, FsError, InodeId, OpContext, RenameOpenRequest, RenameReply, RenameRequest};

use crate::Filesystem;
use crate::access::is_read_only;
use crate::namespace::rename;
use crate::snapshot::require_present;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_set_delete_pending(
        &self,
        ctx: &OpContext,
        request: DeletePendingRequest,
    ) -> Result<(), Failure> {
        let open = self.deleting_open(ctx, request.open)?;
        if !request.pending {
            self.opens.set_pending(&open, false);
            return self.keep(&open).await;
        }
        self.mutate(open.inode.shard, |turn| mark(turn, &open)).await?;
        self.watches.end(open.inode);
        self.keep(&open).await
    }

    pub(crate) async fn do_rename_open(
        &self,
        ctx: &OpContext,
        request: RenameOpenRequest,
    ) -> Result<RenameReply, Failure> {
        let open = self.deleting_open(ctx, request.open)?;
        self.admit_release()?;
        let RenameOpenRequest { to_parent, to_name, replace, case, .. } = request;
        let tree = (open.inode.shard, open.inode.tree);
        if tree != (to_parent.shard, to_parent.tree) {
            return Err(self.refuse_across(ctx, [open.inode, to_parent], &[to_parent]).await);
        }
        let place = (to_parent, &to_name, case);
        self.mutate_removing(to_parent.shard, place, |turn, victim| {
            turn.spare_parent(open.lease);
            // By the name that it has now: another may have renamed it meanwhile.
            let link = self.opens.link(&open).0.ok_or(FsError::NotFound)?;
            let (from_parent, from_name) = (link.parent, link.name);
            let request = RenameRequest { from_parent, from_name, to_parent, to_name: to_name.clone(), replace };
            rename(turn, ctx, (&request, (case, Some(&open))), victim)
        })
        .await
    }

    /// An open that may delete and rename.
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied`.
    pub(super) fn deleting_open(&self, ctx: &OpContext, id: vfs::OpenId) -> Result<std::sync::Arc<Open>, FsError> {
        let open = self.opens.find(ctx.session, id).ok_or(FsError::BadOpen)?;
        require_present(open.inode)?;
        if open.granted().contains(AccessMask::DELETE) { Ok(open) } else { Err(FsError::AccessDenied) }
    }
}

/// Within the turn, so that nothing comes into an empty directory meanwhile.
fn mark<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, open: &Open) -> Step<()> {
    let record = turn.live(open.inode)?;
    let attributes = turn.attributes(open.inode, &record);
    let attributes = turn.whole(attributes)?;
    let refuse = |error| Failure::with(error, attributes.clone());
    let is_root = open.inode == InodeId::root_of(open.inode.shard) || turn.shard.clones.is_root(open.inode);
    if is_root || is_read_only(&attributes) {
        return Err(refuse(FsError::NotPermitted).into());
    }
    if attributes.is_directory() && record.size > 0 {
        return Err(refuse(FsError::NotEmpty).into());
    }
    turn.house.intrude(open.inode, Some(open), Intrusion::Remove).map_err(refuse)?;
    let is_marked = turn.house.opens.set_pending(open, true);
    // Of one without a name: it was removed meanwhile, or there never was one.
    if is_marked || record.links == 0 { Ok(()) } else { Err(refuse(FsError::NotPermitted).into()) }
}
