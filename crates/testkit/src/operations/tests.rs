use std::sync::Arc;

use super::*;
use crate::{ManualClock, ReferenceFilesystem, block_on};

fn two_references(clock: Arc<ManualClock>) -> Pair<ReferenceFilesystem, ReferenceFilesystem> {
    let [reference, tested] = [(); 2].map(|()| ReferenceFilesystem::new(clock.clone()));
    Pair { clock, reference, tested }
}

#[test]
fn one_seed_gives_one_sequence() {
    assert_eq!(generate(7, 500), generate(7, 500));
    assert_ne!(generate(7, 500), generate(8, 500));
    assert_eq!(generate(7, 500)[..100], generate(7, 100));
}

#[test]
fn the_reference_agrees_with_itself() {
    block_on(hunt(0..200, 200, async |clock| two_references(clock)));
}
