//! Setting attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use pages::BLOCK_SIZE;
use vfs::acl::{AccessMask, SecurityDescriptor};
use vfs::limits::{FILE_SIZE_MAX, XATTRS_BYTES_MAX, XATTRS_MAX};
use vfs::{
    Attributes, Change, Credentials, Failure, FileType, FsError, InodeId, Principal, SetAttributes, SetTime,
    SetattrReply, SetattrRequest, ShareMode, Timestamp, Via, XattrChange, xattr_list_bytes,
};

use super::inode::{Body, Inode};
use super::leases::Intrusion;
use super::permission::{self, SET_GID, SET_UID, WRITE};
use super::turn::Turn;

const MODE_BITS: u32 = 0o7777;
const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;

impl Turn<'_> {
    pub(super) fn setattr(&mut self, request: &SetattrRequest) -> Result<SetattrReply, Failure> {
        let SetattrRequest { inode: id, attributes: set, .. } = request;
        self.check_set(request)?;
        if *set == SetAttributes::default() {
            return Ok(SetattrReply { change: Change::none(self.attributes(*id)?.clone()) });
        }
        let (now, ctx) = (self.now, self.ctx);
        let inode = self.inode(*id)?;
        let (mut xattrs, mut shown) = (inode.xattrs.clone(), inode.attributes.clone());
        let fits = set_xattrs((&mut xattrs, &mut shown), set);
        self.ensure(fits, *id, FsError::FileTooLarge)?;
        if set.overwrites {
            self.lose_streams(*id)?;
        }
        let change = self.change(*id, |inode| {
            (inode.xattrs, inode.attributes.xattr_bytes) = (xattrs, shown.xattr_bytes);
            apply(inode, set, &ctx.credentials, now);
            inode.exclusive = None;
        })?;
        Ok(SetattrReply { change })
    }

    fn check_set(&self, request: &SetattrRequest) -> Result<(), Failure> {
        let SetattrRequest { inode: id, attributes: set, via, guard } = request;
        let now = self.attributes(*id)?;
        let open = match set.size {
            Some(_) => self.through(*id, *via)?,
            None => self.attributes_through(*id, *via)?,
        };
        self.ensure(guard.is_none_or(|guard| guard == now.changed), *id, FsError::NotSync)?;
        let may_have_size = matches!(now.file_type, FileType::Regular | FileType::Directory);
        self.ensure(are_valid(set) && (set.size.is_none() || may_have_size), *id, FsError::InvalidArgument)?;
        self.ensure(set.size.is_none() || !now.is_directory(), *id, FsError::IsDirectory)?;
        let by_descriptor = permission::by_descriptor(&self.ctx.credentials, now);
        let rights = open.map(super::opens::Open::granted).or(by_descriptor);
        let takes = rights.is_some_and(|rights| rights.contains(AccessMask::WRITE_OWNER));
        self.ensure(self.may_own(set, (&now.owner, &now.group), takes), *id, FsError::NotPermitted)?;
        match open {
            Some(open) => self.ensure(open.lets_set(set), *id, FsError::AccessDenied)?,
            None => self.check_anonymous(*id, set)?,
        }
        if set.size.is_some() {
            self.require_shared(*id, *via, ShareMode { write: true, ..ShareMode::default() })?;
            let (size, old) = (set.size.unwrap_or_default(), now.size);
            if *via == Via::Anonymous {
                self.require_unlocked(*id, *via, (size.min(old), size.abs_diff(old), true))?;
            }
        }
        self.ensure(set.size.is_none_or(|size| size <= FILE_SIZE_MAX), *id, FsError::FileTooLarge)?;
        if set.size.is_some() { self.intrude(*id, *via, Intrusion::Write) } else { Ok(()) }
    }

    /// What descriptor, or mode and owner let the caller set without an open.
    fn check_anonymous(&self, id: InodeId, set: &SetAttributes) -> Result<(), Failure> {
        let now = self.attributes(id)?;
        let credentials = &self.ctx.credentials;
        let rights = permission::by_descriptor(credentials, now);
        let may = |right| rights.map_or_else(|| permission::owns(credentials, now), |rights| rights.contains(right));
        let is_guarded = set.mode.is_some() || set.descriptor.is_some();
        self.ensure(!is_guarded || may(AccessMask::WRITE_DAC), id, FsError::NotPermitted)?;
        let is_shown = set.created.is_some() || set.dos.is_some() || sets_given_time(set);
        self.ensure(!is_shown || may(AccessMask::WRITE_ATTRIBUTES), id, FsError::NotPermitted)?;
        let may_set = !set.changes_xattrs() || permission::rights(credentials, now).contains(AccessMask::WRITE_EA);
        self.ensure(may_set, id, FsError::AccessDenied)?;
        let sets_times = rights.is_some_and(|rights| rights.contains(AccessMask::WRITE_ATTRIBUTES));
        let needs_write = set.size.is_some() || !sets_times && (set.accessed.is_some() || set.modified.is_some());
        let may_write = permission::permits_bytes(credentials, now, WRITE);
        self.ensure(!needs_write || may_write, id, FsError::AccessDenied)
    }

    /// Whether the caller may set this owner and group on an inode that has these: the superuser any, the owner itself
    /// and groups it is in, and who takes it itself.
    fn may_own(&self, set: &SetAttributes, (owner, group): (&Principal, &Principal), takes: bool) -> bool {
        let credentials = &self.ctx.credentials;
        let is_owner = takes || credentials.is_user(owner);
        let keeps = |new: &Principal| is_owner && new == owner || takes && credentials.is_user(new);
        let keeps_owner = set.owner.as_ref().is_none_or(keeps);
        let is_own_group = |new: &Principal| is_owner && (new == group || credentials.is_member(new));
        credentials.superuser || keeps_owner && set.group.as_ref().is_none_or(is_own_group)
    }
}

