//! Opening (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1).
//!
//! Everything is decided within the shard's turn, and the open with its share mode stands in the tables when the turn
//! ends: whoever comes next sees it. What is cut by it is cut then, through it; only after that its client hears of it,
//! and if anything fails meanwhile the open is gone again.

use std::sync::Arc;

use locking::{HeldShare, Link, NewOpen, Open, Persistent, Refusal, ShareReservation};
use vfs::acl::AccessMask;
use vfs::limits::OPEN_NOTE_BYTES_MAX;
use vfs::{
    Attributes, Case, Disposition, DosAttributes, Failure, FileType, FsError, InodeId, LeaseGrant, LockOwner, Name,
    OpContext, OpenReply, OpenRequest, OpenTarget, OpenedHow, SetAttributes, SetattrRequest, ShareMode, Via,
};

use super::stream::{make_stream, open_stream};
use crate::Filesystem;
use crate::access::{SEARCH, granted, is_read_only, open_rights, require, require_sticky};
use crate::namespace::{NewInode, check_length, create_new, require_directory};
use crate::replay::Kind;
use crate::snapshot::opens_past;
use crate::turn::{Found, Step, Stop, Turn};

/// What is to be opened, as the turn found or made it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) attributes: Attributes,
    pub(super) link: Option<Link>,
    pub(super) how: OpenedHow,
    pub(super) granted: AccessMask,
    pub(super) maximal: AccessMask,
    /// The file that it is a stream of, and the name by which that was found.
    pub(super) stream_of: Option<(InodeId, Option<Link>)>,
}

/// Something that exists.
pub(super) struct Existing {
    pub(super) attributes: Attributes,
    pub(super) link: Option<Link>,
    /// Whether the caller may remove its name.
    pub(super) may_delete: bool,
    /// Whether the caller may list its directory.
    pub(super) may_list: bool,
    /// Whether nobody may: the root of a zone, or something without a name.
    pub(super) is_fixed: bool,
}

/// An open that its client has not heard of yet; gone with this unless it is granted.
struct Unheard<'h, K: kv::Engine, C: chunk::Store> {
    house: &'h Filesystem<K, C>,
    open: Option<Arc<Open>>,
}

