//! CREATE, MKDIR, SYMLINK and MKNOD.

use bytes::Bytes;
use meta::records::{ArchiveState, DentryRecord, InodeRecord, UsageRecord};
use smallvec::SmallVec;
use vfs::limits::{DEPTH_MAX, DIRECTORY_LINKS_MAX, SYMLINK_BYTES_MAX};
use vfs::{
    Attributes, Change, Cookie, CreateHow, CreateReply, CreateRequest, DeviceNumber, DosAttributes, Epoch, Failure,
    FileType, FsError, InodeId, InodeNumber, MkdirRequest, MknodRequest, Name, NodeKind, OpContext, Principal,
    SetAttributes, SetattrRequest, SymlinkRequest, Timestamp, Via,
};

use super::lookup::{check_length, require_directory};
use crate::Filesystem;
use crate::access::{SEARCH, SET_GROUP_ID, require, require_add};
use crate::attributes::{apply, check_values, mode_of, owner_of_new, set_first_descriptor};
use crate::replay::Kind;
use crate::snapshot::{require_ordinary, require_present};
use crate::turn::{Found, Step, Stop, Turn, of_record};

/// An inode that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewInode {
    pub(crate) file_type: FileType,
    pub(crate) attributes: SetAttributes,
    pub(crate) device: DeviceNumber,
    pub(crate) target: Bytes,
    pub(crate) verifier: Option<[u8; 8]>,
}

impl NewInode {
    /// One without anything special.
    pub(crate) fn of(file_type: FileType, attributes: SetAttributes) -> Self {
        Self { file_type, attributes, device: DeviceNumber::default(), target: Bytes::new(), verifier: None }
    }
}

/// What a creation came to within the turn.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
enum Outcome {
    Done(CreateReply),
    /// An existing file is taken and has to get this size first.
    Resize(Attributes, InodeId, u64),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_create(&self, ctx: &OpContext, request: CreateRequest) -> Result<CreateReply, Failure> {
        require_present(request.parent)?;
        if let Some(done) = self.done_before(ctx, request.parent.shard, Kind::Created) {
            return self.created_before(request.parent, done).await;
        }
        self.admit_growth(ctx)?;
        let (attributes, verifier) = match &request.how {
            CreateHow::Unchecked(attributes) | CreateHow::Guarded(attributes) => (attributes.clone(), None),
            CreateHow::Exclusive(verifier) => (SetAttributes::default(), Some(*verifier)),
        };
        let new = NewInode { verifier, ..NewInode::of(FileType::Regular, attributes) };
        let create = |turn: &mut Turn<'_, K, C>| create_file(turn, ctx, (&request, &new));
        match self.mutate(request.parent.shard, create).await? {
            Outcome::Done(reply) => Ok(reply),
            Outcome::Resize(parent, inode, size) => Box::pin(self.resize_taken(ctx, (parent, inode), size)).await,
        }
    }

    /// An existing file that is taken gets the size that was asked for.
    async fn resize_taken(
        &self,
        ctx: &OpContext,
        (parent, inode): (Attributes, InodeId),
        size: u64,
    ) -> Result<CreateReply, Failure> {
        let attributes = SetAttributes { size: Some(size), ..SetAttributes::default() };
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        let set = self.set_with_size((ctx, Kind::Taken), &request, size).await;
        let set = set.map_err(|failure| Failure::with(failure.error, parent.clone()))?;
        Ok(CreateReply { attributes: set.change.after, parent: Change::none(parent), created: false })
    }

    pub(crate) async fn do_mkdir(&self, ctx: &OpContext, request: MkdirRequest) -> Result<CreateReply, Failure> {
        let new = NewInode::of(FileType::Directory, request.attributes);
        self.make(ctx, (request.parent, request.name), new).await
    }

    pub(crate) async fn do_symlink(&self, ctx: &OpContext, request: SymlinkRequest) -> Result<CreateReply, Failure> {
        let new = NewInode { target: request.target, ..NewInode::of(FileType::Symlink, request.attributes) };
        self.make(ctx, (request.parent, request.name), new).await
    }

