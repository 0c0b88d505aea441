//! Blocks that several places name: no room is taken twice, and each comes back with the last name.

use std::sync::Arc;

use chunk::{MemoryStore, Store};
use testkit::{Random, block_on};
use vfs::{
    Admin, Change, CloneRangeRequest, FileIo, FsError, InodeId, RangeRequest, ShardId, Snapshot, Stability, Via,
};

use super::race::delayed_with_journal;
use super::{BLOCK_BYTES, House, Rig, pattern};
use crate::cache::{Miss, Slot};
use crate::file::Wish;
use crate::turn::Scratch;

const REGION: usize = 256 << 10;

impl<C: Store> House<C> {
    async fn clone_range(&self, from: (InodeId, u64), to: (InodeId, u64), length: u64) -> Result<Change, FsError> {
        let ((source, source_offset), (target, target_offset), via) = (from, to, Via::Anonymous);
        let request = CloneRangeRequest {
            source,
            source_via: via,
            source_offset,
            target,
            target_via: via,
            target_offset,
            length,
            heeds_locks: true,
        };
        self.filesystem.clone_range(&self.ctx, request).await.map_err(|failure| failure.error)
    }

    async fn punch(&self, inode: InodeId, offset: u64, length: u64) {
        let request = RangeRequest { inode, via: Via::Anonymous, offset, length };
        self.filesystem.deallocate(&self.ctx, request).await.unwrap();
    }
}

#[test]
fn a_clone_takes_no_room_and_each_block_goes_with_its_last_name() {
    block_on(async {
        let rig = Rig::new();
        let mut house = rig.open().await;
        let blocks = 20 * REGION as u64 / BLOCK_BYTES;
        let (first, second, third) =
            (house.create("first").await, house.create("second").await, house.create("third").await);
        let bytes = pattern(1, 20 * REGION);
        house.write(first, 0, bytes.clone()).await;
        for (from, to) in [(first, second), (second, third)] {
            house.clone_range((from, 0), (to, 0), bytes.len() as u64).await.unwrap();
            assert_eq!(rig.chunks.used_blocks(), blocks);
        }
        let past_the_end = house.clone_range((first, 0), (second, 0), bytes.len() as u64 + 1).await;
        assert_eq!(past_the_end.err(), Some(FsError::InvalidArgument));
        let figures = house.filesystem.figures().sharing;
        assert_eq!((figures.bytes, figures.refused), (2 * bytes.len() as u64, 1));
        rig.check().await;
        house.remove("first").await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), blocks);
        rig.check().await;
        // Also behind a restart, which knows of shared blocks from the records only.
        drop(house);
        rig.chunks.power_cut();
        house = rig.open().await;
        house.truncate(second, 3 * REGION as u64 + 10).await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), blocks + 1, "the block at the end is one of its own now");
        house.remove("third").await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 3 * 64 + 1);
        assert!(house.read(second, 0, 20 * REGION).await == bytes[..3 * REGION + 10]);
        rig.check().await;
        house.remove("second").await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 0);
        rig.check().await;
    });
}

#[test]
fn what_is_written_over_shared_blocks_takes_room_of_its_own() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (first, second) = (house.create("first").await, house.create("second").await);
        house.write(first, 0, pattern(1, REGION)).await;
        house.clone_range((first, 0), (second, 0), REGION as u64).await.unwrap();
        for (round, inode) in [first, second].into_iter().enumerate() {
            house.write(inode, 8192, pattern(2, 4096)).await;
            house.commit(inode).await.unwrap();
            house.filesystem.flush_all().await.unwrap();
            house.rest().await;
            assert_eq!(rig.chunks.used_blocks(), [65, 65][round], "the old one goes with the second");
            rig.check().await;
        }
        house.punch(first, 0, 4096).await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 65);
        house.punch(second, 0, 4096).await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 64);
        rig.check().await;
    });
}

