//! Whether every block is named as often as it may be, and exactly the named ones are live in the segments.

use std::collections::{BTreeMap, HashMap};

use vfs::{Epoch, InodeNumber, ShardId, TreeId};

use super::problems::{Advice, At, Report};
use crate::keys;
use crate::records::{
    REGION_BLOCKS, RegionRecord, Released, Run, SegmentRecord, SharedRecord, SpaceRecord, shared_group,
};

#[derive(Default)]
pub(super) struct Blocks {
    segments: BTreeMap<u64, Segment>,
    /// Of the shard at hand: by segment, blocks that versions name.
    kept: BTreeMap<u64, Bits>,
    /// Blocks that may be named more than once, and how often that is, by the first of their group.
    shared: BTreeMap<u64, (ShardId, SharedRecord)>,
    /// Of the shard at hand: places in files that name such a block, and whether live records do.
    names: HashMap<Name, bool>,
}

/// A place in a file that names a shared block, from an epoch on: live, in versions, or both.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    placement: u64,
    since: Epoch,
    tree: TreeId,
    inode: InodeNumber,
    block: u64,
}

/// What is known of a segment.
#[derive(Default)]
struct Segment {
    /// Blocks that live records or versions name.
    named: Bits,
    /// What space records say that has not been folded: blocks named and released since the segment's record.
    space: BTreeMap<u32, bool>,
    shard: Option<ShardId>,
    /// Blocks that the record of the segment says are live; comes last.
    live: Bits,
}

/// A set of block numbers of a segment.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Blocks {
    /// A group of shared blocks; before everything else.
    pub(super) fn shared(&mut self, shard: ShardId, group: u64, record: SharedRecord) {
        self.shared.insert(group, (shard, record));
    }

    pub(super) fn live(&mut self, mut report: At<'_>, place: (TreeId, InodeNumber, u64), record: &RegionRecord) {
        self.note_names(place, record, true);
        for (segment, block) in blocks_of(&record.named()) {
            let is_first = self.segments.entry(segment).or_default().named.insert(block);
            if !is_first && self.more_of(segment << 24 | u64::from(block)) == 0 {
                let what = format!("names block {block} of segment {segment}, which another record names too");
                report.wrong(what, Advice::Twice);
            }
        }
    }

    pub(super) fn kept(&mut self, place: (TreeId, InodeNumber, u64), record: &RegionRecord) {
        self.note_names(place, record, false);
        for (segment, block) in blocks_of(&record.named()) {
            self.kept.entry(segment).or_default().insert(block);
        }
    }

    fn note_names(&mut self, (tree, inode, index): (TreeId, InodeNumber, u64), record: &RegionRecord, is_live: bool) {
        if self.shared.is_empty() {
            return;
        }
        for extent in &record.extents {
            for number in 0..u64::from(extent.blocks) {
                let placement = extent.placement + number;
                if self.more_of(placement) > 0 {
                    let block = index * u64::from(REGION_BLOCKS) + u64::from(extent.first_block) + number;
                    *self.names.entry(Name { placement, since: extent.birth, tree, inode, block }).or_default() |=
                        is_live;
                }
            }
        }
    }

    fn more_of(&self, placement: u64) -> u16 {
        self.shared.get(&shared_group(placement)).map_or(0, |(_, record)| record.of(placement))
    }

    pub(super) fn space(&mut self, shard: ShardId, record: &SpaceRecord) {
        let named = record.named.iter().map(|run| (run, true));
        for (run, is_live) in named.chain(record.released.iter().map(|run| (run, false))) {
            let segment = self.segments.entry(run.segment()).or_default();
            segment.shard = Some(shard);
            segment.space.extend((run.first_block()..run.end_block()).map(|block| (block, is_live)));
        }
    }

    pub(super) fn segment(&mut self, number: u64, record: &SegmentRecord) {
        let segment = self.segments.entry(number).or_default();
        segment.shard = Some(record.shard);
        for (byte, bits) in (0_u32..).zip(record.bitmap.iter()) {
            for bit in (0..8).filter(|bit| bits >> bit & 1 == 1) {
                segment.live.insert(byte * 8 + bit);
            }
        }
    }

    /// The end of a shard: how many blocks only its versions name. They are named from now on. A block that is shared
    /// counts once for each place in a file that names it.
    pub(super) fn finish_shard(&mut self, report: &mut Report, shard: ShardId) -> u64 {
        let mut held = self.count_names(report, shard);
        for (segment, kept) in std::mem::take(&mut self.kept) {
            for block in kept.iter() {
                let is_shared = self.more_of(segment << 24 | u64::from(block)) > 0;
                let is_held = self.segments.entry(segment).or_default().named.insert(block);
                held += u64::from(is_held && !is_shared);
            }
        }
        held
    }

    /// Whether shared blocks of a shard are named as often as their records say. Returns how many names only versions
    /// have.
    fn count_names(&mut self, report: &mut Report, shard: ShardId) -> u64 {
        let names = std::mem::take(&mut self.names);
        let mut found: BTreeMap<u64, u32> = BTreeMap::new();
        for name in names.keys() {
            *found.entry(name.placement).or_default() += 1;
        }
        let of_shard = self.shared.iter().filter(|(_, (of, _))| *of == shard);
        let expected = of_shard.flat_map(|(group, (_, record))| (*group..).zip(record.more));
        for (placement, more) in expected.filter(|(_, more)| *more > 0) {
            let (found, expected) = (found.get(&placement).copied().unwrap_or_default(), u32::from(more) + 1);
            if found == expected {
                continue;
            }
            let what = format!("says block {} is named {expected} times, it is {found} times", placement & 0xff_ffff);
            let advice = if found > expected { Advice::Twice } else { Advice::Leak };
            report.add(&keys::shared(shard, shared_group(placement)), what, advice);
        }
        names.values().filter(|is_live| !**is_live).count() as u64
    }

    pub(super) fn finish(&mut self, report: &mut Report) {
        for (number, segment) in &mut self.segments {
            for (block, is_live) in std::mem::take(&mut segment.space) {
                segment.live.set(block, is_live);
            }
            compare(report, *number, segment);
        }
    }
}

