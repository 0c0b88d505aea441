//! Opens: a list of them, and the names that go with their last one.

use std::collections::{BTreeMap, BTreeSet};

use vfs::acl::AccessMask;
use vfs::limits::SYMLINK_BYTES_MAX;
use vfs::{
    Attributes, Change, CloseReply, DeletePendingRequest, Disposition, DosAttributes, Failure, FileType, FsError,
    InodeId, InodeNumber, LeaseOwner, LeaseRequest, MakeSymlinkRequest, Name, OpenId, OpenReply, OpenRequest,
    OpenState, OpenTarget, OpenedHow, RenameOpenRequest, RenameReply, RenameRequest, SessionId, SetAttributes,
    ShareMode, TakeOverRequest, Via,
};

use super::content::Content;
use super::create::New;
use super::inode::{Body, Directory};
use super::leases::{Asking, Intrusion, owner_of};
use super::permission;
use super::set_attributes::{set_size, set_xattrs};
use super::turn::Turn;

/// A name of an inode: directory and entry.
pub(super) type Link = (InodeId, Name);

/// Everything that is open.
#[derive(Debug, Default)]
pub(super) struct Opens {
    pub(super) all: BTreeMap<OpenId, Open>,
    pub(super) pending: BTreeSet<Link>,
    /// Streams that go with their last open.
    pub(super) pending_streams: BTreeSet<InodeId>,
    last: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Open {
    session: SessionId,
    pub(super) inode: InodeId,
    pub(super) granted: AccessMask,
    share: ShareMode,
    pub(super) delete_on_close: bool,
    /// The name of it, or of the file whose stream it is.
    pub(super) link: Option<Link>,
    /// That file.
    pub(super) stream_of: Option<InodeId>,
    pub(super) lease: Option<LeaseRequest>,
}

impl Opens {
    /// Whether an inode or a stream of it is open.
    pub(super) fn holds(&self, inode: InodeId) -> bool {
        self.all.values().any(|open| open.inode == inode || open.stream_of == Some(inode))
    }

    /// Whether a stream of an inode is open.
    pub(super) fn holds_streams(&self, inode: InodeId) -> bool {
        self.all.values().any(|open| open.stream_of == Some(inode))
    }

    /// The opens of an inode.
    pub(super) fn of(&self, inode: InodeId) -> Vec<Open> {
        self.all.values().filter(|open| open.inode == inode).cloned().collect()
    }

    /// Whose the lease is that an open asked for.
    pub(super) fn lease_owner(&self, id: OpenId) -> Option<LeaseOwner> {
        owner_of(id, self.all.get(&id)?.lease)
    }

    /// What opens of an inode may do, other than this one and those under its lease.
    pub(super) fn others(
        &self,
        inode: InodeId,
        (open, own): (OpenId, Option<LeaseOwner>),
    ) -> impl Iterator<Item = AccessMask> {
        let others = self.all.iter().filter(move |(id, other)| {
            let is_own = **id == open || (own.is_some() && owner_of(**id, other.lease) == own);
            other.inode == inode && !is_own
        });
        others.map(|(_, other)| other.granted)
    }

    /// What is open in a directory.
    pub(super) fn below(&self, parent: InodeId) -> Vec<InodeId> {
        let is_below = |open: &&Open| open.link.as_ref().is_some_and(|(directory, _)| *directory == parent);
        self.all.values().filter(is_below).map(|open| open.inode).collect()
    }

    /// The directories in which something is open.
    pub(super) fn parents(&self) -> Vec<InodeId> {
        let names = self.all.values().filter_map(|open| open.link.as_ref()).map(|(parent, _)| *parent);
        names.chain(self.all.values().filter_map(|open| open.stream_of)).collect()
    }

    /// A name becomes another, or goes.
    pub(super) fn follow(&mut self, from: &Link, to: Option<&Link>) {
        for open in self.all.values_mut().filter(|open| open.link.as_ref() == Some(from)) {
            open.link = to.cloned();
        }
        if self.pending.remove(from) {
            self.pending.extend(to.cloned());
        }
    }

    /// Ends all opens.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.pending.clear();
        self.pending_streams.clear();
    }

    /// Makes an open that of another session.
    ///
    /// Errors: `BadOpen`.
    pub(super) fn hand_over(&mut self, request: &TakeOverRequest, to: SessionId) -> Result<(), FsError> {
        let open = self.all.get_mut(&request.open).filter(|open| open.session == request.from);
        open.ok_or(FsError::BadOpen)?.session = to;
        Ok(())
    }

