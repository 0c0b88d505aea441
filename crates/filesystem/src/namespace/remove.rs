//! REMOVE and RMDIR, and what happens to an inode that loses a name.

use locking::Link;
use meta::records::{InodeRecord, UsageRecord};
use vfs::{
    Attributes, Case, Change, Failure, FileType, FsError, InodeId, OpContext, RemoveKind, RemoveReply, RemoveRequest,
};

use super::create::named;
use super::lookup::{check_length, require_directory};
use super::prepare::Prepared;
use crate::Filesystem;
use crate::access::{SEARCH, require, require_remove, require_sticky};
use crate::replay::Kind;
use crate::snapshot::require_present;
use crate::turn::{Found, Step, Stop, Turn, of_record};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_remove(&self, ctx: &OpContext, request: RemoveRequest) -> Result<RemoveReply, Failure> {
        require_present(request.parent)?;
        if let Some(done) = self.done_before(ctx, request.parent.shard, Kind::Removed) {
            return self.removed_before(&request, done).await;
        }
        self.admit_release()?;
        let place = (request.parent, &request.name, Case::Sensitive);
        self.mutate_removing(request.parent.shard, place, |turn, victim| remove(turn, ctx, &request, victim)).await
    }
}

fn remove<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    request: &RemoveRequest,
    victim: Prepared<'_>,
) -> Step<RemoveReply> {
    let record = turn.live(request.parent)?;
    let before = turn.attributes(request.parent, &record);
    require_directory(&before)?;
    let refuse = |error| Stop::Fail(Failure::with(error, before.clone()));
    require(&before, &ctx.credentials, SEARCH).map_err(refuse)?;
    check_length(ctx, &request.name).map_err(refuse)?;
    let found = turn.find(request.parent, &request.name)?.ok_or_else(|| refuse(FsError::NotFound))?;
    let target = turn.live(found.target)?;
    let attributes = turn.attributes(found.target, &target);
    require_remove(&before, &attributes, &ctx.credentials).map_err(refuse)?;
    require_sticky(&before, &attributes, &ctx.credentials).map_err(refuse)?;
    // A clone is deleted as a whole.
    if found.dentry.shard.is_some() || turn.shard.clones.is_root(found.target) {
        return Err(refuse(FsError::NotPermitted));
    }
    check_kind(request.kind, &target).map_err(refuse)?;
    if attributes.is_directory() && target.size > 0 {
        return Err(refuse(FsError::NotEmpty));
    }
    turn.require_deletable(found.target).map_err(refuse)?;
    turn.require_streams_deletable(found.target).map_err(|stop| named(stop, &before))?;
    turn.remove_dentry(request.parent, found.cookie)?;
    let removed = lose_name(turn, request.parent, &found, victim)?;
    let after = turn.touch_directory(request.parent, -1, -i64::from(attributes.is_directory()))?;
    turn.remember(ctx, Kind::Removed, found.target);
    Ok(RemoveReply { parent: Change { before: before.pre(), after }, removed })
}

fn check_kind(kind: RemoveKind, target: &InodeRecord) -> Result<(), FsError> {
    match (kind, target.file_type) {
        (RemoveKind::File, FileType::Directory) => Err(FsError::IsDirectory),
        (RemoveKind::Directory, file_type) if file_type != FileType::Directory => Err(FsError::NotDirectory),
        _ => Ok(()),
    }
}

/// Takes a name from an inode; its dentry is gone already. The inode goes with its last name. Returns its attributes
/// after.
pub(crate) fn lose_name<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    directory: InodeId,
    found: &Found,
    victim: Prepared<'_>,
) -> Step<Attributes> {
    turn.adopt(found.target)?;
    let record = turn.live(found.target)?;
    turn.follow_name(found.target, Link { parent: directory, name: found.dentry.name.clone() }, None);
    match record.file_type {
        FileType::Directory => remove_directory(turn, found.target, &record),
        _ if record.links > 1 => lose_one_of_many(turn, directory, found, &record),
        FileType::Regular => {
            if victim.is_none_or(|victim| victim.inode != found.target) {
                return Err(Stop::Again);
            }
            remove_last(turn, directory, found, &record)
        }
        _ => remove_last(turn, directory, found, &record),
    }
}

/// An empty directory goes; what snapshots hold of it is handed to its parent, whose counters have it already.
fn remove_directory<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    inode: InodeId,
    record: &InodeRecord,
) -> Step<Attributes> {
    let mut record = record.clone();
    turn.lose_streams(inode, &mut record)?;
    let record = &record;
    let usage: UsageRecord = turn.usage(inode)?;
    debug_assert_eq!(usage.inodes, 1, "an empty directory counts itself");
    turn.charge_inode(inode, record, of_record(record).negated())?;
    turn.put_usage(inode, None);
    turn.end_owners((inode, record))?;
    turn.drop_inode(inode)?;
    Ok(gone(turn, inode, record))
}

fn lose_one_of_many<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    directory: InodeId,
    found: &Found,
    record: &InodeRecord,
) -> Step<Attributes> {
    let inode = found.target;
    turn.remove_backlink(inode, directory.number, found.cookie)?;
    let mut record = record.clone();
    record.links -= 1;
    let names = turn.backlinks(inode)?;
    let was_home = (record.home_parent, record.home_cookie) == (directory.number, found.cookie);
    if let (true, Some((home, cookie, _))) = (was_home, names.first()) {
        let charge = of_record(&record).plus(&turn.charge_of_streams(inode)?);
        let homes = (directory, inode.sibling(*home));
        turn.move_charge(homes, charge)?;
        turn.move_owners((inode, &record), homes)?;
        turn.excuse((inode, &record), homes, charge)?;
        record.home_parent = *home;
        record.home_cookie = *cookie;
    }
    if let ([(at, cookie, _)], 1) = (names.as_slice(), record.links) {
        turn.remove_backlink(inode, *at, *cookie)?;
    }
    record.changed = turn.now;
    record.change = turn.stamp();
    let record = turn.put_inode(inode, record);
    Ok(turn.attributes(inode, &record))
}

fn remove_last<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    directory: InodeId,
    found: &Found,
    record: &InodeRecord,
) -> Step<Attributes> {
    let inode = found.target;
    debug_assert_eq!(record.home_parent, directory.number, "the last name is the home link");
    turn.charge_inode(inode, record, of_record(record).negated())?;
    let mut record = record.clone();
    turn.lose_streams(inode, &mut record)?;
    let record = &record;
    let attributes = gone(turn, inode, record);
    match record.file_type {
        FileType::Regular => crate::file::remove_in_turn(turn, inode, record)?,
        _ => turn.drop_inode(inode)?,
    }
    Ok(attributes)
}

/// The attributes of an inode that has just lost its last name.
fn gone<K: kv::Engine, C: chunk::Store>(turn: &Turn<'_, K, C>, inode: InodeId, record: &InodeRecord) -> Attributes {
    let changed = InodeRecord { links: 0, changed: turn.now, change: turn.stamp(), ..record.clone() };
    turn.attributes(inode, &changed)
}
