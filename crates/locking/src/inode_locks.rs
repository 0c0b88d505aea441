//! Everything that is locked of one inode, and everybody who waits there.

use std::sync::Arc;

use vfs::{
    Event, InodeId, LockEntry, LockKind, LockOwner, LockRange, LockState, LockedWhat, Mailbox, OpenId, ShareMode,
};

use crate::byte_range::{ByteRangeLocks, LockRefusal, MandatoryLock, MandatoryLocks, Plan, RangeLock, Span};
use crate::effects::Effects;
use crate::pending::{Asking, Waiter, Waiting};
use crate::share_mode::{HeldShare, ShareRefusal, ShareReservations};

/// The locks, shares and waiting requests of one inode. Between two calls nobody waits who could be granted.
#[derive(Clone, Debug, Default)]
pub(crate) struct InodeLocks {
    ranges: ByteRangeLocks,
    mandatory: MandatoryLocks,
    shares: ShareReservations,
    waiting: Waiting,
    asking: Asking,
}

/// What came of trying to lock.
#[derive(Debug)]
pub(crate) enum Tried {
    /// Granted.
    Granted,
    /// Others hold it; this is the first of them.
    Held(RangeLock),
    /// Nobody holds it, but somebody waited for it before.
    Behind,
    /// The bound of the inode.
    TooMany,
}

/// What came of queueing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// Granted at once.
    Granted,
    /// Waits now.
    New,
    /// Waited before.
    Before,
    /// The bound of the inode.
    TooMany,
}

/// What came of giving up to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GaveUp {
    /// It was granted, and told, meanwhile.
    Told,
    /// Only others who wait were in its way: granted.
    Granted,
    /// Given up.
    Left,
}