impl<K: kv::Engine, C: chunk::Store> Drop for Unheard<'_, K, C> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.house.end_open(&open);
        }
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_open(&self, ctx: &OpContext, mut request: OpenRequest) -> Result<OpenReply, Failure> {
        check_request(&request)?;
        if opens_past(ctx, &request) {
            Box::pin(self.open_in_past(ctx, &mut request)).await?;
        }
        // Whether there is room is of no interest to who creates nothing.
        let room = self.admit_growth(ctx);
        let mut unheard = Unheard { house: self, open: None };
        let step = |turn: &mut Turn<'_, K, C>| {
            turn.spare_parent(request.lease);
            let opened = find_or_create(turn, ctx, (&request, &room))?;
            turn.observe()?;
            let (open, lease) = self.take_open(ctx, &request, &opened)?;
            unheard.open = Some(open);
            Ok((opened, lease))
        };
        let (mut opened, lease) = self.mutate(shard_of(&request), step).await?;
        let open = unheard.open.clone().ok_or(FsError::Io)?;
        self.pass_writers(open.inode);
        if is_cut(opened.how) {
            opened.attributes = self.cut_opened(ctx, &request, &open).await?;
            self.narrow(&request, &opened, &open);
        }
        self.keep(&open).await?;
        unheard.open = None;
        self.leases.announce(open.inode, open.id);
        let Opened { attributes, how, granted, maximal, .. } = opened;
        Ok(OpenReply { open: open.id, how, granted, maximal, lease, attributes })
    }

    /// Puts the open into the tables. Nothing may miss after it.
    ///
    /// Errors: `InvalidArgument` (the key of its lease is that of another file), `TooManyLocks`, `Breaking`,
    /// `ShareConflict`.
    fn take_open(
        &self,
        ctx: &OpContext,
        request: &OpenRequest,
        opened: &Opened,
    ) -> Result<(Arc<Open>, LeaseGrant), FsError> {
        let inode = opened.attributes.inode;
        self.require_own_key(inode, request.lease.as_ref())?;
        // What it needs to cut, which its client may not be granted.
        let needed = if is_cut(opened.how) { CUTTING } else { AccessMask::default() };
        let is_directory = opened.attributes.is_directory();
        let new = NewOpen {
            inode,
            session: ctx.session,
            granted: opened.granted.union(needed),
            link: opened.link.clone(),
            delete_on_close: request.delete_on_close,
            lease: request.lease,
            stream_of: opened.stream_of.clone(),
            persistent: request.persistent.clone().map(|note| Persistent { share: request.share, is_directory, note }),
        };
        let open = self.opens.add(new).map_err(|_| FsError::TooManyLocks)?;
        let kind = (is_cut(opened.how), is_directory);
        let lease = self.reserve(request.share, &open).and_then(|()| self.take_lease(&open, kind, &request.mailbox));
        if lease.is_err() {
            self.end_open(&open);
        }
        lease.map(|lease| (open, lease))
    }

    pub(super) fn reserve(&self, share: ShareMode, open: &Open) -> Result<(), FsError> {
        let (owner, reservation) = (LockOwner::Open(open.id), ShareReservation::new(open.granted(), share));
        if reservation.access() == ShareMode::default() {
            // It looks at attributes only: nothing to be reserved.
            self.locks.table.unshare(open.inode, &owner);
            return Ok(());
        }
        let shared = self.locks.table.share(open.inode, HeldShare { owner, reservation, since: self.clock.now() });
        shared.map_err(|refusal| match refusal {
            Refusal::Shared(_) | Refusal::Held(_) => self.refuse_shared(open.inode, Some(open)),
            Refusal::TooMany | Refusal::Deadlock => FsError::TooManyLocks,
        })
    }

    /// Cuts what is overwritten, through the open itself.
    async fn cut_opened(&self, ctx: &OpContext, request: &OpenRequest, open: &Open) -> Result<Attributes, Failure> {
        let SetAttributes { dos, xattrs, .. } = request.attributes.clone();
        let attributes = match open.stream_of {
            Some(_) => SetAttributes { size: Some(0), ..SetAttributes::default() },
            None => SetAttributes { size: Some(0), dos, xattrs, overwrites: true, ..SetAttributes::default() },
        };
        let cut = SetattrRequest { inode: open.inode, via: Via::Open(open.id), attributes, guard: None };
        let after = self.set_with_size((ctx, Kind::Taken), &cut, 0).await?.change.after;
        if open.stream_of.is_some() { self.settled_attributes(open.inode).await } else { Ok(after) }
    }

    /// After the cut the open may do what was granted, and stands in the way of others as much.
    fn narrow(&self, request: &OpenRequest, opened: &Opened, open: &Open) {
        open.grant(opened.granted);
        let narrowed = self.reserve(request.share, open);
        debug_assert!(narrowed.is_ok(), "less conflicts with nobody");
    }
}

/// What can be refused before anything is looked at.
fn check_request(request: &OpenRequest) -> Result<(), FsError> {
    let note = request.persistent.as_ref().map_or(0, |note| note.len());
    match request.directory {
        _ if note > OPEN_NOTE_BYTES_MAX => Err(FsError::InvalidArgument),
        Some(true) if request.stream.is_some() => Err(FsError::NotDirectory),
        Some(true) if overwrites(request.disposition) => Err(FsError::InvalidArgument),
        _ => Ok(()),
    }
}

fn shard_of(request: &OpenRequest) -> vfs::ShardId {
    match &request.target {
        OpenTarget::Inode(inode) => inode.shard,
        OpenTarget::Child { parent, .. } => parent.shard,
    }
}

fn find_or_create<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, room): (&OpenRequest, &Result<(), Failure>),
) -> Step<Opened> {
    match &request.target {
        OpenTarget::Inode(inode) => {
            let record = turn.live(*inode)?;
            let attributes = turn.attributes(*inode, &record);
            let may_delete = ctx.credentials.superuser;
            let existing = Existing { attributes, link: None, may_delete, may_list: false, is_fixed: true };
            open_there(turn, ctx, (request, room), existing)
        }
        OpenTarget::Child { parent, name, case } => {
            let opened = find_or_create_in(turn, ctx, (*parent, name, *case), (request, room));
            if matches!(opened, Err(Stop::Fail(_))) {
                // A refusal tells of the directory.
                turn.live(*parent)?;
            }
            opened
        }
    }
}