fn compare(report: &mut Report, number: u64, segment: &Segment) {
    let key = keys::segment(number);
    let lost = segment.named.iter().filter(|block| !segment.live.contains(*block));
    let leaked = segment.live.iter().filter(|block| !segment.named.contains(*block));
    let (lost, leaked) = (Sample::of(lost), Sample::of(leaked));
    if let Some(lost) = lost {
        report.add(&key, format!("{lost} are named but count as free"), Advice::Twice);
    }
    if let Some(leaked) = leaked {
        report.add(&key, format!("{leaked} count as named, but nothing names them"), Advice::Leak);
    }
}

/// Some blocks, for a message.
struct Sample {
    count: u64,
    first: u32,
}

impl Sample {
    fn of(mut blocks: impl Iterator<Item = u32>) -> Option<Self> {
        let first = blocks.next()?;
        Some(Self { count: 1 + blocks.map(|_| 1).sum::<u64>(), first })
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} blocks from block {} on", self.count, self.first)
    }
}

fn blocks_of(named: &[Released]) -> impl Iterator<Item = (u64, u32)> {
    named.iter().flat_map(|released| {
        let run = Run { placement: released.placement, blocks: released.blocks };
        (run.first_block()..run.end_block()).map(move |block| (run.segment(), block))
    })
}

impl Bits {
    /// Adds a number; `false` if it was there.
    fn insert(&mut self, block: u32) -> bool {
        !self.contains(block) && self.set(block, true)
    }

    fn set(&mut self, block: u32, is_in: bool) -> bool {
        let index = usize::try_from(block / u64::BITS).unwrap_or_default();
        if index >= self.0.len() {
            self.0.resize(index + 1, 0);
        }
        let Some(word) = self.0.get_mut(index) else { return false };
        let bit = 1 << (block % u64::BITS);
        *word = if is_in { *word | bit } else { *word & !bit };
        true
    }

    fn contains(&self, block: u32) -> bool {
        let index = usize::try_from(block / u64::BITS).unwrap_or_default();
        self.0.get(index).is_some_and(|word| word >> (block % u64::BITS) & 1 == 1)
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.0).flat_map(|(index, word)| {
            (0..u64::BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * u64::BITS + bit)
        })
    }
}