#[test]
fn a_snapshot_keeps_what_was_shared() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (first, second) = (house.create("first").await, house.create("second").await);
        house.write(first, 0, pattern(1, REGION)).await;
        house.filesystem.flush_all().await.unwrap();
        house.snapshot("first").await;
        house.clone_range((first, 0), (second, 0), REGION as u64).await.unwrap();
        house.truncate(first, 0).await;
        rig.check().await;
        // Its name came behind the snapshot, and goes; that of the first is kept.
        house.truncate(second, 0).await;
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 64);
        rig.check().await;
    });
}

#[test]
fn shared_blocks_are_not_moved() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (first, second) = (house.create("first").await, house.create("second").await);
        for block in (0..64).rev() {
            house.write(first, block * BLOCK_BYTES, pattern(block, 4096)).await;
            house.filesystem.flush_all().await.unwrap();
        }
        house.clone_range((first, 32 * BLOCK_BYTES), (second, 0), BLOCK_BYTES).await.unwrap();
        assert_eq!(house.filesystem.move_part((first, 0), Wish::InOrder).await.unwrap(), 0);
        house.remove("second").await;
        house.rest().await;
        assert_eq!(house.filesystem.move_part((first, 0), Wish::InOrder).await.unwrap(), 64);
    });
}

#[test]
fn a_block_has_a_bounded_number_of_names() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (first, second) = (house.create("first").await, house.create("second").await);
        house.write(first, 0, pattern(1, 4096)).await;
        house.clone_range((first, 0), (second, 0), BLOCK_BYTES).await.unwrap();
        let region = house.filesystem.region((first, 0), &mut crate::cache::Seen::default()).await.unwrap().unwrap();
        let placement = region.extents[0].placement;
        let key = (ShardId::ROOT, meta::records::shared_group(placement));
        house.filesystem.load(Miss::Shared(key.0, vec![key.1]), &mut Scratch::default()).await.unwrap();
        let shared = &house.filesystem.records.shared;
        let mut record = (*shared.get(&key).unwrap().value.unwrap()).clone();
        assert_eq!(record.of(placement), 1);
        record.set(placement, u16::MAX);
        shared.put(key, Slot::new(Some(Arc::new(record)), meta::Version(0)), meta::Version(0));
        let refused = house.clone_range((first, 0), (second, BLOCK_BYTES), BLOCK_BYTES).await;
        assert_eq!(refused.err(), Some(FsError::TooManyLinks));
    });
}

/// Neither a write that is stable by the journal nor one that is only dirty takes a size back that the range has set.
#[test]
fn a_clone_loses_nothing_of_those_who_write_beside_it() {
    for seed in 0..8 {
        block_on(async {
            let (rig, memory) = delayed_with_journal(seed, 1 << 26);
            let mut house = rig.open().await;
            let source = house.create("source").await;
            let bytes = pattern(seed, 10 * REGION);
            for (number, part) in bytes.chunks(REGION).enumerate() {
                house.write(source, (number * REGION) as u64, part.to_vec()).await;
            }
            let mut targets = Vec::new();
            for round in 0..8 {
                let target = house.create(&format!("target {round}")).await;
                targets.push((target, clone_beside_writer(&house, (source, target), seed * 100 + round).await));
            }
            for is_restarted in [false, true] {
                if is_restarted {
                    drop(house);
                    memory.power_cut();
                    house = rig.open().await;
                }
                for (target, written) in &targets {
                    let place = format!("seed {seed}, {is_restarted}");
                    assert_eq!(house.attributes(*target).await.size, (AT + bytes.len()) as u64, "{place}");
                    assert!(house.read(*target, 0, AT).await[..written.len()] == *written, "{place}");
                    is_taken(&house, *target, &bytes, &place).await;
                }
            }
            house.filesystem.flush_all().await.unwrap();
            rig.check().await;
        });
    }
}

/// Where the range begins in the target.
const AT: usize = 2 * REGION;

