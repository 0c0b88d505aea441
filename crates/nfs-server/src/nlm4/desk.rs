//! What the lock calls share: requests that wait, names of clients, and calls to be made.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use nfs_wire::nlm4::{CancelRes, GrantedRes, LockRes, StatusResult, TestRes, TestResult, UnlockRes};
use nfs_wire::rpc::Procedure;

use super::client::Names;
use super::waits::Waits;
use crate::callback::Line;

/// What the lock calls share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) waits: Waits,
    pub(crate) names: Names,
    responses: Mutex<VecDeque<(Line, Response)>>,
    news: AtomicWaker,
}

/// A `_RES` call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Test(TestResult),
    Lock(StatusResult),
    Cancel(StatusResult),
    Unlock(StatusResult),
    Granted(StatusResult),
}

/// A `_RES` procedure.
pub(crate) trait Respond: Procedure {
    fn response(result: Self::Args) -> Response;
}

impl Desk {
    pub(crate) fn new() -> Self {
        let (waits, names) = (Waits::new(), Names::default());
        Self { waits, names, responses: Mutex::default(), news: AtomicWaker::new() }
    }

    /// Has a `_MSG` call answered. When too many wait to be sent it is left to the client to ask again.
    pub(crate) fn respond<P: Respond>(&self, line: Line, result: P::Args) {
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        if responses.len() < RESPONSES_MAX {
            responses.push_back((line, P::response(result)));
        }
        drop(responses);
        self.news.wake();
    }

    /// There may be more to listen to.
    pub(crate) fn wake(&self) {
        self.news.wake();
    }

    /// The `_RES` calls to be made; remembers whom to wake.
    pub(crate) fn poll_responses(&self, cx: &Context<'_>) -> Poll<VecDeque<(Line, Response)>> {
        self.news.register(cx.waker());
        let responses = std::mem::take(&mut *self.responses.lock().unwrap_or_else(PoisonError::into_inner));
        if responses.is_empty() { Poll::Pending } else { Poll::Ready(responses) }
    }
}

macro_rules! respond {
    ($($procedure:ident => $variant:ident,)*) => {
        $(impl Respond for $procedure {
            fn response(result: Self::Args) -> Response {
                Response::$variant(result)
            }
        })*
    };
}

respond! {
    TestRes => Test,
    LockRes => Lock,
    CancelRes => Cancel,
    UnlockRes => Unlock,
    GrantedRes => Granted,
}

/// `_RES` calls that wait to be made.
const RESPONSES_MAX: usize = 1024;
