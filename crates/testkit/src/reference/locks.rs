//! Byte-range locks, DOS shares and who may hold them: lists that are searched from end to end.

use std::sync::Arc;
use std::time::Duration;

use vfs::acl::AccessMask;
use vfs::{
    ClientId, Event, Failure, FileType, FsError, InodeId, LockClient, LockEntry, LockKind, LockOwner, LockRange,
    LockRecovery, LockReply, LockRequest, LockState, LockedWhat, Mailbox, OpenId, ShareMode, ShareRequest,
    TestLockReply, Timestamp, Via,
};

/// Behind the last byte that there can be.
const BYTES_MAX: u128 = 1 << 64;

use super::leases::Intrusion;
use super::permission::{self, READ, WRITE};
use super::turn::Turn;

/// Everything that is locked.
#[derive(Debug)]
pub(super) struct Locks {
    held: Vec<Lock>,
    /// First come, first served.
    waiting: Vec<(Lock, Arc<Mailbox>)>,
    shares: Vec<Share>,
    /// Of opens; each by itself, in the order in which they were taken.
    mandatory: Vec<Mandatory>,
    /// Opens that were refused one, and ask again.
    asking: Vec<(InodeId, Arc<Mailbox>)>,
    clients: Vec<LockClient>,
    /// Clients of the last life.
    recovering: Vec<LockClient>,
    restarts: u32,
    grace_until: Duration,
    /// Most locks, waits and shares together, and most clients.
    max: usize,
}

/// A lock held or waited for; `last` is the last byte, `u64::MAX` the end of all files.
#[derive(Clone, Debug, PartialEq)]
struct Lock {
    inode: InodeId,
    owner: LockOwner,
    first: u64,
    last: u64,
    kind: LockKind,
    since: Timestamp,
}

#[derive(Clone, Debug)]
struct Share {
    inode: InodeId,
    owner: LockOwner,
    access: ShareMode,
    deny: ShareMode,
    since: Timestamp,
}

/// A lock of an open: the bytes before `end`, perhaps none.
#[derive(Clone, Debug)]
struct Mandatory {
    inode: InodeId,
    open: OpenId,
    first: u128,
    end: u128,
    kind: LockKind,
    /// As clients of NLM see it; nothing without bytes.
    lock: Option<Lock>,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            waiting: Vec::new(),
            shares: Vec::new(),
            mandatory: Vec::new(),
            asking: Vec::new(),
            clients: Vec::new(),
            recovering: Vec::new(),
            restarts: 0,
            grace_until: Duration::ZERO,
            max: usize::MAX,
        }
    }
}

