//! What came and went over one connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of one connection.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    begun: AtomicU64,
    ended: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// On the monotonic clock.
    last_us: AtomicU64,
}

impl Traffic {
    pub(crate) fn begin(&self, (requests, bytes): (usize, usize), at: Duration) {
        self.begun.fetch_add(requests as u64, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_us.store(u64::try_from(at.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn end(&self, (requests, bytes): (usize, usize)) {
        self.ended.fetch_add(requests as u64, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Requests answered, and bytes that came and went.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.ended), read(&self.bytes_in), read(&self.bytes_out))
    }

    /// Requests begun and not answered.
    pub(crate) fn in_flight(&self) -> u64 {
        let ended = self.ended.load(Ordering::Relaxed);
        self.begun.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// How long ago the last request came.
    pub(crate) fn idle(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_micros(self.last_us.load(Ordering::Relaxed)))
    }
}
