//! Time, the CPU time of a thread, and the core it runs on.

use std::fs;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

/// CPU time that the calling thread has used.
pub(crate) fn used() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// Keeps the calling thread on this core, where there is one; else it runs where it likes.
pub(crate) fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    // A machine with one core has no second one.
    sched_setaffinity(None, &cores).ok();
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// CPU seconds for a GiB.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn per_gibibyte(used: Duration, bytes: u64) -> f64 {
    used.as_secs_f64() * f64::from(1 << 30) / bytes.max(1) as f64
}

/// CPU microseconds for an operation.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn per_operation(used: Duration, operations: u64) -> f64 {
    used.as_secs_f64() * 1e6 / operations.max(1) as f64
}

/// So many in a second.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(1e-9)
}