impl Turn<'_> {
    /// As [`vfs::Opens::lock`]; `now` on the monotonic clock. A reclaim outside the grace period is `Grace` too: somebody
    /// else may have held the lock meanwhile.
    pub(super) fn lock(&mut self, request: LockRequest, now: Duration) -> Result<LockReply, Failure> {
        if request.mandatory {
            return self.lock_mandatory(&request, now);
        }
        self.require_lockable(request.inode)?;
        let wanted = Lock::wanted(&request, self.now)?;
        let locks = &mut self.state.locks;
        locks.require_client(&wanted.owner)?;
        locks.require_grace(&wanted.owner, request.reclaim, now)?;
        let intrusion = if request.kind == LockKind::Shared { Intrusion::Read } else { Intrusion::Write };
        self.intrude(request.inode, Via::Anonymous, intrusion)?;
        let locks = &mut self.state.locks;
        let is_free = locks.holders(&wanted).next().is_none();
        // Only who would wait keeps the order of those who wait.
        let is_next = request.wait.is_none() || locks.in_front(&wanted).next().is_none();
        if is_free && (is_next || locks.waits_for_ever(&wanted)) {
            if locks.is_full() && !locks.held.iter().any(|other| other.is_same_request(&wanted)) {
                return Err(FsError::TooManyLocks.into());
            }
            locks.waiting.retain(|(other, _)| !other.is_same_request(&wanted));
            locks.take(wanted);
            locks.grant();
            return Ok(LockReply::Granted);
        }
        let mailbox = request.wait.ok_or(FsError::LockConflict)?;
        if locks.waits_for_ever(&wanted) {
            locks.waiting.retain(|(other, _)| !other.is_same_request(&wanted));
            locks.grant();
            return Err(FsError::Deadlock.into());
        }
        let is_full = locks.is_full();
        match locks.waiting.iter_mut().find(|(other, _)| other.is_same_request(&wanted)) {
            Some(waiting) => *waiting = (wanted, mailbox),
            None if is_full => return Err(FsError::TooManyLocks.into()),
            None => locks.waiting.push((wanted, mailbox)),
        }
        Ok(LockReply::Queued)
    }

    /// Whether anybody has locked bytes of a file.
    pub(super) fn is_locked(&self, inode: InodeId) -> bool {
        let locks = &self.state.locks;
        let has_range = locks.held.iter().any(|held| held.inode == inode);
        has_range || locks.mandatory.iter().any(|held| held.inode == inode)
    }

    /// As [`vfs::Opens::test_lock`]; `now` on the monotonic clock.
    pub(super) fn test_lock(&self, request: &LockRequest, now: Duration) -> Result<TestLockReply, Failure> {
        self.inode(request.inode)?;
        let wanted = Lock::wanted(request, self.now)?;
        if now < self.state.locks.grace_until {
            return Err(FsError::Grace.into());
        }
        let first = self.state.locks.holders(&wanted).min_by_key(|lock| lock.first);
        Ok(TestLockReply { conflict: first.map(|lock| (lock.owner.clone(), lock.range(), lock.kind)) })
    }

    /// As [`vfs::Opens::unlock`]. A request that waits for exactly this range ends with it.
    pub(super) fn unlock(&mut self, request: &LockRequest) -> Result<(), Failure> {
        if request.mandatory {
            return self.unlock_mandatory(request);
        }
        let freed = Lock::wanted(request, self.now)?;
        let locks = &mut self.state.locks;
        locks.waiting.retain(|(lock, _)| !(lock.is_of(&freed) && lock.range() == freed.range()));
        locks.cut(&freed);
        locks.grant();
        Ok(())
    }

    fn lock_mandatory(&mut self, request: &LockRequest, now: Duration) -> Result<LockReply, Failure> {
        let inode = request.inode;
        let file_type = self.attributes(inode)?.file_type;
        let (open, may) = self.locking_open(request)?;
        self.ensure(file_type == FileType::Regular, inode, FsError::WrongType)?;
        self.ensure(may, inode, FsError::AccessDenied)?;
        let wanted = Mandatory::new(open, request, self.now);
        self.ensure(wanted.end <= BYTES_MAX, inode, FsError::InvalidArgument)?;
        let locks = &mut self.state.locks;
        if now < locks.grace_until {
            return Err(FsError::Grace.into());
        }
        self.intrude(inode, Via::Open(open), Intrusion::Write)?;
        let locks = &mut self.state.locks;
        let by_other = locks.held.iter().any(|held| wanted.lock.as_ref().is_some_and(|wanted| held.excludes(wanted)));
        if by_other || locks.mandatory.iter().any(|held| held.refuses(&wanted)) {
            let mailbox = request.wait.clone().ok_or(FsError::LockConflict)?;
            locks.asking.push((inode, mailbox));
            return Ok(LockReply::Queued);
        }
        locks.mandatory.push(wanted);
        Ok(LockReply::Granted)
    }

    fn unlock_mandatory(&mut self, request: &LockRequest) -> Result<(), Failure> {
        let (open, _) = self.locking_open(request)?;
        let freed = Mandatory::new(open, request, self.now);
        let locks = &mut self.state.locks;
        let is_meant = |held: &Mandatory| held.open == open && (held.first, held.end) == (freed.first, freed.end);
        let is_exclusive = |held: &Mandatory| is_meant(held) && held.kind == LockKind::Exclusive;
        let found = locks.mandatory.iter().position(is_exclusive);
        let found = found.or_else(|| locks.mandatory.iter().position(is_meant)).ok_or(FsError::NotFound)?;
        locks.mandatory.remove(found);
        locks.grant();
        Ok(())
    }

    /// The open that asks, and whether it reads or writes.
    fn locking_open(&self, request: &LockRequest) -> Result<(OpenId, bool), Failure> {
        let LockOwner::Open(id) = request.owner else { return Err(FsError::InvalidArgument.into()) };
        let open = self.through(request.inode, Via::Open(id))?;
        let may = open.is_some_and(|open| open.has_any(&[AccessMask::READ_DATA, AccessMask::WRITE_DATA]));
        Ok((id, may))
    }

    /// Errors: `LockConflict`: an open has locked some of these bytes.
    pub(super) fn require_unlocked(
        &self,
        inode: InodeId,
        via: Via,
        (offset, length, is_write): (u64, u64, bool),
    ) -> Result<(), Failure> {
        let (first, end) = (u128::from(offset), u128::from(offset) + u128::from(length));
        let is_in_the_way = |held: &Mandatory| {
            let is_bound = if held.kind == LockKind::Shared { is_write } else { via != Via::Open(held.open) };
            is_bound && held.inode == inode && length > 0 && held.first < end && first < held.end
        };
        self.ensure(!self.state.locks.mandatory.iter().any(is_in_the_way), inode, FsError::LockConflict)
    }

    /// As [`vfs::Opens::cancel_lock`].
    pub(super) fn cancel_lock(&mut self, request: &LockRequest) -> Result<bool, Failure> {
        let cancelled = Lock::wanted(request, self.now)?;
        let locks = &mut self.state.locks;
        let before = locks.waiting.len();
        locks.waiting.retain(|(lock, _)| !lock.is_same_request(&cancelled));
        let was_waiting = locks.waiting.len() < before;
        locks.grant();
        Ok(was_waiting)
    }

    /// As [`vfs::Opens::share`]; `now` on the monotonic clock.
    pub(super) fn share(&mut self, request: ShareRequest, now: Duration) -> Result<(), Failure> {
        self.require_lockable(request.inode)?;
        let since = self.now;
        let locks = &mut self.state.locks;
        locks.require_client(&request.owner)?;
        locks.require_grace(&request.owner, request.reclaim, now)?;
        let ShareRequest { inode, owner, access, deny, .. } = request;
        let wanted = Share { inode, owner, access, deny, since };
        let opens = self.state.opens.of(wanted.inode);
        let is_refused = opens.iter().any(|open| open.clashes(wanted.access, allowing(wanted.deny)));
        let locks = &mut self.state.locks;
        if is_refused || locks.shares.iter().any(|other| other.conflicts(&wanted)) {
            return Err(FsError::ShareConflict.into());
        }
        locks.shares.retain(|other| !other.is_of(&wanted));
        if locks.is_full() {
            return Err(FsError::TooManyLocks.into());
        }
        locks.shares.push(wanted);
        Ok(())
    }

    /// As [`vfs::Opens::unshare`].
    pub(super) fn unshare(&mut self, request: &ShareRequest) {
        self.state.locks.shares.retain(|share| !(share.inode == request.inode && share.owner == request.owner));
    }

    /// What DOS shares of an inode do, and let others do.
    pub(super) fn dos_shares(&self, id: InodeId) -> Vec<(ShareMode, ShareMode)> {
        let of_inode = self.state.locks.shares.iter().filter(|share| share.inode == id);
        of_inode.map(|share| (share.access, allowing(share.deny))).collect()
    }

    /// Errors, in order: `StaleHandle`, `WrongType`, `AccessDenied`.
    fn require_lockable(&self, id: InodeId) -> Result<(), Failure> {
        let attributes = self.attributes(id)?;
        self.ensure(attributes.file_type == FileType::Regular, id, FsError::WrongType)?;
        let may = |bits| permission::permits_bytes(&self.ctx.credentials, attributes, bits);
        self.ensure(may(READ) || may(WRITE), id, FsError::AccessDenied)
    }
}