/// Whether all values are ones that can be stored.
pub(super) fn are_valid(set: &SetAttributes) -> bool {
    let is_time = |time: Timestamp| time.nanoseconds < NANOSECONDS_PER_SECOND;
    let is_set_time = |time: SetTime| matches!(time, SetTime::Now) || matches!(time, SetTime::To(to) if is_time(to));
    set.mode.is_none_or(|mode| mode & !MODE_BITS == 0)
        && set.accessed.is_none_or(is_set_time)
        && set.modified.is_none_or(is_set_time)
        && set.created.is_none_or(is_time)
        && set.descriptor.as_ref().is_none_or(|descriptor| descriptor.is_short())
        && set.xattrs.iter().all(XattrChange::is_valid)
}

/// The moment that a time to set stands for.
pub(super) fn moment(time: SetTime, now: Timestamp) -> Timestamp {
    match time {
        SetTime::Now => now,
        SetTime::To(to) => to,
    }
}

/// Cuts or extends a regular file; what comes new reads as zeros. Nothing on anything else.
pub(super) fn set_size(inode: &mut Inode, size: u64, now: Timestamp) {
    let Body::File(content) = &mut inode.body else { return };
    content.make_stable();
    content.cut(size);
    inode.attributes.size = size;
    inode.attributes.allocated_bytes = content.allocated_bytes();
    debug_assert!(
        inode.attributes.allocated_bytes <= size.next_multiple_of(BLOCK_SIZE as u64),
        "blocks behind the end"
    );
    inode.attributes.modified = now;
}

fn sets_given_time(set: &SetAttributes) -> bool {
    [set.accessed, set.modified].iter().any(|time| matches!(time, Some(SetTime::To(_))))
}

/// Sets what is allowed: size first, as a time of modification that is given too has the last word; then owner and
/// group, as the mode depends on the group; the set-id bits last.
fn apply(inode: &mut Inode, set: &SetAttributes, credentials: &Credentials, now: Timestamp) {
    let (old, is_new) = (inode.attributes.clone(), inode.exclusive.is_some());
    if let Some(size) = set.size {
        set_size(inode, size, now);
    }
    let attributes = &mut inode.attributes;
    attributes.owner = set.owner.clone().unwrap_or_else(|| attributes.owner.clone());
    attributes.group = set.group.clone().unwrap_or_else(|| attributes.group.clone());
    if let Some(mode) = set.mode {
        let may_set_gid = permission::is_in_group(credentials, &attributes.group);
        attributes.mode = if may_set_gid { mode } else { mode & !SET_GID };
    }
    if (set.owner.is_some() || set.group.is_some()) && !attributes.is_directory() {
        attributes.mode &= !(SET_UID | SET_GID);
    }
    if set.size.is_some() {
        permission::clear_set_id(credentials, attributes);
    }
    attributes.accessed = set.accessed.map_or(attributes.accessed, |time| moment(time, now));
    attributes.modified = set.modified.map_or(attributes.modified, |time| moment(time, now));
    attributes.created = set.created.unwrap_or(attributes.created);
    attributes.dos = set.dos.unwrap_or(attributes.dos);
    if let Some(given) = &set.descriptor {
        set_descriptor(attributes, Some(given.kept()));
    } else if let Some(descriptor) = &old.descriptor {
        let given = descriptor.given((&old.owner, &attributes.owner), (&old.group, &attributes.group));
        let changed = set.mode.filter(|mode| !is_new && (mode ^ old.mode) & 0o777 != 0);
        let (owners, is_directory) = ((&attributes.owner, &attributes.group), attributes.is_directory());
        let next = match changed {
            Some(mode) => given.with_mode(owners, (mode, is_directory)),
            None => Some(given),
        };
        set_descriptor(attributes, next);
    }
}

/// Sets extended attributes; `false` when they would be too long together.
pub(super) fn set_xattrs(
    (xattrs, attributes): (&mut BTreeMap<Bytes, Bytes>, &mut Attributes),
    set: &SetAttributes,
) -> bool {
    if set.overwrites {
        xattrs.clear();
    }
    for change in &set.xattrs {
        let found = xattrs.keys().find(|name| name.eq_ignore_ascii_case(&change.name)).cloned();
        let name = found.unwrap_or_else(|| change.name.clone());
        match &change.value {
            Some(value) => drop(xattrs.insert(name, value.clone())),
            None => drop(xattrs.remove(&name)),
        }
    }
    let bytes = xattr_list_bytes(xattrs.iter().map(|(name, value)| (name.len(), value.len())));
    attributes.xattr_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    bytes <= XATTRS_BYTES_MAX && xattrs.len() <= XATTRS_MAX
}

/// Puts a descriptor in force; the permission bits become what it comes nearest to.
pub(super) fn set_descriptor(attributes: &mut Attributes, descriptor: Option<SecurityDescriptor>) {
    if let Some(descriptor) = &descriptor {
        let bits = descriptor.to_mode(&attributes.owner, &attributes.group);
        attributes.mode = attributes.mode & !0o777 | bits;
    }
    attributes.descriptor = descriptor.map(Arc::new);
}
