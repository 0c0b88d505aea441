//! Requests that wait for what a client does (MS-SMB2 3.3.1.5 `Connection.AsyncCommandList`), and what ends their wait:
//! CANCEL, or the end of the open, tree connect, session or connection that they belong to.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use smb_wire::Status;
use tokio::sync::Notify;
use vfs::{Event, Mailbox};

/// Why a request does not get what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// Its client took it back.
    Cancelled,
    /// What it belongs to was closed, disconnected or logged off.
    Gone,
    /// It may not wait.
    Refused(Status),
}

/// What a waiting request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) message_id: u64,
    pub(crate) session: u64,
    pub(crate) tree: u32,
    /// Volatile part of the `FileId`.
    pub(crate) open: Option<u64>,
}

/// Which waits come to an end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Session(u64),
    Tree { session: u64, tree: u32 },
    Open { session: u64, open: u64 },
}

/// What a CANCEL names (MS-SMB2 3.3.5.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Message(u64),
    Async(u64),
}

/// The waiting requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    waiting: HashMap<u64, (Waiting, Arc<Interrupt>)>,
    /// What was cancelled before it waited: a request may have to ask the store first.
    cancelled: VecDeque<(u64, u64)>,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Interrupt {
    why: OnceLock<Interrupted>,
    notify: Notify,
}

/// A request that waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    waits: &'a Waits,
    /// `AsyncId`, one of its own among all of the connection.
    pub(crate) async_id: u64,
    interrupt: Arc<Interrupt>,
}

impl Waits {
    /// A request begins to wait.
    ///
    /// Errors: `Refused` with INSUFFICIENT_RESOURCES (too many wait), `Cancelled` and `Gone` (meanwhile).
    pub(crate) fn enter(&self, waiting: Waiting) -> Result<Wait<'_>, Interrupted> {
        let mut table = self.table();
        if table.is_over {
            return Err(Interrupted::Gone);
        }
        let name = (waiting.session, waiting.message_id);
        if let Some(at) = table.cancelled.iter().position(|cancelled| *cancelled == name) {
            table.cancelled.remove(at);
            return Err(Interrupted::Cancelled);
        }
        if table.waiting.len() >= WAITS_MAX {
            return Err(Interrupted::Refused(Status::INSUFFICIENT_RESOURCES));
        }
        table.last += 1;
        let (async_id, interrupt) = (table.last, Arc::<Interrupt>::default());
        table.waiting.insert(async_id, (waiting, Arc::clone(&interrupt)));
        Ok(Wait { waits: self, async_id, interrupt })
    }

    /// A client takes a request of a session back.
    pub(crate) fn cancel(&self, session: u64, named: Named) {
        let mut table = self.table();
        let found = table.waiting.iter().find(|(async_id, (waiting, _))| match named {
            Named::Message(id) => waiting.session == session && waiting.message_id == id,
            Named::Async(id) => waiting.session == session && **async_id == id,
        });
        match (found, named) {
            (Some((_, (_, interrupt))), _) => interrupt.raise(Interrupted::Cancelled),
            (None, Named::Message(id)) => {
                if table.cancelled.len() >= CANCELLED_MAX {
                    table.cancelled.pop_front();
                }
                table.cancelled.push_back((session, id));
            }
            (None, Named::Async(_)) => {}
        }
    }

    /// What these requests belong to is gone.
    pub(crate) fn end(&self, which: Which) {
        let table = self.table();
        let meant = table.waiting.values().filter(|(waiting, _)| match which {
            Which::Session(session) => waiting.session == session,
            Which::Tree { session, tree } => (waiting.session, waiting.tree) == (session, tree),
            Which::Open { session, open } => (waiting.session, waiting.open) == (session, Some(open)),
        });
        meant.for_each(|(_, interrupt)| interrupt.raise(Interrupted::Gone));
    }

    /// The connection ends: nothing waits any more.
    pub(crate) fn end_all(&self) {
        let mut table = self.table();
        table.is_over = true;
        table.waiting.values().for_each(|(_, interrupt)| interrupt.raise(Interrupted::Gone));
    }

    /// Whether the connection is gone.
    pub(crate) fn are_over(&self) -> bool {
        self.table().is_over
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait<'_> {
    /// Waits for a future; what has become ready counts, even when the wait was interrupted meanwhile.
    ///
    /// Errors: the wait was interrupted.
    pub(crate) async fn until<T>(&self, future: impl Future<Output = T>) -> Result<T, Interrupted> {
        let (mut future, mut interrupted) = (pin!(future), pin!(self.interrupt.raised()));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Ok(outcome)),
            Poll::Pending => interrupted.as_mut().poll(cx).map(Err),
        })
        .await
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waits.table().waiting.remove(&self.async_id);
    }
}

