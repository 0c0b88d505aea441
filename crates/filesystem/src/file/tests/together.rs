//! Many small files flushed at once.

use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint};

use super::faults::faulty;
use super::{BLOCK_BYTES, pattern};

#[test]
fn small_files_share_a_placement_a_sync_and_changes() {
    block_on(async {
        let (rig, faults) = faulty();
        let house = rig.open().await;
        let mut files = Vec::new();
        for number in 0..200_u64 {
            let inode = house.create(&number.to_string()).await;
            // Some are too large, or too far apart, to be flushed with others; two have attributes only or are gone.
            let length = if number == 7 { 100_000 } else { 4_000 + 40 * usize::try_from(number).unwrap() };
            house.write(inode, 0, pattern(number, length)).await;
            if number == 9 {
                house.write(inode, 100 * BLOCK_BYTES, vec![1]).await;
            }
            files.push((number, inode, length));
        }
        house.remove("5").await;
        let used = |point| faults.calls(point);
        let (places, syncs, changes) =
            (used(FaultPoint::Place), used(FaultPoint::Sync), house.filesystem.meta.figures().changes);
        house.rest().await;
        assert!(used(FaultPoint::Place) - places <= 3, "one for all, one for each of two");
        assert!(used(FaultPoint::Sync) - syncs <= 3);
        let changes = house.filesystem.meta.figures().changes - changes;
        assert!(changes <= 200 / 48 + 2 + 3, "{changes} changes");
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        house.filesystem.data.cache.clear();
        for (number, inode, length) in files.into_iter().filter(|file| file.0 != 5) {
            assert!(house.read(inode, 0, length).await == pattern(number, length), "file {number}");
        }
        rig.check().await;
    });
}

#[test]
fn when_some_cannot_be_placed_together_the_others_are_flushed_all_the_same() {
    block_on(async {
        let (rig, faults) = faulty();
        let house = rig.open().await;
        let mut files = Vec::new();
        for number in 0..20_u64 {
            let inode = house.create(&number.to_string()).await;
            house.write(inode, 0, pattern(number, 5_000)).await;
            files.push((number, inode));
        }
        // All attempts together, and those of one file alone.
        (1..=8).for_each(|nth| faults.fail(FaultPoint::Place, nth, Fault::Io));
        house.clock.advance(std::time::Duration::from_secs(10));
        house.filesystem.background_round().await;
        assert!(house.filesystem.data.dirty.used() <= 8 << 10);
        house.rest().await;
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        for (number, inode) in files {
            assert!(house.read(inode, 0, 5_000).await == pattern(number, 5_000), "file {number}");
        }
        rig.check().await;
    });
}

#[test]
fn an_orderly_stop_flushes_small_files_together() {
    block_on(async {
        let (rig, faults) = faulty();
        let house = rig.open().await;
        for number in 0..600_u64 {
            let inode = house.create(&number.to_string()).await;
            house.write(inode, 0, vec![1; 100]).await;
        }
        let syncs = faults.calls(FaultPoint::Sync);
        house.filesystem.flush_all().await.unwrap();
        assert!(faults.calls(FaultPoint::Sync) - syncs <= 2);
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        rig.check().await;
    });
}
