//! Files of extreme shapes: sparse, and in very many extents.

use testkit::block_on;

use super::{BLOCK_BYTES, House, Rig, pattern};

const TEBIBYTE: u64 = 1 << 40;

#[test]
fn a_sparse_file_of_a_tebibyte_costs_what_it_holds() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("sparse").await;
        house.truncate(inode, TEBIBYTE).await;
        house.write(inode, TEBIBYTE - 10, pattern(1, 10)).await;
        house.write(inode, TEBIBYTE / 2 + 1, pattern(2, 10_000)).await;
        house.commit(inode).await.unwrap();
        let attributes = house.attributes(inode).await;
        assert_eq!((attributes.size, attributes.allocated_bytes), (TEBIBYTE, 4 * BLOCK_BYTES));
        assert_eq!(house.read(inode, TEBIBYTE - 20, 100).await, [vec![0; 10], pattern(1, 10)].concat());
        assert_eq!(house.read(inode, TEBIBYTE / 2, 10_002).await, [vec![0], pattern(2, 10_000), vec![0]].concat());
        assert_eq!(house.read(inode, TEBIBYTE / 4, 8 << 20).await, vec![0; 8 << 20]);
        house.truncate(inode, TEBIBYTE / 2).await;
        house.rest().await;
        assert_eq!(house.attributes(inode).await.allocated_bytes, 0);
        assert_eq!(rig.chunks.used_blocks(), 0);
        rig.check().await;
    });
}

#[test]
fn many_extents_are_cut_at_once_and_their_space_returns() {
    block_on(cut_many(5_000));
}

#[test]
#[ignore = "takes half a gibibyte of memory"]
fn a_hundred_thousand_extents_are_cut_at_once() {
    block_on(cut_many(100_000));
}

#[test]
fn a_cut_of_the_worst_of_files_fits_into_a_change() {
    block_on(async {
        for regions in [48, 64] {
            let rig = Rig::new();
            let house = rig.open().await;
            let cut = house.create("cut").await;
            scatter_all(&house, cut, (regions + 1) * 64).await;
            house.truncate(cut, 5).await;
            house.rest().await;
            assert_eq!(rig.chunks.used_blocks(), 1);
            rig.check().await;
        }
    });
}

#[test]
fn what_is_written_again_behind_a_cut_stays() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        scatter(&house, inode, 4_200).await;
        for round in 0..20_u64 {
            house.truncate(inode, 1 + round * BLOCK_BYTES * 130).await;
            house.truncate(inode, 5_000 * 2 * BLOCK_BYTES).await;
            assert_eq!(house.read(inode, 4_000 * BLOCK_BYTES, 64 << 10).await, vec![0; 64 << 10], "{round}");
            house.write(inode, 4_001 * BLOCK_BYTES + 5, pattern(round, 5_000)).await;
            house.commit(inode).await.unwrap();
            scatter(&house, inode, 300).await;
        }
        house.truncate(inode, 10).await;
        house.write(inode, 7_000 * BLOCK_BYTES, pattern(9, 5_000)).await;
        house.commit(inode).await.unwrap();
        let inodes = house.filesystem.records.inodes.get(&inode).and_then(|slot| slot.value).unwrap();
        assert!(inodes.masks.len() <= meta::records::INODE_MASKS_MAX);
        house.rest().await;
        assert_eq!(house.read(inode, 7_000 * BLOCK_BYTES, 10_000).await, pattern(9, 5_000));
        assert_eq!(house.attributes(inode).await.allocated_bytes, 3 * BLOCK_BYTES);
        assert_eq!(rig.chunks.used_blocks(), 3);
        rig.check().await;
    });
}

#[test]
fn a_removal_under_way_goes_on_after_a_restart() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        scatter(&house, inode, 5_000).await;
        house.remove("file").await;
        assert!(house.try_read(inode, 0, 10).await.is_err(), "the handle is stale");
        rig.check().await;
        drop(house);
        rig.chunks.power_cut();
        let house = rig.open().await;
        assert_eq!(rig.chunks.used_blocks(), 5_000);
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 0);
        rig.check().await;
    });
}

async fn cut_many(extents: u64) {
    let rig = Rig::new();
    let house = rig.open().await;
    for name in ["cut", "removed"] {
        let inode = house.create(name).await;
        scatter(&house, inode, extents).await;
        assert_eq!(rig.chunks.used_blocks(), extents);
        if name == "cut" {
            house.truncate(inode, 10).await;
            assert_eq!(house.read(inode, 0, 100).await, vec![7; 10]);
            house.truncate(inode, extents * 2 * BLOCK_BYTES).await;
            assert_eq!(house.read(inode, extents * BLOCK_BYTES, 1 << 20).await, vec![0; 1 << 20]);
        } else {
            house.remove(name).await;
        }
        rig.check().await;
        house.rest().await;
        rig.check().await;
        if name == "cut" {
            assert_eq!(house.attributes(inode).await.allocated_bytes, BLOCK_BYTES);
            house.remove(name).await;
            house.rest().await;
        }
        assert_eq!(rig.chunks.used_blocks(), 0);
    }
}

/// Every other block of the file.
pub(super) async fn scatter<C: chunk::Store>(house: &House<C>, inode: vfs::InodeId, extents: u64) {
    for extent in 0..extents {
        house.write(inode, extent * 2 * BLOCK_BYTES, vec![7; 4096]).await;
    }
    // A COMMIT may leave the last few in the journal.
    house.filesystem.flush_all().await.unwrap();
}

/// All blocks of a file, each a run of its own in the file and in the store.
async fn scatter_all<C: chunk::Store>(house: &House<C>, inode: vfs::InodeId, blocks: u64) {
    for first in [0, 1] {
        for block in (first..blocks).step_by(2) {
            house.write(inode, block * BLOCK_BYTES, vec![7; 4096]).await;
        }
        house.commit(inode).await.unwrap();
    }
}
