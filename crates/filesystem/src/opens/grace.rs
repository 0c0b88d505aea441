//! The grace period after a restart: clients that were known before may take their locks again, others wait.

use std::collections::BTreeMap;
use std::time::Duration;

use vfs::{ClientId, LockClient};

/// Who may take locks again, and until when. Times are on the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Grace {
    /// When it ends at the latest; `None` when it is over.
    ends: Option<Duration>,
    before: BTreeMap<ClientId, Reclaiming>,
}

/// A client that was known before the restart.
#[derive(Debug)]
struct Reclaiming {
    client: LockClient,
    /// When it last asked for a lock that it had before.
    last: Option<Duration>,
}

impl Grace {
    /// Begins; with nobody to wait for it is over at once.
    pub(super) fn begin(clients: Vec<LockClient>, ends: Duration) -> Self {
        let ends = Some(ends).filter(|_| !clients.is_empty());
        let before = clients.into_iter().map(|client| (client.id, Reclaiming { client, last: None }));
        Self { ends, before: before.collect() }
    }

    /// Whether only locks held before may be taken, as far as it is known: [`Grace::is_due`] says when that must end.
    pub(super) fn is_on(&self) -> bool {
        self.ends.is_some()
    }

    /// Whether it is on and should not be: the time is up, or every client that is still waited for has taken back what
    /// it had and asked for nothing for a while.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let is_done = |client: &Reclaiming| client.last.is_some_and(|last| now >= last + RECLAIM_PAUSE);
        self.ends.is_some_and(|ends| now >= ends || self.before.values().all(is_done))
    }

    /// How long it lasts at most.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        if self.is_due(now) { None } else { self.ends.map(|ends| ends.saturating_sub(now)) }
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.ends = None;
    }

    /// Whether a client may take a lock again; takes note that it asked.
    pub(super) fn admit(&mut self, client: ClientId, now: Duration) -> bool {
        let found = self.before.get_mut(&client).filter(|_| self.ends.is_some());
        found.map(|client| client.last = Some(now)).is_some()
    }

    /// A client restarted, or has nothing more: it is not waited for, nor told of our restart.
    pub(super) fn free(&mut self, client: ClientId) {
        self.before.remove(&client);
    }

    /// Clients that asked for nothing of what they had.
    pub(super) fn silent(&self) -> impl Iterator<Item = ClientId> {
        self.before.iter().filter(|(_, client)| client.last.is_none()).map(|(id, _)| *id)
    }

    /// The clients that were known before.
    pub(super) fn clients(&self) -> Vec<LockClient> {
        self.before.values().map(|before| before.client.clone()).collect()
    }
}

/// How long a client asks for nothing before it counts as done.
const RECLAIM_PAUSE: Duration = Duration::from_secs(10);
