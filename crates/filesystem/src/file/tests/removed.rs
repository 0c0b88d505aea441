//! What a removal asks of the store.

use testkit::block_on;
use testkit::faulty::FaultPoint;

use super::{BLOCK_BYTES, Rig, pattern};

#[test]
fn a_small_file_is_removed_without_a_look_for_its_regions() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let scans = || rig.faults.calls(FaultPoint::Scan);
        for (name, size) in [("empty", 0), ("a block", 10), ("a region", 256 << 10)] {
            let inode = house.create(name).await;
            house.write(inode, 0, pattern(1, size)).await;
            house.filesystem.flush_all().await.unwrap();
            let before = scans();
            house.remove(name).await;
            assert_eq!(scans() - before, 0, "{name}");
        }
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 0);
        rig.check().await;
    });
}

/// The first region names less than all: the others are found wherever they are.
#[test]
fn all_of_a_sparse_file_is_removed() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        for places in [&[0, 64][..], &[1000], &[0, 1, 5000]] {
            let inode = house.create("sparse").await;
            for block in places {
                house.write(inode, block * BLOCK_BYTES, pattern(1, 4096)).await;
            }
            house.filesystem.flush_all().await.unwrap();
            assert_eq!(rig.chunks.used_blocks(), places.len() as u64);
            house.filesystem.records.clear();
            house.remove("sparse").await;
            house.rest().await;
            assert_eq!(rig.chunks.used_blocks(), 0);
            rig.check().await;
        }
    });
}