/// What is left to others.
fn allowing(deny: ShareMode) -> ShareMode {
    ShareMode { read: !deny.read, write: !deny.write, delete: !deny.delete }
}

impl Locks {
    /// Most locks, waits and shares together from now on, and most clients.
    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Everything held and waited for is gone; the clients are to be told, and may take again what they had until
    /// `grace_until`.
    pub(super) fn restart(&mut self, grace_until: Duration) {
        let (restarts, max) = (self.restarts + 1, self.max);
        let clients = std::mem::take(&mut self.clients);
        *self = Self { recovering: clients.clone(), clients, restarts, grace_until, max, ..Self::default() };
    }

    /// As [`vfs::Opens::remember_lock_client`].
    pub(super) fn remember(&mut self, client: LockClient) -> Result<(), Failure> {
        let is_full = self.clients.len() >= self.max;
        match self.clients.iter_mut().find(|known| known.id == client.id) {
            Some(known) => *known = LockClient { since: known.since, ..client },
            None if is_full => return Err(FsError::TooManyLocks.into()),
            None => self.clients.push(client),
        }
        Ok(())
    }

    /// As [`vfs::Opens::free_lock_client`].
    pub(super) fn free(&mut self, client: ClientId) {
        let is_kept = |owner: &LockOwner| client_of(owner) != Some(client);
        self.held.retain(|lock| is_kept(&lock.owner));
        self.waiting.retain(|(lock, _)| is_kept(&lock.owner));
        self.shares.retain(|share| is_kept(&share.owner));
        self.clients.retain(|known| known.id != client);
        self.recovering.retain(|known| known.id != client);
        self.grant();
    }

    /// As [`vfs::Opens::lock_clients`].
    pub(super) fn clients(&self) -> Vec<LockClient> {
        self.clients.clone()
    }

