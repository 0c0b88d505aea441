//! Counters per zone, share and command, added on the session's own lines and summed when asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use admission::{Histogram, LatencyFigures};
use smb_wire::{Command, Status};
use vfs::ZoneId;

use crate::answer::Answer;

/// What happened to one command on one share since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationFigures {
    /// Name of the share.
    pub share: String,
    /// The command: `READ`, or `UNKNOWN`.
    pub operation: &'static str,
    /// Requests answered.
    pub calls: u64,
    /// Of them with a status that is an error.
    pub errors: u64,
    /// Of these because the gateway could not: I/O errors, no space, overload.
    pub faults: u64,
    /// Bytes of the requests.
    pub bytes_in: u64,
    /// Bytes of the answers.
    pub bytes_out: u64,
    /// How long they took; a request that waited for others with its wait.
    pub latency: LatencyFigures,
    /// Requests being done now.
    pub in_flight: u64,
}

/// The counters of all shares that somebody has connected to. There are as many as shares are configured.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    shares: Mutex<BTreeMap<(u32, String), Arc<ShareCounters>>>,
}

/// The counters of one share.
#[derive(Debug, Default)]
pub(crate) struct ShareCounters {
    lines: [OnceLock<Box<Line>>; LINES],
}

/// The counters that sessions of one line add to; apart from those of others, so that cores do not fight for them.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([Counters; COMMANDS]);

#[derive(Debug, Default)]
struct Counters {
    latency: Histogram,
    errors: AtomicU64,
    faults: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    in_flight: AtomicI64,
}

/// Counts a request in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    counters: &'a Counters,
    began: Duration,
}

impl Metrics {
    /// The counters of a share.
    pub(crate) fn share(&self, zone: ZoneId, name: &str) -> Arc<ShareCounters> {
        Arc::clone(self.shares().entry((zone.0, name.to_owned())).or_default())
    }

    /// Everything that was asked of the shares of a zone.
    pub(crate) fn figures(&self, zone: ZoneId) -> Vec<OperationFigures> {
        let shares = self.shares();
        let of_zone = shares.iter().filter(|((of, _), _)| *of == zone.0);
        of_zone.flat_map(|((_, name), counters)| counters.figures(name)).collect()
    }

    fn shares(&self) -> MutexGuard<'_, BTreeMap<(u32, String), Arc<ShareCounters>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShareCounters {
    /// Counts a request that begins; `session` spreads sessions over lines, `began` is on the monotonic clock.
    pub(crate) fn begin(&self, session: u64, command: Command, began: Duration) -> Option<InFlight<'_>> {
        let line = self.lines.get(usize::try_from(session % LINES as u64).unwrap_or(0))?.get_or_init(Box::default);
        let counters = line.0.get(usize::from(command.0).min(COMMANDS - 1))?;
        counters.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight { counters, began })
    }

    fn figures(&self, share: &str) -> impl Iterator<Item = OperationFigures> {
        let all = (0..COMMANDS).map(move |command| self.sum(share, command));
        all.filter(|figures| figures.calls > 0 || figures.in_flight > 0)
    }

    fn sum(&self, share: &str, command: usize) -> OperationFigures {
        let (mut latency, mut in_flight) = (LatencyFigures::default(), 0_i64);
        let used = || self.lines.iter().filter_map(OnceLock::get).filter_map(|line| line.0.get(command));
        for counters in used() {
            counters.latency.add_to(&mut latency);
            in_flight += counters.in_flight.load(Ordering::Relaxed);
        }
        let sum = |of: fn(&Counters) -> &AtomicU64| used().map(|counters| of(counters).load(Ordering::Relaxed)).sum();
        OperationFigures {
            share: share.to_owned(),
            operation: name_of(command),
            calls: latency.calls(),
            errors: sum(|counters| &counters.errors),
            faults: sum(|counters| &counters.faults),
            bytes_in: sum(|counters| &counters.bytes_in),
            bytes_out: sum(|counters| &counters.bytes_out),
            latency,
            in_flight: u64::try_from(in_flight).unwrap_or(0),
        }
    }
}

impl InFlight<'_> {
    /// Counts the answer to a request of so many bytes.
    pub(crate) fn answered(&self, bytes_in: usize, outcome: Result<&Answer, Status>, at: Duration) {
        let add = |counter: &AtomicU64, count: usize| counter.fetch_add(count as u64, Ordering::Relaxed);
        let (status, bytes_out) = match outcome {
            Ok(answer) => (answer.status, answer.body.len() + answer.payload.len()),
            Err(status) => (status, 0),
        };
        add(&self.counters.bytes_in, bytes_in);
        add(&self.counters.bytes_out, bytes_out);
        add(&self.counters.errors, usize::from(status.is_error()));
        add(&self.counters.faults, usize::from(FAULTS.contains(&status)));
        self.counters.latency.add(at.saturating_sub(self.began));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `READ` of `SMB2 READ`.
fn name_of(command: usize) -> &'static str {
    let name = u16::try_from(command).ok().and_then(|command| Command(command).name());
    name.map_or("UNKNOWN", |name| name.trim_start_matches("SMB2 "))
}

/// The gateway could not. `DISK_FULL` is none of them: most often a quota says it, and of a full store the space that is
/// left tells.
const FAULTS: [Status; 3] = [Status::UNEXPECTED_IO_ERROR, Status::INSUFFICIENT_RESOURCES, Status::RETRY];
const LINES: usize = 4;
/// Those that MS-SMB2 2.2.1 names, 0 to 19, and the rest.
const COMMANDS: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_shares_are_told_apart_and_summed() {
        let metrics = Metrics::default();
        let (zone, other) = (ZoneId(1), ZoneId(2));
        let counters = metrics.share(zone, "a");
        for session in 0..10 {
            let request = counters.begin(session, Command::READ, Duration::ZERO).unwrap();
            let outcome = match session {
                3 => Err(Status::UNEXPECTED_IO_ERROR),
                4 => Err(Status::DISK_FULL),
                _ => Ok(()),
            };
            let answer = Answer::error(Status::SUCCESS);
            request.answered(100, outcome.map(|()| &answer), Duration::from_micros(200));
        }
        let others = metrics.share(zone, "b");
        let waiting = others.begin(7, Command(0x77), Duration::ZERO);
        let figures = metrics.figures(zone);
        let [read, unknown] = &figures[..] else { panic!("{figures:?}") };
        assert_eq!((read.share.as_str(), read.operation, read.calls, read.bytes_in), ("a", "READ", 10, 1000));
        assert_eq!((read.errors, read.faults, read.in_flight), (2, 1, 0));
        assert_eq!((unknown.share.as_str(), unknown.operation, unknown.in_flight), ("b", "UNKNOWN", 1));
        drop(waiting);
        assert_eq!((metrics.figures(zone).len(), metrics.figures(other).len()), (1, 0));
    }
}
