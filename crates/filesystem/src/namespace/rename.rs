//! RENAME.

use locking::{Intrusion, Link, Open};
use meta::records::{DentryRecord, InodeRecord};
use vfs::limits::{DEPTH_MAX, DIRECTORY_LINKS_MAX};
use vfs::{Attributes, Case, Change, Failure, FsError, InodeId, OpContext, RenameReply, RenameRequest};

use super::lookup::check_length;
use super::prepare::Prepared;
use super::remove::lose_name;
use crate::Filesystem;
use crate::access::{SEARCH, WRITE, is_read_only, require, require_add, require_remove, require_sticky};
use crate::replay::Kind;
use crate::snapshot::{require_ordinary, require_present};
use crate::turn::{Found, Step, Stop, Turn, of_record, of_tree};

/// Both directories, as they were before.
struct Parents {
    from: Attributes,
    to: Attributes,
}

/// How the new name is compared, and the open through which it is given.
type How<'o> = (Case, Option<&'o Open>);

/// What is moved, and what it replaces.
struct Move {
    found: Found,
    source: Attributes,
    existing: Option<(Found, Attributes)>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_rename(&self, ctx: &OpContext, request: RenameRequest) -> Result<RenameReply, Failure> {
        [request.from_parent, request.to_parent].into_iter().try_for_each(require_present)?;
        if self.done_before(ctx, request.to_parent.shard, Kind::Renamed).is_some() {
            return self.renamed_before(&request).await;
        }
        self.admit_release()?;
        let (from, to) = (request.from_parent, request.to_parent);
        if (from.shard, from.tree) != (to.shard, to.tree) {
            return Err(self.refuse_across(ctx, [from, to], &[from, to]).await);
        }
        let place = (to, &request.to_name, Case::Sensitive);
        let how = (Case::Sensitive, None);
        self.mutate_removing(to.shard, place, |turn, victim| rename(turn, ctx, (&request, how), victim)).await
    }

    /// Both must be there, and those that have to be directories be some, before their being apart is the answer.
    pub(crate) async fn refuse_across(&self, ctx: &OpContext, both: [InodeId; 2], directories: &[InodeId]) -> Failure {
        for inode in both {
            if let Err(failure) = self.do_getattr(ctx, inode).await {
                return failure;
            }
        }
        for inode in directories {
            match self.do_getattr(ctx, *inode).await {
                Ok(found) if found.attributes.is_directory() => {}
                Ok(found) => return Failure::with(FsError::NotDirectory, found.attributes),
                Err(failure) => return failure,
            }
        }
        FsError::CrossDevice.into()
    }
}

impl Parents {
    fn refuse(&self, error: FsError) -> Stop {
        let target = Some(Box::new(self.to.clone()));
        Stop::Fail(Failure { target, ..Failure::with(error, self.from.clone()) })
    }

    /// Failures of a step that knows nothing of the directories get their attributes.
    fn named<T>(&self, step: Step<T>) -> Step<T> {
        step.map_err(|stop| match stop {
            Stop::Fail(failure) if failure.attributes.is_none() => self.refuse(failure.error),
            other => other,
        })
    }

    fn are_one(&self) -> bool {
        self.from.inode == self.to.inode
    }
}

/// Renames; `how` says how the new name is compared, and through which open it is done.
pub(crate) fn rename<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, how): (&RenameRequest, How<'_>),
    victim: Prepared<'_>,
) -> Step<RenameReply> {
    let parents = parents(turn, ctx, request)?;
    let found = turn.find(request.from_parent, &request.from_name)?;
    let found = found.ok_or_else(|| parents.refuse(FsError::NotFound))?;
    let moved = parents.named(look(turn, (request, how.0), found))?;
    if moved.existing.as_ref().is_some_and(|(existing, _)| existing.target == moved.found.target) {
        return Ok(RenameReply { from: Change::none(parents.from), to: Change::none(parents.to) });
    }
    parents.named(check(turn, ctx, (request, &parents, how.1), &moved))?;
    if let Some((existing, _)) = &moved.existing {
        turn.remove_dentry(request.to_parent, existing.cookie)?;
        lose_name(turn, request.to_parent, existing, victim)?;
    }
    parents.named(move_name(turn, request, &moved))?;
    turn.remember(ctx, Kind::Renamed, moved.found.target);
    finish(turn, &parents, &moved)
}