    pub(crate) async fn do_mknod(&self, ctx: &OpContext, request: MknodRequest) -> Result<CreateReply, Failure> {
        let (file_type, device) = match request.kind {
            NodeKind::Fifo => (FileType::Fifo, DeviceNumber::default()),
            NodeKind::Socket => (FileType::Socket, DeviceNumber::default()),
            NodeKind::Block(device) => (FileType::Block, device),
            NodeKind::Character(device) => (FileType::Character, device),
        };
        let new = NewInode { device, ..NewInode::of(file_type, request.attributes) };
        self.make(ctx, (request.parent, request.name), new).await
    }

    async fn make(
        &self,
        ctx: &OpContext,
        (parent, name): (InodeId, Name),
        new: NewInode,
    ) -> Result<CreateReply, Failure> {
        require_present(parent)?;
        if let Some(done) = self.done_before(ctx, parent.shard, Kind::Created) {
            return self.created_before(parent, done).await;
        }
        self.admit_growth(ctx)?;
        self.mutate(parent.shard, |turn| {
            let (before, found) = look_in_parent(turn, ctx, (parent, &name))?;
            if found.is_some() {
                return Err(Failure::with(FsError::Exists, before).into());
            }
            create_new(turn, ctx, (&before, &name), &new)
        })
        .await
    }
}

fn create_file<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, new): (&CreateRequest, &NewInode),
) -> Step<Outcome> {
    let (before, found) = look_in_parent(turn, ctx, (request.parent, &request.name))?;
    match found {
        Some(found) => take_existing(turn, (request, &before), &found),
        None => create_new(turn, ctx, (&before, &request.name), new).map(Outcome::Done),
    }
}

/// The directory, its attributes and the entry of that name, after the checks that come before `Exists`.
fn look_in_parent<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (parent, name): (InodeId, &Name),
) -> Step<(Attributes, Option<Found>)> {
    let record = turn.live(parent)?;
    let before = turn.attributes(parent, &record);
    require_directory(&before)?;
    let refuse = |error| Stop::Fail(Failure::with(error, before.clone()));
    require(&before, &ctx.credentials, SEARCH).map_err(refuse)?;
    let found = turn.find(parent, name)?;
    Ok((before, found))
}

/// An existing file satisfies an unchecked creation, and an exclusive one with the same verifier.
fn take_existing<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (request, parent): (&CreateRequest, &Attributes),
    found: &Found,
) -> Step<Outcome> {
    let exists = || Stop::Fail(Failure::with(FsError::Exists, parent.clone()));
    if found.dentry.file_type != FileType::Regular {
        return Err(exists());
    }
    let record = turn.live(found.target)?;
    let attributes = turn.attributes(found.target, &record);
    match &request.how {
        CreateHow::Guarded(_) => return Err(exists()),
        CreateHow::Exclusive(verifier) if record.create_verifier != Some(*verifier) => return Err(exists()),
        CreateHow::Exclusive(_) => {}
        CreateHow::Unchecked(set) => {
            if let Some(size) = set.size {
                return Ok(Outcome::Resize(parent.clone(), found.target, size));
            }
        }
    }
    Ok(Outcome::Done(CreateReply { attributes, parent: Change::none(parent.clone()), created: false }))
}

/// Makes an inode and its entry; the name does not exist.
pub(crate) fn create_new<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (parent, name): (&Attributes, &Name),
    new: &NewInode,
) -> Step<CreateReply> {
    let refuse = |error| Stop::Fail(Failure::with(error, parent.clone()));
    require_add(parent, &ctx.credentials, new.file_type == FileType::Directory).map_err(refuse)?;
    let (owner, group) = check_new(ctx, (parent, name), new).map_err(refuse)?;
    let directory = parent.inode;
    let is_directory = new.file_type == FileType::Directory;
    if is_directory {
        make_room_below(turn, parent).map_err(|stop| named(stop, parent))?;
    }
    let inode = directory.sibling(turn.new_number());
    let place = (directory.number, turn.clock().current);
    let mut record = new_record(new, place, (turn.now, turn.stamp()));
    (record.owner, record.group) = (owner, group);
    set_new(&mut record, ctx, (parent, &new.attributes), turn.now);
    turn.set_xattrs(inode, &mut record, &new.attributes).map_err(|stop| named(stop, parent))?;
    set_first_descriptor(turn, parent, &mut record, &new.attributes).map_err(|stop| named(stop, parent))?;
    record.create_verifier = new.verifier;
    let dentry = DentryRecord {
        born: turn.clock().current,
        name: name.clone(),
        tree: inode.tree,
        number: inode.number,
        shard: None,
        file_type: new.file_type,
    };
    record.home_cookie = turn.add_dentry(directory, dentry)?;
    if is_directory {
        let application_bytes = record.xattr_bytes.into();
        turn.put_usage(inode, Some(UsageRecord { inodes: 1, application_bytes, ..UsageRecord::default() }));
    }
    turn.charge_inode(inode, &record, of_record(&record))?;
    let record = turn.put_inode(inode, record);
    let after = turn.touch_directory(directory, 1, i64::from(is_directory))?;
    let attributes = turn.attributes(inode, &record);
    turn.remember(ctx, Kind::Created, inode);
    Ok(CreateReply { attributes, parent: Change { before: parent.pre(), after }, created: true })
}

