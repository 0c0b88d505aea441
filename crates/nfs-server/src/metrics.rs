//! Counters per zone and operation, added on the connection's own lines and summed when asked.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use nfs_wire::rpc::{MOUNT_PROGRAM, NFS_PROGRAM, PORTMAP_PROGRAM, procedure_name, program_name};

/// What happened to one operation of one zone since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationFigures {
    /// The program: `nfs`, `mount`, `portmap`.
    pub program: &'static str,
    /// The procedure: `GETATTR`, or `UNKNOWN`.
    pub operation: &'static str,
    /// Calls answered.
    pub calls: u64,
    /// Of them with an RPC error or a status other than OK.
    pub errors: u64,
    /// Bytes of the calls.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// Calls being done now.
    pub in_flight: u64,
}

/// An operation as counted: the procedures of NFSv3, those of MOUNT, portmap as a whole, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation(usize);

/// Counters of one zone.
#[derive(Debug)]
pub(crate) struct Metrics {
    lines: Box<[Line]>,
}

/// Counts a call in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Counters);

/// The counters that connections of one line add to; apart from those of others, so that cores do not fight for them.
#[derive(Debug)]
#[repr(align(128))]
struct Line([Counters; OPERATIONS]);

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    errors: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
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

    fn labels(self) -> (&'static str, &'static str) {
        let number = |base: usize| u32::try_from(self.0.saturating_sub(base)).unwrap_or(u32::MAX);
        match self.0 {
            index if index < NFS_OPERATIONS => (program_name(NFS_PROGRAM), procedure_name(NFS_PROGRAM, 3, number(0))),
            index if index < PORTMAP => {
                (program_name(MOUNT_PROGRAM), procedure_name(MOUNT_PROGRAM, 3, number(NFS_OPERATIONS)))
            }
            PORTMAP => (program_name(PORTMAP_PROGRAM), "ALL"),
            _ => ("unknown", "UNKNOWN"),
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let line = || Line(std::array::from_fn(|_| Counters::default()));
        Self { lines: (0..LINES).map(|_| line()).collect() }
    }

    /// Counts a call that begins; `session` spreads connections over lines.
    pub(crate) fn begin(&self, session: u64, operation: Operation, bytes: usize) -> Option<InFlight<'_>> {
        let line = usize::try_from(session % LINES as u64).unwrap_or(0);
        let counters = self.lines.get(line)?.0.get(operation.0)?;
        counters.in_flight.fetch_add(1, Ordering::Relaxed);
        counters.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        Some(InFlight(counters))
    }

    /// The sums of all operations that were called.
    pub(crate) fn figures(&self) -> Vec<OperationFigures> {
        (0..OPERATIONS).map(|index| self.sum(Operation(index))).filter(|figures| figures.bytes_in > 0).collect()
    }

    fn sum(&self, operation: Operation) -> OperationFigures {
        let (program, name) = operation.labels();
        let counters = || self.lines.iter().filter_map(|line| line.0.get(operation.0));
        let sum = |of: fn(&Counters) -> &AtomicU64| counters().map(|each| of(each).load(Ordering::Relaxed)).sum();
        let in_flight: i64 = counters().map(|each| each.in_flight.load(Ordering::Relaxed)).sum();
        OperationFigures {
            program,
            operation: name,
            calls: sum(|each| &each.calls),
            errors: sum(|each| &each.errors),
            bytes_in: sum(|each| &each.bytes_in),
            bytes_out: sum(|each| &each.bytes_out),
            in_flight: u64::try_from(in_flight).unwrap_or(0),
        }
    }
}

impl InFlight<'_> {
    /// Counts the reply.
    pub(crate) fn answered(&self, bytes: usize, is_error: bool) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.0.errors.fetch_add(u64::from(is_error), Ordering::Relaxed);
        self.0.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

const LINES: usize = 8;
const NFS_OPERATIONS: usize = 22;
const MOUNT_OPERATIONS: usize = 6;
/// Number of MNT among the procedures of MOUNT.
const MNT: usize = 1;
const PORTMAP: usize = NFS_OPERATIONS + MOUNT_OPERATIONS;
const UNKNOWN: usize = PORTMAP + 1;
const OPERATIONS: usize = UNKNOWN + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_summed() {
        let metrics = Metrics::new();
        for session in 0..20 {
            let call = metrics.begin(session, Operation::of(NFS_PROGRAM, 1), 100).unwrap();
            call.answered(50, session == 3);
        }
        let waiting = metrics.begin(1, Operation::of(MOUNT_PROGRAM, 1), 10);
        let figures = metrics.figures();
        let getattr = OperationFigures {
            program: "nfs",
            operation: "GETATTR",
            calls: 20,
            errors: 1,
            bytes_in: 2000,
            bytes_out: 1000,
            in_flight: 0,
        };
        assert_eq!(figures.first(), Some(&getattr));
        assert_eq!((figures[1].operation, figures[1].calls, figures[1].in_flight), ("MNT", 0, 1));
        drop(waiting);
        assert_eq!(metrics.figures()[1].in_flight, 0);
    }

    #[test]
    fn every_call_has_a_place() {
        for program in [NFS_PROGRAM, MOUNT_PROGRAM, PORTMAP_PROGRAM, 0, u32::MAX] {
            for procedure in [0, 1, 6, 21, 22, u32::MAX] {
                assert!(Metrics::new().begin(u64::MAX, Operation::of(program, procedure), 1).is_some());
            }
        }
        assert_eq!(Operation::of(NFS_PROGRAM, 21).name(), "COMMIT");
    }
}