fn parents<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    request: &RenameRequest,
) -> Step<Parents> {
    let from = turn.live(request.from_parent)?;
    let to = turn.live(request.to_parent)?;
    let parents =
        Parents { from: turn.attributes(request.from_parent, &from), to: turn.attributes(request.to_parent, &to) };
    for directory in [&parents.from, &parents.to] {
        if !directory.is_directory() {
            return Err(parents.refuse(FsError::NotDirectory));
        }
    }
    for directory in [&parents.from, &parents.to] {
        require(directory, &ctx.credentials, SEARCH).map_err(|error| parents.refuse(error))?;
    }
    for name in [&request.from_name, &request.to_name] {
        check_length(ctx, name).map_err(|error| parents.refuse(error))?;
    }
    require_ordinary(ctx, &request.to_name).map_err(|error| parents.refuse(error))?;
    Ok(parents)
}

fn look<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (request, case): (&RenameRequest, Case),
    found: Found,
) -> Step<Move> {
    let record = turn.live(found.target)?;
    let source = turn.attributes(found.target, &record);
    let existing = turn.find_as(request.to_parent, (&request.to_name, case))?;
    let existing = match existing.filter(|existing| !is_respelt(request, &found, existing)) {
        Some(existing) => {
            let record = turn.live(existing.target)?;
            let attributes = turn.attributes(existing.target, &record);
            Some((existing, attributes))
        }
        None => None,
    };
    Ok(Move { found, source, existing })
}

/// Whether the new name only writes the old one in another way.
fn is_respelt(request: &RenameRequest, found: &Found, existing: &Found) -> bool {
    let is_same = (request.from_parent, found.cookie) == (request.to_parent, existing.cookie);
    is_same && existing.dentry.name != request.to_name
}

fn check<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, parents, open): (&RenameRequest, &Parents, Option<&Open>),
    moved: &Move,
) -> Step<()> {
    require_remove(&parents.from, &moved.source, &ctx.credentials)?;
    require_add(&parents.to, &ctx.credentials, moved.source.is_directory())?;
    require_sticky(&parents.from, &moved.source, &ctx.credentials)?;
    if let Some((_, existing)) = &moved.existing {
        require_remove(&parents.to, existing, &ctx.credentials)?;
        require_sticky(&parents.to, existing, &ctx.credentials)?;
    }
    let is_junction = |found: &Found| found.dentry.shard.is_some();
    let replaces_clone =
        moved.existing.as_ref().is_some_and(|(existing, _)| turn.shard.clones.is_root(existing.target));
    if replaces_clone
        || is_junction(&moved.found)
        || moved.existing.as_ref().is_some_and(|(existing, _)| is_junction(existing))
    {
        return Err(FsError::CrossDevice.into());
    }
    let changes_parent = moved.source.is_directory() && !parents.are_one();
    let chain = if changes_parent { turn.chain(parents.to.inode)? } else { Vec::new() };
    if changes_parent {
        // Its `..` changes, so it is written itself.
        require(&moved.source, &ctx.credentials, WRITE)?;
    }
    if chain.contains(&moved.source.inode) {
        return Err(FsError::InvalidArgument.into());
    }
    check_replaced(turn, request.replace, moved)?;
    check_opens(turn, (open, parents.to.inode), moved)?;
    if changes_parent {
        let height = turn.usage(moved.source.inode)?.height;
        if chain.len() + height as usize > DEPTH_MAX as usize {
            return Err(FsError::TooDeep.into());
        }
        if parents.to.links >= DIRECTORY_LINKS_MAX && moved.existing.is_none() {
            return Err(FsError::TooManyLinks.into());
        }
    }
    Ok(())
}

fn check_replaced<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, replace: bool, moved: &Move) -> Step<()> {
    let Some((existing, attributes)) = &moved.existing else { return Ok(()) };
    if !replace {
        return Err(FsError::Exists.into());
    }
    match (moved.source.is_directory(), attributes.is_directory()) {
        (false, true) => Err(FsError::IsDirectory.into()),
        (true, false) => Err(FsError::NotDirectory.into()),
        (true, true) if turn.live(existing.target)?.size > 0 => Err(FsError::NotEmpty.into()),
        _ => Ok(()),
    }
}