/// Whether the caller may make such a thing; its owner and group.
fn check_new(
    ctx: &OpContext,
    (parent, name): (&Attributes, &Name),
    new: &NewInode,
) -> Result<(Principal, Principal), FsError> {
    let is_device = matches!(new.file_type, FileType::Block | FileType::Character);
    if is_device && !ctx.credentials.superuser {
        return Err(FsError::NotPermitted);
    }
    let owners = owner_of_new(parent, &ctx.credentials, &new.attributes)?;
    check_values(&new.attributes)?;
    if new.file_type == FileType::Symlink && (new.target.is_empty() || new.target.contains(&0)) {
        return Err(FsError::InvalidArgument);
    }
    check_length(ctx, name)?;
    require_ordinary(ctx, name)?;
    if new.target.len() > SYMLINK_BYTES_MAX {
        return Err(FsError::NameTooLong);
    }
    let is_file = new.file_type == FileType::Regular;
    if is_file && new.attributes.size.is_some_and(|size| size > vfs::limits::FILE_SIZE_MAX) {
        return Err(FsError::FileTooLarge);
    }
    Ok(owners)
}

fn make_room_below<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, parent: &Attributes) -> Step<()> {
    if parent.links >= DIRECTORY_LINKS_MAX {
        return Err(FsError::TooManyLinks.into());
    }
    if turn.chain(parent.inode)?.len() > DEPTH_MAX as usize {
        return Err(FsError::TooDeep.into());
    }
    turn.raise(parent.inode, 0)
}

pub(super) fn named(stop: Stop, parent: &Attributes) -> Stop {
    match stop {
        Stop::Fail(failure) => Stop::Fail(Failure::with(failure.error, parent.clone())),
        other => other,
    }
}

/// The record of a new inode, before its attributes are set.
pub(super) fn new_record(
    new: &NewInode,
    (home, born): (InodeNumber, Epoch),
    (now, change): (Timestamp, u64),
) -> InodeRecord {
    let size = match new.file_type {
        FileType::Regular => new.attributes.size.unwrap_or(0),
        FileType::Symlink => new.target.len() as u64,
        _ => 0,
    };
    InodeRecord {
        born,
        file_type: new.file_type,
        mode: if new.file_type == FileType::Symlink { 0o777 } else { 0 },
        owner: Principal::Unix(0),
        group: Principal::Unix(0),
        descriptor: None,
        dos: DosAttributes::default(),
        accessed: now,
        modified: now,
        changed: now,
        created: now,
        change,
        size,
        links: if new.file_type == FileType::Directory { 2 } else { 1 },
        ever_linked: false,
        home_parent: home,
        home_cookie: Cookie::START,
        device: new.device,
        allocated_blocks: 0,
        stored_bytes: 0,
        mask_generation: 0,
        masks: SmallVec::new(),
        tier: 0,
        archive: ArchiveState::default(),
        retained_until: None,
        holds: 0,
        create_verifier: None,
        xattr_bytes: 0,
        symlink: new.target.clone(),
        streams: 0,
        journal_floor: 0,
        attributes_floor: 0,
    }
}

fn set_new(record: &mut InodeRecord, ctx: &OpContext, (parent, set): (&Attributes, &SetAttributes), now: Timestamp) {
    let group_comes_down = record.file_type == FileType::Directory && parent.mode & SET_GROUP_ID != 0;
    let rest = SetAttributes { owner: None, group: None, size: None, ..set.clone() };
    apply(record, &ctx.credentials, &rest, now);
    if group_comes_down {
        record.mode |= mode_of(SET_GROUP_ID);
    }
}
