//! What the lock calls share: requests that wait, names of clients, and calls to be made.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use nfs_wire::nlm4::{CancelRes, GrantedRes, LockRes, StatusResult, TestRes, TestResult, UnlockRes};
use nfs_wire::rpc::Procedure;
use vfs::{ClientId, ZoneId};

use super::call::copy;
use super::client::{Names, client_id};
use super::tally::{Limits, Tally};
use super::waits::Waits;
use crate::callback::Line;
use crate::handle::HandleKeys;

/// What the lock calls share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) waits: Waits,
    pub(crate) names: Names,
    client_key: [u8; 32],
    responses: Mutex<VecDeque<Due>>,
    /// Of `_RES` calls until they were made.
    due: Arc<Mutex<Tally>>,
    news: AtomicWaker,
}

/// A `_RES` call to be made. Its client has its place until this is dropped.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) line: Line,
    pub(crate) response: Response,
    zone: ZoneId,
    tally: Arc<Mutex<Tally>>,
}

/// What a `_RES` call says.
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
    /// Keeps nothing of the record alive that brought the call.
    fn response(result: Self::Args) -> Response;
}

impl Desk {
    pub(crate) fn new(keys: &HandleKeys) -> Self {
        let (waits, names, news) = (Waits::new(), Names::default(), AtomicWaker::new());
        let due = Arc::new(Mutex::new(Tally::new(RESPONSES)));
        Self { waits, names, client_key: keys.derive(CLIENT_KEY), responses: Mutex::default(), due, news }
    }

    /// The number of the client of this name at this address.
    pub(crate) fn client_id(&self, zone: ZoneId, address: IpAddr, name: &[u8]) -> ClientId {
        client_id(&self.client_key, (zone, address, name))
    }

    /// Has a `_MSG` call answered. When too many of this client or zone were not sent yet, it is left to the client to
    /// ask again.
    pub(crate) fn respond<P: Respond>(&self, (zone, line): (ZoneId, Line), result: P::Args) {
        {
            let mut due = tally(&self.due);
            if !due.has_room(zone, line.to) {
                return;
            }
            due.add(zone, line.to);
        }
        let due = Due { line, response: P::response(result), zone, tally: Arc::clone(&self.due) };
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).push_back(due);
        self.news.wake();
    }

    /// How many `_RES` calls were not made yet.
    #[cfg(test)]
    pub(crate) fn due(&self) -> usize {
        tally(&self.due).total()
    }

    /// There may be more to listen to.
    pub(crate) fn wake(&self) {
        self.news.wake();
    }

    /// The `_RES` calls to be made; remembers whom to wake.
    pub(crate) fn poll_responses(&self, cx: &Context<'_>) -> Poll<VecDeque<Due>> {
        self.news.register(cx.waker());
        let responses = std::mem::take(&mut *self.responses.lock().unwrap_or_else(PoisonError::into_inner));
        if responses.is_empty() { Poll::Pending } else { Poll::Ready(responses) }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        tally(&self.tally).subtract(self.zone, self.line.to);
    }
}

fn tally(due: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    due.lock().unwrap_or_else(PoisonError::into_inner)
}

macro_rules! respond {
    ($($procedure:ident => $variant:ident,)*) => {
        $(impl Respond for $procedure {
            fn response(mut result: Self::Args) -> Response {
                result.cookie = copy(&result.cookie);
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

/// `_RES` calls that were not made yet, those under way among them.
const RESPONSES: Limits = Limits { per_client: 16, per_zone: 256 };
/// What the key of clients' numbers is derived for.
const CLIENT_KEY: &str = "berth 2026 NLM client ids";
