//! Making new inodes.

use std::collections::BTreeMap;

use vfs::limits::{DEPTH_MAX, DIRECTORY_LINKS_MAX, FILE_SIZE_MAX, SYMLINK_BYTES_MAX};
use vfs::{
    Attributes, Change, CreateHow, CreateReply, CreateRequest, DeviceNumber, Failure, FileType, FsError, InodeId,
    MkdirRequest, MknodRequest, Name, NodeKind, Principal, SetAttributes, ShareMode, SymlinkRequest, Via,
};

use super::content::Content;
use super::inode::{Body, Directory, Inode};
use super::leases::Intrusion;
use super::permission::{self, SET_GID, WRITE};
use super::set_attributes::{are_valid, moment, set_descriptor, set_size, set_xattrs};
use super::turn::Turn;

/// What is to be made.
pub(super) struct New<'r> {
    pub(super) parent: InodeId,
    pub(super) name: &'r Name,
    pub(super) file_type: FileType,
    pub(super) body: Body,
    pub(super) attributes: &'r SetAttributes,
}

impl Turn<'_> {
    pub(super) fn create(&mut self, request: &CreateRequest) -> Result<CreateReply, Failure> {
        let CreateRequest { parent, name, how } = request;
        if let Some(existing) = self.searched(*parent)?.child(name) {
            return self.take_existing(*parent, existing, how);
        }
        let none = SetAttributes::default();
        let (attributes, exclusive) = match how {
            CreateHow::Unchecked(attributes) | CreateHow::Guarded(attributes) => (attributes, None),
            CreateHow::Exclusive(verifier) => (&none, Some(*verifier)),
        };
        let body = Body::File(Content::default());
        let reply = self.make(New { parent: *parent, name, file_type: FileType::Regular, body, attributes })?;
        if let Some(inode) = self.state.inodes.get_mut(&reply.attributes.inode) {
            inode.exclusive = exclusive;
        }
        Ok(reply)
    }

    pub(super) fn mkdir(&mut self, request: &MkdirRequest) -> Result<CreateReply, Failure> {
        let MkdirRequest { parent, name, attributes } = request;
        self.require_free(*parent, name)?;
        let body = Body::Directory(Directory::new(*parent));
        self.make(New { parent: *parent, name, file_type: FileType::Directory, body, attributes })
    }

    pub(super) fn symlink(&mut self, request: &SymlinkRequest) -> Result<CreateReply, Failure> {
        let SymlinkRequest { parent, name, target, attributes } = request;
        self.require_free(*parent, name)?;
        let body = Body::Symlink(target.clone());
        self.make(New { parent: *parent, name, file_type: FileType::Symlink, body, attributes })
    }

    pub(super) fn mknod(&mut self, request: &MknodRequest) -> Result<CreateReply, Failure> {
        let MknodRequest { parent, name, kind, attributes } = request;
        self.require_free(*parent, name)?;
        let (file_type, device) = match *kind {
            NodeKind::Fifo => (FileType::Fifo, DeviceNumber::default()),
            NodeKind::Socket => (FileType::Socket, DeviceNumber::default()),
            NodeKind::Block(device) => (FileType::Block, device),
            NodeKind::Character(device) => (FileType::Character, device),
        };
        let mut reply = self.make(New { parent: *parent, name, file_type, body: Body::Special, attributes })?;
        reply.attributes.device = device;
        if let Some(inode) = self.state.inodes.get_mut(&reply.attributes.inode) {
            inode.attributes.device = device;
        }
        Ok(reply)
    }

    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (search), `Exists`.
    fn require_free(&self, parent: InodeId, name: &Name) -> Result<(), Failure> {
        let is_free = self.searched(parent)?.child(name).is_none();
        self.ensure(is_free, parent, FsError::Exists)
    }

    fn take_existing(&mut self, parent: InodeId, id: InodeId, how: &CreateHow) -> Result<CreateReply, Failure> {
        let inode = self.inode(id)?;
        let is_regular = inode.attributes.file_type == FileType::Regular;
        let size = match how {
            CreateHow::Unchecked(attributes) if is_regular => attributes.size,
            CreateHow::Exclusive(verifier) if inode.exclusive == Some(*verifier) => None,
            _ => return Err(self.refuse(parent, FsError::Exists)),
        };
        if let Some(size) = size {
            let may_write = permission::permits_bytes(&self.ctx.credentials, &inode.attributes, WRITE);
            self.ensure(may_write, parent, FsError::AccessDenied)?;
            self.require_shared(id, Via::Anonymous, ShareMode { write: true, ..ShareMode::default() })?;
            self.ensure(size <= FILE_SIZE_MAX, parent, FsError::FileTooLarge)?;
            self.intrude(id, Via::Anonymous, Intrusion::Write)?;
            let (now, ctx) = (self.now, self.ctx);
            self.change(id, |inode| {
                set_size(inode, size, now);
                permission::clear_set_id(&ctx.credentials, &mut inode.attributes);
                inode.exclusive = None;
            })?;
        }
        let parent = Change::none(self.attributes(parent)?.clone());
        Ok(CreateReply { attributes: self.attributes(id)?.clone(), parent, created: false })
    }

    /// Makes an inode under a name that is free in a directory that may be searched.
    ///
    /// Errors, in order: `AccessDenied` (write), `NotPermitted`, `InvalidArgument`, `NameTooLong`, `FileTooLarge`,
    /// `TooDeep`, `TooManyLinks`, `NoSpace`.
    pub(super) fn make(&mut self, new: New<'_>) -> Result<CreateReply, Failure> {
        self.require_add(new.parent, new.file_type == FileType::Directory)?;
        self.check_new(&new)?;
        let mut attributes = self.first_attributes(&new)?;
        let mut xattrs = BTreeMap::new();
        let fits = set_xattrs((&mut xattrs, &mut attributes), new.attributes);
        self.ensure(fits, new.parent, FsError::FileTooLarge)?;
        let (id, is_directory) = (attributes.inode, attributes.is_directory());
        self.state.inodes.insert(
            id,
            Inode { attributes: attributes.clone(), body: new.body, exclusive: None, xattrs, streams: Vec::new() },
        );
        let parent = self.change_entries(new.parent, |parent| {
            parent.set_entry(new.name, id);
            parent.attributes.links += u32::from(is_directory);
        })?;
        Ok(CreateReply { attributes, parent, created: true })
    }

    fn check_new(&self, new: &New<'_>) -> Result<(), Failure> {
        let (parent, attributes) = (new.parent, new.attributes);
        self.ensure(self.may_make(new)?, parent, FsError::NotPermitted)?;
        let target = if let Body::Symlink(target) = &new.body { Some(target) } else { None };
        let is_path = target.is_none_or(|target| !target.is_empty() && !target.contains(&0));
        self.ensure(is_path && are_valid(attributes), parent, FsError::InvalidArgument)?;
        self.require_short(parent, new.name)?;
        self.ensure(target.is_none_or(|target| target.len() <= SYMLINK_BYTES_MAX), parent, FsError::NameTooLong)?;
        let is_file = new.file_type == FileType::Regular;
        let size = attributes.size.filter(|_| is_file).unwrap_or_default();
        self.ensure(size <= FILE_SIZE_MAX, parent, FsError::FileTooLarge)?;
        if new.file_type == FileType::Directory {
            self.ensure(self.depth(parent)? < DEPTH_MAX, parent, FsError::TooDeep)?;
            self.ensure(self.attributes(parent)?.links < DIRECTORY_LINKS_MAX, parent, FsError::TooManyLinks)?;
        }
        self.ensure(self.state.free_files() > 0, parent, FsError::NoSpace)
    }

    /// Whether the caller may make such a thing, with this owner and group.
    fn may_make(&self, new: &New<'_>) -> Result<bool, Failure> {
        let credentials = &self.ctx.credentials;
        let is_device = matches!(new.file_type, FileType::Block | FileType::Character);
        let gives_away = new.attributes.owner.as_ref().is_some_and(|owner| !credentials.is_user(owner));
        let default = self.default_group(new.parent)?;
        let is_foreign = |group: &Principal| *group != default && !credentials.is_member(group);
        let joins = new.attributes.group.as_ref().is_some_and(is_foreign);
        Ok(credentials.superuser || !(is_device || gives_away || joins))
    }

    /// The group of what is made in a directory: its own when it has set-group-id, else the caller's.
    fn default_group(&self, parent: InodeId) -> Result<Principal, Failure> {
        let directory = self.attributes(parent)?;
        let is_inherited = directory.mode & SET_GID != 0;
        Ok(if is_inherited { directory.group.clone() } else { Principal::Unix(self.ctx.credentials.gid) })
    }

    fn first_attributes(&mut self, new: &New<'_>) -> Result<Attributes, Failure> {
        let (given, now, credentials) = (new.attributes, self.now, &self.ctx.credentials);
        let is_inherited = self.attributes(new.parent)?.mode & SET_GID != 0;
        let default_group = self.default_group(new.parent)?;
        let id = new.parent.sibling(self.state.next_number());
        let mut made = self.state.blank(id, new.file_type, now);
        made.owner = given.owner.clone().unwrap_or(Principal::Unix(credentials.uid));
        made.group = given.group.clone().unwrap_or(default_group);
        made.mode = given.mode.unwrap_or(if new.file_type == FileType::Symlink { 0o777 } else { 0 });
        if !permission::is_in_group(credentials, &made.group) {
            made.mode &= !SET_GID;
        }
        if is_inherited && made.is_directory() {
            made.mode |= SET_GID;
        }
        made.size = match &new.body {
            Body::File(_) => given.size.unwrap_or_default(),
            Body::Symlink(target) => target.len() as u64,
            Body::Directory(_) | Body::Special => 0,
        };
        made.accessed = given.accessed.map_or(now, |time| moment(time, now));
        made.modified = given.modified.map_or(now, |time| moment(time, now));
        made.created = given.created.unwrap_or(now);
        made.dos = given.dos.unwrap_or_default();
        if made.file_type != FileType::Symlink {
            let above = self.attributes(new.parent)?.descriptor.as_ref();
            let given = given.descriptor.as_ref().map(|given| given.kept());
            let owners = (&made.owner, &made.group);
            let inherited = || above.and_then(|above| above.inherited(owners, made.is_directory()));
            let first = given.or_else(inherited);
            set_descriptor(&mut made, first);
        }
        Ok(made)
    }
}
