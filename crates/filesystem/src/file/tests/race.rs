//! Threads that write, read, flush, cut and remove the same files at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chunk::MemoryStore;
use testkit::{Random, block_on};
use vfs::{FsError, InodeId, Stability};

use super::{House, Rig};

/// Each writer has its own bytes, which share blocks with those of its neighbours.
const SHARE: usize = 30_001;
const WRITERS: usize = 4;

#[test]
fn writers_of_shared_blocks_lose_nothing() {
    let rig = Rig::new();
    let house = block_on(rig.open());
    let inode = block_on(house.create("file"));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn({
            let house = &house;
            move || block_on(write_own(house, inode, writer))
        })).collect();
        scope.spawn(|| while !is_done.load(Ordering::Acquire) {
            block_on(house.rest());
            house.filesystem.data.cache.clear();
        });
        scope.spawn(|| {
            let end = (WRITERS * SHARE) as u64;
            let mut random = Random::new(1);
            while !is_done.load(Ordering::Acquire) {
                block_on(house.truncate(inode, end + random.below(1_000_000)));
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_done.store(true, Ordering::Release);
    });
    block_on(async {
        house.commit(inode).await.unwrap();
        house.rest().await;
        rig.check().await;
        assert_eq!(rig.chunks.used_blocks() * 4096, house.attributes(inode).await.allocated_bytes);
        assert_eq!(house.filesystem.data.dirty.used(), 0);
    });
}

async fn write_own(house: &House<MemoryStore>, inode: InodeId, writer: usize) {
    let (start, mut random) = (writer * SHARE, Random::new(writer as u64));
    let mut own = vec![0; SHARE];
    for round in 0..150_u8 {
        let from = usize::try_from(random.below(SHARE as u64)).unwrap();
        let length = 1 + usize::try_from(random.below((SHARE - from) as u64)).unwrap();
        own[from..from + length].fill(round);
        let stability = random.pick(&[None, Some(Stability::File)]).unwrap_or(Stability::Unstable);
        let at = (start + from) as u64;
        house.write_as(inode, (at, vec![round; length]), stability).await.unwrap();
        let mut found = house.read(inode, start as u64, SHARE).await;
        found.resize(SHARE, 0);
        assert!(found == own, "writer {writer}, round {round}");
    }
}

#[test]
fn files_are_removed_under_their_writers() {
    let rig = Rig::new();
    let house = block_on(rig.open());
    thread::scope(|scope| {
        for thread in 0..3 {
            let house = &house;
            scope.spawn(move || block_on(write_and_remove(house, thread)));
        }
    });
    block_on(async {
        house.filesystem.flush_all().await.unwrap();
        house.rest().await;
        rig.check().await;
        assert_eq!((rig.chunks.used_blocks(), house.filesystem.data.dirty.used()), (0, 0));
    });
}

async fn write_and_remove(house: &House<MemoryStore>, thread: u64) {
    for round in 0..30 {
        let name = format!("{thread}-{round}");
        let inode = house.create(&name).await;
        thread::scope(|scope| {
            scope.spawn(|| while block_on(house.write_as(inode, (5, vec![1; 50_000]), Stability::File)).is_ok() {});
            scope.spawn(|| while block_on(house.write_as(inode, (0, vec![2; 9_000]), Stability::Unstable)).is_ok() {});
            scope.spawn(|| while block_on(house.try_read(inode, 0, 100_000)).is_ok() {});
            scope.spawn(|| while block_on(house.commit(inode)) != Err(FsError::StaleHandle) {});
            block_on(house.rest());
            block_on(house.remove(&name));
        });
    }
}