    /// The opens of a session.
    pub(super) fn of_session(&self, session: SessionId) -> Vec<OpenId> {
        self.all.iter().filter(|(_, open)| open.session == session).map(|(id, _)| *id).collect()
    }
}

impl Open {
    /// The rights granted.
    pub(super) fn granted(&self) -> AccessMask {
        self.granted
    }

    /// Whether it has one of these rights.
    pub(super) fn has_any(&self, rights: &[AccessMask]) -> bool {
        rights.iter().any(|right| self.granted.contains(*right))
    }

    /// Whether these attributes may be set through it.
    pub(super) fn lets_set(&self, set: &SetAttributes) -> bool {
        let shown = set.accessed.is_some() || set.modified.is_some() || set.created.is_some() || set.dos.is_some();
        let has = |right| self.granted.contains(right);
        (set.size.is_none() || has(AccessMask::WRITE_DATA))
            && (!set.changes_xattrs() || has(AccessMask::WRITE_EA))
            && (!shown || has(AccessMask::WRITE_ATTRIBUTES))
            && (set.mode.is_none() && set.descriptor.is_none() || has(AccessMask::WRITE_DAC))
            && (set.owner.is_none() && set.group.is_none() || has(AccessMask::WRITE_OWNER))
    }

    /// Whether it does what the other does not let it do, or the other way round.
    pub(super) fn clashes(&self, uses: ShareMode, lets: ShareMode) -> bool {
        let own = uses_of(self.granted);
        own != ShareMode::default() && (exceeds(own, lets) || exceeds(uses, self.share))
    }
}

