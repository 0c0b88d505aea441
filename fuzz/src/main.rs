//! One decoder under libFuzzer: the one that `BERTH_FUZZ_TARGET` names; without it, prints all names.
//!
//! With `BERTH_FUZZ_MUTATIONS` = N, no libFuzzer: N times a changed input from the folders in `BERTH_FUZZ_SEEDS`
//! (separated by colons), without feedback and therefore several times as many in the same time.
#![no_main]

mod targets;

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();
/// What is being decoded without libFuzzer, for the message of a panic.
static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
const INPUT_MAX_BYTES: usize = 2048;

fuzz_target!(
    init: choose(),
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);

// Half of the changes know what the input consists of.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let Some(target) = TARGET.get().filter(|_| seed & 1 == 1) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let whole = data[..size].to_vec();
    let mut bytes = whole.clone();
    (target.mutate)(u64::from(seed), &mut bytes, &whole);
    bytes.truncate(max_size);
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
});

fn choose() {
    let all = targets::all();
    let Ok(name) = std::env::var("BERTH_FUZZ_TARGET") else {
        all.iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    };
    let Some(target) = all.into_iter().find(|target| target.name == name) else {
        eprintln!("there is no target {name:?}");
        std::process::exit(2);
    };
    if let Some(mutations) = std::env::var("BERTH_FUZZ_MUTATIONS").ok().and_then(|text| text.parse().ok()) {
        run_mutations(&target, mutations);
        std::process::exit(0);
    }
    TARGET.get_or_init(|| target);
}

fn run_mutations(target: &Target, mutations: u64) {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}\ninput: {:02x?}", INPUT.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }));
    let seeds = seeds();
    let mut random = targets::Random::new(mutations);
    for number in 0..mutations {
        let (seed, other) = (&seeds[random.below(seeds.len())], &seeds[random.below(seeds.len())]);
        let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
        input.clear();
        input.extend_from_slice(seed);
        for change in 0..=random.below(4) as u64 {
            (target.mutate)(number << 2 | change, &mut input, other);
        }
        input.truncate(INPUT_MAX_BYTES);
        let bytes = input.clone();
        drop(input);
        (target.run)(&bytes);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let folders = std::env::var("BERTH_FUZZ_SEEDS").unwrap_or_default();
    let files = folders.split(':').filter_map(|folder| Path::new(folder).read_dir().ok()).flatten();
    let mut seeds: Vec<_> = files.filter_map(|file| std::fs::read(file.ok()?.path()).ok()).collect();
    seeds.sort();
    seeds.push(Vec::new());
    seeds
}
