//! The sessions of all connections, for people and for who comes back (MS-SMB2 3.3.1.5 `GlobalSessionTable`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Session;
use crate::connection::Traffic;

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Listed>>,
}

/// A session and the connection it came over first.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) session: Arc<Session>,
    pub(crate) client: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) traffic: Arc<Traffic>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { next: AtomicU64::new(FIRST), open: Mutex::default() }
    }
}

impl Sessions {
    /// A number for a new session.
    pub(crate) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn enter(&self, listed: Listed) {
        self.open().insert(listed.session.id, listed);
    }

    pub(crate) fn find(&self, id: u64) -> Option<Arc<Session>> {
        self.open().get(&id).map(|listed| Arc::clone(&listed.session))
    }

    pub(crate) fn remove(&self, id: u64) -> Option<Listed> {
        self.open().remove(&id)
    }

    /// At most `max` sessions behind this one, oldest first.
    pub(crate) fn after(&self, id: u64, max: usize) -> Vec<Listed> {
        let open = self.open();
        open.range((Bound::Excluded(id), Bound::Unbounded)).take(max).map(|(_, listed)| listed.clone()).collect()
    }

    /// At most `max` sessions that are wanted, oldest first.
    pub(crate) fn those(&self, is_wanted: impl Fn(&Listed) -> bool, max: usize) -> Vec<Listed> {
        self.open().values().filter(|listed| is_wanted(listed)).take(max).cloned().collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Listed>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Above the numbers of the connections of other doors: the house tells sessions apart by these.
const FIRST: u64 = 1 << 48;