/// Who opens what is there learns nothing of the times and counts of its directory, and does not wait for those who
/// make and remove others there.
fn find_or_create_in<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (parent, name, case): (InodeId, &Name, Case),
    (request, room): (&OpenRequest, &Result<(), Failure>),
) -> Step<Opened> {
    let record = turn.passed(parent)?;
    let parent = turn.attributes(parent, &record);
    let refuse = |error| Stop::Fail(Failure::with(error, parent.clone()));
    require_directory(&parent)?;
    require(&parent, &ctx.credentials, SEARCH).map_err(refuse)?;
    check_length(ctx, name).map_err(refuse)?;
    match turn.find_as(parent.inode, (name, case))? {
        Some(found) => {
            let existing = existing(turn, ctx, (&parent, &found))?;
            open_there(turn, ctx, (request, room), existing)
        }
        None if !creates(request.disposition) => Err(refuse(FsError::NotFound)),
        None => {
            room.clone()?;
            let made = create(turn, ctx, (&parent, name), request)?;
            match &request.stream {
                Some(stream) => make_stream(turn, stream, made),
                None => Ok(made),
            }
        }
    }
}

/// Opens what exists, or a stream of it.
fn open_there<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, room): (&OpenRequest, &Result<(), Failure>),
    existing: Existing,
) -> Step<Opened> {
    match &request.stream {
        Some(stream) => open_stream(turn, ctx, (request, room, stream), existing),
        None => open_existing(turn, request, ctx, existing),
    }
}

fn existing<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (parent, found): (&Attributes, &Found),
) -> Step<Existing> {
    let record = turn.live(found.target)?;
    let attributes = turn.attributes(found.target, &record);
    let above = granted(parent, &ctx.credentials, AccessMask::ALL);
    let is_free = require_sticky(parent, &attributes, &ctx.credentials).is_ok();
    let may_delete = is_free && above.contains(AccessMask::DELETE_CHILD);
    let link = Some(Link { parent: parent.inode, name: found.dentry.name.clone() });
    let may_list = above.contains(AccessMask::READ_DATA);
    Ok(Existing { attributes, link, may_delete, may_list, is_fixed: found.dentry.shard.is_some() })
}

fn open_existing<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    request: &OpenRequest,
    ctx: &OpContext,
    existing: Existing,
) -> Step<Opened> {
    let Existing { attributes, link, may_delete, may_list, is_fixed } = existing;
    let refuse = |error| Stop::Fail(Failure::with(error, attributes.clone()));
    if request.disposition == Disposition::Create {
        return Err(refuse(FsError::Exists));
    }
    if is_pending(turn, attributes.inode, link.as_ref()) {
        return Err(refuse(FsError::DeletePending));
    }
    check_link(request, &attributes).map_err(refuse)?;
    check_type(request, &attributes).map_err(refuse)?;
    let maximal = open_rights(&attributes, &ctx.credentials, (may_delete && !is_fixed, may_list));
    let granted = grant(request, maximal).map_err(refuse)?;
    check_overwritten(request, &attributes, maximal).map_err(refuse)?;
    if request.delete_on_close
        && (is_fixed || attributes.inode == InodeId::root_of(attributes.inode.shard) || is_read_only(&attributes))
    {
        return Err(refuse(FsError::NotPermitted));
    }
    if granted.contains(AccessMask::DELETE) {
        turn.require_streams_deletable(attributes.inode)?;
    }
    let how = how_existing(request.disposition);
    Ok(Opened { attributes, link, how, granted, maximal, stream_of: None })
}

/// Whether the name that something was found by goes with its last open.
pub(super) fn is_pending<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    inode: InodeId,
    link: Option<&Link>,
) -> bool {
    link.is_some_and(|link| turn.house.opens.is_pending(inode, Some(link)))
}

/// What opening of something that exists does to it.
pub(super) fn how_existing(disposition: Disposition) -> OpenedHow {
    match disposition {
        Disposition::Open | Disposition::OpenOrCreate | Disposition::Create => OpenedHow::Opened,
        Disposition::Overwrite | Disposition::OverwriteOrCreate => OpenedHow::Overwritten,
        Disposition::Supersede => OpenedHow::Superseded,
    }
}

