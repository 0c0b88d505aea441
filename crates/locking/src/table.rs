//! All locks of the house: over all inodes, zones and doors.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vfs::{
    ClientId, InodeId, LockEntry, LockFigures, LockKind, LockOwner, LockRange, Mailbox, OpenId, ShardId, ShareMode,
};

use crate::byte_range::{LockRefusal, MandatoryLock, RangeLock, Span};
use crate::cycle::{Search, Waits};
use crate::effects::{Effects, client_of};
use crate::inode_locks::{GaveUp, InodeLocks, Queued, Tried};
use crate::parted::Parted;
use crate::share_mode::{HeldShare, ShareRefusal};

/// All locks, shares and waiting requests. Whoever waits is told in its mailbox when it is granted, within the call
/// that made way; if its mailbox is full it is dropped and not granted.
///
/// Order of the short locks within: waits, then one part of the inodes, then one of the clients or of the shards.
#[derive(Debug)]
pub struct LockTable {
    inodes: Parted<HashMap<InodeId, InodeLocks>>,
    clients: Parted<HashMap<ClientId, Holdings>>,
    /// Entries of each shard that has any.
    shards: Parted<HashMap<ShardId, i64>>,
    /// Held while a request begins to wait, so that of two that would wait for each other one sees the other.
    waits: Mutex<Waits>,
    held: AtomicI64,
    /// Of these, locks of opens.
    mandatory: AtomicI64,
    waiting: AtomicI64,
    shares: AtomicI64,
    bounds: Bounds,
}

/// Most entries: held, shared and waiting together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) client: i64,
    pub(crate) shard: i64,
    pub(crate) house: u64,
}

/// What a request for a lock came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// Granted.
    Granted,
    /// Waits; the grant is told in the mailbox.
    Queued,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This lock is in the way.
    Held(RangeLock),
    /// The share of this owner is in the way.
    Shared(LockOwner),
    /// Who is in the way waits, perhaps by way of others, for the one who asks.
    Deadlock,
    /// A bound: of the inode, of the client, of the shard or of the house.
    TooMany,
}

/// Why a lock of an open is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MandatoryRefusal {
    /// Another lock is in the way.
    Conflict,
    /// A bound: of the inode, of the shard or of the house.
    TooMany,
}

/// Entries of one client, by inode.
#[derive(Debug, Default)]
struct Holdings {
    entries: i64,
    inodes: HashMap<InodeId, i64>,
}

