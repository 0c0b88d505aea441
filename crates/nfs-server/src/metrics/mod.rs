//! Counters per zone, share and operation, added on the connection's own lines and summed when asked.

mod shares;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use admission::{Histogram, LatencyFigures};
use nfs_wire::rpc::{
    MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM, NSM_PROGRAM, PORTMAP_PROGRAM, RQUOTA_PROGRAM, procedure_name, program_name,
};
use zones::ExportId;

use self::shares::Shares;
pub use self::shares::{Share, ShareFigures, TrafficFigures};

/// What happened to one operation of one zone since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationFigures {
    /// The program: `nfs`, `mount`, `portmap`, `nlm`, `nsm`, `rquota`.
    pub program: &'static str,
    /// The procedure: `GETATTR`, or `UNKNOWN`.
    pub operation: &'static str,
    /// Calls of all shares.
    pub traffic: TrafficFigures,
    /// How long they took.
    pub latency: LatencyFigures,
    /// Calls being done now.
    pub in_flight: u64,
}

/// The reply cache of one zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplyCacheFigures {
    /// Bytes of stored replies.
    pub bytes: u64,
    /// Most of them.
    pub bytes_max: u64,
    /// Calls that came again and got the stored reply.
    pub hits: u64,
    /// Calls that were new.
    pub misses: u64,
}

/// An operation as counted: the procedures of NFSv3, MOUNT, NLM, NSM and rquota, portmap as a whole, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation(usize);

/// What a reply says of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was done.
    Fine,
    /// It was refused, as clients must expect.
    Error,
    /// The gateway could not.
    Fault,
}

/// A reply, as counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// The export that the call named.
    pub(crate) export: Option<ExportId>,
    pub(crate) bytes: usize,
    pub(crate) verdict: Verdict,
    /// On the monotonic clock.
    pub(crate) at: Duration,
}

/// Counters of one zone.
#[derive(Debug)]
pub(crate) struct Metrics {
    lines: [OnceLock<Box<Line>>; LINES],
    shares: Shares,
}

/// Counts a call in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    metrics: &'a Metrics,
    counters: &'a Counters,
    line: usize,
    operation: Operation,
    bytes: u64,
    began: Duration,
}

/// The counters that connections of one line add to; apart from those of others, so that cores do not fight for them.
/// Made when first used: most zones are at rest.
#[derive(Debug)]
#[repr(align(128))]
struct Line {
    operations: [Counters; OPERATIONS],
    replayed: AtomicU64,
    remembered: AtomicU64,
}

#[derive(Debug, Default)]
struct Counters {
    latency: Histogram,
    in_flight: AtomicI64,
}

impl Operation {
    /// The operation of a call.
    pub(crate) fn of(program: u32, procedure: u32) -> Self {
        let procedure = usize::try_from(procedure).unwrap_or(usize::MAX);
        match program {
            NFS_PROGRAM if procedure < NFS_OPERATIONS => Self(procedure),
            MOUNT_PROGRAM if procedure < MOUNT_OPERATIONS => Self(NFS_OPERATIONS + procedure),
            PORTMAP_PROGRAM => Self(PORTMAP),
            NLM_PROGRAM if procedure < NLM_OPERATIONS => Self(NLM + procedure),
            NSM_PROGRAM if procedure < NSM_OPERATIONS => Self(NSM + procedure),
            RQUOTA_PROGRAM if procedure < RQUOTA_OPERATIONS => Self(RQUOTA + procedure),
            _ => Self(UNKNOWN),
        }
    }

