//! The stretch of time that is measured.

use std::time::{Duration, Instant};

/// From `begin` to `end` operations count; until `end` new ones begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Window {
    #[expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
    pub(crate) fn new(warmup: Duration, time: Duration) -> Self {
        let begin = Instant::now() + warmup;
        Self { begin, end: begin + time }
    }
}

#[expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
