//! How long calls took: a histogram of few fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of latencies, in microseconds; what takes longer than the last has a bucket of its own.
pub const LATENCY_BOUNDS_US: [u64; BOUNDS] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_000_000, 10_000_000];

/// How long calls took, from the decoded record to the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyFigures {
    /// Calls by bucket of [`LATENCY_BOUNDS_US`], not cumulative.
    pub counts: [u64; BOUNDS + 1],
    /// All of them together.
    pub sum: Duration,
}

/// Calls by how long they took, counted without a lock.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BOUNDS + 1],
    nanoseconds: AtomicU64,
}

impl LatencyFigures {
    /// Calls in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Histogram {
    /// Counts a call.
    pub fn add(&self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < microseconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Adds what was counted.
    pub fn add_to(&self, figures: &mut LatencyFigures) {
        for (sum, count) in figures.counts.iter_mut().zip(&self.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        figures.sum += Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
    }
}

const BOUNDS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for took in [0, 100_000, 100_999, 101_000, 10_000_000_000, 10_000_001_000, u64::MAX / 4] {
            histogram.add(Duration::from_nanos(took));
        }
        let mut figures = LatencyFigures::default();
        histogram.add_to(&mut figures);
        // Whole microseconds count.
        assert_eq!((figures.counts[0], figures.counts[1], figures.counts[11], figures.counts[12]), (3, 1, 1, 2));
        assert_eq!(figures.calls(), 7);
        assert!(figures.sum > Duration::from_secs(20));
    }
}