    /// As [`vfs::Opens::lock_recovery`]; `now` on the monotonic clock.
    pub(super) fn recovery(&self, now: Duration) -> LockRecovery {
        let grace_left = self.grace_until.checked_sub(now).filter(|left| !left.is_zero());
        LockRecovery { state: 2 * self.restarts + 1, clients: self.recovering.clone(), grace_left }
    }

    /// As [`vfs::Opens::lock_entries`].
    pub(super) fn entries(&self, max: usize) -> Vec<LockEntry> {
        let of_lock = |lock: &Lock, state| LockEntry {
            inode: lock.inode,
            owner: lock.owner.clone(),
            client: self.client(&lock.owner),
            state,
            what: LockedWhat::Range(lock.range(), lock.kind),
            since: lock.since,
        };
        let of_share = |share: &Share| LockEntry {
            inode: share.inode,
            owner: share.owner.clone(),
            client: self.client(&share.owner),
            state: LockState::Held,
            what: LockedWhat::Share { access: share.access, deny: share.deny },
            since: share.since,
        };
        let held = self.held.iter().map(|lock| of_lock(lock, LockState::Held));
        let waiting = self.waiting.iter().map(|(lock, _)| of_lock(lock, LockState::Waiting));
        let mut entries: Vec<_> = held.chain(waiting).chain(self.shares.iter().map(of_share)).collect();
        entries.sort_by_key(|entry| entry.inode);
        entries.truncate(max);
        entries
    }

    /// Frees what an open has locked.
    pub(super) fn free_open(&mut self, open: OpenId) {
        self.mandatory.retain(|held| held.open != open);
        self.grant();
    }

    /// Frees what all opens have locked.
    pub(super) fn free_opens(&mut self) {
        self.mandatory.clear();
        self.grant();
    }

    fn is_full(&self) -> bool {
        self.held.len() + self.waiting.len() + self.shares.len() >= self.max
    }

    fn client(&self, owner: &LockOwner) -> Option<LockClient> {
        let id = client_of(owner)?;
        self.clients.iter().find(|known| known.id == id).cloned()
    }

    fn require_client(&self, owner: &LockOwner) -> Result<(), Failure> {
        let is_known = client_of(owner).is_none_or(|id| self.clients.iter().any(|known| known.id == id));
        if is_known { Ok(()) } else { Err(FsError::InvalidArgument.into()) }
    }

    fn require_grace(&self, owner: &LockOwner, reclaim: bool, now: Duration) -> Result<(), Failure> {
        let is_grace = now < self.grace_until;
        let was_there = client_of(owner).is_some_and(|id| self.recovering.iter().any(|known| known.id == id));
        let is_right = if reclaim { is_grace && was_there } else { !is_grace };
        if is_right { Ok(()) } else { Err(FsError::Grace.into()) }
    }

    /// Locks of others that are in the way.
    fn holders<'a>(&'a self, wanted: &'a Lock) -> impl Iterator<Item = &'a Lock> {
        let by_opens = self.mandatory.iter().filter_map(|held| held.lock.as_ref());
        self.held.iter().chain(by_opens).filter(|held| held.excludes(wanted))
    }

    /// Requests that came before and go first, except those that wait for what this owner holds.
    fn in_front<'a>(&'a self, wanted: &'a Lock) -> impl Iterator<Item = &'a Lock> {
        let before = self.waiting.iter().map(|(lock, _)| lock).take_while(|lock| !lock.is_same_request(wanted));
        let waits_for_us = |lock: &Lock| self.holders(lock).any(|held| held.owner == wanted.owner);
        before.filter(move |lock| lock.excludes(wanted) && !waits_for_us(lock))
    }

    /// Whether those in the way wait, themselves or by others, for the one who asks.
    fn waits_for_ever(&self, wanted: &Lock) -> bool {
        let in_the_way =
            |lock| self.holders(lock).chain(self.in_front(lock)).map(|lock| &lock.owner).collect::<Vec<_>>();
        let (mut seen, mut next) = (Vec::new(), in_the_way(wanted));
        while let Some(owner) = next.pop() {
            if *owner == wanted.owner {
                return true;
            }
            if !seen.contains(&owner) {
                seen.push(owner);
                let waits = self.waiting.iter().map(|(lock, _)| lock).filter(|lock| lock.owner == *owner);
                waits.for_each(|lock| next.extend(in_the_way(lock)));
            }
        }
        false
    }

