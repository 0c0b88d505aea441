//! What was counted.

use std::time::Instant;

use anyhow::{Context, Error, Result};
use hdrhistogram::Histogram;

use crate::window::{Window, now};

/// What one connection did within the window.
#[derive(Debug)]
pub struct Tally {
    /// Operations done.
    pub operations: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// Operations that failed.
    pub errors: u64,
    /// How the first of them did.
    pub first_error: Option<String>,
    /// Calls that the server asked to be sent again.
    pub retries: u64,
    /// From the begin of an operation to its end.
    pub latency_ns: Histogram<u64>,
    /// Congestion control of its socket.
    pub congestion: String,
    /// When it had nothing more to do, if that was before the window's end.
    pub exhausted: Option<Instant>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            operations: 0,
            bytes: 0,
            errors: 0,
            first_error: None,
            retries: 0,
            latency_ns: new_histogram()?,
            congestion: String::new(),
            exhausted: None,
        })
    }

    /// An operation that began then is done; outside the window it does not count.
    pub(crate) fn count(&mut self, begun: Instant, window: &Window, (operations, bytes): (u64, u64)) {
        let time = now();
        if time < window.begin || time > window.end {
            return;
        }
        self.operations += operations;
        self.bytes += bytes;
        let latency = u64::try_from((time - begun).as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.saturating_record(latency.max(1));
    }

    pub(crate) fn fail(&mut self, error: &Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }
}

/// Latencies from a nanosecond to a minute; what takes longer counts as a minute.
pub(crate) fn new_histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).context("histogram")
}
