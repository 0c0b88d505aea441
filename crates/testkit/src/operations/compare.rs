//! Two houses side by side.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use vfs::Vfs;

use super::{Operation, Outcome, Session, generate, shrink};
use crate::ManualClock;

/// Between two operations the clock goes on by this, and it stands still during them.
const STEP: Duration = Duration::from_micros(1_000_003);

/// Two houses and the one clock that both were made with. It must be a standing one: times are compared exactly.
#[derive(Debug)]
pub struct Pair<A, B> {
    /// The clock of both.
    pub clock: Arc<ManualClock>,
    /// The house that is believed.
    pub reference: A,
    /// The house that is tested.
    pub tested: B,
}

/// Where two houses differ.
#[derive(Clone, PartialEq, Eq)]
pub struct Divergence {
    /// Index of the operation; the number of operations when only the survey at the end differs.
    pub step: usize,
    /// The operation; `None` for the survey.
    pub operation: Option<Box<Operation>>,
    /// What the house that is believed showed.
    pub reference: Box<Outcome>,
    /// What the house that is tested showed.
    pub tested: Box<Outcome>,
}

/// Does the operations on both houses, each in zones named after `seed` (so a pair takes each seed once), and compares
/// every outcome and then both trees.
///
/// # Errors
/// The first difference, or the first fault of either house.
pub async fn compare<A: Vfs, B: Vfs>(pair: &Pair<A, B>, seed: u64, operations: &[Operation]) -> Result<(), Divergence> {
    let base = format!("seed-{seed}");
    let at_begin = |failure: vfs::Failure| Box::new(Outcome::failed(failure.error));
    let nothing = || Divergence { step: 0, operation: None, reference: Box::default(), tested: Box::default() };
    let begun = Session::begin(&pair.reference, &base).await;
    let mut reference = begun.map_err(|failure| Divergence { reference: at_begin(failure), ..nothing() })?;
    let begun = Session::begin(&pair.tested, &base).await;
    let mut tested = begun.map_err(|failure| Divergence { tested: at_begin(failure), ..nothing() })?;
    for (step, operation) in operations.iter().enumerate() {
        pair.clock.advance(STEP);
        let outcomes = (reference.apply(operation).await, tested.apply(operation).await);
        agree(outcomes, step, Some(operation))?;
    }
    let (one, other) = (reference.survey().await, tested.survey().await);
    let (one_count, other_count) = (one.len(), other.len());
    for outcomes in one.into_iter().zip(other) {
        agree(outcomes, operations.len(), None)?;
    }
    let count = |count: usize| Outcome { number: Some(count as u64), ..Outcome::default() };
    agree((count(one_count), count(other_count)), operations.len(), None)
}

/// A difference, and how to get there.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// The seed that showed it first.
    pub seed: u64,
    /// The shortest sequence that still shows a difference.
    pub operations: Vec<Operation>,
    /// What it shows.
    pub divergence: Divergence,
}

/// Compares two houses for many seeds, on a fresh pair each, and shrinks the first sequence that shows a difference.
pub async fn find<A: Vfs, B: Vfs>(
    seeds: Range<u64>,
    count: usize,
    mut pair: impl AsyncFnMut(Arc<ManualClock>) -> Pair<A, B>,
) -> Option<Finding> {
    for seed in seeds {
        let mut run = async |operations: &[Operation]| {
            let fresh = pair(Arc::new(ManualClock::standing())).await;
            compare(&fresh, seed, operations).await.err()
        };
        let operations = generate(seed, count);
        let Some(first) = run(&operations).await else { continue };
        let failing = operations.into_iter().take(first.step + 1).collect();
        let operations = shrink(failing, async |operations| run(operations).await.is_some()).await;
        let divergence = run(&operations).await.unwrap_or(first);
        return Some(Finding { seed, operations, divergence });
    }
    None
}

/// As [`find`], for tests.
///
/// # Panics
/// When there is a difference.
#[expect(clippy::panic, reason = "the end of a test")]
pub async fn hunt<A: Vfs, B: Vfs>(
    seeds: Range<u64>,
    count: usize,
    pair: impl AsyncFnMut(Arc<ManualClock>) -> Pair<A, B>,
) {
    if let Some(finding) = find(seeds, count, pair).await {
        panic!("{finding:?}");
    }
}

fn agree(
    (reference, tested): (Outcome, Outcome),
    step: usize,
    operation: Option<&Operation>,
) -> Result<(), Divergence> {
    if reference == tested && reference.faults.is_empty() {
        return Ok(());
    }
    let (reference, tested) = (Box::new(reference), Box::new(tested));
    Err(Divergence { step, operation: operation.cloned().map(Box::new), reference, tested })
}

impl fmt::Debug for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}: the houses differ after", self.seed)?;
        for (step, operation) in self.operations.iter().enumerate() {
            writeln!(formatter, "{step:4}  {operation:?}")?;
        }
        self.divergence.fmt(formatter)
    }
}

impl fmt::Debug for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "step {}: {:?}", self.step, self.operation)?;
        let (reference, tested) = (format!("{:#?}", self.reference), format!("{:#?}", self.tested));
        let (mut ours, mut theirs) = (reference.lines(), tested.lines());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return Ok(()),
                (one, other) if one == other => writeln!(formatter, "    {}", one.unwrap_or_default())?,
                (one, other) => {
                    writeln!(formatter, "  - {}", one.unwrap_or_default())?;
                    writeln!(formatter, "  + {}", other.unwrap_or_default())?;
                }
            }
        }
    }
}
