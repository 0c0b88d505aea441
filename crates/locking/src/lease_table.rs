//! All leases of the house, by inode, and who is told of what becomes of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use vfs::{
    AcknowledgementRefusal, Awaited, BreakAcknowledgement, Event, InodeId, LeaseBreak, LeaseGrant, LeaseKey,
    LeaseOwner, LeaseState, Mailbox, OpenId,
};

use crate::lease::{Beside, FileLeases, Intrusion};
use crate::parted::Parted;
use crate::pending::Asking;

/// All leases. Where there are none everything costs one look at a counter.
///
/// Order of the short locks within: inodes, then keys.
#[derive(Debug)]
pub struct LeaseTable {
    inodes: Parted<HashMap<InodeId, InodeLeases>>,
    /// The file of each key.
    keys: Parted<HashMap<LeaseKey, InodeId>>,
    count: AtomicI64,
    /// Of these, leases of directories.
    directories: AtomicI64,
}

/// A lease that an open asks for.
#[derive(Clone, Debug)]
pub struct NewLease {
    /// Whose it is.
    pub owner: LeaseOwner,
    /// The open.
    pub open: OpenId,
    /// Whether it is one of a directory.
    pub is_directory: bool,
    /// What is to be cached.
    pub wanted: LeaseState,
    /// What stands beside the open.
    pub beside: Beside,
    /// The epoch, if it is a new one that has any.
    pub first_epoch: Option<u16>,
    /// Where breaks are told.
    pub mailbox: Arc<Mailbox>,
}

/// The leases of an inode, and those who are told.
#[derive(Debug, Default)]
struct InodeLeases {
    leases: FileLeases,
    is_directory: bool,
    holders: Vec<Holder>,
    /// Who waits for the end of a break.
    asking: Asking,
}

/// An open with a lease.
#[derive(Debug)]
struct Holder {
    open: OpenId,
    mailbox: Arc<Mailbox>,
    /// Its client is not there: others of the lease are told before it is.
    is_away: bool,
    /// What it is told once its client has heard of the open itself.
    held_back: Option<Vec<LeaseBreak>>,
}

impl Default for LeaseTable {
    fn default() -> Self {
        Self { inodes: Parted::new(), keys: Parted::new(), count: AtomicI64::new(0), directories: AtomicI64::new(0) }
    }
}

impl LeaseTable {
    /// Whether anybody has a lease.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Whether anybody has a lease of a directory.
    #[must_use]
    pub fn is_any_of_directories(&self) -> bool {
        self.directories.load(Ordering::Relaxed) != 0
    }

    /// Whether a key is that of another file.
    #[must_use]
    pub fn is_elsewhere(&self, owner: LeaseOwner, inode: InodeId) -> bool {
        let LeaseOwner::Key(key) = owner else { return false };
        self.keys.of(&key).get(&key).is_some_and(|of| *of != inode)
    }

    /// Grants a lease, or as much of it as can be (see [`FileLeases::grant`]). Breaks are told from
    /// [`Self::announce`] on. `None`: the key is that of another file.
    #[must_use]
    pub fn grant(&self, inode: InodeId, new: NewLease) -> Option<LeaseGrant> {
        let NewLease { owner, open, is_directory, wanted, beside, first_epoch, mailbox } = new;
        let mut inodes = self.inodes.of(&inode);
        if let LeaseOwner::Key(key) = owner
            && *self.keys.of(&key).entry(key).or_insert(inode) != inode
        {
            return None;
        }
        let of_inode = inodes.entry(inode).or_default();
        let before = of_inode.leases.len();
        let granted = of_inode.leases.grant((owner, open), wanted, (beside, first_epoch));
        if of_inode.leases.covers(open) {
            of_inode.holders.push(Holder { open, mailbox, is_away: false, held_back: Some(Vec::new()) });
        }
        of_inode.is_directory = is_directory;
        self.count_change(before, of_inode);
        if of_inode.is_empty() {
            inodes.remove(&inode);
        }
        Some(granted)
    }

    /// The client of an open is about to hear of it: from now on it is told of breaks, and at once of those that came
    /// before.
    pub fn announce(&self, inode: InodeId, open: OpenId) {
        if !self.is_any() {
            return;
        }
        let mut inodes = self.inodes.of(&inode);
        let holder = inodes.get_mut(&inode).and_then(|of_inode| of_inode.holder(open));
        let Some(holder) = holder else { return };
        for told in holder.held_back.take().into_iter().flatten() {
            holder.mailbox.put(Event::BreakLease(told));
        }
    }

