//! Requests that wait for locks of one inode, in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use vfs::{Event, InodeId, LockOwner, Mailbox};

use crate::byte_range::{ByteRangeLocks, RangeLock};

/// A request that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    /// What it waits for.
    pub(crate) wanted: RangeLock,
    /// Where its grant is told.
    pub(crate) mailbox: Arc<Mailbox>,
}

/// The requests that wait at one inode, first come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(VecDeque<Waiter>);

/// Those that something held by others was in the way of, and that ask again when something was given back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking(Vec<Weak<Mailbox>>);

impl Asking {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a mailbox as long as somebody has it; `false` when there are too many.
    pub(crate) fn add(&mut self, mailbox: &Arc<Mailbox>) -> bool {
        if self.0.len() >= WAITERS_MAX {
            self.0.retain(|asking| asking.strong_count() > 0);
        }
        let fits = self.0.len() < WAITERS_MAX;
        if fits {
            self.0.push(Arc::downgrade(mailbox));
        }
        fits
    }

    /// Something was given back: tells all of them.
    pub(crate) fn tell(&mut self, event: &Event) {
        for mailbox in self.0.drain(..).filter_map(|asking| asking.upgrade()) {
            // One that is full is looked into anyway.
            mailbox.put(event.clone());
        }
    }
}

impl Waiter {
    /// Tells that the lock is granted; `false` when the mailbox is full, and so it must not be.
    pub(crate) fn tell(&self, inode: InodeId) -> bool {
        let (owner, range) = (self.wanted.owner.clone(), self.wanted.span.range());
        self.mailbox.put(Event::LockGranted { inode, owner, range })
    }
}

impl Waiting {
    /// The requests, first come first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Waiter> {
        self.0.get(index)
    }

    /// Where a request stands.
    pub(crate) fn position(&self, wanted: &RangeLock) -> Option<usize> {
        self.0.iter().position(|waiter| waiter.wanted.is_same(wanted))
    }

    /// Queues a request, or gives the one that waits already its new mailbox. Says whether it is new; `None` when the
    /// queue is full.
    pub(crate) fn add(&mut self, waiter: Waiter) -> Option<bool> {
        if let Some(old) = self.0.iter_mut().find(|old| old.wanted.is_same(&waiter.wanted)) {
            old.mailbox = waiter.mailbox;
            return Some(false);
        }
        if self.0.len() >= WAITERS_MAX {
            return None;
        }
        self.0.push_back(waiter);
        Some(true)
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<Waiter> {
        self.0.remove(index)
    }

    /// Takes out all that are meant.
    pub(crate) fn take(&mut self, is_meant: impl Fn(&RangeLock) -> bool) -> VecDeque<Waiter> {
        if !self.0.iter().any(|waiter| is_meant(&waiter.wanted)) {
            return VecDeque::new();
        }
        let (taken, left): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|waiter| is_meant(&waiter.wanted));
        self.0 = left;
        taken
    }

    /// Those of the first `index` requests that a request must not overtake: they exclude it, and do not themselves
    /// wait for what its owner holds (an owner never waits behind itself).
    pub(crate) fn in_front<'a>(
        &'a self,
        (index, wanted): (usize, &'a RangeLock),
        held: &'a ByteRangeLocks,
    ) -> impl Iterator<Item = &'a LockOwner> {
        let excluding = self.0.iter().take(index).filter(|waiter| waiter.wanted.excludes(wanted));
        // Collected once: most owners hold little, and there may be many waiters.
        let own: Vec<_> = held.held().iter().filter(|held| held.owner == wanted.owner).collect();
        let stands = move |waiter: &&Waiter| !own.iter().any(|held| held.excludes(&waiter.wanted));
        excluding.filter(stands).map(|waiter| &waiter.wanted.owner)
    }
}

/// Most requests that wait at one inode.
pub const WAITERS_MAX: usize = 256;
