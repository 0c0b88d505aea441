//! LINK.

use meta::records::DentryRecord;
use vfs::limits::LINKS_MAX;
use vfs::{Attributes, Case, Change, Failure, FileType, FsError, LinkReply, LinkRequest, OpContext};

use super::create::named;
use super::lookup::check_length;
use super::prepare::Prepared;
use super::remove::lose_name;
use crate::Filesystem;
use crate::access::{SEARCH, require, require_add, require_remove, require_sticky};
use crate::replay::Kind;
use crate::snapshot::{require_ordinary, require_present};
use crate::turn::{Step, Stop, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_link(&self, ctx: &OpContext, request: LinkRequest) -> Result<LinkReply, Failure> {
        require_present(request.parent)?;
        if self.done_before(ctx, request.parent.shard, Kind::Linked).is_some() {
            return self.linked_before(&request).await;
        }
        self.admit_growth(ctx)?;
        if (request.inode.shard, request.inode.tree) != (request.parent.shard, request.parent.tree) {
            return Err(self.refuse_across(ctx, [request.inode, request.parent], &[request.parent]).await);
        }
        let place = (request.parent, &request.name, Case::Sensitive);
        self.mutate_removing(request.parent.shard, place, |turn, victim| link(turn, ctx, &request, victim)).await
    }
}

fn link<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    request: &LinkRequest,
    victim: Prepared<'_>,
) -> Step<LinkReply> {
    let record = turn.live(request.inode)?;
    if record.links == 0 {
        return Err(FsError::StaleHandle.into());
    }
    let inode = turn.attributes(request.inode, &record);
    let parent_record = turn.live(request.parent)?;
    let before = turn.attributes(request.parent, &parent_record);
    let refuse = |error| Stop::Fail(refused(error, &inode, &before));
    if !before.is_directory() {
        return Err(refuse(FsError::NotDirectory));
    }
    require(&before, &ctx.credentials, SEARCH).map_err(refuse)?;
    check_length(ctx, &request.name).map_err(refuse)?;
    require_ordinary(ctx, &request.name).map_err(refuse)?;
    let existing = turn.find(request.parent, &request.name)?;
    let is_directory = existing.as_ref().is_some_and(|existing| existing.dentry.file_type == FileType::Directory);
    if existing.is_some() && (!request.replace || is_directory) {
        return Err(refuse(FsError::Exists));
    }
    if inode.is_directory() {
        return Err(refuse(FsError::NotPermitted));
    }
    require_add(&before, &ctx.credentials, false).map_err(refuse)?;
    if let Some(existing) = &existing {
        let target = turn.live(existing.target)?;
        let target = turn.attributes(existing.target, &target);
        require_remove(&before, &target, &ctx.credentials).map_err(refuse)?;
        require_sticky(&before, &target, &ctx.credentials).map_err(refuse)?;
    }
    if record.links >= LINKS_MAX {
        return Err(refuse(FsError::TooManyLinks));
    }
    if let Some(existing) = &existing {
        if existing.target == request.inode {
            return Ok(LinkReply { attributes: inode, parent: Change::none(before) });
        }
        turn.require_deletable(existing.target).map_err(refuse)?;
        turn.require_streams_deletable(existing.target).map_err(|stop| named(stop, &before))?;
        turn.remove_dentry(request.parent, existing.cookie)?;
        lose_name(turn, request.parent, existing, victim)?;
    }
    let attributes = add_name(turn, request)?;
    let after = turn.touch_directory(request.parent, i64::from(existing.is_none()), 0)?;
    turn.remember(ctx, Kind::Linked, request.inode);
    Ok(LinkReply { attributes, parent: Change { before: before.pre(), after } })
}

fn refused(error: FsError, inode: &Attributes, parent: &Attributes) -> Failure {
    Failure { target: Some(Box::new(parent.clone())), ..Failure::with(error, inode.clone()) }
}

fn add_name<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &LinkRequest) -> Step<Attributes> {
    let mut record = (*turn.live(request.inode)?).clone();
    if record.links == 1 {
        turn.add_backlink(request.inode, record.home_parent, record.home_cookie)?;
    }
    let dentry = DentryRecord {
        born: turn.clock().current,
        name: request.name.clone(),
        tree: request.inode.tree,
        number: request.inode.number,
        shard: None,
        file_type: record.file_type,
    };
    let cookie = turn.add_dentry(request.parent, dentry)?;
    turn.add_backlink(request.inode, request.parent.number, cookie)?;
    record.links += 1;
    record.ever_linked = true;
    record.changed = turn.now;
    record.change = turn.stamp();
    let record = turn.put_inode(request.inode, record);
    Ok(turn.attributes(request.inode, &record))
}
