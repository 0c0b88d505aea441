//! Leases: a list of them, each with what its client may cache and what was asked back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vfs::acl::AccessMask;
use vfs::{
    AcknowledgementRefusal, Awaited, BreakAcknowledgement, Event, Failure, FsError, InodeId, LeaseBreak, LeaseGrant,
    LeaseKey, LeaseOwner, LeaseRequest, LeaseState, Mailbox, OpenId, OpenRequest, TakeOverRequest, Via,
};

use super::turn::Turn;

/// All leases, apart from the rest: what only looks at that may break them.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    all: Vec<Lease>,
    /// Who waits for the end of a break of an inode.
    asking: Vec<(InodeId, Arc<Mailbox>)>,
}

#[derive(Debug)]
struct Lease {
    inode: InodeId,
    owner: LeaseOwner,
    state: LeaseState,
    epoch: Option<u16>,
    /// What the client was told to keep, what it must come down to by now, and since when.
    breaking: Option<(LeaseState, LeaseState, Duration)>,
    opens: Vec<Holder>,
}

/// An open of a lease, and where its client is told of breaks.
#[derive(Debug)]
struct Holder {
    open: OpenId,
    mailbox: Arc<Mailbox>,
    is_away: bool,
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intrusion {
    Open,
    Overwrite,
    /// An open that a share mode refuses.
    Refused,
    /// An open that looks at the descriptor.
    Look,
    Read,
    Write,
    Remove,
}

/// What an open asks for, and where it stands.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) open: OpenId,
    pub(super) lease: Option<LeaseRequest>,
    pub(super) mailbox: &'a Arc<Mailbox>,
}

/// Whose the lease of an open is.
pub(super) fn owner_of(open: OpenId, lease: Option<LeaseRequest>) -> Option<LeaseOwner> {
    lease.map(|lease| lease.key.map_or(LeaseOwner::Open(open), LeaseOwner::Key))
}

/// What an open with these rights is to others' leases.
pub(super) fn intrusion_of(granted: AccessMask, overwrites: bool) -> Option<Intrusion> {
    let looking = AccessMask::READ_ATTRIBUTES.union(AccessMask::WRITE_ATTRIBUTES).union(AccessMask::SYNCHRONIZE);
    match granted.0 & !looking.0 {
        _ if overwrites => Some(Intrusion::Overwrite),
        0 => None,
        more if more == AccessMask::READ_CONTROL.0 => Some(Intrusion::Look),
        _ => Some(Intrusion::Open),
    }
}

impl Leases {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a key is that of another file.
    pub(super) fn is_elsewhere(&self, key: LeaseKey, inode: InodeId) -> bool {
        self.table().all.iter().any(|lease| lease.owner == LeaseOwner::Key(key) && lease.inode != inode)
    }

    /// Begins the breaks that this needs; whether it has to wait for one.
    pub(super) fn intrude(
        &self,
        inode: InodeId,
        own: Option<LeaseOwner>,
        (intrusion, now): (Intrusion, Duration),
    ) -> bool {
        let mut must_wait = false;
        for lease in self.table().all.iter_mut().filter(|lease| lease.inode == inode) {
            let is_level_ii = lease.is_oplock() && lease.state == READ;
            if own == Some(lease.owner) && !(is_level_ii && intrusion == Intrusion::Write) {
                continue;
            }
            let (in_the_way, left) = lease.answer_to(intrusion);
            must_wait |= lease.state.and(in_the_way) != LeaseState::NONE;
            lease.come_down(left, now);
        }
        must_wait
    }

    pub(super) fn grant(
        &self,
        inode: InodeId,
        asking: &Asking<'_>,
        (is_directory, is_alone, is_locked): (bool, bool, bool),
    ) -> LeaseGrant {
        let Asking { open, lease, mailbox } = asking;
        let Some((request, owner)) = lease.zip(owner_of(*open, *lease)) else { return LeaseGrant::default() };
        if is_directory && request.key.is_none() {
            return LeaseGrant::default();
        }
        let mut wanted = request.wanted;
        if is_directory {
            wanted.write = false;
            wanted = if request.epoch.is_some() { wanted } else { LeaseState::NONE };
        }
        let mut table = self.table();
        let possible = table.possible((inode, owner), wanted, (is_alone, is_locked));
        let held = Holder { open: *open, mailbox: Arc::clone(mailbox), is_away: false };
        if let Some(lease) = table.all.iter_mut().find(|lease| lease.owner == owner) {
            lease.opens.push(held);
            let grows = possible == wanted && lease.state.is_within(wanted) && lease.state != wanted;
            if grows && lease.breaking.is_none() {
                lease.state = wanted;
                lease.raise_epoch();
            }
            return lease.grant();
        }
        if possible == LeaseState::NONE && request.key.is_none() {
            return LeaseGrant::default();
        }
        let epoch = request.epoch.map(|epoch| epoch.wrapping_add(1));
        let lease = Lease { inode, owner, state: possible, epoch, breaking: None, opens: vec![held] };
        let granted = lease.grant();
        table.all.push(lease);
        granted
    }

