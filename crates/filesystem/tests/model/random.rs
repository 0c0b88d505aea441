//! Random operations on the file system and on the reference, outcome by outcome.
//!
//! `BERTH_MODEL_SEEDS` sequences of `BERTH_MODEL_OPERATIONS` operations from `BERTH_MODEL_FIRST_SEED` on. A sequence
//! that differs is shrunk. After each one the store is proved from its records alone.

use std::ops::Range;
use std::sync::Arc;

use kv::MemoryEngine;
use testkit::operations::{Action, Operation, Pair, compare, generate, hunt};
use testkit::{ManualClock, Random, ReferenceFilesystem, block_on};
use vfs::{InodeId, ShardId, Stability};

use crate::house::{Engines, House};
use crate::snapshots::Snapshots;

#[test]
fn the_file_system_does_what_the_reference_does() {
    let operations = usize::try_from(number("BERTH_MODEL_OPERATIONS", 400)).unwrap();
    block_on(async {
        let mut last: Option<Engines> = None;
        let pair = async |clock: Arc<ManualClock>| {
            let engines = Engines::default();
            let tested = engines.open(Arc::clone(&clock)).await;
            if let Some(done) = last.replace(engines) {
                done.check().await;
            }
            Pair { reference: ReferenceFilesystem::new(Arc::clone(&clock) as Arc<dyn vfs::Clock>), tested, clock }
        };
        hunt(seeds(60), operations, pair).await;
        last.unwrap().check().await;
    });
}

#[test]
fn background_work_restarts_and_epochs_change_nothing() {
    let operations = usize::try_from(number("BERTH_MODEL_OPERATIONS", 400)).unwrap();
    for seed in seeds(40) {
        block_on(with_interruptions(seed, &generate(seed, operations)));
    }
}

/// Everything is written stably, so a power cut or a reload at any time changes nothing.
#[test]
fn power_cuts_take_nothing_back_that_is_stable() {
    let operations = usize::try_from(number("BERTH_MODEL_OPERATIONS", 400)).unwrap();
    for seed in seeds(60) {
        block_on(with_power_cuts(seed, &stable(generate(seed, operations))));
    }
}

pub(crate) fn stable(mut operations: Vec<Operation>) -> Vec<Operation> {
    for operation in &mut operations {
        if let Action::Write { stability, .. } = &mut operation.action {
            *stability = Stability::File;
        }
    }
    operations
}

async fn with_power_cuts(seed: u64, operations: &[Operation]) {
    let clock = Arc::new(ManualClock::standing());
    let mut random = Random::new(seed);
    let journal_bytes = random.pick(&[0, 50_000, 1 << 26]);
    let engines = Engines { engine: MemoryEngine::new().with_journal_bytes(journal_bytes), ..Engines::default() };
    let tested = engines.open(Arc::clone(&clock)).await;
    let reference = ReferenceFilesystem::new(Arc::clone(&clock) as Arc<dyn vfs::Clock>);
    let mut pair = Pair { clock, reference, tested };
    for part in operations.chunks(PART_BETWEEN_CUTS) {
        if let Err(divergence) = compare(&pair, seed, part).await {
            panic!("seed {seed}: the houses differ {divergence:?}");
        }
        match random.below(4) {
            0 => drop(pair.tested.background_round().await),
            1 => pair.tested.reload().await.unwrap(),
            2 => pair.tested.flush_all().await.unwrap(),
            _ => {
                engines.chunks.power_cut();
                pair.tested = engines.open(Arc::clone(&pair.clock)).await;
                engines.check().await;
            }
        }
    }
}

async fn with_interruptions(seed: u64, operations: &[Operation]) {
    let clock = Arc::new(ManualClock::standing());
    let engines = Engines::default();
    let tested = engines.open(Arc::clone(&clock)).await;
    let reference = ReferenceFilesystem::new(Arc::clone(&clock) as Arc<dyn vfs::Clock>);
    let mut pair = Pair { clock, reference, tested };
    let mut random = Random::new(seed);
    let mut snapshots = Snapshots::default();
    for part in operations.chunks(PART) {
        if let Err(divergence) = compare(&pair, seed, part).await {
            panic!("seed {seed}: the houses differ {divergence:?}");
        }
        interrupt(&mut pair, &engines, (&mut random, &mut snapshots)).await;
        snapshots.prove_one(&pair.tested, &mut random).await;
    }
    pair.tested.flush_all().await.unwrap();
    while pair.tested.background_round().await {}
    snapshots.prove(&pair.tested).await;
    engines.check().await;
}

async fn interrupt(
    pair: &mut Pair<ReferenceFilesystem, House>,
    engines: &Engines,
    (random, snapshots): (&mut Random, &mut Snapshots),
) {
    match random.below(4) {
        0 => drop(pair.tested.background_round().await),
        1 => pair.tested.flush_all().await.unwrap(),
        2 => {
            let shard = ShardId(u32::try_from(random.below(3)).unwrap());
            snapshots.take(&pair.tested, InodeId::root_of(shard)).await;
        }
        _ => {
            pair.tested.flush_all().await.unwrap();
            pair.tested = engines.open(Arc::clone(&pair.clock)).await;
            engines.check().await;
        }
    }
}

fn seeds(default: u64) -> Range<u64> {
    let first = number("BERTH_MODEL_FIRST_SEED", 1);
    first..first + number("BERTH_MODEL_SEEDS", default)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Operations between two power cuts.
const PART_BETWEEN_CUTS: usize = 20;
/// Operations between two interruptions.
const PART: usize = 50;