impl Turn<'_> {
    /// As [`vfs::Opens::open`].
    pub(super) fn open(&mut self, request: &OpenRequest) -> Result<OpenReply, Failure> {
        let overwrites = overwrites(request.disposition);
        self.spared = request.lease.and_then(|lease| lease.parent);
        if request.stream.is_some() && request.directory == Some(true) {
            return Err(FsError::NotDirectory.into());
        }
        if overwrites && request.directory == Some(true) {
            return Err(FsError::InvalidArgument.into());
        }
        let (parent, name, case) = match &request.target {
            OpenTarget::Inode(inode) => {
                self.attributes(*inode)?;
                return self.open_there(request, *inode, None);
            }
            OpenTarget::Child { parent, name, case } => (*parent, name, *case),
        };
        self.searched(parent)?;
        self.require_short(parent, name)?;
        match self.entry_named(parent, name, case)? {
            Some((stored, inode)) => self.open_there(request, inode, Some((parent, stored))),
            None if matches!(request.disposition, Disposition::Open | Disposition::Overwrite) => {
                Err(self.refuse(parent, FsError::NotFound))
            }
            None => self.open_new(request, (parent, name.clone())),
        }
    }

    fn open_there(&mut self, request: &OpenRequest, inode: InodeId, link: Option<Link>) -> Result<OpenReply, Failure> {
        match &request.stream {
            Some(stream) => self.open_stream((request, stream), inode, link),
            None => self.open_existing(request, inode, link),
        }
    }

    fn open_existing(
        &mut self,
        request: &OpenRequest,
        inode: InodeId,
        link: Option<Link>,
    ) -> Result<OpenReply, Failure> {
        let (overwrites, dos) = (overwrites(request.disposition), self.attributes(inode)?.dos);
        self.ensure(request.disposition != Disposition::Create, inode, FsError::Exists)?;
        let is_pending = link.as_ref().is_some_and(|link| self.state.opens.pending.contains(link));
        self.ensure(!is_pending, inode, FsError::DeletePending)?;
        self.check_type(request, inode)?;
        let is_fixed = link.as_ref().is_none_or(|(parent, _)| parent.shard != inode.shard);
        let maximal = self.maximal(inode, link.as_ref(), is_fixed)?;
        let granted = self.grant(request, inode, maximal)?;
        if overwrites {
            let deletes = request.disposition != Disposition::Supersede || maximal.contains(AccessMask::DELETE);
            let given = request.attributes.dos.unwrap_or_default();
            let kept = (dos.0 & !given.0) & (DosAttributes::HIDDEN.0 | DosAttributes::SYSTEM.0) == 0;
            let may = deletes && kept && maximal.contains(AccessMask::WRITE_DATA);
            self.ensure(may, inode, FsError::AccessDenied)?;
        }
        let is_kept = is_fixed || inode.number == InodeNumber::ROOT || self.is_read_only(inode)?;
        self.ensure(!request.delete_on_close || !is_kept, inode, FsError::NotPermitted)?;
        let write = if overwrites { AccessMask::WRITE_DATA } else { AccessMask::default() };
        if granted.contains(AccessMask::DELETE) {
            self.require_streams_deletable(inode, inode)?;
        }
        self.make_room(request, inode, (granted.union(write), overwrites))?;
        let how = how_existing(request.disposition);
        if overwrites {
            let (now, ctx) = (self.now, self.ctx);
            let set = SetAttributes { overwrites: true, ..request.attributes.clone() };
            let (mut xattrs, mut shown) = (BTreeMap::new(), self.attributes(inode)?.clone());
            let fits = set_xattrs((&mut xattrs, &mut shown), &set);
            self.ensure(fits, inode, FsError::FileTooLarge)?;
            self.lose_streams(inode)?;
            self.change(inode, |inode| {
                (inode.xattrs, inode.attributes.xattr_bytes) = (xattrs, shown.xattr_bytes);
                set_size(inode, 0, now);
                permission::clear_set_id(&ctx.credentials, &mut inode.attributes);
                inode.attributes.dos = request.attributes.dos.unwrap_or(inode.attributes.dos);
                inode.exclusive = None;
            })?;
        }
        self.add_open(request, (inode, link, None, how), (granted, maximal))
    }

    fn open_new(&mut self, request: &OpenRequest, link: Link) -> Result<OpenReply, Failure> {
        let (parent, name) = &link;
        let in_parent =
            |open: &Open| open.inode == *parent && open.link.as_ref().is_some_and(|link| self.is_pending(link));
        let is_going = self.state.opens.all.values().any(in_parent);
        self.ensure(!is_going, *parent, FsError::DeletePending)?;
        let granted = self.grant(request, *parent, AccessMask::ALL)?;
        let is_read_only = request.attributes.dos.is_some_and(|dos| dos.contains(DosAttributes::READ_ONLY));
        self.ensure(!(request.delete_on_close && is_read_only), *parent, FsError::NotPermitted)?;
        let (file_type, body) = match request.directory {
            Some(true) => (FileType::Directory, Body::Directory(Directory::new(*parent))),
            _ => (FileType::Regular, Body::File(Content::default())),
        };
        let attributes = SetAttributes { size: None, ..request.attributes.clone() };
        self.require_own_key(request, InodeId::default())?;
        let made = self.make(New { parent: *parent, name, file_type, body, attributes: &attributes })?;
        let inode = made.attributes.inode;
        let (inode, stream_of) = match &request.stream {
            Some(stream) => (self.add_stream(inode, stream)?, Some(inode)),
            None => (inode, None),
        };
        let what = (inode, Some(link), stream_of, OpenedHow::Created);
        self.add_open(request, what, (granted, AccessMask::ALL))
    }

    pub(super) fn add_open(
        &mut self,
        request: &OpenRequest,
        (inode, link, stream_of, how): (InodeId, Option<Link>, Option<InodeId>, OpenedHow),
        (granted, maximal): (AccessMask, AccessMask),
    ) -> Result<OpenReply, Failure> {
        let (session, share, delete_on_close) = (self.ctx.session, request.share, request.delete_on_close);
        let opens = &mut self.state.opens;
        opens.last += 1;
        let (open, lease) = (OpenId(opens.last), request.lease);
        opens.all.insert(open, Open { session, inode, granted, share, delete_on_close, link, stream_of, lease });
        let attributes = self.whole(inode)?;
        let asking = Asking { open, lease, mailbox: &request.mailbox };
        let lease = self.grant_lease(&asking, (inode, attributes.is_directory()));
        Ok(OpenReply { open, how, granted, maximal, lease, attributes })
    }

    /// As [`vfs::Opens::close`].
    pub(super) fn close(&mut self, id: OpenId) -> Result<CloseReply, Failure> {
        let open = self.find_open(id)?.clone();
        self.spared = open.lease.and_then(|lease| lease.parent);
        self.state.opens.all.remove(&id);
        self.state.locks.free_open(id);
        self.state.leases.close(id);
        self.end_watches_of(id);
        if open.delete_on_close {
            self.end_watches_at(open.inode);
        }
        self.close_stream(&open)?;
        if let Some(link) = &open.link {
            if open.delete_on_close && open.stream_of.is_none() {
                self.state.opens.pending.insert(link.clone());
            }
            let is_last = !self.state.opens.all.values().any(|other| other.link.as_ref() == Some(link));
            if is_last && self.state.opens.pending.remove(link) {
                self.remove_closed(open.stream_of.unwrap_or(open.inode), link)?;
            }
        }
        self.state.forget_closed();
        let change = self.whole(open.inode).ok().map(Change::none);
        Ok(CloseReply { change })
    }

    fn remove_closed(&mut self, inode: InodeId, (parent, name): &Link) -> Result<(), Failure> {
        if self.inode(inode)?.directory().is_some_and(|directory| directory.len() > 0) {
            return Ok(());
        }
        let removed = self.unlink(inode)?;
        self.change_entries(*parent, |parent| {
            parent.remove_entry(name);
            parent.attributes.links -= u32::from(removed.is_directory());
        })?;
        Ok(())
    }

    /// As [`vfs::Opens::set_delete_pending`].
    pub(super) fn set_delete_pending(&mut self, request: DeletePendingRequest) -> Result<(), Failure> {
        let open = self.deleting_open(request.open)?;
        if open.stream_of.is_some() {
            return self.set_stream_pending(&open, request.pending);
        }
        if !request.pending {
            self.state.opens.pending.retain(|link| open.link.as_ref() != Some(link));
            return Ok(());
        }
        let inode = open.inode;
        let is_kept = self.is_read_only(inode)? || inode.number == InodeNumber::ROOT;
        self.ensure(!is_kept, inode, FsError::NotPermitted)?;
        let is_empty = self.inode(inode)?.directory().is_none_or(|directory| directory.len() == 0);
        self.ensure(is_empty, inode, FsError::NotEmpty)?;
        let has_name = open.link.is_some() || self.attributes(inode)?.links == 0;
        self.ensure(has_name, inode, FsError::NotPermitted)?;
        self.intrude(inode, Via::Open(request.open), Intrusion::Remove)?;
        self.state.opens.pending.extend(open.link);
        self.end_watches_at(inode);
        Ok(())
    }

    /// As [`vfs::Opens::make_symlink`].
    pub(super) fn make_symlink(&mut self, request: MakeSymlinkRequest) -> Result<Attributes, Failure> {
        let MakeSymlinkRequest { open, target } = request;
        let open = self.state.opens.all.get(&open).filter(|open| open.session == self.ctx.session);
        let open = open.cloned().ok_or(FsError::BadOpen)?;
        let inode = open.inode;
        if !open.has_any(&[AccessMask::WRITE_DATA, AccessMask::WRITE_ATTRIBUTES]) {
            return Err(FsError::AccessDenied.into());
        }
        if open.stream_of.is_some() {
            return Err(FsError::WrongType.into());
        }
        let (parent, name) = open.link.ok_or(FsError::NotFound)?;
        let Attributes { file_type, size, links, .. } = self.attributes(inode)?.clone();
        let is_directory = file_type == FileType::Directory;
        self.ensure(is_directory || file_type == FileType::Regular, inode, FsError::WrongType)?;
        let is_alone = links == 1 + u32::from(is_directory) && self.inode(inode)?.streams.is_empty();
        self.ensure(size == 0 && is_alone, inode, FsError::NotEmpty)?;
        let is_path = !target.is_empty() && !target.contains(&0);
        self.ensure(is_path, parent, FsError::InvalidArgument)?;
        self.ensure(target.len() <= SYMLINK_BYTES_MAX, parent, FsError::NameTooLong)?;
        self.unlink(inode)?;
        self.state.opens.follow(&(parent, name.clone()), None);
        self.change_entries(parent, |parent| {
            parent.remove_entry(&name);
            parent.attributes.links -= u32::from(is_directory);
        })?;
        let attributes = SetAttributes { mode: Some(0o777), ..SetAttributes::default() };
        let (file_type, body) = (FileType::Symlink, Body::Symlink(target));
        Ok(self.make(New { parent, name: &name, file_type, body, attributes: &attributes })?.attributes)
    }

    /// As [`vfs::Opens::rename_open`].
    pub(super) fn rename_open(&mut self, request: RenameOpenRequest) -> Result<RenameReply, Failure> {
        let open = self.deleting_open(request.open)?;
        let RenameOpenRequest { to_parent, to_name, replace, case, .. } = request;
        let (from_parent, from_name) = open.link.ok_or(FsError::NotFound)?;
        self.spared = open.lease.and_then(|lease| lease.parent);
        self.intrude(open.inode, Via::Open(request.open), Intrusion::Remove)?;
        let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace };
        self.rename_as(&request, (case, Some(open.inode)))
    }

    /// As [`vfs::Opens::open_state`].
    pub(super) fn open_state(&self, id: OpenId) -> Result<OpenState, Failure> {
        let open = self.find_open(id)?;
        let stream = open.stream_of.and_then(|file| self.stream_name(file, open.inode));
        let delete_pending = open.link.as_ref().is_some_and(|link| self.is_pending(link))
            || self.state.opens.pending_streams.contains(&open.inode);
        Ok(OpenState { inode: open.inode, granted: open.granted, name: open.link.clone(), stream, delete_pending })
    }

    /// The open through which an inode is reached.
    ///
    /// Errors: `BadOpen`.
    pub(super) fn through(&self, inode: InodeId, via: Via) -> Result<Option<&Open>, Failure> {
        let Via::Open(id) = via else { return Ok(None) };
        let open = self.find_open(id).ok().filter(|open| open.inode == inode);
        open.map(Some).ok_or_else(|| self.refuse(inode, FsError::BadOpen))
    }

    /// The open through which attributes are reached: of the inode, or of a stream of it.
    ///
    /// Errors: `BadOpen`.
    pub(super) fn attributes_through(&self, inode: InodeId, via: Via) -> Result<Option<&Open>, Failure> {
        let Via::Open(id) = via else { return Ok(None) };
        let open = self.find_open(id).ok();
        let open = open.filter(|open| open.inode == inode || open.stream_of == Some(inode));
        open.map(Some).ok_or_else(|| self.refuse(inode, FsError::BadOpen))
    }

    /// Errors: `ShareConflict`.
    pub(super) fn require_shared(&self, inode: InodeId, via: Via, uses: ShareMode) -> Result<(), Failure> {
        let mut others = self.state.opens.all.iter().filter(|(id, _)| via != Via::Open(**id));
        let is_denied = others.any(|(_, open)| open.inode == inode && open.clashes(uses, EVERYTHING));
        // Who has an open was let in by the others.
        if via == Via::Anonymous && is_denied {
            self.intrude(inode, via, Intrusion::Refused)?;
            return Err(self.refuse(inode, FsError::ShareConflict));
        }
        Ok(())
    }

    /// Errors: `ShareConflict`.
    pub(super) fn require_deletable(&self, directory: InodeId, inode: InodeId) -> Result<(), Failure> {
        let shared = self.intrude(inode, Via::Anonymous, Intrusion::Remove).and_then(|()| {
            self.require_shared(inode, Via::Anonymous, ShareMode { delete: true, ..ShareMode::default() })
        });
        shared.map_err(|failure| self.refuse(directory, failure.error))
    }

    /// Whether it is a file that is neither written to nor deleted over SMB.
    ///
    /// Errors: `StaleHandle`.
    pub(super) fn is_read_only(&self, inode: InodeId) -> Result<bool, Failure> {
        let attributes = self.attributes(inode)?;
        Ok(!attributes.is_directory() && attributes.dos.contains(DosAttributes::READ_ONLY))
    }

    /// What an open of the session has open, and what it may do.
    ///
    /// Errors: `BadOpen`.
    pub(super) fn opened(&self, id: OpenId) -> Result<(InodeId, AccessMask), Failure> {
        self.find_open(id).map(|open| (open.inode, open.granted))
    }

    pub(super) fn is_pending(&self, link: &Link) -> bool {
        self.state.opens.pending.contains(link)
    }

    fn find_open(&self, id: OpenId) -> Result<&Open, Failure> {
        let open = self.state.opens.all.get(&id).filter(|open| open.session == self.ctx.session);
        open.ok_or_else(|| FsError::BadOpen.into())
    }

    pub(super) fn deleting_open(&self, id: OpenId) -> Result<Open, Failure> {
        let open = self.find_open(id)?;
        if open.granted.contains(AccessMask::DELETE) { Ok(open.clone()) } else { Err(FsError::AccessDenied.into()) }
    }

    fn check_type(&self, request: &OpenRequest, inode: InodeId) -> Result<(), Failure> {
        let (attributes, overwrites) = (self.attributes(inode)?, overwrites(request.disposition));
        let is_link = attributes.file_type == FileType::Symlink && !request.opens_links;
        self.ensure(!is_link, inode, FsError::IsSymlink)?;
        let is_directory = attributes.is_directory();
        self.ensure(is_directory || request.directory != Some(true), inode, FsError::NotDirectory)?;
        self.ensure(!is_directory || request.directory != Some(false), inode, FsError::IsDirectory)?;
        self.ensure(!(is_directory && overwrites), inode, FsError::InvalidArgument)?;
        let is_file = attributes.file_type == FileType::Regular;
        self.ensure(is_file || is_directory || !overwrites, inode, FsError::WrongType)
    }

    pub(super) fn maximal(&self, inode: InodeId, link: Option<&Link>, is_fixed: bool) -> Result<AccessMask, Failure> {
        let credentials = &self.ctx.credentials;
        let attributes = self.attributes(inode)?;
        let (may_delete, may_list) = match link {
            None => (false, false),
            Some((parent, _)) => {
                let parent = self.attributes(*parent)?;
                let is_kept = permission::is_kept_by_sticky(credentials, parent, attributes);
                let above = permission::rights(credentials, parent);
                (!is_kept && above.contains(AccessMask::DELETE_CHILD), above.contains(AccessMask::READ_DATA))
            }
        };
        Ok(permission::open_rights(credentials, attributes, (may_delete && !is_fixed, may_list)))
    }

    pub(super) fn grant(&self, request: &OpenRequest, at: InodeId, maximal: AccessMask) -> Result<AccessMask, Failure> {
        let wanted = AccessMask(request.access.0 & !AccessMask::MAXIMUM_ALLOWED.0);
        let granted = if request.access.contains(AccessMask::MAXIMUM_ALLOWED) { maximal } else { wanted };
        let deletes = !request.delete_on_close || granted.contains(AccessMask::DELETE);
        let may = maximal.contains(wanted) && granted != AccessMask::default() && deletes;
        self.ensure(may, at, FsError::AccessDenied)?;
        Ok(granted)
    }

    /// Errors: `ShareConflict`.
    pub(super) fn check_shared(&self, inode: InodeId, granted: AccessMask, share: ShareMode) -> Result<(), Failure> {
        let uses = uses_of(granted);
        if uses == ShareMode::default() {
            return Ok(());
        }
        let by_open = self.state.opens.of(inode).iter().any(|other| other.clashes(uses, share));
        let by_dos_share = |(other, lets): &(_, _)| exceeds(uses, *lets) || exceeds(*other, share);
        let is_free = !by_open && !self.dos_shares(inode).iter().any(by_dos_share);
        self.ensure(is_free, inode, FsError::ShareConflict)
    }
}

/// What opening of something that exists does to it.
pub(super) fn how_existing(disposition: Disposition) -> OpenedHow {
    match disposition {
        Disposition::Overwrite | Disposition::OverwriteOrCreate => OpenedHow::Overwritten,
        Disposition::Supersede => OpenedHow::Superseded,
        Disposition::Open | Disposition::OpenOrCreate | Disposition::Create => OpenedHow::Opened,
    }
}

/// What an open with these rights does; one that only looks at attributes does nothing.
fn uses_of(granted: AccessMask) -> ShareMode {
    let has = |right: AccessMask| granted.0 & right.0 != 0;
    ShareMode {
        read: has(AccessMask::READ_DATA.union(AccessMask::EXECUTE)),
        write: has(AccessMask::WRITE_DATA.union(AccessMask::APPEND_DATA)),
        delete: has(AccessMask::DELETE),
    }
}

fn exceeds(uses: ShareMode, lets: ShareMode) -> bool {
    uses.read && !lets.read || uses.write && !lets.write || uses.delete && !lets.delete
}

pub(super) fn overwrites(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Overwrite | Disposition::OverwriteOrCreate | Disposition::Supersede)
}

const EVERYTHING: ShareMode = ShareMode { read: true, write: true, delete: true };