/// Shares all of a file while somebody writes in front of the range, stably and not. Returns
/// what was written.
async fn clone_beside_writer<C: Store>(house: &House<C>, (source, target): (InodeId, InodeId), seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut written = vec![0; 9_000];
    let is_done = std::cell::Cell::new(false);
    // A stable write may wait for the range, and what is dirty goes with it.
    let stable_percent = random.pick(&[0, 5, 50]);
    let clone = async {
        house.clone_range((source, 0), (target, AT as u64), 10 * REGION as u64).await.unwrap();
        is_done.set(true);
    };
    let write = async {
        let mut size = 0;
        while !is_done.get() {
            let offset = within(&mut random, 8_000);
            let stability = [Stability::File, Stability::Unstable][usize::from(!random.chance(stable_percent))];
            let new = pattern(random.bits(), 900);
            written[offset..offset + 900].copy_from_slice(&new);
            let reply = house.write_as(target, (offset as u64, new), stability).await.unwrap();
            assert!(reply.change.after.size >= size, "seed {seed}: shrunk from {size}");
            size = reply.change.after.size;
            tokio::task::yield_now().await;
        }
    };
    futures_util::future::join(clone, write).await;
    assert_eq!(house.attributes(target).await.size, (AT + 10 * REGION) as u64, "seed {seed}");
    house.commit(target).await.unwrap();
    written
}

async fn is_taken<C: Store>(house: &House<C>, target: InodeId, bytes: &[u8], place: &str) {
    for (number, part) in bytes.chunks(REGION).enumerate() {
        let found = house.read(target, (AT + number * REGION) as u64, REGION).await;
        assert!(found == part, "{place}, region {number}");
    }
}

/// Random changes of a few files, and snapshots of them, against plain bytes. Half of the sequences write stably, so that
/// every crash leaves all of it; the other half has no crashes.
#[test]
fn files_that_share_blocks_read_as_they_were_written() {
    let seeds = std::env::var("BERTH_SHARED_SEEDS").map_or(6, |value| value.parse().unwrap());
    for seed in 0..seeds {
        block_on(run(seed));
    }
}

const FILES: usize = 4;
const LONGEST: usize = 5 * REGION;

async fn run(seed: u64) {
    let mut random = Random::new(seed);
    let rig = Rig::new().with_journal(random.pick(&[0, 60_000, 1 << 26]));
    let mut house = rig.open().await;
    let mut files = Vec::new();
    for number in 0..FILES {
        files.push((house.create(&format!("file {number}")).await, Vec::new()));
    }
    let is_volatile = seed % 2 == 1;
    let mut snapshots: Vec<(Snapshot, Vec<File>)> = Vec::new();
    for step in 0..200 {
        let place = format!("seed {seed}, step {step}");
        let number = usize::try_from(random.below(FILES as u64)).unwrap();
        match random.below(100) {
            0..25 => write(&house, &mut files[number], (&mut random, is_volatile)).await,
            25..55 => clone(&house, &mut files, number, &mut random).await,
            55..63 => {
                let (inode, bytes) = &mut files[number];
                let size = within(&mut random, bytes.len() + 8192);
                house.truncate(*inode, size as u64).await;
                bytes.resize(size, 0);
            }
            63..70 => {
                let (inode, bytes) = &mut files[number];
                let (from, to) = (within(&mut random, bytes.len()), within(&mut random, bytes.len()));
                let (from, to) = (from.min(to), from.max(to));
                house.punch(*inode, from as u64, (to - from) as u64).await;
                bytes[from..to].fill(0);
            }
            70..74 => {
                let name = format!("file {number}");
                house.remove(&name).await;
                files[number] = (house.create(&name).await, Vec::new());
            }
            74..76 => house.rest().await,
            76..79 => drop(house.filesystem.background_round().await),
            79..83 => snapshots.push((house.snapshot(&format!("{}", random.bits())).await, files.clone())),
            83..86 => move_away(&house, files[number].0, &mut random).await,
            86..90 if !snapshots.is_empty() => {
                let index = usize::try_from(random.below(snapshots.len() as u64)).unwrap();
                house.forget(&snapshots.swap_remove(index).0).await;
            }
            90..91 if !is_volatile => house.filesystem.reload().await.unwrap(),
            91..93 if !is_volatile => {
                drop(house);
                rig.chunks.power_cut();
                house = rig.open().await;
            }
            _ => rig.check().await,
        }
        for (inode, bytes) in &files {
            assert!(house.read(*inode, 0, LONGEST).await == *bytes, "{place}: {number}");
        }
        if random.chance(20) {
            prove(&house, &snapshots, &place).await;
        }
    }
    house.filesystem.flush_all().await.unwrap();
    house.rest().await;
    rig.check().await;
    forget_all((&rig, &house), snapshots, &mut random).await;
}