    pub(super) fn acknowledge(
        &self,
        BreakAcknowledgement { owner, kept }: BreakAcknowledgement,
        now: Duration,
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        let mut table = self.table();
        let lease = table.all.iter_mut().find(|lease| lease.owner == owner);
        let lease = lease.ok_or(AcknowledgementRefusal::Unknown)?;
        let (told, required, _) = lease.breaking.ok_or(AcknowledgementRefusal::NotBreaking)?;
        if !kept.is_within(told) {
            return Err(AcknowledgementRefusal::TooMuch);
        }
        (lease.state, lease.breaking) = (kept, None);
        let required = kept.and(required);
        let first = LeaseState { read: required.read || (kept.handle && !required.handle && kept.read), ..required };
        let epoch = lease.epoch;
        lease.come_down(first, now);
        lease.epoch = epoch;
        if let Some((_, later, _)) = &mut lease.breaking {
            *later = required;
        }
        let inode = lease.inode;
        table.let_go(inode);
        Ok(kept)
    }

    /// From now on an open is told here. Returns what it may cache.
    pub(super) fn rehome(&self, request: &TakeOverRequest) -> LeaseGrant {
        let mut table = self.table();
        for lease in &mut table.all {
            if let Some(holder) = lease.opens.iter_mut().find(|holder| holder.open == request.open) {
                (holder.mailbox, holder.is_away) = (Arc::clone(&request.mailbox), request.is_away);
                if let Some((to, ..)) = lease.breaking.filter(|_| !request.is_away) {
                    let (owner, open, from, epoch) = (lease.owner, request.open, lease.state, lease.epoch);
                    let told = LeaseBreak { owner, open, from, to, epoch, must_acknowledge: true };
                    request.mailbox.put(Event::BreakLease(told));
                }
                return lease.grant();
            }
        }
        LeaseGrant::default()
    }

    pub(super) fn close(&self, id: OpenId) {
        let mut table = self.table();
        table.all.iter_mut().for_each(|lease| lease.opens.retain(|holder| holder.open != id));
        let gone: Vec<_> = table.all.extract_if(.., |lease| lease.opens.is_empty()).collect();
        gone.iter().for_each(|lease| table.let_go(lease.inode));
    }

    pub(super) fn await_break(&self, inode: InodeId, mailbox: &Arc<Mailbox>) -> Awaited {
        let mut table = self.table();
        if !table.is_breaking(inode) {
            return Awaited::Over;
        }
        table.asking.push((inode, Arc::clone(mailbox)));
        Awaited::Told
    }

    /// Ends the breaks that are as old as that, as nobody acknowledged them.
    pub(super) fn expire(&self, now: Duration, age: Duration) {
        let mut table = self.table();
        let mut over = Vec::new();
        for lease in &mut table.all {
            if lease.breaking.is_some_and(|(.., since)| now >= since + age) {
                (lease.state, lease.breaking) = (LeaseState::NONE, None);
                over.push(lease.inode);
            }
        }
        over.into_iter().for_each(|inode| table.let_go(inode));
    }
}

impl Table {
    fn is_breaking(&self, inode: InodeId) -> bool {
        self.all.iter().any(|lease| lease.inode == inode && lease.breaking.is_some())
    }

    fn let_go(&mut self, inode: InodeId) {
        if !self.is_breaking(inode) {
            for (_, mailbox) in self.asking.extract_if(.., |(at, _)| *at == inode) {
                mailbox.put(Event::LeaseBroken { inode });
            }
        }
    }

    fn possible(
        &self,
        (inode, owner): (InodeId, LeaseOwner),
        wanted: LeaseState,
        (is_alone, is_locked): (bool, bool),
    ) -> LeaseState {
        let others: Vec<_> = self.all.iter().filter(|lease| lease.inode == inode && lease.owner != owner).collect();
        if !wanted.read || is_locked || others.iter().any(|lease| lease.state.write) {
            return LeaseState::NONE;
        }
        if is_alone && others.iter().all(|lease| lease.state == LeaseState::NONE) {
            return wanted;
        }
        if matches!(owner, LeaseOwner::Open(_)) {
            let is_kept = others.iter().any(|lease| !lease.is_oplock() && lease.state.handle);
            return LeaseState { read: !is_kept, ..LeaseState::NONE };
        }
        let has_oplock = others.iter().any(|lease| lease.is_oplock() && lease.state != LeaseState::NONE);
        LeaseState { handle: wanted.handle && !has_oplock, ..READ }
    }
}

impl Lease {
    fn is_oplock(&self) -> bool {
        matches!(self.owner, LeaseOwner::Open(_))
    }

    fn grant(&self) -> LeaseGrant {
        LeaseGrant { state: self.state, epoch: self.epoch, is_breaking: self.breaking.is_some() }
    }