    /// Its name, as labels have it.
    pub(crate) fn name(self) -> &'static str {
        self.labels().1
    }

    /// Whether its result begins with a status word: those of NFS, and of MNT.
    pub(crate) fn has_status(self) -> bool {
        self.0 < NFS_OPERATIONS || self.0 == NFS_OPERATIONS + MNT
    }

    /// What a status word other than OK means: an error that clients must expect, or a fault of the gateway
    /// (`NFS3ERR_IO`, `NOSPC`, `SERVERFAULT`, `JUKEBOX`, and the same numbers of MNT).
    pub(crate) fn verdict(self, status: u32) -> Verdict {
        match status {
            0 => Verdict::Fine,
            5 | 28 | 10_006 | 10_008 if self.0 < PORTMAP => Verdict::Fault,
            _ => Verdict::Error,
        }
    }

    fn labels(self) -> (&'static str, &'static str) {
        let number = |base: usize| u32::try_from(self.0.saturating_sub(base)).unwrap_or(u32::MAX);
        match self.0 {
            index if index < NFS_OPERATIONS => (program_name(NFS_PROGRAM), procedure_name(NFS_PROGRAM, 3, number(0))),
            index if index < PORTMAP => {
                (program_name(MOUNT_PROGRAM), procedure_name(MOUNT_PROGRAM, 3, number(NFS_OPERATIONS)))
            }
            PORTMAP => (program_name(PORTMAP_PROGRAM), "ALL"),
            NLM..NSM => (program_name(NLM_PROGRAM), procedure_name(NLM_PROGRAM, 4, number(NLM))),
            NSM..RQUOTA => (program_name(NSM_PROGRAM), procedure_name(NSM_PROGRAM, 1, number(NSM))),
            RQUOTA..UNKNOWN => (program_name(RQUOTA_PROGRAM), procedure_name(RQUOTA_PROGRAM, 2, number(RQUOTA))),
            _ => ("unknown", "UNKNOWN"),
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self { lines: std::array::from_fn(|_| OnceLock::new()), shares: Shares::new() }
    }

    /// Counts a call that begins; `session` spreads connections over lines, `began` is on the monotonic clock.
    pub(crate) fn begin(
        &self,
        session: u64,
        operation: Operation,
        (bytes, began): (usize, Duration),
    ) -> Option<InFlight<'_>> {
        let line = line_of(session);
        let counters = self.line(line)?.operations.get(operation.0)?;
        counters.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight { metrics: self, counters, line, operation, bytes: bytes as u64, began })
    }

    /// Counts a call that must not be done twice: whether it was new, or got a stored reply.
    pub(crate) fn count_admission(&self, session: u64, is_new: bool) {
        if let Some(line) = self.line(line_of(session)) {
            let counter = if is_new { &line.remembered } else { &line.replayed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sums of all operations that were called.
    pub(crate) fn figures(&self) -> Vec<OperationFigures> {
        let all = (0..OPERATIONS).map(|index| self.sum(Operation(index)));
        all.filter(|figures| figures.traffic.calls > 0 || figures.in_flight > 0).collect()
    }

    /// All operations that were called, by share.
    pub(crate) fn shares(&self) -> Vec<ShareFigures> {
        self.shares.figures()
    }

    /// Hits and misses of the reply cache.
    pub(crate) fn admissions(&self) -> (u64, u64) {
        let sum = |of: fn(&Line) -> &AtomicU64| self.used().map(|line| of(line).load(Ordering::Relaxed)).sum();
        (sum(|line| &line.replayed), sum(|line| &line.remembered))
    }

    fn sum(&self, operation: Operation) -> OperationFigures {
        let (program, name) = operation.labels();
        let (mut latency, mut in_flight) = (LatencyFigures::default(), 0_i64);
        for counters in self.used().filter_map(|line| line.operations.get(operation.0)) {
            counters.latency.add_to(&mut latency);
            in_flight += counters.in_flight.load(Ordering::Relaxed);
        }
        let (traffic, in_flight) = (self.shares.sum(operation), u64::try_from(in_flight).unwrap_or(0));
        OperationFigures { program, operation: name, traffic, latency, in_flight }
    }

    fn line(&self, line: usize) -> Option<&Line> {
        self.lines.get(line).map(|line| &**line.get_or_init(|| Box::new(Line::new())))
    }

    fn used(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter_map(OnceLock::get).map(AsRef::as_ref)
    }
}

impl Line {
    fn new() -> Self {
        let operations = std::array::from_fn(|_| Counters::default());
        Self { operations, replayed: AtomicU64::new(0), remembered: AtomicU64::new(0) }
    }
}

impl InFlight<'_> {
    /// Counts the reply.
    pub(crate) fn answered(&self, answer: &Answer) {
        self.counters.latency.add(answer.at.saturating_sub(self.began));
        self.metrics.shares.count(self.line, self.operation, (self.bytes, answer));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn line_of(session: u64) -> usize {
    usize::try_from(session % LINES as u64).unwrap_or(0)
}

const LINES: usize = 8;
const NFS_OPERATIONS: usize = 22;
const MOUNT_OPERATIONS: usize = 6;
/// Number of MNT among the procedures of MOUNT.
const MNT: usize = 1;
const PORTMAP: usize = NFS_OPERATIONS + MOUNT_OPERATIONS;
const NLM: usize = PORTMAP + 1;
const NLM_OPERATIONS: usize = 24;
const NSM: usize = NLM + NLM_OPERATIONS;
const NSM_OPERATIONS: usize = 7;
const RQUOTA: usize = NSM + NSM_OPERATIONS;
const RQUOTA_OPERATIONS: usize = 3;
const UNKNOWN: usize = RQUOTA + RQUOTA_OPERATIONS;
const OPERATIONS: usize = UNKNOWN + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: Verdict, microseconds: u64) -> Answer {
        Answer { export: Some(ExportId(1)), bytes: 50, verdict, at: Duration::from_micros(microseconds) }
    }

    #[test]
    fn lines_are_summed() {
        let metrics = Metrics::new();
        for session in 0..20 {
            let call = metrics.begin(session, Operation::of(NFS_PROGRAM, 1), (100, Duration::ZERO)).unwrap();
            call.answered(&answer(if session == 3 { Verdict::Error } else { Verdict::Fine }, session * 10));
        }
        let waiting = metrics.begin(1, Operation::of(MOUNT_PROGRAM, 1), (10, Duration::ZERO));
        let figures = metrics.figures();
        let traffic = TrafficFigures { calls: 20, errors: 1, faults: 0, bytes_in: 2000, bytes_out: 1000 };
        let getattr = figures[0];
        assert_eq!((getattr.program, getattr.operation, getattr.traffic), ("nfs", "GETATTR", traffic));
        assert_eq!((getattr.latency.counts[0], getattr.latency.counts[1]), (11, 9));
        assert_eq!((getattr.latency.sum, getattr.in_flight), (Duration::from_micros(1900), 0));
        assert_eq!((figures[1].operation, figures[1].traffic.calls, figures[1].in_flight), ("MNT", 0, 1));
        drop(waiting);
        assert_eq!(metrics.figures().len(), 1);
    }

    #[test]
    fn repeated_calls_are_told_from_new_ones() {
        let metrics = Metrics::new();
        for session in 0..10 {
            metrics.count_admission(session, session < 3);
        }
        assert_eq!(metrics.admissions(), (7, 3));
    }

    #[test]
    fn faults_are_told_from_errors() {
        let verdict = |program, status| Operation::of(program, 1).verdict(status);
        assert_eq!((verdict(NFS_PROGRAM, 0), verdict(NFS_PROGRAM, 2)), (Verdict::Fine, Verdict::Error));
        assert_eq!((verdict(NFS_PROGRAM, 28), verdict(MOUNT_PROGRAM, 10_006)), (Verdict::Fault, Verdict::Fault));
        assert_eq!(verdict(PORTMAP_PROGRAM, 5), Verdict::Error);
    }

    #[test]
    fn every_call_has_a_place() {
        for program in
            [NFS_PROGRAM, MOUNT_PROGRAM, NLM_PROGRAM, NSM_PROGRAM, PORTMAP_PROGRAM, RQUOTA_PROGRAM, 0, u32::MAX]
        {
            for procedure in [0, 1, 6, 21, 22, u32::MAX] {
                let begun = (1, Duration::ZERO);
                assert!(Metrics::new().begin(u64::MAX, Operation::of(program, procedure), begun).is_some());
            }
        }
        let names = [(NFS_PROGRAM, 21), (NLM_PROGRAM, 23), (NLM_PROGRAM, 17), (NSM_PROGRAM, 6), (NSM_PROGRAM, 7)];
        let names = names.map(|(program, procedure)| Operation::of(program, procedure).name());
        assert_eq!(names, ["COMMIT", "FREE_ALL", "UNKNOWN", "NOTIFY", "UNKNOWN"]);
    }
}