/// Nothing is left of snapshots, deleted in any order.
async fn forget_all(
    (rig, house): (&Rig<MemoryStore>, &House<MemoryStore>),
    mut snapshots: Vec<(Snapshot, Vec<File>)>,
    random: &mut Random,
) {
    while !snapshots.is_empty() {
        prove(house, &snapshots, "at the end").await;
        let index = usize::try_from(random.below(snapshots.len() as u64)).unwrap();
        house.forget(&snapshots.swap_remove(index).0).await;
        house.rest().await;
        rig.check().await;
    }
    let view = kv::Engine::view(&rig.engine).await.unwrap();
    let counts = meta::check::check(&view).await.unwrap().counts;
    assert_eq!((counts.versions, counts.expiries, counts.held_blocks), (0, 0, 0));
}

/// Snapshots show the files as they were.
async fn prove(house: &House<MemoryStore>, snapshots: &[(Snapshot, Vec<File>)], place: &str) {
    for (snapshot, files) in snapshots {
        for (inode, bytes) in files {
            let past = inode.in_tree(snapshot.root.tree);
            assert!(house.read(past, 0, LONGEST).await == *bytes, "{place}: {inode:?} in {snapshot:?}");
        }
    }
}

/// A file and what it holds.
type File = (InodeId, Vec<u8>);

async fn write(house: &House<MemoryStore>, (inode, bytes): &mut File, (random, is_volatile): (&mut Random, bool)) {
    let offset = within(random, bytes.len() + 8192).min(LONGEST - REGION);
    let longest = random.pick(&[10, 5_000, 300_000]);
    let length = 1 + within(random, longest).min(REGION - 1);
    let stability = match is_volatile {
        true => Stability::Unstable,
        false if random.chance(50) => Stability::Data,
        false => Stability::File,
    };
    let new = pattern(random.bits(), length);
    house.write_as(*inode, (offset as u64, new.clone()), stability).await.unwrap();
    bytes.resize(bytes.len().max(offset + length), 0);
    bytes[offset..offset + length].copy_from_slice(&new);
}

async fn clone(house: &House<MemoryStore>, files: &mut [(InodeId, Vec<u8>)], to: usize, random: &mut Random) {
    let from = usize::try_from(random.below(FILES as u64)).unwrap();
    let size = files[from].1.len();
    let source = within(random, size) / 4096 * 4096;
    let left = size - source;
    let length = if random.chance(30) { left } else { within(random, left) / 4096 * 4096 };
    let target = within(random, files[to].1.len() + 8192).min(LONGEST - length) / 4096 * 4096;
    let done = house.clone_range((files[from].0, source as u64), (files[to].0, target as u64), length as u64).await;
    if from == to && source < target + length && target < source + length {
        assert_eq!(done.err(), (length > 0).then_some(FsError::InvalidArgument));
        return;
    }
    done.unwrap();
    let taken = files[from].1[source..source + length].to_vec();
    if length > 0 {
        let bytes = &mut files[to].1;
        bytes.resize(bytes.len().max(target + length), 0);
        bytes[target..target + length].copy_from_slice(&taken);
    }
}

async fn move_away(house: &House<MemoryStore>, inode: InodeId, random: &mut Random) {
    let all = house.filesystem.data.chunks.list(None, usize::MAX).await.unwrap();
    let segments = all.into_iter().filter(|of| of.is_sealed && random.chance(50)).map(|of| of.segment.0).collect();
    house.filesystem.move_part((inode, 0), Wish::Away(&segments)).await.unwrap();
}

/// A number up to this one, often at the edge of a block.
fn within(random: &mut Random, most: usize) -> usize {
    let at = usize::try_from(random.below(most as u64 + 1)).unwrap();
    if random.chance(40) { at / 4096 * 4096 } else { at }
}
