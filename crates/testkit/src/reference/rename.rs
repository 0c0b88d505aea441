//! Renaming.

use vfs::acl::AccessMask;
use vfs::limits::{DEPTH_MAX, DIRECTORY_LINKS_MAX};
use vfs::{Case, Change, Failure, FsError, InodeId, Name, RenameReply, RenameRequest, Via};

use super::leases::Intrusion;
use super::permission::{SEARCH, WRITE};
use super::turn::Turn;

/// How the new name is compared, and the inode that is renamed through an open.
pub(super) type How = (Case, Option<InodeId>);

/// What a rename is about, once it is found.
struct Found {
    source: InodeId,
    target: Option<(Name, InodeId)>,
    source_is_directory: bool,
    target_is_directory: bool,
    changes_parent: bool,
}

impl Turn<'_> {
    pub(super) fn rename(&mut self, request: &RenameRequest) -> Result<RenameReply, Failure> {
        self.rename_as(request, (Case::Sensitive, None))
    }

    /// `how` says how the new name is compared, and what is renamed through an open.
    pub(super) fn rename_as(&mut self, request: &RenameRequest, how: How) -> Result<RenameReply, Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        let checked = self.find_both(request, how.0).and_then(|found| {
            let is_same = found.target.as_ref().is_some_and(|(_, target)| *target == found.source);
            if is_same { Ok(None) } else { self.check_rename(request, &found, how.1).map(|()| Some(found)) }
        });
        match checked.map_err(|failure| self.with_target(failure, from, to))? {
            Some(found) => self.move_entry(request, &found),
            None => Ok(RenameReply {
                from: Change::none(self.attributes(from)?.clone()),
                to: Change::none(self.attributes(to)?.clone()),
            }),
        }
    }

    /// A failure with the attributes of the source and the target directory, as far as they are there.
    pub(super) fn with_target(&self, failure: Failure, source: InodeId, target: InodeId) -> Failure {
        let attributes = |id| self.attributes(id).ok().map(|attributes| Box::new(attributes.clone()));
        Failure { error: failure.error, attributes: attributes(source), target: attributes(target) }
    }

    /// Errors, in order: `StaleHandle`, `NotDirectory`, `CrossDevice`, `AccessDenied` (search), `NotFound`.
    fn find_both(&self, request: &RenameRequest, case: Case) -> Result<Found, Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        self.attributes(from)?;
        self.attributes(to)?;
        self.directory(from)?;
        self.directory(to)?;
        self.ensure((from.shard, from.tree) == (to.shard, to.tree), from, FsError::CrossDevice)?;
        self.require(from, SEARCH)?;
        self.require(to, SEARCH)?;
        self.require_short(from, &request.from_name)?;
        self.require_short(to, &request.to_name)?;
        let source = self.directory(from)?.child(&request.from_name);
        let source = source.ok_or_else(|| self.refuse(from, FsError::NotFound))?;
        let is_respelt = |name: &Name| from == to && *name == request.from_name && *name != request.to_name;
        let target = self.entry_named(to, &request.to_name, case)?.filter(|(name, _)| !is_respelt(name));
        let is_directory = |id| self.attributes(id).is_ok_and(|attributes| attributes.is_directory());
        Ok(Found {
            source,
            source_is_directory: is_directory(source),
            target_is_directory: target.as_ref().is_some_and(|(_, id)| is_directory(*id)),
            changes_parent: is_directory(source) && from != to,
            target,
        })
    }

    fn check_rename(&self, request: &RenameRequest, found: &Found, open: Option<InodeId>) -> Result<(), Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        self.require_remove(from, found.source)?;
        self.require_add(to, found.source_is_directory)?;
        self.require_unstuck(from, found.source)?;
        let target = found.target.as_ref().map(|(_, target)| *target);
        if let Some(target) = target {
            self.require_remove(to, target)?;
            self.require_unstuck(to, target)?;
        }
        let is_root_of_zone = |id: InodeId| id.shard != from.shard;
        let leaves = is_root_of_zone(found.source) || target.is_some_and(is_root_of_zone);
        self.ensure(!leaves, from, FsError::CrossDevice)?;
        if found.changes_parent {
            self.require(found.source, WRITE)?;
            self.ensure(!self.is_below(to, found.source)?, from, FsError::InvalidArgument)?;
        }
        self.check_target(request, found)?;
        self.check_opens((from, to), found, open)?;
        if found.changes_parent {
            let depth = self.depth(to)? + 1 + self.height(found.source)?;
            self.ensure(depth <= DEPTH_MAX, to, FsError::TooDeep)?;
            let is_full = found.target.is_none() && self.attributes(to)?.links >= DIRECTORY_LINKS_MAX;
            self.ensure(!is_full, to, FsError::TooManyLinks)?;
        }
        Ok(())
    }

    /// Errors, in order: `Exists`, `IsDirectory`, `NotDirectory`, `NotEmpty`.
    fn check_target(&self, request: &RenameRequest, found: &Found) -> Result<(), Failure> {
        let Some((_, target)) = found.target else { return Ok(()) };
        let to = request.to_parent;
        self.ensure(request.replace, to, FsError::Exists)?;
        self.ensure(!found.target_is_directory || found.source_is_directory, to, FsError::IsDirectory)?;
        self.ensure(found.target_is_directory || !found.source_is_directory, to, FsError::NotDirectory)?;
        let is_empty = self.inode(target)?.directory().is_none_or(|directory| directory.len() == 0);
        self.ensure(is_empty, to, FsError::NotEmpty)
    }

    /// Errors: `ShareConflict`, `AccessDenied` (through an open).
    fn check_opens(&self, (from, to): (InodeId, InodeId), found: &Found, open: Option<InodeId>) -> Result<(), Failure> {
        let target = found.target.as_ref().map(|(_, target)| *target);
        let Some(open) = open else {
            self.require_deletable(from, found.source)?;
            self.require_streams_deletable(from, found.source)?;
            let Some(target) = target else { return Ok(()) };
            self.require_deletable(to, target)?;
            return self.require_streams_deletable(to, target);
        };
        self.ensure(!self.state.opens.holds_streams(open), from, FsError::AccessDenied)?;
        if self.state.opens.all.values().any(|open| open.inode == to && open.granted.contains(AccessMask::DELETE)) {
            self.intrude(to, Via::Anonymous, Intrusion::Refused)?;
            return Err(self.refuse(from, FsError::ShareConflict));
        }
        if let Some(target) = target {
            self.intrude(target, Via::Anonymous, Intrusion::Remove)?;
            let is_kept = self.attributes(target)?.is_directory() || self.is_read_only(target)?;
            self.ensure(!is_kept && !self.state.opens.holds(target), to, FsError::AccessDenied)?;
        }
        if !found.source_is_directory {
            return Ok(());
        }
        for parent in self.state.opens.parents() {
            let is_below = parent.shard == open.shard && self.is_below(parent, open).unwrap_or(false);
            if is_below {
                self.intrude_below(parent)?;
            }
            self.ensure(!is_below, from, FsError::AccessDenied)?;
        }
        Ok(())
    }

    /// Errors: `Breaking`.
    fn intrude_below(&self, parent: InodeId) -> Result<(), Failure> {
        let below = self.state.opens.below(parent);
        below.into_iter().try_for_each(|inode| self.intrude(inode, Via::Anonymous, Intrusion::Remove))
    }

    fn move_entry(&mut self, request: &RenameRequest, found: &Found) -> Result<RenameReply, Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        if let Some((name, target)) = &found.target {
            self.unlink(*target)?;
            self.state.opens.follow(&(to, name.clone()), None);
        }
        let (old, new) = ((from, request.from_name.clone()), (to, request.to_name.clone()));
        self.state.opens.follow(&old, Some(&new));
        self.change(found.source, |source| {
            if found.changes_parent {
                source.set_parent(to);
            }
        })?;
        let leaving = u32::from(found.changes_parent);
        let arriving = u32::from(found.changes_parent);
        let going = u32::from(found.target_is_directory);
        let replaced = found.target.as_ref().map(|(name, _)| name);
        if from == to {
            let both = self.change_entries(from, |parent| {
                parent.remove_entry(&request.from_name);
                replaced.iter().for_each(|name| parent.remove_entry(name));
                parent.set_entry(&request.to_name, found.source);
                parent.attributes.links -= going;
            })?;
            return Ok(RenameReply { from: both.clone(), to: both });
        }
        let from = self.change_entries(from, |parent| {
            parent.remove_entry(&request.from_name);
            parent.attributes.links -= leaving;
        })?;
        let to = self.change_entries(to, |parent| {
            replaced.iter().for_each(|name| parent.remove_entry(name));
            parent.set_entry(&request.to_name, found.source);
            parent.attributes.links = parent.attributes.links + arriving - going;
        })?;
        Ok(RenameReply { from, to })
    }

    /// Whether a directory is `above` or lies below it.
    fn is_below(&self, id: InodeId, above: InodeId) -> Result<bool, Failure> {
        let mut at = id;
        while at != above && at != InodeId::root_of(at.shard) {
            at = self.directory(at)?.parent;
        }
        Ok(at == above)
    }

    /// Levels of directories below this one, 0 when it has none.
    fn height(&self, id: InodeId) -> Result<u32, Failure> {
        let mut height = 0;
        for (_, child) in self.directory(id)?.children() {
            if child.shard == id.shard && self.attributes(child)?.is_directory() {
                height = height.max(1 + self.height(child)?);
            }
        }
        Ok(height)
    }
}