impl Interrupt {
    fn raise(&self, why: Interrupted) {
        // The first reason stays.
        let _ = self.why.set(why);
        self.notify.notify_one();
    }

    async fn raised(&self) -> Interrupted {
        loop {
            if let Some(why) = self.why.get() {
                return *why;
            }
            self.notify.notified().await;
        }
    }
}

impl Interrupted {
    /// The status of the answer; what a request answers whose open is gone is its own (MS-SMB2 3.3.5.10, 3.3.5.14).
    pub(crate) fn status(self, gone: Status) -> Status {
        match self {
            Self::Cancelled => Status::CANCELLED,
            Self::Gone => gone,
            Self::Refused(status) => status,
        }
    }
}

/// Waits until something is in a mailbox. Returns it, and whether some was lost.
pub(crate) async fn told(mailbox: &Mailbox) -> (Vec<Event>, bool) {
    poll_fn(|cx| match mailbox.take(cx.waker()) {
        (events, false) if events.is_empty() => Poll::Pending,
        told => Poll::Ready(told),
    })
    .await
}

/// Requests of one connection that may wait: half of those that may be under way, so that others always can.
const WAITS_MAX: usize = 512;
/// Cancelled requests that are remembered until they wait.
const CANCELLED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn waiting(message_id: u64) -> Waiting {
        Waiting { message_id, session: 1, tree: 2, open: Some(3) }
    }

    fn outcome(wait: &Wait<'_>) -> Option<Interrupted> {
        match pin!(wait.until(std::future::pending::<()>())).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome.err(),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_request_is_cancelled_by_either_of_its_ids_in_its_session_only() {
        let waits = Waits::default();
        let (one, two) = (waits.enter(waiting(7)).unwrap(), waits.enter(waiting(8)).unwrap());
        assert_ne!(one.async_id, two.async_id);
        waits.cancel(9, Named::Message(7));
        waits.cancel(9, Named::Async(two.async_id));
        assert_eq!((outcome(&one), outcome(&two)), (None, None));
        waits.cancel(1, Named::Message(7));
        assert_eq!((outcome(&one), outcome(&two)), (Some(Interrupted::Cancelled), None));
        waits.cancel(1, Named::Async(two.async_id));
        assert_eq!(outcome(&two), Some(Interrupted::Cancelled));
    }

    #[test]
    fn what_was_cancelled_before_it_waited_does_not_wait() {
        let waits = Waits::default();
        waits.cancel(1, Named::Message(7));
        assert_eq!(waits.enter(waiting(7)).err(), Some(Interrupted::Cancelled));
        assert!(waits.enter(waiting(7)).is_ok(), "once");
        for id in 0..1000 {
            waits.cancel(1, Named::Message(id));
        }
        assert_eq!(waits.table().cancelled.len(), CANCELLED_MAX);
    }

    #[test]
    fn a_wait_ends_with_what_it_belongs_to() {
        for (which, is_meant) in [
            (Which::Session(1), true),
            (Which::Session(2), false),
            (Which::Tree { session: 1, tree: 2 }, true),
            (Which::Tree { session: 1, tree: 3 }, false),
            (Which::Open { session: 1, open: 3 }, true),
            (Which::Open { session: 2, open: 3 }, false),
        ] {
            let waits = Waits::default();
            let wait = waits.enter(waiting(7)).unwrap();
            waits.end(which);
            assert_eq!(outcome(&wait), is_meant.then_some(Interrupted::Gone), "{which:?}");
        }
        let waits = Waits::default();
        let wait = waits.enter(waiting(7)).unwrap();
        waits.end_all();
        assert_eq!(outcome(&wait), Some(Interrupted::Gone));
        assert_eq!(waits.enter(waiting(8)).err(), Some(Interrupted::Gone));
    }

    #[test]
    fn waits_are_bounded_and_leave_nothing() {
        let waits = Waits::default();
        let all: Vec<_> = (0..512).map(|id| waits.enter(waiting(id)).unwrap()).collect();
        let refused = Interrupted::Refused(Status::INSUFFICIENT_RESOURCES);
        assert_eq!(waits.enter(waiting(600)).err(), Some(refused));
        drop(all);
        assert!(waits.table().waiting.is_empty());
    }
}
