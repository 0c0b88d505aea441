//! The only way up: values put in a mailbox that a session handed down.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use crate::limits::{MAILBOX_BREAKS_MAX, MAILBOX_EVENTS_MAX};
use crate::{InodeId, LeaseBreak, LockOwner, LockRange, ZoneId};

/// Something a session must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A lease is broken. Such events have room of their own: a lease that is taken back must not be lost.
    BreakLease(LeaseBreak),
    /// A break that was waited for is over, perhaps: what it was in the way of may be asked for again.
    LeaseBroken {
        /// Where.
        inode: InodeId,
    },
    /// A lock that was waited for is granted.
    LockGranted {
        /// Where.
        inode: InodeId,
        /// Who waited.
        owner: LockOwner,
        /// Which range.
        range: LockRange,
    },
    /// Something was given back that was in the way of a lock of an open: it may be asked for again.
    LockFreed {
        /// Where.
        inode: InodeId,
    },
    /// The zone is being closed.
    ZoneClosed(ZoneId),
}

/// A bounded queue of events of one session. When it is full the newest event is dropped and `overflowed` is set.
#[derive(Debug, Default)]
pub struct Mailbox {
    state: Mutex<MailboxState>,
}

#[derive(Debug, Default)]
struct MailboxState {
    events: VecDeque<Event>,
    overflowed: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Puts an event in and wakes the session; `false` when the mailbox is full.
    pub fn put(&self, event: Event) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let max = if matches!(event, Event::BreakLease(_)) { MAILBOX_BREAKS_MAX } else { MAILBOX_EVENTS_MAX };
        let fits = state.events.len() < max;
        if fits {
            state.events.push_back(event);
        } else {
            state.overflowed = true;
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        fits
    }

    /// Whom to wake when there is something; at once, if there is.
    pub fn wake_by(&self, waker: &Waker) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.events.is_empty() && !state.overflowed {
            state.waker = Some(waker.clone());
        } else {
            waker.wake_by_ref();
        }
    }

    /// Takes all events and whether some were lost; remembers whom to wake next time when there is none.
    pub fn take(&self, waker: &Waker) -> (Vec<Event>, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.events.is_empty() && !state.overflowed {
            state.waker = Some(waker.clone());
        }
        let overflowed = std::mem::take(&mut state.overflowed);
        (state.events.drain(..).collect(), overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_says_so_and_keeps_the_oldest() {
        let mailbox = Mailbox::default();
        for zone in 0..MAILBOX_EVENTS_MAX {
            assert!(mailbox.put(Event::ZoneClosed(ZoneId(u32::try_from(zone).unwrap()))));
        }
        assert!(!mailbox.put(Event::ZoneClosed(ZoneId(u32::MAX))));
        let (events, overflowed) = mailbox.take(Waker::noop());
        assert_eq!((events.len(), overflowed), (MAILBOX_EVENTS_MAX, true));
        assert_eq!(events.first(), Some(&Event::ZoneClosed(ZoneId(0))));
        assert_eq!(mailbox.take(Waker::noop()), (vec![], false));
    }
}
