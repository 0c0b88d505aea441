//! Roots of zones.

use std::collections::BTreeMap;

use vfs::limits::DEPTH_MAX;
use vfs::{
    Failure, FileType, FsError, InodeId, Name, Principal, SetAttributes, ShardId, ZoneRootReply, ZoneRootRequest,
};

use super::inode::{Body, Directory, Inode};
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn zone_root(&mut self, request: &ZoneRootRequest) -> Result<ZoneRootReply, Failure> {
        let mut at = InodeId::root_of(ShardId::ROOT);
        for (index, name) in request.base.iter().enumerate() {
            at = match self.directory(at)?.child(name) {
                Some(found) => found,
                None if index + 1 == request.base.len() => {
                    let shard = self.state.next_shard();
                    self.make_directory(at, name, (InodeId::root_of(shard), &request.attributes))?
                }
                None => {
                    let id = at.sibling(self.state.next_number());
                    self.make_directory(at, name, (id, &request.attributes))?
                }
            };
        }
        self.directory(at)?;
        Ok(ZoneRootReply { attributes: self.attributes(at)?.clone() })
    }

    fn make_directory(
        &mut self,
        parent: InodeId,
        name: &Name,
        (id, given): (InodeId, &SetAttributes),
    ) -> Result<InodeId, Failure> {
        self.ensure(self.depth(parent)? < DEPTH_MAX, parent, FsError::TooDeep)?;
        self.ensure(self.state.free_files() > 0, parent, FsError::NoSpace)?;
        let mut attributes = self.state.blank(id, FileType::Directory, self.now);
        attributes.mode = given.mode.unwrap_or(0o755);
        attributes.owner = given.owner.clone().unwrap_or(Principal::Unix(self.ctx.credentials.uid));
        attributes.group = given.group.clone().unwrap_or(Principal::Unix(self.ctx.credentials.gid));
        let body = Body::Directory(Directory::new(parent));
        self.state
            .inodes
            .insert(id, Inode { attributes, body, exclusive: None, xattrs: BTreeMap::new(), streams: Vec::new() });
        self.change_entries(parent, |parent| {
            parent.set_entry(name, id);
            parent.attributes.links += 1;
        })?;
        Ok(id)
    }
}
