//! Reading ahead: it helps, it is bounded, and nobody ever sees anything but the file.

use std::sync::atomic::Ordering;

use chunk::MemoryStore;
use testkit::faulty::{FaultRates, Faults, FaultyStore};
use testkit::{Random, block_on};
use vfs::FsError;

use super::space::Slow;
use super::{House, Rig, pattern};

const STEP: usize = 16_384;

/// With enough memory for a window of 1 MiB.
fn roomy<C: chunk::Store + Clone>(chunks: C) -> Rig<C> {
    let mut rig = Rig::over(chunks);
    rig.settings.memory_bytes = 64 << 20;
    rig
}

fn delayed(seed: u64) -> FaultyStore<MemoryStore> {
    let rates = FaultRates { delay_percent: 70, delay_polls_max: 6, ..FaultRates::default() };
    FaultyStore::over_memory(MemoryStore::default(), Faults::seeded(seed, rates))
}

#[test]
fn a_file_read_in_order_is_read_ahead_once() {
    block_on(async {
        let rig = roomy(delayed(1));
        let house = rig.open().await;
        let inode = house.create("file").await;
        let bytes = pattern(1, 4 << 20);
        house.write(inode, 0, bytes.clone()).await;
        house.commit(inode).await.unwrap();
        house.filesystem.data.cache.clear();
        for (step, expected) in bytes.chunks(STEP).enumerate() {
            assert_eq!(house.read(inode, (step * STEP) as u64, STEP).await, expected);
        }
        let figures = house.filesystem.data.ahead.figures();
        assert!(figures.bytes > 3 << 20, "{figures:?}");
        assert_eq!((figures.dropped_bytes, figures.held_bytes, figures.given_up), (0, 0, 0));
        for (step, expected) in bytes.chunks(STEP).enumerate() {
            assert_eq!(house.read(inode, (step * STEP) as u64, STEP).await, expected);
        }
        assert_eq!(house.filesystem.data.ahead.figures().bytes, figures.bytes, "what is cached is not read again");
    });
}

#[test]
fn what_is_left_lying_is_bounded_and_makes_room() {
    block_on(async {
        let rig = roomy(delayed(2));
        let house = rig.open().await;
        let bytes = pattern(1, 12 * STEP);
        let ahead = &house.filesystem.data.ahead;
        let bound = rig.settings.block_cache_bytes() / 4;
        let mut most = 0;
        for number in 0..400 {
            let inode = house.create(&number.to_string()).await;
            house.write(inode, 0, bytes.clone()).await;
            house.commit(inode).await.unwrap();
            house.filesystem.data.cache.clear();
            // Nobody comes for the rest.
            for step in 0..3 {
                assert_eq!(house.read(inode, (step * STEP) as u64, STEP).await, bytes[step * STEP..(step + 1) * STEP]);
            }
            most = ahead.figures().held_bytes.max(most);
        }
        let figures = ahead.figures();
        assert!(most <= bound && most > bound / 2, "{most} of {bound}");
        assert!(figures.given_up > 0 && figures.dropped_bytes > 0, "{figures:?}");
        assert!(figures.bytes > bound, "room was made: {figures:?}");
    });
}

#[test]
fn damage_is_found_by_who_asks_for_it() {
    block_on(async {
        let slow = Slow::default();
        let rig = roomy(slow.clone());
        let house = rig.open().await;
        let inode = house.create("file").await;
        let bytes = pattern(1, 1 << 20);
        house.write(inode, 0, bytes.clone()).await;
        house.commit(inode).await.unwrap();
        house.filesystem.data.cache.clear();
        slow.is_damaged.store(true, Ordering::Release);
        for look in 1..=8_u64 {
            // The fourth is the first that was read ahead, and is asked for twice.
            let offset = (look - look / 5) * STEP as u64;
            assert_eq!(house.try_read(inode, offset, STEP).await, Err(FsError::Io));
            assert_eq!(house.filesystem.figures_now().damaged_blocks, look, "each look counts once");
        }
        assert!(house.filesystem.data.ahead.figures().bytes > 0);
        slow.is_damaged.store(false, Ordering::Release);
        assert_eq!(house.read(inode, 0, 1 << 20).await, bytes, "nothing of it was kept");
    });
}

#[test]
fn what_was_read_ahead_is_never_stale() {
    for seed in 0..12 {
        block_on(change_and_read_in_order(seed));
    }
}

/// Reads a file in order while it is overwritten, cut, flushed, reloaded and its released blocks are given back.
async fn change_and_read_in_order(seed: u64) {
    let mut rig = Rig::over(delayed(seed));
    // From windows of 64 KiB and a cache that holds little up to 1 MiB.
    rig.settings.memory_bytes = 4 << (20 + seed % 5);
    let house = rig.open().await;
    let inode = house.create("file").await;
    let mut random = Random::new(seed);
    let mut file = pattern(seed, 2 << 20);
    house.write(inode, 0, file.clone()).await;
    house.commit(inode).await.unwrap();
    house.filesystem.data.cache.clear();
    let mut at = 0;
    for step in 0..600 {
        let near = (at as u64 + random.below(1 << 19)).min(2 << 20);
        match random.below(24) {
            0..4 => {
                let bytes = pattern(seed * 1000 + step, 1 + usize::try_from(random.below(60_000)).unwrap());
                overwrite(&mut file, usize::try_from(near).unwrap(), &bytes);
                house.write(inode, near, bytes).await;
            }
            4 => {
                file.resize(usize::try_from(near).unwrap(), 0);
                house.truncate(inode, near).await;
            }
            5 => house.commit(inode).await.unwrap(),
            6 => house.rest().await,
            7 => house.filesystem.data.cache.clear(),
            8 => {
                house.commit(inode).await.unwrap();
                house.filesystem.reload().await.unwrap();
            }
            9 => at = usize::try_from(near).unwrap(),
            _ => at = read_on(&house, inode, (at, &file), random.below(40_000)).await,
        }
    }
    house.commit(inode).await.unwrap();
    house.rest().await;
    rig.check().await;
}

async fn read_on<C: chunk::Store>(
    house: &House<C>,
    inode: vfs::InodeId,
    (at, file): (usize, &[u8]),
    length: u64,
) -> usize {
    let length = usize::try_from(length).unwrap() + 1;
    let end = file.len().min(at + length);
    let expected = file.get(at..end).unwrap_or_default();
    assert!(house.read(inode, at as u64, length).await == expected, "{length} bytes from {at}");
    if end == file.len() { 0 } else { end }
}

fn overwrite(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.resize(file.len().max(at + bytes.len()), 0);
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
