//! SETATTR, and the attributes of new inodes.

use locking::{Intrusion, Open};
use meta::records::InodeRecord;
use vfs::acl::AccessMask;
use vfs::{
    Attributes, Change, Credentials, Failure, FileType, FsError, InodeId, LockRange, OpContext, Principal,
    SetAttributes, SetTime, SetattrReply, SetattrRequest, ShareMode, Timestamp, Via, XattrChange,
};

use super::{set_descriptor, without_set_id};
use crate::Filesystem;
use crate::access::{SET_GROUP_ID, WRITE, descriptor_rights, granted, is_owner, require_data};
use crate::replay::Kind;
use crate::snapshot::require_present;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_setattr(&self, ctx: &OpContext, request: SetattrRequest) -> Result<SetattrReply, Failure> {
        require_present(request.inode)?;
        if self.done_before(ctx, request.inode.shard, Kind::Changed).is_some() {
            return self.changed_before(request.inode).await;
        }
        match request.attributes.size {
            Some(size) => {
                let reply = self.set_with_size((ctx, Kind::Changed), &request, size).await?;
                if request.via == Via::Anonymous {
                    self.break_home_of(request.inode).await;
                }
                Ok(reply)
            }
            None => {
                if !request.attributes.xattrs.is_empty() {
                    self.admit_growth(ctx)?;
                }
                let shard = request.inode.shard;
                let first = |turn: &mut Turn<'_, K, C>| {
                    turn.quota.try_first(true);
                    set_in_turn(turn, ctx, &request)
                };
                let set = self.mutate(shard, first).await;
                if !set.as_ref().is_err_and(|failure| failure.error == FsError::QuotaExceeded) {
                    return set;
                }
                // What is dirty of a file that is given away may take less than it may: then it fits.
                self.flush_reserved(shard).await?;
                self.mutate(shard, |turn| set_in_turn(turn, ctx, &request)).await
            }
        }
    }
}

/// Sets everything but the size within a turn.
fn set_in_turn<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    request: &SetattrRequest,
) -> Step<SetattrReply> {
    let record = turn.live(request.inode)?;
    let before = turn.attributes(request.inode, &record);
    turn.house.check_set(ctx, request, &before).map_err(|error| Failure::with(error, before.clone()))?;
    if request.attributes == SetAttributes::default() {
        return Ok(SetattrReply { change: Change::none(before) });
    }
    let open = turn.house.attributes_open_of(ctx, (request.inode, request.via))?;
    turn.spare_parent(open.and_then(|open| open.lease));
    turn.note_changed_in(turn.house.above(request.inode, record.home_parent));
    let after = set_checked(turn, &ctx.credentials, (request.inode, &before), &request.attributes)?;
    turn.remember(ctx, Kind::Changed, request.inode);
    Ok(SetattrReply { change: Change { before: before.pre(), after } })
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Whether the caller may set what is asked, in the order of the contract.
    pub(crate) fn check_set(
        &self,
        ctx: &OpContext,
        request: &SetattrRequest,
        before: &Attributes,
    ) -> Result<(), FsError> {
        let open = match request.attributes.size {
            Some(_) => self.open_of(ctx, (request.inode, request.via))?,
            None => self.attributes_open_of(ctx, (request.inode, request.via))?,
        };
        if request.guard.is_some_and(|guard| guard != before.changed) {
            return Err(FsError::NotSync);
        }
        let set = &request.attributes;
        check_values(set)?;
        match (set.size, before.file_type) {
            (Some(_), FileType::Directory) => return Err(FsError::IsDirectory),
            (None, _) | (Some(_), FileType::Regular) => {}
            (Some(_), _) => return Err(FsError::InvalidArgument),
        }
        let given = open.as_ref().map(|open| open.granted()).or_else(|| descriptor_rights(before, &ctx.credentials));
        check_owners(set, before, (&ctx.credentials, given))?;
        match &open {
            Some(open) => check_granted(set, open.granted())?,
            None => check_anonymous(set, before, &ctx.credentials)?,
        }
        if set.size.is_some() {
            let uses = ShareMode { write: true, ..ShareMode::default() };
            let own = open.as_deref();
            self.require_shared(request.inode, uses, own)?;
            let size = set.size.unwrap_or_default();
            let (offset, end) = (size.min(before.size), size.max(before.size));
            let changed = LockRange { offset, length: end - offset };
            if own.is_none() {
                // Through an open no lock is looked at (MS-FSA 2.1.5.15.4).
                self.require_unlocked(request.inode, (changed, true), None)?;
            }
            if size > vfs::limits::FILE_SIZE_MAX {
                return Err(FsError::FileTooLarge);
            }
            own.into_iter().for_each(Open::note_write);
            self.intrude(request.inode, own, Intrusion::Write)?;
        }
        Ok(())
    }
}

