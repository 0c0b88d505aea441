//! The connections that are open, for people: who, since when, how much.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use vfs::{SessionId, Timestamp, ZoneId};

use crate::caller::{Caller, Role};

/// One open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFigures {
    /// Its number; later connections have higher ones.
    pub session: SessionId,
    /// The zone that has its local address; `None` when that is gone.
    pub zone: Option<ZoneId>,
    /// What it arrived at.
    pub role: Role,
    /// The client.
    pub client: SocketAddr,
    /// The address that the client came to.
    pub local: SocketAddr,
    /// When it was opened.
    pub since: Timestamp,
    /// How long ago its last call came, or it was opened.
    pub idle: Duration,
    /// Calls answered.
    pub calls: u64,
    /// Bytes of calls.
    pub bytes_in: u64,
    /// Bytes of replies.
    pub bytes_out: u64,
    /// Calls begun and not answered.
    pub in_flight: u64,
    /// Paths that the client has mounted in the zone, as far as it said so.
    pub mounts: Vec<Bytes>,
}

/// What came and went over one connection.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    calls_begun: AtomicU64,
    calls_ended: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// On the monotonic clock.
    last_call_us: AtomicU64,
}

/// All open connections. As many as the door accepts.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<SessionId, Session>>,
}

/// A connection stands in the list until this is dropped.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    sessions: &'a Sessions,
    session: SessionId,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) role: Role,
    pub(crate) client: SocketAddr,
    pub(crate) local: SocketAddr,
    since: Timestamp,
    traffic: Arc<Traffic>,
}

impl Traffic {
    pub(crate) fn begin(&self, bytes: usize, at: Duration) {
        self.calls_begun.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_call_us.store(microseconds(at), Ordering::Relaxed);
    }

    pub(crate) fn end(&self, bytes: usize) {
        self.calls_ended.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Sessions {
    /// Lists a connection; `now` is the time of day and on the monotonic clock.
    pub(crate) fn enter(&self, caller: &Caller, client: SocketAddr, now: (Timestamp, Duration)) -> Listed<'_> {
        caller.traffic.last_call_us.store(microseconds(now.1), Ordering::Relaxed);
        let traffic = Arc::clone(&caller.traffic);
        let session = Session { role: caller.role, client, local: caller.local, since: now.0, traffic };
        self.open().insert(caller.session, session);
        Listed { sessions: self, session: caller.session }
    }

    /// At most `max` connections behind this one, oldest first.
    pub(crate) fn after(&self, session: SessionId, max: usize) -> Vec<(SessionId, Session)> {
        let open = self.open();
        let behind = open.range((Bound::Excluded(session), Bound::Unbounded));
        behind.take(max).map(|(id, session)| (*id, session.clone())).collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<SessionId, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// How it is at `now` on the monotonic clock.
    pub(crate) fn figures(
        &self,
        session: SessionId,
        (zone, mounts): (Option<ZoneId>, Vec<Bytes>),
        now: Duration,
    ) -> SessionFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let traffic = &self.traffic;
        // Ended first: a call that ends meanwhile is not counted twice.
        let calls = read(&traffic.calls_ended);
        SessionFigures {
            session,
            zone,
            role: self.role,
            client: self.client,
            local: self.local,
            since: self.since,
            idle: now.saturating_sub(Duration::from_micros(read(&traffic.last_call_us))),
            calls,
            bytes_in: read(&traffic.bytes_in),
            bytes_out: read(&traffic.bytes_out),
            in_flight: read(&traffic.calls_begun).saturating_sub(calls),
            mounts,
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.sessions.open().remove(&self.session);
    }
}

fn microseconds(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_connections_are_listed_in_pages() {
        let sessions = Sessions::default();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let caller = |number| Caller::new(Role::Nfs, at("192.0.2.1:2049"), at("192.0.2.9:700"), SessionId(number));
        let callers: Vec<_> = (1..=5).map(caller).collect();
        let now = (Timestamp { seconds: 5, nanoseconds: 0 }, Duration::from_secs(10));
        let mut listed: Vec<_> =
            callers.iter().map(|caller| sessions.enter(caller, at("192.0.2.9:700"), now)).collect();
        let ids = |after, max| sessions.after(SessionId(after), max).iter().map(|(id, _)| id.0).collect::<Vec<_>>();
        assert_eq!((ids(0, 2), ids(2, 2), ids(4, 2), ids(5, 2)), (vec![1, 2], vec![3, 4], vec![5], vec![]));
        listed.remove(2);
        assert_eq!(ids(0, 9), [1, 2, 4, 5]);

        callers[0].traffic.begin(100, Duration::from_secs(12));
        callers[0].traffic.begin(100, Duration::from_secs(13));
        callers[0].traffic.end(7);
        let (id, session) = sessions.after(SessionId(0), 1).remove(0);
        let figures = session.figures(id, (None, Vec::new()), Duration::from_secs(15));
        assert_eq!((figures.calls, figures.in_flight, figures.bytes_in, figures.bytes_out), (1, 1, 200, 7));
        assert_eq!((figures.idle, figures.since.seconds), (Duration::from_secs(2), 5));
        drop(listed);
        assert!(ids(0, 9).is_empty());
    }
}
