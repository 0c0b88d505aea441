//! Further names.

use vfs::limits::LINKS_MAX;
use vfs::{Change, Failure, FsError, LinkReply, LinkRequest};

use super::permission::SEARCH;
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn link(&mut self, request: &LinkRequest) -> Result<LinkReply, Failure> {
        let LinkRequest { inode: id, parent, ref name, .. } = *request;
        let checked = self.check_link(request);
        checked.map_err(|failure| self.with_target(failure, id, parent))?;
        let replaced = self.directory(parent)?.child(name);
        if replaced == Some(id) {
            let parent = Change::none(self.attributes(parent)?.clone());
            return Ok(LinkReply { attributes: self.attributes(id)?.clone(), parent });
        }
        if let Some(replaced) = replaced {
            self.require_deletable(parent, replaced)?;
            self.require_streams_deletable(parent, replaced)?;
            self.unlink(replaced)?;
            self.state.opens.follow(&(parent, name.clone()), None);
        }
        let attributes = self.change(id, |inode| inode.attributes.links += 1)?.after;
        let parent = self.change_entries(parent, |parent| parent.set_entry(name, id))?;
        Ok(LinkReply { attributes, parent })
    }

    fn check_link(&self, request: &LinkRequest) -> Result<(), Failure> {
        let LinkRequest { inode: id, parent, ref name, replace } = *request;
        let attributes = self.attributes(id)?;
        if attributes.links == 0 {
            return Err(FsError::StaleHandle.into());
        }
        self.directory(parent)?;
        self.ensure((id.shard, id.tree) == (parent.shard, parent.tree), parent, FsError::CrossDevice)?;
        self.require(parent, SEARCH)?;
        self.require_short(parent, name)?;
        let existing = self.directory(parent)?.child(name);
        let is_directory = |id| self.attributes(id).is_ok_and(|attributes| attributes.is_directory());
        let is_free = existing.is_none_or(|existing| replace && !is_directory(existing));
        self.ensure(is_free, parent, FsError::Exists)?;
        self.ensure(!attributes.is_directory(), parent, FsError::NotPermitted)?;
        self.require_add(parent, false)?;
        if let Some(existing) = existing {
            self.require_remove(parent, existing)?;
            self.require_unstuck(parent, existing)?;
        }
        self.ensure(attributes.links < LINKS_MAX, parent, FsError::TooManyLinks)
    }
}
