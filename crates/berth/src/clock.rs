//! The machine's clock: the only place that reads it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vfs::{Clock, Timestamp};

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the roof hands the machine's clock to everyone below")]
    pub(crate) fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the roof hands the machine's clock to everyone below")]
    fn now(&self) -> Timestamp {
        timestamp(SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let (is_before, distance) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (false, after),
        Err(before) => (true, before.duration()),
    };
    let seconds = i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
    let nanoseconds = distance.subsec_nanos();
    match (is_before, nanoseconds) {
        (false, _) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds },
        (true, _) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_count_down() {
        let at = |millis: u64| Duration::from_millis(millis);
        let parts = |time| {
            let Timestamp { seconds, nanoseconds } = timestamp(time);
            (seconds, nanoseconds)
        };
        assert_eq!(parts(UNIX_EPOCH + at(1_500)), (1, 500_000_000));
        assert_eq!(parts(UNIX_EPOCH - at(1_500)), (-2, 500_000_000));
        assert_eq!(parts(UNIX_EPOCH - at(2_000)), (-2, 0));
    }

    #[test]
    fn monotonic_time_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
        assert!(clock.now().seconds > 1_700_000_000);
    }
}