    /// Takes a lock that nothing stands in the way of.
    fn take(&mut self, mut wanted: Lock) {
        self.cut(&wanted);
        let touches = |lock: &Lock| lock.is_of(&wanted) && lock.kind == wanted.kind && lock.touches(&wanted);
        let (joined, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(touches);
        for lock in joined {
            wanted.first = wanted.first.min(lock.first);
            wanted.last = wanted.last.max(lock.last);
        }
        self.held = rest;
        self.held.push(wanted);
    }

    /// Gives a range back, whatever of it is held.
    fn cut(&mut self, freed: &Lock) {
        let cut = |lock: Lock| {
            if !lock.is_of(freed) || !lock.overlaps(freed) {
                return vec![lock];
            }
            let mut left = Vec::new();
            if lock.first < freed.first {
                left.push(Lock { last: freed.first - 1, ..lock.clone() });
            }
            if lock.last > freed.last {
                left.push(Lock { first: freed.last + 1, ..lock });
            }
            left
        };
        self.held = std::mem::take(&mut self.held).into_iter().flat_map(cut).collect();
    }

    /// Grants all that wait for nobody any more. A grant may free others: it may convert a lock to a shared one.
    fn grant(&mut self) {
        for (inode, mailbox) in self.asking.drain(..) {
            mailbox.put(Event::LockFreed { inode });
        }
        let is_free = |locks: &Self, lock: &Lock| locks.holders(lock).chain(locks.in_front(lock)).next().is_none();
        while let Some(index) = self.waiting.iter().position(|(lock, _)| is_free(self, lock)) {
            let (lock, mailbox) = self.waiting.remove(index);
            let event = Event::LockGranted { inode: lock.inode, owner: lock.owner.clone(), range: lock.range() };
            self.take(lock);
            mailbox.put(event);
        }
    }
}

impl Lock {
    /// Errors: `InvalidArgument` (the range overflows).
    fn wanted(request: &LockRequest, since: Timestamp) -> Result<Self, Failure> {
        let LockRange { offset, length } = request.range;
        let last = match length {
            0 => Some(u64::MAX),
            _ => offset.checked_add(length - 1),
        };
        let last = last.ok_or(FsError::InvalidArgument)?;
        let (inode, owner, kind) = (request.inode, request.owner.clone(), request.kind);
        Ok(Self { inode, owner, first: offset, last, kind, since })
    }

    fn range(&self) -> LockRange {
        let length = if self.last == u64::MAX { 0 } else { self.last - self.first + 1 };
        LockRange { offset: self.first, length }
    }

    fn is_of(&self, other: &Self) -> bool {
        self.inode == other.inode && self.owner == other.owner
    }

    fn is_same_request(&self, other: &Self) -> bool {
        self.is_of(other) && (self.first, self.last, self.kind) == (other.first, other.last, other.kind)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    fn touches(&self, other: &Self) -> bool {
        self.first <= other.last.saturating_add(1) && other.first <= self.last.saturating_add(1)
    }

    fn excludes(&self, other: &Self) -> bool {
        let is_exclusive = self.kind == LockKind::Exclusive || other.kind == LockKind::Exclusive;
        self.inode == other.inode && self.owner != other.owner && is_exclusive && self.overlaps(other)
    }
}

impl Mandatory {
    fn new(open: OpenId, request: &LockRequest, since: Timestamp) -> Self {
        let first = u128::from(request.range.offset);
        let end = first + u128::from(request.range.length);
        let lock = if first == end { None } else { Lock::wanted(request, since).ok() };
        Self { inode: request.inode, open, first, end, kind: request.kind, lock }
    }

    /// Whether it stands in the way of another one; an open may share what it holds exclusively.
    fn refuses(&self, wanted: &Self) -> bool {
        let are_shared = self.kind == LockKind::Shared && wanted.kind == LockKind::Shared;
        let shares_own = wanted.kind == LockKind::Shared && self.open == wanted.open;
        let meets = self.first < wanted.end && wanted.first < self.end;
        self.inode == wanted.inode && meets && !are_shared && !shares_own
    }
}

impl Share {
    fn is_of(&self, other: &Self) -> bool {
        self.inode == other.inode && self.owner == other.owner
    }

    fn conflicts(&self, other: &Self) -> bool {
        let denies = |deny: ShareMode, access: ShareMode| (deny.read && access.read) || (deny.write && access.write);
        let is_denied = denies(self.deny, other.access) || denies(other.deny, self.access);
        self.inode == other.inode && self.owner != other.owner && is_denied
    }
}

fn client_of(owner: &LockOwner) -> Option<ClientId> {
    match owner {
        LockOwner::Nlm { client, .. } => Some(*client),
        LockOwner::Open(_) => None,
    }
}