    /// From now on breaks of an open are told in this mailbox, whose client is there or away; who is there is told of one that
    /// waits for its answer. Returns what the open may cache, if it has a lease.
    pub fn rehome(
        &self,
        inode: InodeId,
        open: OpenId,
        (mailbox, is_away): (&Arc<Mailbox>, bool),
    ) -> Option<LeaseGrant> {
        let mut inodes = self.inodes.of(&inode);
        let of_inode = inodes.get_mut(&inode)?;
        let holder = of_inode.holder(open)?;
        (holder.mailbox, holder.is_away) = (Arc::clone(mailbox), is_away);
        if let Some(told) = of_inode.leases.break_of(open).filter(|_| !is_away) {
            mailbox.put(Event::BreakLease(told));
        }
        of_inode.leases.of_open(open)
    }

    /// Somebody, except `own`, is about to do something with an inode: begins the breaks that this needs. `true` when it has
    /// to wait for their end.
    #[must_use]
    pub fn intrude(
        &self,
        inode: InodeId,
        (own, intrusion): (Option<LeaseOwner>, Intrusion),
        now: impl FnOnce() -> Duration,
    ) -> bool {
        if !self.is_any() {
            return false;
        }
        let mut inodes = self.inodes.of(&inode);
        let Some(of_inode) = inodes.get_mut(&inode) else { return false };
        let intrusion = match (own, intrusion) {
            // What an open overwrites before its client has heard of it is not written behind its back.
            (Some(LeaseOwner::Open(open)), Intrusion::Write) if of_inode.is_unheard(open) => Intrusion::OVERWRITE,
            _ => intrusion,
        };
        let mut breaks = Vec::new();
        let must_wait = of_inode.leases.intrude(own, intrusion, (now(), &mut breaks));
        of_inode.tell(&breaks);
        must_wait
    }

    /// A client answers a break; `of_open` is the inode of the owner, where that is an open.
    ///
    /// # Errors
    /// `Unknown`, `NotBreaking`, `TooMuch`.
    pub fn acknowledge(
        &self,
        BreakAcknowledgement { owner, kept }: BreakAcknowledgement,
        (of_open, now): (InodeId, Duration),
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        let inode = match owner {
            LeaseOwner::Key(key) => self.keys.of(&key).get(&key).copied().ok_or(AcknowledgementRefusal::Unknown)?,
            LeaseOwner::Open(_) => of_open,
        };
        let mut inodes = self.inodes.of(&inode);
        let of_inode = inodes.get_mut(&inode).ok_or(AcknowledgementRefusal::Unknown)?;
        let mut breaks = Vec::new();
        let kept = of_inode.leases.acknowledge(owner, kept, (now, &mut breaks))?;
        of_inode.tell(&breaks);
        of_inode.let_go(inode);
        Ok(kept)
    }

    /// An open of an inode is closed; the last one of a lease takes it along.
    pub fn close(&self, inode: InodeId, open: OpenId) {
        if !self.is_any() {
            return;
        }
        let mut inodes = self.inodes.of(&inode);
        let Some(of_inode) = inodes.get_mut(&inode) else { return };
        let before = of_inode.leases.len();
        let gone = of_inode.leases.close(open);
        of_inode.holders.retain(|holder| holder.open != open);
        if let Some(LeaseOwner::Key(key)) = gone {
            self.keys.of(&key).remove(&key);
        }
        of_inode.let_go(inode);
        self.count_change(before, of_inode);
        if of_inode.is_empty() {
            inodes.remove(&inode);
        }
    }

    /// Ends the breaks that were not acknowledged in time.
    pub fn expire(&self, now: Duration) {
        if !self.is_any() {
            return;
        }
        for mut part in self.inodes.all() {
            let breaking = part.iter_mut().filter(|(_, of_inode)| of_inode.leases.is_breaking());
            for (inode, of_inode) in breaking {
                if of_inode.leases.expire(now) {
                    of_inode.let_go(*inode);
                }
            }
        }
    }

