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
            of_inode.holders.push(Holder { open, mailbox, held_back: Some(Vec::new()) });
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

    fn tell(&mut self, breaks: &[LeaseBreak]) {
        for told in breaks {
            let Some(holder) = self.holder(told.open) else { continue };
            match &mut holder.held_back {
                Some(held_back) => held_back.push(*told),
                // One that is full ends with its session.
                None => drop(holder.mailbox.put(Event::BreakLease(*told))),
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
