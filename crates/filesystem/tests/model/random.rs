//! Random operations on the file system and on the reference, outcome by outcome.
//!
//! `BERTH_MODEL_SEEDS` sequences of `BERTH_MODEL_OPERATIONS` operations; a sequence that differs is shrunk.

use std::sync::Arc;

use testkit::operations::{Pair, hunt};
use testkit::{ManualClock, ReferenceFilesystem, block_on};

use crate::house::Engines;

#[test]
fn the_file_system_does_what_the_reference_does() {
    let seeds = number("BERTH_MODEL_SEEDS", 60);
    let operations = usize::try_from(number("BERTH_MODEL_OPERATIONS", 400)).unwrap();
    let first = number("BERTH_MODEL_FIRST_SEED", 1);
    block_on(hunt(first..first + seeds, operations, async |clock: Arc<ManualClock>| {
        let reference = ReferenceFilesystem::new(Arc::clone(&clock) as Arc<dyn vfs::Clock>);
        let tested = Engines::default().open(Arc::clone(&clock)).await;
        Pair { clock, reference, tested }
    }));
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