    fn raise_epoch(&mut self) {
        self.epoch = self.epoch.map(|epoch| epoch.wrapping_add(1));
    }

    /// What is in the way of an intrusion, and what it leaves.
    fn answer_to(&self, intrusion: Intrusion) -> (LeaseState, LeaseState) {
        let (without_write, without_handle) =
            (LeaseState { write: false, ..self.state }, LeaseState { handle: false, ..self.state });
        let (in_the_way, left) = match intrusion {
            Intrusion::Look if !self.is_oplock() => (LeaseState::NONE, self.state),
            Intrusion::Open | Intrusion::Look | Intrusion::Read => (WRITE, without_write),
            Intrusion::Overwrite | Intrusion::Write => (WRITE, LeaseState::NONE),
            Intrusion::Refused | Intrusion::Remove => (HANDLE, without_handle),
        };
        let left = if self.is_oplock() && left != self.state { left.and(READ) } else { left };
        (in_the_way, left)
    }

    fn come_down(&mut self, left: LeaseState, now: Duration) {
        if let Some((_, required, _)) = &mut self.breaking {
            *required = required.and(left);
            return;
        }
        if self.state.is_within(left) {
            return;
        }
        self.raise_epoch();
        let from = self.state;
        let must_acknowledge = from.write || from.handle;
        if must_acknowledge {
            self.breaking = Some((left, left, now));
        } else {
            self.state = left;
        }
        let told = self.opens.iter().find(|holder| !holder.is_away).or_else(|| self.opens.first());
        if let Some(holder) = told {
            let (owner, open, epoch) = (self.owner, holder.open, self.epoch);
            holder.mailbox.put(Event::BreakLease(LeaseBreak { owner, open, from, to: left, epoch, must_acknowledge }));
        }
    }
}

impl Turn<'_> {
    /// Errors: `Breaking`.
    pub(super) fn intrude(&self, inode: InodeId, via: Via, intrusion: Intrusion) -> Result<(), Failure> {
        let own = match via {
            Via::Open(open) => self.state.opens.lease_owner(open),
            Via::Anonymous => None,
        };
        self.intrude_as(inode, own, intrusion)
    }

    /// Errors: `Breaking`.
    pub(super) fn intrude_as(
        &self,
        inode: InodeId,
        own: Option<LeaseOwner>,
        intrusion: Intrusion,
    ) -> Result<(), Failure> {
        let must_wait = self.state.leases.intrude(inode, own, (intrusion, self.monotonic));
        self.ensure(!must_wait, inode, FsError::Breaking(inode))
    }
}

impl Turn<'_> {
    /// Has others make room for an open of what exists.
    ///
    /// Errors, in order: `InvalidArgument` (the key of another file), `Breaking`, `ShareConflict`.
    pub(super) fn make_room(
        &self,
        request: &OpenRequest,
        inode: InodeId,
        (granted, overwrites): (AccessMask, bool),
    ) -> Result<(), Failure> {
        self.require_own_key(request, inode)?;
        // An oplock that is not granted yet owns nothing.
        let own = request.lease.and_then(|lease| lease.key).map(LeaseOwner::Key);
        if let Err(refused) = self.check_shared(inode, granted, request.share) {
            self.intrude_as(inode, own, Intrusion::Refused)?;
            return Err(refused);
        }
        if let Some(intrusion) = intrusion_of(granted, overwrites) {
            self.intrude_as(inode, own, intrusion)?;
        }
        if request.delete_on_close { self.intrude_as(inode, own, Intrusion::Remove) } else { Ok(()) }
    }

    /// Errors: `InvalidArgument`.
    pub(super) fn require_own_key(&self, request: &OpenRequest, inode: InodeId) -> Result<(), Failure> {
        let key = request.lease.and_then(|lease| lease.key);
        let is_elsewhere = key.is_some_and(|key| self.state.leases.is_elsewhere(key, inode));
        if is_elsewhere { Err(FsError::InvalidArgument.into()) } else { Ok(()) }
    }

    pub(super) fn grant_lease(&self, asking: &Asking<'_>, (inode, is_directory): (InodeId, bool)) -> LeaseGrant {
        let own = owner_of(asking.open, asking.lease);
        let is_oplock = matches!(own, Some(LeaseOwner::Open(_)));
        let is_alone =
            !self.state.opens.others(inode, (asking.open, own)).any(|granted| match intrusion_of(granted, false) {
                None => false,
                Some(Intrusion::Look) => is_oplock,
                Some(_) => true,
            });
        let circumstances = (is_directory, is_alone, self.is_locked(inode));
        self.state.leases.grant(inode, asking, circumstances)
    }
}

const READ: LeaseState = LeaseState { read: true, handle: false, write: false };
const HANDLE: LeaseState = LeaseState { read: false, handle: true, write: false };
const WRITE: LeaseState = LeaseState { read: false, handle: false, write: true };
