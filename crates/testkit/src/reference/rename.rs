//! Renaming.

use vfs::limits::{DEPTH_MAX, DIRECTORY_LINKS_MAX};
use vfs::{Change, Failure, FsError, InodeId, RenameReply, RenameRequest};

use super::permission::{SEARCH, WRITE};
use super::turn::Turn;

/// What a rename is about, once it is found.
#[derive(Clone, Copy)]
struct Found {
    source: InodeId,
    target: Option<InodeId>,
    source_is_directory: bool,
    target_is_directory: bool,
    changes_parent: bool,
}

impl Turn<'_> {
    pub(super) fn rename(&mut self, request: &RenameRequest) -> Result<RenameReply, Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        let checked = self.find_both(request).and_then(|found| {
            let is_same = found.target == Some(found.source);
            if is_same { Ok(None) } else { self.check_rename(request, found).map(|()| Some(found)) }
        });
        match checked.map_err(|failure| self.with_target(failure, from, to))? {
            Some(found) => self.move_entry(request, found),
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
    fn find_both(&self, request: &RenameRequest) -> Result<Found, Failure> {
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
        let target = self.directory(to)?.child(&request.to_name);
        let is_directory = |id| self.attributes(id).is_ok_and(|attributes| attributes.is_directory());
        Ok(Found {
            source,
            target,
            source_is_directory: is_directory(source),
            target_is_directory: target.is_some_and(is_directory),
            changes_parent: is_directory(source) && from != to,
        })
    }

    fn check_rename(&self, request: &RenameRequest, found: Found) -> Result<(), Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        self.require(from, WRITE)?;
        self.require(to, WRITE)?;
        self.require_unstuck(from, found.source)?;
        found.target.map_or(Ok(()), |target| self.require_unstuck(to, target))?;
        let is_root_of_zone = |id: InodeId| id.shard != from.shard;
        let leaves = is_root_of_zone(found.source) || found.target.is_some_and(is_root_of_zone);
        self.ensure(!leaves, from, FsError::CrossDevice)?;
        if found.changes_parent {
            self.require(found.source, WRITE)?;
            self.ensure(!self.is_below(to, found.source)?, from, FsError::InvalidArgument)?;
        }
        self.check_target(request, found)?;
        if found.changes_parent {
            let depth = self.depth(to)? + 1 + self.height(found.source)?;
            self.ensure(depth <= DEPTH_MAX, to, FsError::TooDeep)?;
            let is_full = found.target.is_none() && self.attributes(to)?.links >= DIRECTORY_LINKS_MAX;
            self.ensure(!is_full, to, FsError::TooManyLinks)?;
        }
        Ok(())
    }

    /// Errors, in order: `Exists`, `IsDirectory`, `NotDirectory`, `NotEmpty`.
    fn check_target(&self, request: &RenameRequest, found: Found) -> Result<(), Failure> {
        let Some(target) = found.target else { return Ok(()) };
        let to = request.to_parent;
        self.ensure(request.replace, to, FsError::Exists)?;
        self.ensure(!found.target_is_directory || found.source_is_directory, to, FsError::IsDirectory)?;
        self.ensure(found.target_is_directory || !found.source_is_directory, to, FsError::NotDirectory)?;
        let is_empty = self.inode(target)?.directory().is_none_or(|directory| directory.len() == 0);
        self.ensure(is_empty, to, FsError::NotEmpty)
    }

    fn move_entry(&mut self, request: &RenameRequest, found: Found) -> Result<RenameReply, Failure> {
        let (from, to) = (request.from_parent, request.to_parent);
        if let Some(target) = found.target {
            self.unlink(target)?;
        }
        self.change(found.source, |source| {
            if found.changes_parent {
                source.set_parent(to);
            }
        })?;
        let leaving = u32::from(found.changes_parent);
        let arriving = u32::from(found.changes_parent);
        let going = u32::from(found.target_is_directory);
        if from == to {
            let both = self.change_entries(from, |parent| {
                parent.remove_entry(&request.from_name);
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
