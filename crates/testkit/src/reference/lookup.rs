//! Finding things.

use vfs::limits::WALK_COMPONENTS_MAX;
use vfs::{
    Case, Failure, FsError, InodeId, LookupName, LookupReply, LookupRequest, Name, ReadlinkReply, WalkReply,
    WalkRequest,
};

use super::inode::{Body, Directory};
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn lookup(&self, request: &LookupRequest) -> Result<LookupReply, Failure> {
        let parent = request.parent;
        let directory = self.searched(parent)?;
        let found = match &request.name {
            LookupName::Itself => parent,
            LookupName::Parent => self.parent_of(parent, directory),
            LookupName::Child(name) => self.child(parent, name, request.case)?,
        };
        Ok(LookupReply { attributes: self.attributes(found)?.clone(), parent: self.attributes(parent)?.clone() })
    }

    pub(super) fn walk(&self, request: &WalkRequest) -> Result<WalkReply, Failure> {
        let mut at = request.start;
        self.ensure(request.path.len() <= WALK_COMPONENTS_MAX, at, FsError::InvalidArgument)?;
        for name in &request.path {
            self.searched(at)?;
            at = self.child(at, name, request.case)?;
        }
        Ok(WalkReply { attributes: self.attributes(at)?.clone() })
    }

    pub(super) fn readlink(&self, id: InodeId) -> Result<ReadlinkReply, Failure> {
        let inode = self.inode(id)?;
        match &inode.body {
            Body::Symlink(target) => Ok(ReadlinkReply { target: target.clone(), attributes: inode.attributes.clone() }),
            _ => Err(self.refuse(id, FsError::InvalidArgument)),
        }
    }

    /// Where `..` leads from a directory for this caller.
    pub(super) fn parent_of(&self, id: InodeId, directory: &Directory) -> InodeId {
        if id == self.ctx.root { id } else { directory.parent }
    }

    fn child(&self, parent: InodeId, name: &Name, case: Case) -> Result<InodeId, Failure> {
        self.require_short(parent, name)?;
        let found = self.entry_named(parent, name, case)?.map(|(_, inode)| inode);
        found.ok_or_else(|| self.refuse(parent, FsError::NotFound))
    }

    /// The entry with this name, as it is stored; one that is written the same way goes first.
    pub(super) fn entry_named(
        &self,
        parent: InodeId,
        name: &Name,
        case: Case,
    ) -> Result<Option<(Name, InodeId)>, Failure> {
        let directory = self.directory(parent)?;
        let is_alike = |other: &Name| other.as_bytes().eq_ignore_ascii_case(name.as_bytes());
        let exact = directory.child(name).map(|inode| (name.clone(), inode));
        Ok(exact.or_else(|| match case {
            Case::Sensitive => None,
            Case::Insensitive => {
                directory.children().find(|(other, _)| is_alike(other)).map(|(other, inode)| (other.clone(), inode))
            }
        }))
    }
}