/// What is open stays as its opens let it.
fn check_opens<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (open, into): (Option<&Open>, InodeId),
    moved: &Move,
) -> Step<()> {
    let existing = moved.existing.as_ref();
    let Some(open) = open else {
        for inode in std::iter::once(moved.found.target).chain(existing.map(|(existing, _)| existing.target)) {
            turn.require_deletable(inode)?;
            turn.require_streams_deletable(inode)?;
        }
        return Ok(());
    };
    if turn.house.opens.holds_streams(open.inode) {
        return Err(FsError::AccessDenied.into());
    }
    turn.house.require_undeletable(into)?;
    turn.house.intrude(open.inode, Some(open), Intrusion::Remove)?;
    if let Some((existing, _)) = existing {
        turn.house.intrude(existing.target, None, Intrusion::Remove)?;
    }
    let is_kept = |attributes: &Attributes| {
        attributes.is_directory() || is_read_only(attributes) || turn.is_open(attributes.inode)
    };
    if existing.is_some_and(|(_, attributes)| is_kept(attributes)) {
        return Err(FsError::AccessDenied.into());
    }
    if moved.source.is_directory() { turn.require_closed_below(open.inode) } else { Ok(()) }
}

/// Moves the entry, and the charge when the name that moves is the home link.
fn move_name<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    request: &RenameRequest,
    moved: &Move,
) -> Step<()> {
    let inode = moved.found.target;
    let (from, to) = (request.from_parent, request.to_parent);
    turn.adopt(inode)?;
    let mut record = (*turn.live(inode)?).clone();
    turn.remove_dentry(from, moved.found.cookie)?;
    let dentry = DentryRecord { name: request.to_name.clone(), ..moved.found.dentry.clone() };
    let cookie = turn.add_dentry(to, dentry)?;
    let old_link = Link { parent: from, name: moved.found.dentry.name.clone() };
    turn.follow_name(inode, old_link, Some(Link { parent: to, name: request.to_name.clone() }));
    if record.links > 1 && !moved.source.is_directory() {
        turn.remove_backlink(inode, from.number, moved.found.cookie)?;
        turn.add_backlink(inode, to.number, cookie)?;
    }
    let is_home = (record.home_parent, record.home_cookie) == (from.number, moved.found.cookie);
    if is_home {
        move_charge(turn, (from, to), (inode, &record))?;
        record.home_parent = to.number;
        record.home_cookie = cookie;
    }
    record.changed = turn.now;
    record.change = turn.stamp();
    turn.put_inode(inode, record);
    Ok(())
}

fn move_charge<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (from, to): (InodeId, InodeId),
    (inode, record): (InodeId, &InodeRecord),
) -> Step<()> {
    if from == to {
        return Ok(());
    }
    let is_directory = record.file_type == vfs::FileType::Directory;
    turn.follow_home((inode, is_directory), (from, to))?;
    turn.move_owners((inode, record), (from, to))?;
    let charge = if is_directory {
        let usage = turn.usage(inode)?;
        turn.raise(to, usage.height)?;
        of_tree(&usage)
    } else {
        of_record(record).plus(&turn.charge_of_streams(inode)?)
    };
    turn.move_charge((from, to), charge)
}

fn finish<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    parents: &Parents,
    moved: &Move,
) -> Step<RenameReply> {
    let directory = i64::from(moved.source.is_directory());
    let replaced = i64::from(moved.existing.is_some());
    let replaced_directory = i64::from(moved.existing.as_ref().is_some_and(|(_, existing)| existing.is_directory()));
    let (from, to) = (parents.from.inode, parents.to.inode);
    if parents.are_one() {
        let after = turn.touch_directory(from, -replaced, -replaced_directory)?;
        let change = Change { before: parents.from.pre(), after };
        return Ok(RenameReply { from: change.clone(), to: change });
    }
    let after_from = turn.touch_directory(from, -1, -directory)?;
    let after_to = turn.touch_directory(to, 1 - replaced, directory - replaced_directory)?;
    let from = Change { before: parents.from.pre(), after: after_from };
    Ok(RenameReply { from, to: Change { before: parents.to.pre(), after: after_to } })
}
