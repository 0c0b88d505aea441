//! The stretch of time that is measured.

use std::time::{Duration, Instant};

/// From `begin` to `end` operations count; until `end` new ones begin.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Window {
    pub(crate) fn new(warmup: Duration, time: Duration) -> Self {
        let begin = now() + warmup;
        Self { begin, end: begin + time }
    }

    /// As long as it takes to make what an operation needs; nobody looks at its figures.
    #[must_use]
    pub fn to_prepare() -> Self {
        Self::new(Duration::ZERO, PREPARE_LIMIT)
    }
}

#[expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

const PREPARE_LIMIT: Duration = Duration::from_secs(3600);