/// What descriptor, or mode and owner let a caller set without an open.
fn check_anonymous(set: &SetAttributes, before: &Attributes, credentials: &Credentials) -> Result<(), FsError> {
    let exact_time = |time: Option<SetTime>| matches!(time, Some(SetTime::To(_)));
    let guarded = set.mode.is_some() || set.descriptor.is_some();
    let shown = set.created.is_some() || set.dos.is_some() || exact_time(set.accessed) || exact_time(set.modified);
    let rights = descriptor_rights(before, credentials);
    let may = |right| rights.map_or_else(|| is_owner(before, credentials), |rights| rights.contains(right));
    if (guarded && !may(AccessMask::WRITE_DAC)) || (shown && !may(AccessMask::WRITE_ATTRIBUTES)) {
        return Err(FsError::NotPermitted);
    }
    if set.changes_xattrs() && !granted(before, credentials, AccessMask::WRITE_EA).contains(AccessMask::WRITE_EA) {
        return Err(FsError::AccessDenied);
    }
    let sets_times = set.accessed.is_some() || set.modified.is_some();
    let by_right = rights.is_some_and(|rights| rights.contains(AccessMask::WRITE_ATTRIBUTES));
    if set.size.is_some() || (sets_times && !by_right) {
        require_data(before, credentials, WRITE)?;
    }
    Ok(())
}

/// What an open lets its holder set.
fn check_granted(set: &SetAttributes, granted: AccessMask) -> Result<(), FsError> {
    let shown = set.accessed.is_some() || set.modified.is_some() || set.created.is_some() || set.dos.is_some();
    let needed = [
        (set.size.is_some(), AccessMask::WRITE_DATA),
        (set.changes_xattrs(), AccessMask::WRITE_EA),
        (shown, AccessMask::WRITE_ATTRIBUTES),
        (set.mode.is_some() || set.descriptor.is_some(), AccessMask::WRITE_DAC),
        (set.owner.is_some() || set.group.is_some(), AccessMask::WRITE_OWNER),
    ];
    let may = needed.iter().all(|(is_set, right)| !is_set || granted.contains(*right));
    if may { Ok(()) } else { Err(FsError::AccessDenied) }
}

/// Refuses values that cannot be stored.
pub(crate) fn check_values(set: &SetAttributes) -> Result<(), FsError> {
    let is_time = |time: Timestamp| time.nanoseconds < NANOSECONDS_PER_SECOND;
    let is_set_time = |time: SetTime| matches!(time, SetTime::Now) || matches!(time, SetTime::To(to) if is_time(to));
    let fits = set.mode.is_none_or(|mode| mode & !0o7777 == 0)
        && set.accessed.is_none_or(is_set_time)
        && set.modified.is_none_or(is_set_time)
        && set.created.is_none_or(is_time)
        && set.descriptor.as_ref().is_none_or(|descriptor| descriptor.is_short())
        && set.xattrs.iter().all(XattrChange::is_valid);
    if fits { Ok(()) } else { Err(FsError::InvalidArgument) }
}

/// Owners give nothing away: only the superuser changes the owner as it likes; the owner may choose among its groups, and
/// who was given the right may become the owner.
fn check_owners(
    set: &SetAttributes,
    before: &Attributes,
    (credentials, given): (&Credentials, Option<AccessMask>),
) -> Result<(), FsError> {
    if credentials.superuser {
        return Ok(());
    }
    let takes = given.is_some_and(|given| given.contains(AccessMask::WRITE_OWNER));
    let owns = takes || credentials.is_user(&before.owner);
    let is_own = |owner: &Principal| *owner == before.owner || (takes && credentials.is_user(owner));
    if set.owner.as_ref().is_some_and(|owner| !owns || !is_own(owner)) {
        return Err(FsError::NotPermitted);
    }
    if set.group.as_ref().is_some_and(|group| !owns || !(credentials.is_member(group) || *group == before.group)) {
        return Err(FsError::NotPermitted);
    }
    Ok(())
}