    /// Tells in a mailbox when a break of an inode ends; it is forgotten with the mailbox. `None`: too many wait.
    #[must_use]
    pub fn await_break(&self, inode: InodeId, mailbox: &Arc<Mailbox>) -> Option<Awaited> {
        let mut inodes = self.inodes.of(&inode);
        match inodes.get_mut(&inode).filter(|of_inode| of_inode.leases.is_breaking()) {
            Some(of_inode) => of_inode.asking.add(mailbox).then_some(Awaited::Told),
            None => Some(Awaited::Over),
        }
    }

    fn count_change(&self, before: usize, of_inode: &InodeLeases) {
        let more = of_inode.leases.len().cast_signed() - before.cast_signed();
        let more = i64::try_from(more).unwrap_or_default();
        if more != 0 {
            self.count.fetch_add(more, Ordering::Relaxed);
        }
        if more != 0 && of_inode.is_directory {
            self.directories.fetch_add(more, Ordering::Relaxed);
        }
    }
}

impl InodeLeases {
    fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.holders.is_empty()
    }

    fn holder(&mut self, open: OpenId) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.open == open)
    }

    fn is_unheard(&self, open: OpenId) -> bool {
        self.holders.iter().any(|holder| holder.open == open && holder.held_back.is_some())
    }

    /// The oldest open of a lease whose client is there.
    fn who_is_told(&self, told: &LeaseBreak) -> OpenId {
        let is_there = |open: &OpenId| self.holders.iter().any(|holder| holder.open == *open && !holder.is_away);
        self.leases.opens_of(told.owner).find(is_there).unwrap_or(told.open)
    }

    fn tell(&mut self, breaks: &[LeaseBreak]) {
        for told in breaks {
            let told = LeaseBreak { open: self.who_is_told(told), ..*told };
            let Some(holder) = self.holder(told.open) else { continue };
            match &mut holder.held_back {
                Some(held_back) => held_back.push(told),
                // One that is full ends with its session.
                None => drop(holder.mailbox.put(Event::BreakLease(told))),
            }
        }
    }

    /// Something was given back: when nothing is being broken any more, whoever waits asks again.
    fn let_go(&mut self, inode: InodeId) {
        if !self.leases.is_breaking() {
            self.asking.tell(&Event::LeaseBroken { inode });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use vfs::{InodeNumber, ZoneId};

    use super::*;
    use crate::lease::BREAK_TIMEOUT;

    const RH: LeaseState = LeaseState { read: true, handle: true, write: false };
    const RWH: LeaseState = LeaseState { write: true, ..RH };
    const OPEN: Intrusion = Intrusion::Open { overwrites: false, is_refused: false };
    const START: Duration = Duration::from_secs(100);

    fn inode(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::default() }
    }

    fn owner(zone: u32) -> LeaseOwner {
        LeaseOwner::Key(LeaseKey { zone: ZoneId(zone), client: 1, key: 2 })
    }

    fn new(owner: LeaseOwner, open: u64, mailbox: &Arc<Mailbox>) -> NewLease {
        let (open, beside, mailbox) = (OpenId(open), Beside::default(), Arc::clone(mailbox));
        NewLease { owner, open, is_directory: false, wanted: RWH, beside, first_epoch: None, mailbox }
    }

    fn intrude(table: &LeaseTable, own: Option<LeaseOwner>, intrusion: Intrusion) -> bool {
        table.intrude(inode(7), (own, intrusion), || START)
    }

    fn told(mailbox: &Mailbox) -> Vec<Event> {
        mailbox.take(Waker::noop()).0
    }

    fn is_empty(table: &LeaseTable) -> bool {
        let (inodes, keys) =
            (table.inodes.all().all(|part| part.is_empty()), table.keys.all().all(|part| part.is_empty()));
        inodes && keys && !table.is_any() && !table.is_any_of_directories()
    }

    #[test]
    fn a_break_is_told_once_its_client_knows_of_the_open() {
        let (table, mailbox) = (LeaseTable::default(), Arc::<Mailbox>::default());
        assert!(!intrude(&table, None, OPEN), "nobody has a lease");
        assert!(table.grant(inode(7), new(owner(1), 1, &mailbox)).is_some_and(|grant| grant.state == RWH));
        assert!(intrude(&table, None, OPEN));
        assert_eq!(told(&mailbox), []);
        table.announce(inode(7), OpenId(1));
        let [Event::BreakLease(told)] = told(&mailbox)[..] else { panic!("a break") };
        assert_eq!((told.open, told.from, told.to, told.must_acknowledge), (OpenId(1), RWH, RH, true));
        table.close(inode(7), OpenId(1));
        assert!(is_empty(&table));
    }

    #[test]
    fn a_key_is_that_of_one_file_and_of_one_zone() {
        let (table, mailbox) = (LeaseTable::default(), Arc::<Mailbox>::default());
        assert!(table.grant(inode(7), new(owner(1), 1, &mailbox)).is_some());
        assert!(table.is_elsewhere(owner(1), inode(8)) && !table.is_elsewhere(owner(1), inode(7)));
        assert_eq!(table.grant(inode(8), new(owner(1), 2, &mailbox)), None);
        assert!(!table.is_elsewhere(owner(2), inode(8)), "another tenant may call itself the same");
        assert!(intrude(&table, Some(owner(2)), OPEN), "and is another");
        let acknowledgement = BreakAcknowledgement { owner: owner(2), kept: RH };
        let refused = table.acknowledge(acknowledgement, (InodeId::default(), START));
        assert_eq!(refused, Err(AcknowledgementRefusal::Unknown));
        table.close(inode(7), OpenId(1));
        assert!(table.grant(inode(8), new(owner(1), 3, &mailbox)).is_some());
        table.close(inode(8), OpenId(3));
        assert!(is_empty(&table));
    }

    #[test]
    fn who_waits_is_told_when_nothing_is_being_broken_any_more() {
        let broken = [Event::LeaseBroken { inode: inode(7) }];
        let acknowledgement = BreakAcknowledgement { owner: owner(1), kept: RH };
        let ends: [fn(&LeaseTable, BreakAcknowledgement); 3] = [
            |table, answer| assert_eq!(table.acknowledge(answer, (InodeId::default(), START)), Ok(RH)),
            |table, _| table.close(inode(7), OpenId(1)),
            |table, _| table.expire(START + BREAK_TIMEOUT),
        ];
        for end in ends {
            let (table, mailbox) = (LeaseTable::default(), Arc::<Mailbox>::default());
            assert!(table.grant(inode(7), new(owner(1), 1, &mailbox)).is_some());
            assert_eq!(table.await_break(inode(7), &mailbox), Some(Awaited::Over));
            assert!(intrude(&table, None, OPEN));
            let waiting = Arc::<Mailbox>::default();
            assert_eq!(table.await_break(inode(7), &waiting), Some(Awaited::Told));
            table.expire(START);
            assert_eq!(told(&waiting), []);
            end(&table, acknowledgement);
            assert_eq!(told(&waiting), broken);
            assert!(!intrude(&table, None, OPEN));
        }
    }

    #[test]
    fn an_open_that_overwrites_keeps_the_oplock_it_was_granted_for_that() {
        let (table, mailbox) = (LeaseTable::default(), Arc::<Mailbox>::default());
        let own = LeaseOwner::Open(OpenId(1));
        let level_ii = LeaseState { read: true, ..LeaseState::NONE };
        assert!(table.grant(inode(7), NewLease { wanted: level_ii, ..new(own, 1, &mailbox) }).is_some());
        assert!(!intrude(&table, Some(own), Intrusion::Write));
        table.announce(inode(7), OpenId(1));
        assert_eq!(told(&mailbox), []);
        assert!(!intrude(&table, Some(own), Intrusion::Write));
        assert_eq!(told(&mailbox).len(), 1, "but not when its client writes");
    }

    #[test]
    fn as_many_wait_as_may() {
        let (table, mailbox) = (LeaseTable::default(), Arc::<Mailbox>::default());
        assert!(table.grant(inode(7), new(owner(1), 1, &mailbox)).is_some() && intrude(&table, None, OPEN));
        let all: Vec<_> = (0..crate::WAITERS_MAX).map(|_| Arc::<Mailbox>::default()).collect();
        assert!(all.iter().all(|waiting| table.await_break(inode(7), waiting) == Some(Awaited::Told)));
        assert_eq!(table.await_break(inode(7), &mailbox), None);
        drop(all);
        assert_eq!(table.await_break(inode(7), &mailbox), Some(Awaited::Told), "who went away does not count");
    }
}
