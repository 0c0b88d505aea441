//! Fixtures and the kept corpus, mutated, through every decoder. `BERTH_FUZZ_ITERATIONS` sets how many mutations
//! (default 20,000) and `BERTH_FUZZ_SEED` which. `cargo xtask fuzz` does the same guided by coverage.

use crate::hex;
use crate::mutation::{Random, mutate};
use crate::targets::{self, Target};

const ITERATIONS_DEFAULT: u64 = 20_000;
const INPUT_MAX_BYTES: usize = 4096;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Every input that is worth starting from, with the target it was made for.
fn seeds(targets: &[Target]) -> Vec<(Target, Vec<u8>)> {
    let named = |name: &str| *targets.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no {name}"));
    let fixtures = hex::all().into_iter().map(|fixture| (named(&fixture.message), fixture.bytes));
    let corpus = hex::corpus().into_iter().map(|(name, bytes)| (named(&name), bytes));
    fixtures.chain(corpus).collect()
}

#[test]
fn kept_inputs_decode_or_fail_in_every_decoder() {
    let targets = targets::all();
    for (_, bytes) in seeds(&targets) {
        targets.iter().for_each(|target| target.run(&bytes));
    }
}

#[test]
fn every_beginning_of_a_message_decodes_or_fails() {
    for (target, bytes) in seeds(&targets::all()) {
        (0..bytes.len()).for_each(|length| target.run(&bytes[..length]));
    }
}

#[test]
fn mutated_messages_decode_or_fail_and_come_back_the_same() {
    let targets = targets::all();
    let seeds = seeds(&targets);
    let mut random = Random::new(setting("BERTH_FUZZ_SEED", 0x5eed));
    for _ in 0..setting("BERTH_FUZZ_ITERATIONS", ITERATIONS_DEFAULT) {
        let (target, seed) = &seeds[random.below(seeds.len())];
        let (_, other) = &seeds[random.below(seeds.len())];
        let mut bytes = seed.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut random, &mut bytes, other);
        }
        bytes.truncate(INPUT_MAX_BYTES);
        target.run(&bytes);
        targets[random.below(targets.len())].run(&bytes);
    }
}