fn set_checked<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    credentials: &Credentials,
    (inode, before): (InodeId, &Attributes),
    set: &SetAttributes,
) -> Step<Attributes> {
    let old = turn.live(inode)?;
    let mut record = (*old).clone();
    record.mode = mode_of(before.mode);
    apply(&mut record, credentials, set, turn.now);
    set_descriptor(turn, inode.tree, (&old, &mut record), set)?;
    turn.set_xattrs(inode, &mut record, set)?;
    if set.overwrites {
        turn.lose_streams(inode, &mut record)?;
    }
    let charged = |record: &InodeRecord| (record.owner.clone(), record.group.clone(), record.xattr_bytes);
    if charged(&old) != charged(&record) {
        turn.charge_change(inode, (&old, &record), 0)?;
    }
    turn.require_past_named(inode)?;
    if turn.take_pending(inode, &mut record, set.modified.is_some()) && set.mode.is_none() {
        record.mode = mode_of(without_set_id(u32::from(record.mode)));
    }
    record.changed = turn.now;
    record.change = turn.stamp();
    let record = turn.put_inode(inode, record);
    Ok(turn.attributes(inode, &record))
}

/// Sets the attributes in a record; the caller was found to be allowed to.
pub(crate) fn apply(record: &mut InodeRecord, credentials: &Credentials, set: &SetAttributes, now: Timestamp) {
    if let Some(owner) = &set.owner {
        record.owner = owner.clone();
    }
    if let Some(group) = &set.group {
        record.group = group.clone();
    }
    if let Some(mode) = set.mode {
        record.mode = mode_of(mode);
        if !credentials.superuser && !credentials.is_member(&record.group) {
            record.mode &= !mode_of(SET_GROUP_ID);
        }
    }
    // A program must not run as somebody whom its new owner made it, whoever gave it away.
    let is_given_away = set.owner.is_some() || set.group.is_some();
    let loses_set_id = is_given_away || (set.size.is_some() && !credentials.superuser);
    if loses_set_id && record.file_type != FileType::Directory {
        record.mode = mode_of(without_set_id(u32::from(record.mode)));
    }
    let time = |set: Option<SetTime>, old: Timestamp| match set {
        None => old,
        Some(SetTime::Now) => now,
        Some(SetTime::To(time)) => time,
    };
    record.accessed = time(set.accessed, record.accessed);
    record.modified = time(set.modified, record.modified);
    record.created = set.created.unwrap_or(record.created);
    record.dos = set.dos.unwrap_or(record.dos);
    record.create_verifier = None;
}

/// Owner and group of a new inode: what is asked for if the caller may give it, else the caller, and the group of a
/// directory with set-group-id.
///
/// Errors: `NotPermitted`.
pub(crate) fn owner_of_new(
    parent: &Attributes,
    credentials: &Credentials,
    set: &SetAttributes,
) -> Result<(Principal, Principal), FsError> {
    // Whoever has both is stored by the number: that is what every door can show.
    let owner = Principal::Unix(credentials.uid);
    let inherits = parent.mode & SET_GROUP_ID != 0;
    let group = if inherits { parent.group.clone() } else { Principal::Unix(credentials.gid) };
    if credentials.superuser {
        return Ok((set.owner.clone().unwrap_or(owner), set.group.clone().unwrap_or(group)));
    }
    if set.owner.as_ref().is_some_and(|wanted| *wanted != owner) {
        return Err(FsError::NotPermitted);
    }
    match &set.group {
        Some(wanted) if *wanted != group && !credentials.is_member(wanted) => Err(FsError::NotPermitted),
        wanted => Ok((owner, wanted.clone().unwrap_or(group))),
    }
}

/// The bits of a mode that are stored.
pub(crate) fn mode_of(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or(0)
}

const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;