fn check_link(request: &OpenRequest, attributes: &Attributes) -> Result<(), FsError> {
    let is_link = attributes.file_type == FileType::Symlink && !request.opens_links;
    if is_link { Err(FsError::IsSymlink) } else { Ok(()) }
}

fn check_type(request: &OpenRequest, attributes: &Attributes) -> Result<(), FsError> {
    let is_directory = attributes.is_directory();
    match request.directory {
        Some(true) if !is_directory => Err(FsError::NotDirectory),
        Some(false) if is_directory => Err(FsError::IsDirectory),
        _ if is_directory && overwrites(request.disposition) => Err(FsError::InvalidArgument),
        _ if attributes.file_type != FileType::Regular && overwrites(request.disposition) => Err(FsError::WrongType),
        _ => Ok(()),
    }
}

/// The rights that are granted of those that could be.
///
/// Errors: `AccessDenied`.
pub(super) fn grant(request: &OpenRequest, maximal: AccessMask) -> Result<AccessMask, FsError> {
    let asks_for_all = request.access.contains(AccessMask::MAXIMUM_ALLOWED);
    let wanted = AccessMask(request.access.0 & !AccessMask::MAXIMUM_ALLOWED.0);
    let granted = if asks_for_all { maximal } else { wanted };
    let deletes = !request.delete_on_close || granted.contains(AccessMask::DELETE);
    if maximal.contains(wanted) && granted != AccessMask::default() && deletes {
        Ok(granted)
    } else {
        Err(FsError::AccessDenied)
    }
}

/// Whether the caller may overwrite what is there, if it asks for that (MS-FSA 2.1.5.1.2).
pub(super) fn check_overwritten(
    request: &OpenRequest,
    attributes: &Attributes,
    maximal: AccessMask,
) -> Result<(), FsError> {
    if !overwrites(request.disposition) {
        return Ok(());
    }
    let supersedes = request.disposition == Disposition::Supersede;
    let needed = if supersedes { AccessMask::WRITE_DATA.union(AccessMask::DELETE) } else { AccessMask::WRITE_DATA };
    let given = request.attributes.dos.unwrap_or_default();
    let kept = [DosAttributes::HIDDEN, DosAttributes::SYSTEM];
    let is_as_it_was = kept.iter().all(|bit| !attributes.dos.contains(*bit) || given.contains(*bit));
    if maximal.contains(needed) && is_as_it_was { Ok(()) } else { Err(FsError::AccessDenied) }
}

fn create<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (parent, name): (&Attributes, &Name),
    request: &OpenRequest,
) -> Step<Opened> {
    if turn.house.opens.is_pending(parent.inode, None) {
        return Err(Failure::with(FsError::DeletePending, parent.clone()).into());
    }
    // Who creates may do everything with what it creates, whatever its mode says.
    let maximal = AccessMask::ALL;
    let granted = grant(request, maximal).map_err(|error| Failure::with(error, parent.clone()))?;
    let file_type = if request.directory == Some(true) { FileType::Directory } else { FileType::Regular };
    let attributes = SetAttributes { size: None, ..request.attributes.clone() };
    if request.delete_on_close && attributes.dos.is_some_and(|dos| dos.contains(DosAttributes::READ_ONLY)) {
        return Err(Failure::with(FsError::NotPermitted, parent.clone()).into());
    }
    let made = create_new(turn, ctx, (parent, name), &NewInode::of(file_type, attributes))?;
    let link = Some(Link { parent: parent.inode, name: name.clone() });
    Ok(Opened { attributes: made.attributes, link, how: OpenedHow::Created, granted, maximal, stream_of: None })
}

pub(super) fn creates(disposition: Disposition) -> bool {
    !matches!(disposition, Disposition::Open | Disposition::Overwrite)
}

fn overwrites(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Overwrite | Disposition::OverwriteOrCreate | Disposition::Supersede)
}

fn is_cut(how: OpenedHow) -> bool {
    matches!(how, OpenedHow::Overwritten | OpenedHow::Superseded)
}

/// What an open needs to overwrite.
const CUTTING: AccessMask =
    AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::WRITE_ATTRIBUTES.0 | AccessMask::WRITE_EA.0);
