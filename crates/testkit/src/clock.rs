//! A clock that tests turn.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vfs::{Clock, Timestamp};

const NANOSECONDS_PER_SECOND: u128 = 1_000_000_000;
/// Where a new clock stands, in seconds since 1970.
const START_SECONDS: i64 = 1_700_000_000;

/// A clock that stands still until it is turned, or ticks by a fixed step each time it is read.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<Hands>,
    tick: Duration,
}

#[derive(Debug)]
struct Hands {
    time: Timestamp,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock that stands still.
    #[must_use]
    pub fn standing() -> Self {
        Self::ticking(Duration::ZERO)
    }

    /// A clock that goes forward by `tick` before each reading of the time of day, so that all readings differ.
    #[must_use]
    pub fn ticking(tick: Duration) -> Self {
        let time = Timestamp { seconds: START_SECONDS, nanoseconds: 0 };
        Self { state: Mutex::new(Hands { time, monotonic: Duration::ZERO }), tick }
    }

    /// Turns both the time of day and the monotonic time forward.
    pub fn advance(&self, by: Duration) {
        self.hands().advance(by);
    }

    /// Sets the time of day, forward or back; the monotonic time stays.
    pub fn set(&self, time: Timestamp) {
        self.hands().time = time;
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let mut hands = self.hands();
        hands.advance(self.tick);
        hands.time
    }

    fn monotonic(&self) -> Duration {
        self.hands().monotonic
    }
}

impl Hands {
    fn advance(&mut self, by: Duration) {
        self.monotonic = self.monotonic.saturating_add(by);
        let total = u128::from(self.time.nanoseconds) + by.as_nanos();
        let seconds = i64::try_from(total / NANOSECONDS_PER_SECOND).unwrap_or(i64::MAX);
        self.time.seconds = self.time.seconds.saturating_add(seconds);
        self.time.nanoseconds = u32::try_from(total % NANOSECONDS_PER_SECOND).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_ticks_and_is_set() {
        let standing = ManualClock::standing();
        assert_eq!(standing.now(), standing.now());
        standing.advance(Duration::new(1, 999_999_999));
        standing.advance(Duration::from_nanos(2));
        assert_eq!(standing.now(), Timestamp { seconds: START_SECONDS + 2, nanoseconds: 1 });
        assert_eq!(standing.monotonic(), Duration::new(2, 1));
        standing.set(Timestamp { seconds: -5, nanoseconds: 7 });
        assert_eq!(standing.now(), Timestamp { seconds: -5, nanoseconds: 7 });
        let ticking = ManualClock::ticking(Duration::from_nanos(1));
        assert!(ticking.now() < ticking.now());
    }
}
