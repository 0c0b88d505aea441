//! Removing names.

use vfs::{Failure, FsError, InodeId, RemoveKind, RemoveReply, RemoveRequest};

use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn remove(&mut self, request: &RemoveRequest) -> Result<RemoveReply, Failure> {
        let RemoveRequest { parent, name, .. } = request;
        let id = self.check_remove(request)?;
        let removed = self.unlink(id)?;
        self.state.opens.follow(&(*parent, name.clone()), None);
        let parent = self.change_entries(*parent, |parent| {
            parent.remove_entry(name);
            parent.attributes.links -= u32::from(removed.is_directory());
        })?;
        Ok(RemoveReply { parent, removed })
    }

    fn check_remove(&self, request: &RemoveRequest) -> Result<InodeId, Failure> {
        let RemoveRequest { parent, name, kind } = request;
        self.searched(*parent)?;
        self.require_short(*parent, name)?;
        let id = self.directory(*parent)?.child(name).ok_or_else(|| self.refuse(*parent, FsError::NotFound))?;
        self.require_remove(*parent, id)?;
        self.require_unstuck(*parent, id)?;
        self.ensure(id.shard == parent.shard, *parent, FsError::NotPermitted)?;
        let directory = self.inode(id)?.directory();
        let is_wanted = *kind != RemoveKind::File || directory.is_none();
        self.ensure(is_wanted, *parent, FsError::IsDirectory)?;
        let is_wanted = *kind != RemoveKind::Directory || directory.is_some();
        self.ensure(is_wanted, *parent, FsError::NotDirectory)?;
        let is_empty = directory.is_none_or(|directory| directory.len() == 0);
        self.ensure(is_empty, *parent, FsError::NotEmpty)?;
        self.require_deletable(*parent, id)?;
        self.require_streams_deletable(*parent, id)?;
        Ok(id)
    }
}