impl InodeLocks {
    /// Whether nothing is held or waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.held().is_empty()
            && self.mandatory.held().is_empty()
            && self.shares.held().is_empty()
            && self.waiting.is_empty()
            && self.asking.is_empty()
    }

    /// Whether bytes are locked.
    pub(crate) fn is_locked(&self) -> bool {
        !self.ranges.held().is_empty() || !self.mandatory.held().is_empty()
    }

    /// The lock in the way of another.
    pub(crate) fn conflict(&self, wanted: &RangeLock) -> Option<RangeLock> {
        self.ranges.conflict(wanted).cloned().or_else(|| self.mandatory.in_the_way(wanted))
    }

    /// Tries to lock. Who would wait also waits for those who came before; who would not is only refused for what is
    /// held (`F_SETLK`).
    pub(crate) fn lock(&mut self, wanted: &RangeLock, would_wait: bool, effects: &mut Effects) -> Tried {
        let index = self.waiting.position(wanted).unwrap_or(self.waiting.len());
        let is_behind = would_wait && self.waiting.in_front((index, wanted), &self.ranges).next().is_some();
        match self.plan(wanted) {
            Err(LockRefusal::Conflict(other)) => Tried::Held(other),
            Err(LockRefusal::TooMany) => Tried::TooMany,
            Ok(_) if is_behind => Tried::Behind,
            Ok(plan) => {
                self.hold(&wanted.owner, plan, effects);
                // The same request may have waited.
                self.drop_waiters(|waiting| waiting.is_same(wanted), effects);
                self.grant(effects);
                Tried::Granted
            }
        }
    }

    /// Locks, or queues for it.
    pub(crate) fn lock_or_queue(
        &mut self,
        wanted: &RangeLock,
        mailbox: &Arc<Mailbox>,
        effects: &mut Effects,
    ) -> Queued {
        match self.lock(wanted, true, effects) {
            Tried::Granted => return Queued::Granted,
            Tried::TooMany => return Queued::TooMany,
            Tried::Held(_) | Tried::Behind => {}
        }
        match self.waiting.add(Waiter { wanted: wanted.clone(), mailbox: Arc::clone(mailbox) }) {
            Some(true) => {
                effects.wait(&wanted.owner);
                Queued::New
            }
            Some(false) => Queued::Before,
            None => Queued::TooMany,
        }
    }

    /// Takes back a request whose wait would never end; grants it if only the order of the queue was in its way.
    pub(crate) fn give_up(&mut self, wanted: &RangeLock, effects: &mut Effects) -> GaveUp {
        if !self.drop_waiters(|waiting| waiting.is_same(wanted), effects) {
            return GaveUp::Told;
        }
        let plan = self.plan(wanted).ok();
        let outcome = if plan.is_some() { GaveUp::Granted } else { GaveUp::Left };
        if let Some(plan) = plan {
            self.hold(&wanted.owner, plan, effects);
        }
        self.grant(effects);
        outcome
    }

    /// Gives a range back; a request of the owner that waits for exactly these bytes ends.
    ///
    /// Errors: `TooMany`.
    pub(crate) fn unlock(
        &mut self,
        (owner, span): (&LockOwner, Span),
        effects: &mut Effects,
    ) -> Result<(), LockRefusal> {
        let plan = self.ranges.plan_unlock(owner, span)?;
        self.hold(owner, plan, effects);
        self.drop_waiters(|waiting| waiting.span == span && waiting.owner == *owner, effects);
        self.grant(effects);
        Ok(())
    }

    /// Takes a waiting request back; `false` when none waits.
    pub(crate) fn cancel(&mut self, wanted: &RangeLock, effects: &mut Effects) -> bool {
        let waited = self.drop_waiters(|waiting| waiting.is_same(wanted), effects);
        if waited {
            self.grant(effects);
        }
        waited
    }

    /// Takes a lock of an open; what others hold of either kind is in its way. With a mailbox, who is refused is told
    /// when something was given back.
    pub(crate) fn lock_mandatory(
        &mut self,
        wanted: &MandatoryLock,
        wait: Option<&Arc<Mailbox>>,
        effects: &mut Effects,
    ) -> Tried {
        let tried = self.try_mandatory(wanted, effects);
        match wait {
            Some(mailbox) if matches!(tried, Tried::Held(_) | Tried::Behind) && !self.asking.add(mailbox) => {
                Tried::TooMany
            }
            _ => tried,
        }
    }

    fn try_mandatory(&mut self, wanted: &MandatoryLock, effects: &mut Effects) -> Tried {
        let other = wanted.as_range_lock().and_then(|wanted| self.ranges.conflict(&wanted).cloned());
        match other {
            Some(other) => Tried::Held(other),
            None if self.mandatory.refuses(wanted) => Tried::Behind,
            None if !self.mandatory.hold(*wanted) => Tried::TooMany,
            None => {
                effects.hold(&LockOwner::Open(wanted.open), 1);
                Tried::Granted
            }
        }
    }

    /// Gives a lock of an open back, of exactly this range; `false` when there is none.
    pub(crate) fn unlock_mandatory(&mut self, (open, range): (OpenId, LockRange), effects: &mut Effects) -> bool {
        let was_held = self.mandatory.release(open, range);
        if was_held {
            effects.hold(&LockOwner::Open(open), -1);
            self.grant(effects);
        }
        was_held
    }

    /// Whether locks of opens do not let these bytes be read, or written.
    pub(crate) fn denies_bytes(&self, range: LockRange, is_write: bool, own: Option<OpenId>) -> bool {
        self.mandatory.denies(range, is_write, own)
    }

    /// Takes a share.
    ///
    /// Errors, in order: `Conflict`, `TooMany`.
    pub(crate) fn share(&mut self, wanted: HeldShare, effects: &mut Effects) -> Result<(), ShareRefusal> {
        let owner = wanted.owner.clone();
        if self.shares.reserve(wanted)? {
            effects.share(&owner, 1);
        }
        Ok(())
    }

    /// Whether an open, except `own`, does not let others do this.
    pub(crate) fn denies(&self, wanted: ShareMode, own: Option<OpenId>) -> bool {
        self.shares.denies(wanted, own)
    }

    /// Whether an open may delete the inode.
    pub(crate) fn has_deleter(&self) -> bool {
        self.shares.has_deleter()
    }

    /// Gives the share of an owner back.
    pub(crate) fn unshare(&mut self, owner: &LockOwner, effects: &mut Effects) {
        self.release_shares(|other| other == owner, effects);
    }

    /// Frees everything that is held or waited for by owners that are meant.
    pub(crate) fn release(&mut self, is_meant: impl Fn(&LockOwner) -> bool, effects: &mut Effects) {
        self.ranges.held().iter().filter(|held| is_meant(&held.owner)).for_each(|held| effects.hold(&held.owner, -1));
        self.ranges.release(&is_meant);
        let gone = self.mandatory.release_all(&is_meant);
        gone.iter().for_each(|lock| effects.hold(&LockOwner::Open(lock.open), -1));
        self.release_shares(&is_meant, effects);
        self.drop_waiters(|waiting| is_meant(&waiting.owner), effects);
        self.grant(effects);
    }

    /// Shows everybody for whom this waiting request waits: holders, and those who stand before it.
    pub(crate) fn each_blocker(&self, wanted: &RangeLock, show: &mut impl FnMut(&LockOwner)) {
        if let Some(index) = self.waiting.position(wanted) {
            self.show_blockers((index, wanted), show);
        }
    }

    /// Shows everybody for whom any request of this owner waits here.
    pub(crate) fn each_blocker_of(&self, owner: &LockOwner, show: &mut impl FnMut(&LockOwner)) {
        for (index, waiter) in self.waiting.iter().enumerate().filter(|(_, waiter)| waiter.wanted.owner == *owner) {
            self.show_blockers((index, &waiter.wanted), show);
        }
    }

    /// The locks that an open holds.
    pub(crate) fn mandatory_of(&self, open: OpenId) -> Vec<(LockRange, LockKind)> {
        let held = self.mandatory.held().iter().filter(|lock| lock.open == open);
        held.map(|lock| (lock.range, lock.kind)).collect()
    }

    /// Everything that is held or waits, as people see it; the client of an owner is filled in by who knows it.
    pub(crate) fn entries(&self, inode: InodeId) -> impl Iterator<Item = LockEntry> {
        let range = move |lock: &RangeLock, state| LockEntry {
            inode,
            owner: lock.owner.clone(),
            client: None,
            state,
            what: LockedWhat::Range(lock.span.range(), lock.kind),
            since: lock.since,
        };
        let share = move |held: &HeldShare| LockEntry {
            inode,
            owner: held.owner.clone(),
            client: None,
            state: LockState::Held,
            what: LockedWhat::Share { access: held.reservation.access(), deny: held.reservation.deny() },
            since: held.since,
        };
        let held = self.ranges.held().iter().map(move |lock| range(lock, LockState::Held));
        let waiting = self.waiting.iter().map(move |waiter| range(&waiter.wanted, LockState::Waiting));
        let mandatory = self.mandatory.held().iter().map(move |lock| LockEntry {
            inode,
            owner: LockOwner::Open(lock.open),
            client: None,
            state: LockState::Held,
            what: LockedWhat::Range(lock.range, lock.kind),
            since: lock.since,
        });
        held.chain(mandatory).chain(self.shares.held().iter().map(share)).chain(waiting)
    }

    /// What a lock would come to, if nothing is in its way.
    fn plan(&self, wanted: &RangeLock) -> Result<Plan, LockRefusal> {
        match self.mandatory.in_the_way(wanted) {
            Some(other) => Err(LockRefusal::Conflict(other)),
            None => self.ranges.plan_lock(wanted),
        }
    }

    fn show_blockers(&self, (index, wanted): (usize, &RangeLock), show: &mut impl FnMut(&LockOwner)) {
        self.ranges.in_the_way(wanted).for_each(|held| show(&held.owner));
        self.waiting.in_front((index, wanted), &self.ranges).for_each(show);
    }

    fn hold(&mut self, owner: &LockOwner, plan: Plan, effects: &mut Effects) {
        let more = self.ranges.apply(plan);
        effects.hold(owner, more);
    }

    fn release_shares(&mut self, is_meant: impl Fn(&LockOwner) -> bool, effects: &mut Effects) {
        self.shares.held().iter().filter(|held| is_meant(&held.owner)).for_each(|held| effects.share(&held.owner, -1));
        self.shares.release(is_meant);
    }

    fn drop_waiters(&mut self, is_meant: impl Fn(&RangeLock) -> bool, effects: &mut Effects) -> bool {
        let dropped = self.waiting.take(is_meant);
        dropped.iter().for_each(|waiter| effects.end_wait(&waiter.wanted.owner));
        !dropped.is_empty()
    }

    /// Grants what can be granted, first come first, and tells those who are to ask again.
    fn grant(&mut self, effects: &mut Effects) {
        self.asking.tell(&Event::LockFreed { inode: effects.inode });
        let mut index = 0;
        while let Some(waiter) = self.waiting.get(index) {
            let Some(plan) = self.grantable((index, &waiter.wanted)) else {
                index += 1;
                continue;
            };
            let lets_earlier_go = self.lets_earlier_go((index, &waiter.wanted));
            let Some(waiter) = self.waiting.remove(index) else { return };
            effects.end_wait(&waiter.wanted.owner);
            // Who cannot be told would hold a lock that it does not know of; its client asks again.
            if waiter.tell(effects.inode) {
                self.hold(&waiter.wanted.owner, plan, effects);
                index = if lets_earlier_go { 0 } else { index };
            }
        }
    }

    /// Whether granting this may make way for one who came before it: it is a downgrade, or others stand no longer
    /// before an earlier request of the same owner.
    fn lets_earlier_go(&self, (index, wanted): (usize, &RangeLock)) -> bool {
        let is_downgrade = wanted.kind == LockKind::Shared && self.ranges.is_exclusive_of(&wanted.owner, wanted.span);
        is_downgrade || self.waiting.iter().take(index).any(|earlier| earlier.wanted.owner == wanted.owner)
    }

    fn grantable(&self, (index, wanted): (usize, &RangeLock)) -> Option<Plan> {
        let plan = self.plan(wanted).ok()?;
        self.waiting.in_front((index, wanted), &self.ranges).next().is_none().then_some(plan)
    }
}
