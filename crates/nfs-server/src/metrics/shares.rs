//! Counters per export. A place is taken at the first call and kept, so that finding it takes no lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use zones::ExportId;

use super::{Answer, LINES, OPERATIONS, Operation, Verdict};

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Calls that name no export: NULL, MOUNT, and those refused before.
    None,
    /// Calls that name this export.
    Export(ExportId),
    /// Calls that name one of the exports that found no place.
    Others,
}

/// What happened to one operation on one share since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareFigures {
    /// The share.
    pub share: Share,
    /// The program.
    pub program: &'static str,
    /// The procedure.
    pub operation: &'static str,
    /// Calls.
    pub traffic: TrafficFigures,
}

/// Calls that were answered, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficFigures {
    /// Calls answered.
    pub calls: u64,
    /// Of them with an RPC error or a status other than OK.
    pub errors: u64,
    /// Of these because the gateway could not: I/O errors, no space, overload.
    pub faults: u64,
    /// Bytes of the calls.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
}

#[derive(Debug)]
pub(super) struct Shares {
    none: ShareLines,
    others: ShareLines,
    places: Box<[OnceLock<Box<ShareLines>>]>,
}

#[derive(Debug)]
struct ShareLines {
    share: Share,
    lines: [OnceLock<Box<ShareLine>>; LINES],
}

#[derive(Debug)]
#[repr(align(128))]
struct ShareLine([Traffic; OPERATIONS]);

#[derive(Debug, Default)]
struct Traffic {
    calls: AtomicU64,
    errors: AtomicU64,
    faults: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Shares {
    pub(super) fn new() -> Self {
        let places = (0..SHARES_MAX).map(|_| OnceLock::new()).collect();
        Self { none: ShareLines::new(Share::None), others: ShareLines::new(Share::Others), places }
    }

    pub(super) fn count(&self, line: usize, operation: Operation, (bytes_in, answer): (u64, &Answer)) {
        let share = answer.export.map_or(&self.none, |export| self.place(export));
        if let Some(traffic) = share.line(line).and_then(|line| line.0.get(operation.0)) {
            traffic.count(bytes_in, answer);
        }
    }

    /// All operations that were called, by share.
    pub(super) fn figures(&self) -> Vec<ShareFigures> {
        let mut figures = Vec::new();
        for share in self.all() {
            for operation in (0..OPERATIONS).map(Operation) {
                let mut traffic = TrafficFigures::default();
                share.add_to(operation, &mut traffic);
                if traffic.calls > 0 {
                    let (program, name) = operation.labels();
                    figures.push(ShareFigures { share: share.share, program, operation: name, traffic });
                }
            }
        }
        figures
    }

    /// One operation on all shares.
    pub(super) fn sum(&self, operation: Operation) -> TrafficFigures {
        let mut traffic = TrafficFigures::default();
        self.all().for_each(|share| share.add_to(operation, &mut traffic));
        traffic
    }

    fn all(&self) -> impl Iterator<Item = &ShareLines> {
        let placed = self.places.iter().filter_map(OnceLock::get).map(AsRef::as_ref);
        [&self.none, &self.others].into_iter().chain(placed)
    }

    fn place(&self, export: ExportId) -> &ShareLines {
        let first = usize::try_from(export.0).unwrap_or(0) % SHARES_MAX;
        let is_wanted = |place: &&ShareLines| place.share == Share::Export(export);
        let places = self.places.iter().cycle().skip(first).take(PROBES_MAX);
        let mut taken = places.map(|place| &**place.get_or_init(|| Box::new(ShareLines::new(Share::Export(export)))));
        taken.find(is_wanted).unwrap_or(&self.others)
    }
}

impl ShareLines {
    fn new(share: Share) -> Self {
        Self { share, lines: std::array::from_fn(|_| OnceLock::new()) }
    }

    fn line(&self, line: usize) -> Option<&ShareLine> {
        let new = || Box::new(ShareLine(std::array::from_fn(|_| Traffic::default())));
        self.lines.get(line).map(|line| &**line.get_or_init(new))
    }

    fn add_to(&self, operation: Operation, figures: &mut TrafficFigures) {
        let lines = self.lines.iter().filter_map(OnceLock::get);
        lines.filter_map(|line| line.0.get(operation.0)).for_each(|traffic| traffic.add_to(figures));
    }
}

impl Traffic {
    fn count(&self, bytes_in: u64, answer: &Answer) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if answer.verdict != Verdict::Fine {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        if answer.verdict == Verdict::Fault {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes_in.fetch_add(bytes_in, Ordering::Relaxed);
        self.bytes_out.fetch_add(answer.bytes as u64, Ordering::Relaxed);
    }

    fn add_to(&self, figures: &mut TrafficFigures) {
        figures.calls += self.calls.load(Ordering::Relaxed);
        figures.errors += self.errors.load(Ordering::Relaxed);
        figures.faults += self.faults.load(Ordering::Relaxed);
        figures.bytes_in += self.bytes_in.load(Ordering::Relaxed);
        figures.bytes_out += self.bytes_out.load(Ordering::Relaxed);
    }
}

/// Exports of a zone with counters of their own; those beyond are counted together.
pub(super) const SHARES_MAX: usize = 256;
/// Places looked at for an export.
const PROBES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn count(shares: &Shares, export: Option<u32>, verdict: Verdict) {
        let answer = Answer { export: export.map(ExportId), bytes: 5, verdict, at: Duration::ZERO };
        shares.count(1, Operation(3), (7, &answer));
    }

    #[test]
    fn shares_are_counted_apart_and_their_number_is_bounded() {
        let shares = Shares::new();
        count(&shares, None, Verdict::Fine);
        // All of them want the same place.
        let clashing = |number: u32| Some(9 + number * u32::try_from(SHARES_MAX).unwrap());
        for number in 0..100 {
            count(&shares, clashing(number), Verdict::Fine);
        }
        count(&shares, clashing(0), Verdict::Error);
        count(&shares, clashing(99), Verdict::Fault);
        let figures = shares.figures();
        assert_eq!(figures.len(), 2 + PROBES_MAX);
        let of = |share| figures.iter().find(|one| one.share == share).unwrap().traffic;
        assert_eq!(of(Share::None), TrafficFigures { calls: 1, bytes_in: 7, bytes_out: 5, ..of(Share::None) });
        let first = of(Share::Export(ExportId(9)));
        assert_eq!(first, TrafficFigures { calls: 2, errors: 1, faults: 0, bytes_in: 14, bytes_out: 10 });
        let others = of(Share::Others);
        assert_eq!((others.calls, others.errors, others.faults), (85, 1, 1));
        assert_eq!(shares.sum(Operation(3)).calls, 103);
        for number in 0..10_000 {
            count(&shares, Some(number), Verdict::Fine);
        }
        assert_eq!(shares.figures().len(), 2 + SHARES_MAX);
        assert_eq!(shares.sum(Operation(3)).calls, 10_103);
    }
}
