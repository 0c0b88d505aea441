//! Random writes, cuts, flushes, moves, evictions and restarts of one file against a plain vector of bytes.

use chunk::{MemoryStore, Store};
use testkit::{Random, block_on};
use vfs::{InodeId, Stability};

use super::{House, Rig, pattern};
use crate::file::Wish;

/// Moves what lies in some segments, whatever else is in them.
async fn move_away(house: &House<MemoryStore>, inode: InodeId, random: &mut Random) {
    let all = house.filesystem.data.chunks.list(None, usize::MAX).await.unwrap();
    let segments = all.into_iter().filter(|of| of.is_sealed && random.chance(50)).map(|of| of.segment.0).collect();
    house.filesystem.move_part((inode, random.below(2)), Wish::Away(&segments)).await.unwrap();
}

/// The file as it must read.
#[derive(Default)]
struct Model {
    now: Vec<u8>,
    /// All states since the last stable one, which is the first.
    since_stable: Vec<Vec<u8>>,
}

#[test]
fn a_file_reads_as_it_was_written() {
    let seeds = std::env::var("BERTH_FILE_SEEDS").map_or(6, |value| value.parse().unwrap());
    for seed in 0..seeds {
        block_on(run(seed));
    }
}

async fn run(seed: u64) {
    let mut random = Random::new(seed);
    let rig = Rig::new().with_journal(random.pick(&[0, 60_000, 1 << 26]));
    let mut house = rig.open().await;
    let inode = house.create("file").await;
    let mut model = Model::default();
    model.make_stable();
    for step in 0..150 {
        match random.below(100) {
            0..50 => write(&house, inode, &mut model, &mut random).await,
            50..62 => {
                let size = position(&mut random, &model);
                house.truncate(inode, size as u64).await;
                model.now.resize(size, 0);
                model.note();
            }
            62..70 => {
                house.commit(inode).await.unwrap();
                model.make_stable();
            }
            70..74 => house.rest().await,
            74..76 => drop(house.filesystem.move_part((inode, random.below(2)), Wish::InOrder).await.unwrap()),
            76..78 => move_away(&house, inode, &mut random).await,
            78..80 => house.filesystem.data.cache.clear(),
            80..82 => {
                house.filesystem.reload().await.unwrap();
                model.survive(house.read(inode, 0, 4 << 20).await, &format!("seed {seed}, step {step}, reload"));
            }
            82..86 => {
                drop(house);
                rig.chunks.power_cut();
                house = rig.open().await;
                model.survive(house.read(inode, 0, 4 << 20).await, &format!("seed {seed}, step {step}"));
            }
            _ => read(&house, inode, (&model, &format!("seed {seed}, step {step}")), &mut random).await,
        }
        assert_eq!(house.attributes(inode).await.size, model.now.len() as u64, "seed {seed}, step {step}");
    }
    house.filesystem.flush_all().await.unwrap();
    house.rest().await;
    rig.check().await;
    assert_eq!(house.read(inode, 0, 4 << 20).await, model.now, "seed {seed}");
    drop(house);
    rig.chunks.power_cut();
    let house = rig.open().await;
    assert_eq!(house.read(inode, 0, 4 << 20).await, model.now, "seed {seed} after a restart");
    assert_eq!(rig.chunks.used_blocks() * 4096, house.attributes(inode).await.allocated_bytes, "no block leaks");
    house.remove("file").await;
    house.rest().await;
    assert_eq!(rig.chunks.used_blocks(), 0, "seed {seed}");
    rig.check().await;
}

async fn write(house: &House<MemoryStore>, inode: InodeId, model: &mut Model, random: &mut Random) {
    let offset = position(random, model);
    let longest = random.pick(&[10, 5_000, 20_000, 300_000]);
    let mut length = 1 + usize::try_from(random.below(longest)).unwrap();
    if random.chance(20) {
        length = length.next_multiple_of(4096);
    }
    let bytes = pattern(random.bits(), length);
    let stability = random.pick(&[None, None, None, Some(Stability::Data), Some(Stability::File)]);
    let stability = stability.unwrap_or(Stability::Unstable);
    let reply = house.write_as(inode, (offset as u64, bytes.clone()), stability).await.unwrap();
    assert!(reply.stability >= stability && reply.count as usize == length);
    if model.now.len() < offset + length {
        model.now.resize(offset + length, 0);
    }
    model.now[offset..offset + length].copy_from_slice(&bytes);
    if stability == Stability::Unstable { model.note() } else { model.make_stable() }
}

async fn read(house: &House<MemoryStore>, inode: InodeId, (model, place): (&Model, &str), random: &mut Random) {
    let offset = position(random, model);
    let length = usize::try_from(random.below(400_000)).unwrap();
    let expected = model.now.get(offset..).unwrap_or_default();
    let expected = &expected[..expected.len().min(length)];
    assert!(house.read(inode, offset as u64, length).await == expected, "{place}: {length} bytes at {offset}");
}

/// A place in the file or a little behind it, often at the edge of a block.
fn position(random: &mut Random, model: &Model) -> usize {
    let at = usize::try_from(random.below(model.now.len().min(1_200_000) as u64 + 50_000)).unwrap();
    match random.below(4) {
        0 => at / 4096 * 4096,
        1 => at / 262_144 * 262_144,
        _ => at,
    }
}

impl Model {
    fn note(&mut self) {
        self.since_stable.push(self.now.clone());
    }

    fn make_stable(&mut self) {
        self.since_stable = vec![self.now.clone()];
    }

    /// After a restart every byte is as it was in some state since the last stable one, and so is the size.
    fn survive(&mut self, found: Vec<u8>, place: &str) {
        let sizes = self.since_stable.iter().map(Vec::len);
        let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
        assert!((least..=most).contains(&found.len()), "{place}: size {} of {least}..={most}", found.len());
        for (at, byte) in found.iter().enumerate() {
            let was = |state: &Vec<u8>| state.get(at).copied().unwrap_or(0) == *byte;
            assert!(self.since_stable.iter().any(was), "{place}: byte {at} was never {byte}");
        }
        self.now = found;
        self.make_stable();
    }
}
