use std::sync::Arc;

use vfs::FsError;

mod broken;

use broken::{Broken, Bug};

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

#[test]
fn sequences_reach_every_kind_of_outcome() {
    let (mut done, mut cloned, mut refused) = (0, 0, std::collections::BTreeMap::<_, u32>::new());
    for seed in 0..100 {
        let house = ReferenceFilesystem::default();
        let mut session = block_on(Session::begin(&house, "reach")).unwrap();
        for operation in Generator::new(seed).take(400) {
            match block_on(session.apply(&operation)).error {
                None => {
                    done += 1;
                    let shares = matches!(operation.action, Action::Clone { length: 1.., .. });
                    cloned += u32::from(shares);
                }
                Some(error) => *refused.entry(format!("{error:?}")).or_default() += 1,
            }
        }
    }
    println!("{done} done, {cloned} of them cloned, refused: {refused:?}");
    assert!(cloned >= 40, "{cloned} clones");
    assert!(done > 15_000, "{done} of 40000 operations were done");
    for error in [
        FsError::NotFound,
        FsError::StaleHandle,
        FsError::NotPermitted,
        FsError::AccessDenied,
        FsError::Exists,
        FsError::NotDirectory,
        FsError::IsDirectory,
        FsError::NotEmpty,
        FsError::InvalidArgument,
        FsError::NameTooLong,
        FsError::FileTooLarge,
        FsError::CrossDevice,
        FsError::NotSync,
    ] {
        let count = refused.get(&format!("{error:?}")).copied().unwrap_or_default();
        assert!(count >= 10, "{error:?} came {count} times");
    }
}

#[test]
fn shrinking_keeps_what_fails() {
    let is_remove = |operation: &&Operation| matches!(operation.action, Action::Remove { .. });
    let fails = async |operations: &[Operation]| operations.iter().filter(is_remove).count() >= 2;
    let short = block_on(shrink(generate(3, 500), fails));
    assert_eq!(short.len(), 2);
    assert!(short.iter().all(|operation| is_remove(&operation)));
}

#[test]
fn planted_bugs_are_found_and_shrunk() {
    for (bug, longest) in [(Bug::LosesTheByteBeforeARegion, 3), (Bug::IgnoresGuards, 3), (Bug::HidesDirectories, 3)] {
        let pair = async |clock: Arc<ManualClock>| {
            let reference = ReferenceFilesystem::new(clock.clone());
            let tested = Broken { house: ReferenceFilesystem::new(clock.clone()), bug };
            Pair { clock, reference, tested }
        };
        let finding = block_on(find(0..1000, 500, pair)).unwrap_or_else(|| panic!("{bug:?} was not found"));
        assert!(finding.operations.len() <= longest, "{bug:?}: {finding:?}");
        assert!(format!("{finding:?}").contains("  - "), "the report shows the difference");
    }
}