impl LockTable {
    /// A table without locks.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(Bounds { client: CLIENT_ENTRIES_MAX, shard: SHARD_ENTRIES_MAX, house: ENTRIES_MAX })
    }

    pub(crate) fn bounded(bounds: Bounds) -> Self {
        Self {
            inodes: Parted::new(),
            clients: Parted::new(),
            shards: Parted::new(),
            waits: Mutex::default(),
            held: AtomicI64::new(0),
            mandatory: AtomicI64::new(0),
            waiting: AtomicI64::new(0),
            shares: AtomicI64::new(0),
            bounds,
        }
    }

    /// Takes a lock; with a mailbox, waits for it in the order of arrival. What the owner holds of these bytes is
    /// converted. A request that waits already (same owner, bytes and kind) keeps its place. Without a mailbox only what
    /// is held is in the way, not who waits.
    ///
    /// # Errors
    /// In order: `TooMany` (client, shard, house), `Held` (and no mailbox), `TooMany` (inode), `Deadlock`.
    pub fn lock(&self, inode: InodeId, wanted: &RangeLock, wait: Option<&Arc<Mailbox>>) -> Result<Locked, Refusal> {
        self.admit(inode.shard, &wanted.owner)?;
        let (tried, effects) = self.change(inode, |locks, effects| locks.lock(wanted, wait.is_some(), effects));
        self.end_waits(&effects);
        match (tried, wait) {
            (Tried::Granted, _) => Ok(Locked::Granted),
            (Tried::Held(other), None) => Err(Refusal::Held(other)),
            (Tried::Held(_) | Tried::Behind, Some(mailbox)) => self.queue(inode, wanted, mailbox),
            (Tried::TooMany | Tried::Behind, _) => Err(Refusal::TooMany),
        }
    }

    /// The lock in the way of another: of several the one with the lowest first byte.
    #[must_use]
    pub fn conflict(&self, inode: InodeId, wanted: &RangeLock) -> Option<RangeLock> {
        self.look(inode, |locks| locks.conflict(wanted)).flatten()
    }

    /// Gives a range back. A request of the owner that waits for exactly these bytes ends.
    ///
    /// # Errors
    /// `TooMany`: the middle of a lock leaves two.
    pub fn unlock(&self, inode: InodeId, owner: &LockOwner, span: Span) -> Result<(), Refusal> {
        let (done, effects) = self.change(inode, |locks, effects| locks.unlock((owner, span), effects));
        self.end_waits(&effects);
        done.map_err(|_: LockRefusal| Refusal::TooMany)
    }

    /// Takes back a request that waits for exactly this lock; `false` when none does.
    pub fn cancel(&self, inode: InodeId, wanted: &RangeLock) -> bool {
        let (waited, effects) = self.change(inode, |locks, effects| locks.cancel(wanted, effects));
        self.end_waits(&effects);
        waited
    }

    /// Takes a share, in place of the one that its owner has.
    ///
    /// # Errors
    /// In order: `TooMany` (client, shard, house), `Shared`, `TooMany` (inode).
    pub fn share(&self, inode: InodeId, wanted: HeldShare) -> Result<(), Refusal> {
        self.admit(inode.shard, &wanted.owner)?;
        let (done, _) = self.change(inode, |locks, effects| locks.share(wanted, effects));
        done.map_err(|refusal| match refusal {
            ShareRefusal::Conflict(other) => Refusal::Shared(other),
            ShareRefusal::TooMany => Refusal::TooMany,
        })
    }

    /// Gives the share of an owner back.
    pub fn unshare(&self, inode: InodeId, owner: &LockOwner) {
        self.change(inode, |locks, effects| locks.unshare(owner, effects));
    }

    /// Whether an open, except `own`, does not let others do this to a file. Where nothing is shared it costs one look at
    /// a counter.
    #[must_use]
    pub fn denies(&self, inode: InodeId, wanted: ShareMode, own: Option<OpenId>) -> bool {
        self.shares.load(Ordering::Relaxed) != 0
            && self.look(inode, |locks| locks.denies(wanted, own)).unwrap_or_default()
    }

    /// Whether an open may delete an inode. Where nothing is shared it costs one look at a counter.
    #[must_use]
    pub fn has_deleter(&self, inode: InodeId) -> bool {
        self.shares.load(Ordering::Relaxed) != 0 && self.look(inode, InodeLocks::has_deleter).unwrap_or_default()
    }

    /// Takes a lock of an open. Who gave a mailbox and is refused with `Conflict` hears in it of the next lock that is
    /// given back, once.
    ///
    /// # Errors
    /// In order: `TooMany` (shard, house), `Conflict`, `TooMany` (inode: held, or asking again).
    pub fn lock_mandatory(
        &self,
        inode: InodeId,
        wanted: &MandatoryLock,
        wait: Option<&Arc<Mailbox>>,
    ) -> Result<(), MandatoryRefusal> {
        let owner = LockOwner::Open(wanted.open);
        self.admit(inode.shard, &owner).map_err(|_| MandatoryRefusal::TooMany)?;
        match self.change(inode, |locks, effects| locks.lock_mandatory(wanted, wait, effects)).0 {
            Tried::Granted => Ok(()),
            Tried::Held(_) | Tried::Behind => Err(MandatoryRefusal::Conflict),
            Tried::TooMany => Err(MandatoryRefusal::TooMany),
        }
    }

    /// Gives a lock of an open back, of exactly this range; `false` when there is none.
    pub fn unlock_mandatory(&self, inode: InodeId, open: OpenId, range: LockRange) -> bool {
        let (was_held, effects) = self.change(inode, |locks, effects| locks.unlock_mandatory((open, range), effects));
        self.end_waits(&effects);
        was_held
    }

    /// Whether locks of opens do not let these bytes of a file be read, or written, through this open or without one.
    /// Where no open holds a lock it costs one look at a counter.
    #[must_use]
    pub fn denies_bytes(&self, inode: InodeId, (range, is_write): (LockRange, bool), own: Option<OpenId>) -> bool {
        self.mandatory.load(Ordering::Relaxed) != 0
            && self.look(inode, |locks| locks.denies_bytes(range, is_write, own)).unwrap_or_default()
    }

    /// Whether anybody has locked bytes of a file. Where nothing is locked it costs one look at a counter or two.
    #[must_use]
    pub fn is_locked(&self, inode: InodeId) -> bool {
        self.held.load(Ordering::Relaxed) != 0 && self.look(inode, InodeLocks::is_locked).unwrap_or_default()
    }

    /// The locks that an open of an inode holds.
    #[must_use]
    pub fn mandatory_of(&self, inode: InodeId, open: OpenId) -> Vec<(LockRange, LockKind)> {
        self.look(inode, |locks| locks.mandatory_of(open)).unwrap_or_default()
    }

    /// Frees everything that an open of an inode holds or waits for.
    pub fn free_open(&self, inode: InodeId, open: OpenId) {
        let is_meant = |owner: &LockOwner| *owner == LockOwner::Open(open);
        let ((), effects) = self.change(inode, |locks, effects| locks.release(is_meant, effects));
        self.end_waits(&effects);
    }

    /// Frees everything that a client holds or waits for.
    pub fn free_client(&self, client: ClientId) {
        let inodes: Vec<_> = {
            let holdings = self.clients.of(&client);
            holdings.get(&client).map(|held| held.inodes.keys().copied().collect()).unwrap_or_default()
        };
        for inode in inodes {
            let is_meant = |owner: &LockOwner| client_of(owner) == Some(client);
            let ((), effects) = self.change(inode, |locks, effects| locks.release(is_meant, effects));
            self.end_waits(&effects);
        }
    }

    /// Whether a client holds or waits for anything.
    #[must_use]
    pub fn is_held_by(&self, client: ClientId) -> bool {
        self.clients.of(&client).contains_key(&client)
    }

    /// What is in the table, those of one inode together, at most `max`; each owner's client is left open.
    #[must_use]
    pub fn entries(&self, max: usize) -> Vec<LockEntry> {
        let mut entries = Vec::new();
        for part in self.inodes.all() {
            let left = max - entries.len();
            entries.extend(part.iter().flat_map(|(inode, locks)| locks.entries(*inode)).take(left));
        }
        entries
    }

    /// How much is held and waits; the clients are counted by who knows them.
    #[must_use]
    pub fn figures(&self) -> LockFigures {
        let read = |counter: &AtomicI64| u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0);
        let (held, waiting, shares) = (read(&self.held), read(&self.waiting), read(&self.shares));
        LockFigures { held, waiting, shares, clients: 0 }
    }

    /// Queues a request that cannot be granted now, unless it would wait for ever.
    fn queue(&self, inode: InodeId, wanted: &RangeLock, mailbox: &Arc<Mailbox>) -> Result<Locked, Refusal> {
        let mut waits = self.waits();
        let (queued, effects) = self.change(inode, |locks, effects| locks.lock_or_queue(wanted, mailbox, effects));
        effects.ended.iter().for_each(|owner| waits.remove(owner, inode));
        match queued {
            Queued::Granted => return Ok(Locked::Granted),
            Queued::Before => return Ok(Locked::Queued),
            Queued::TooMany => return Err(Refusal::TooMany),
            Queued::New => waits.add(&wanted.owner, inode),
        }
        if !self.closes_cycle(&waits, inode, wanted) {
            return Ok(Locked::Queued);
        }
        let (gave_up, effects) = self.change(inode, |locks, effects| locks.give_up(wanted, effects));
        effects.ended.iter().for_each(|owner| waits.remove(owner, inode));
        match gave_up {
            GaveUp::Told => Ok(Locked::Queued),
            GaveUp::Granted => Ok(Locked::Granted),
            GaveUp::Left => Err(Refusal::Deadlock),
        }
    }

    fn closes_cycle(&self, waits: &Waits, inode: InodeId, wanted: &RangeLock) -> bool {
        let mut search = Search::new(waits, &wanted.owner);
        self.look(inode, |locks| locks.each_blocker(wanted, &mut |blocker| search.meet(blocker)));
        while let Some(owner) = search.next() {
            for inode in waits.of(&owner) {
                self.look(inode, |locks| locks.each_blocker_of(&owner, &mut |blocker| search.meet(blocker)));
            }
        }
        search.is_found()
    }

    /// Refuses when the client, the shard or the house holds as much as it may. Others at the same moment may bring a
    /// few more.
    fn admit(&self, shard: ShardId, owner: &LockOwner) -> Result<(), Refusal> {
        let figures = self.figures();
        let entries = figures.held + figures.waiting + figures.shares;
        let of_client = client_of(owner).map_or(0, |client| self.entries_of(client));
        let of_shard = self.shards.of(&shard).get(&shard).copied().unwrap_or(0);
        let Bounds { client, shard, house } = self.bounds;
        if of_client >= client || of_shard >= shard || entries >= house { Err(Refusal::TooMany) } else { Ok(()) }
    }

    fn entries_of(&self, client: ClientId) -> i64 {
        self.clients.of(&client).get(&client).map_or(0, |holdings| holdings.entries)
    }

    /// Looks at an inode; `None` when nothing is there.
    fn look<T>(&self, inode: InodeId, look: impl FnOnce(&InodeLocks) -> T) -> Option<T> {
        self.inodes.of(&inode).get(&inode).map(look)
    }

    /// Changes an inode and the counters; what the effects say about waits is left to the caller.
    fn change<T>(&self, inode: InodeId, change: impl FnOnce(&mut InodeLocks, &mut Effects) -> T) -> (T, Effects) {
        let mut effects = Effects::new(inode);
        let mut inodes = self.inodes.of(&inode);
        let done = match inodes.entry(inode) {
            Entry::Vacant(vacant) => {
                let mut locks = InodeLocks::default();
                let done = change(&mut locks, &mut effects);
                if !locks.is_empty() {
                    vacant.insert(locks);
                }
                done
            }
            Entry::Occupied(mut occupied) => {
                let done = change(occupied.get_mut(), &mut effects);
                if occupied.get().is_empty() {
                    occupied.remove();
                }
                done
            }
        };
        // Still under the inode's lock, so that a client is never freed by halves.
        self.count(&effects);
        (done, effects)
    }

    fn count(&self, effects: &Effects) {
        for (counter, more) in [
            (&self.held, effects.held),
            (&self.mandatory, effects.mandatory),
            (&self.waiting, effects.waiting),
            (&self.shares, effects.shares),
        ] {
            if more != 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
        self.count_shard(effects.inode.shard, effects.held + effects.waiting + effects.shares);
        for (client, more) in &effects.clients {
            let mut clients = self.clients.of(client);
            let holdings = clients.entry(*client).or_default();
            holdings.count(effects.inode, *more);
            if holdings.entries == 0 && holdings.inodes.is_empty() {
                clients.remove(client);
            }
        }
    }

    fn count_shard(&self, shard: ShardId, more: i64) {
        if more == 0 {
            return;
        }
        let mut shards = self.shards.of(&shard);
        let entries = shards.entry(shard).or_default();
        *entries += more;
        if *entries == 0 {
            shards.remove(&shard);
        }
    }

    fn end_waits(&self, effects: &Effects) {
        if !effects.ended.is_empty() {
            let mut waits = self.waits();
            effects.ended.iter().for_each(|owner| waits.remove(owner, effects.inode));
        }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let no_client = self.clients.all().all(|part| part.is_empty());
        let no_shard = self.shards.all().all(|part| part.is_empty());
        no_client && no_shard && self.inodes.all().all(|part| part.is_empty()) && self.waits().is_empty()
    }
}

impl Default for LockTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Holdings {
    fn count(&mut self, inode: InodeId, more: i64) {
        self.entries += more;
        let of_inode = self.inodes.entry(inode).or_default();
        *of_inode += more;
        if *of_inode == 0 {
            self.inodes.remove(&inode);
        }
    }
}

/// Most entries of one client: held, shared and waiting together. A grant or a split may bring a few more.
pub const CLIENT_ENTRIES_MAX: i64 = 65_536;
/// Most entries of one shard: half of those of the house, so that one tenant cannot use up all.
pub const SHARD_ENTRIES_MAX: i64 = 1 << 19;
/// Most entries of the house.
pub const ENTRIES_MAX: u64 = 1 << 20;
