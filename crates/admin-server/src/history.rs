//! The last seconds: a ring of samples, and what happened between the oldest and now.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use vfs::ZoneId;

use crate::figures::{Figures, Latency, Traffic, ZoneFigures};

/// Samples of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct History {
    samples: VecDeque<Sample>,
}

/// Counters at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    at: Duration,
    zones: HashMap<ZoneId, Totals>,
    caches: HashMap<&'static str, (u64, u64)>,
    groups: u64,
    changes: u64,
    refused: u64,
    reloads: u64,
    cpu: Duration,
}

/// All operations of a zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) traffic: Traffic,
    pub(crate) latency: Latency,
}

/// What happened over some time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) time: Duration,
    zones: HashMap<ZoneId, Totals>,
    caches: HashMap<&'static str, (u64, u64)>,
    /// Groups and changes made durable.
    pub(crate) groups: u64,
    pub(crate) changes: u64,
    /// Connections refused.
    pub(crate) refused: u64,
    pub(crate) reloads: u64,
    pub(crate) cpu: Duration,
}

impl History {
    /// Remembers a sample; the oldest goes.
    pub(crate) fn push(&mut self, sample: Sample) {
        if self.samples.len() >= SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// What happened from the oldest sample to `now`; nothing when there is none.
    pub(crate) fn span(&self, now: &Sample) -> Span {
        self.samples.front().map(|oldest| now.since(oldest)).unwrap_or_default()
    }
}

impl Sample {
    /// The counters of `figures`, taken `at` on the monotonic clock.
    pub(crate) fn of(figures: &Figures, at: Duration) -> Self {
        let caches = figures.house.caches.iter().map(|cache| (cache.name, (cache.hits, cache.misses)));
        Self {
            at,
            zones: figures.zones.iter().map(|zone| (zone.zone.id(), Totals::of(zone))).collect(),
            caches: caches.collect(),
            groups: figures.house.log.groups,
            changes: figures.house.log.changes,
            refused: figures.connections.refused,
            reloads: figures.house.reloads,
            cpu: figures.process.cpu,
        }
    }

    fn since(&self, before: &Self) -> Span {
        let zone = |(id, totals): (&ZoneId, &Totals)| {
            let earlier = before.zones.get(id).cloned().unwrap_or_default();
            let (traffic, latency) = (totals.traffic.since(&earlier.traffic), totals.latency.since(&earlier.latency));
            (*id, Totals { traffic, latency })
        };
        let cache = |(name, (hits, misses)): (&&'static str, &(u64, u64))| {
            let earlier = before.caches.get(name).copied().unwrap_or_default();
            (*name, (hits.saturating_sub(earlier.0), misses.saturating_sub(earlier.1)))
        };
        Span {
            time: self.at.saturating_sub(before.at),
            zones: self.zones.iter().map(zone).collect(),
            caches: self.caches.iter().map(cache).collect(),
            groups: self.groups.saturating_sub(before.groups),
            changes: self.changes.saturating_sub(before.changes),
            refused: self.refused.saturating_sub(before.refused),
            reloads: self.reloads.saturating_sub(before.reloads),
            cpu: self.cpu.saturating_sub(before.cpu),
        }
    }
}

impl Totals {
    fn of(zone: &ZoneFigures) -> Self {
        let mut totals = Self::default();
        for operation in &zone.operations {
            totals.traffic.add(&operation.traffic);
            totals.latency.add(&operation.latency);
        }
        totals
    }
}

impl Span {
    /// What was done for a zone.
    pub(crate) fn zone(&self, id: ZoneId) -> Totals {
        self.zones.get(&id).cloned().unwrap_or_default()
    }

    /// Share of look-ups in a cache that were hits; `None` without look-ups.
    pub(crate) fn hit_ratio(&self, cache: &str) -> Option<f64> {
        let (hits, misses) = self.caches.get(cache).copied().unwrap_or_default();
        let all = hits.saturating_add(misses);
        (all > 0).then(|| round(hits as f64 / all as f64, 1000.0))
    }

    /// How often a second something happened that happened this often; 0 while there is no time to measure.
    pub(crate) fn rate(&self, count: u64) -> f64 {
        self.per_second(count as f64, 10.0)
    }

    /// Cores kept busy.
    pub(crate) fn cores(&self) -> f64 {
        self.per_second(self.cpu.as_secs_f64(), 100.0)
    }

    fn per_second(&self, amount: f64, steps: f64) -> f64 {
        let seconds = self.time.as_secs_f64();
        if seconds > 0.0 { round(amount / seconds, steps) } else { 0.0 }
    }
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// Samples are taken this often.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The last ten seconds.
pub(crate) const SAMPLES_MAX: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64, groups: u64) -> Sample {
        let caches = HashMap::from([("inode", (groups * 3, groups))]);
        Sample { at: Duration::from_secs(second), groups, caches, ..Sample::default() }
    }

    #[test]
    fn rates_are_of_the_last_ten_seconds() {
        let mut history = History::default();
        let none = history.span(&at(5, 100));
        assert_eq!((none.time, none.rate(7), none.hit_ratio("inode")), (Duration::ZERO, 0.0, None));
        for second in 0..60 {
            history.push(at(second, second * 5));
        }
        assert_eq!(history.samples.len(), SAMPLES_MAX);
        let span = history.span(&at(59, 300));
        assert_eq!((span.time, span.groups), (Duration::from_secs(10), 300 - 49 * 5));
        assert_eq!((span.rate(span.groups), span.hit_ratio("inode")), (5.5, Some(0.75)));
        assert_eq!(span.hit_ratio("other"), None);
    }
}
