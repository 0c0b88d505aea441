//! Whether every block is named as often as it may be, and exactly the named ones are live in the segments.

use std::collections::{BTreeMap, BTreeSet};

use vfs::ShardId;

use super::problems::{Advice, Report};
use crate::Key;
use crate::keys;
use crate::records::{RegionRecord, Released, Run, SegmentRecord, SpaceRecord};

#[derive(Default)]
pub(super) struct Blocks {
    segments: BTreeMap<u64, Segment>,
    /// Of the shard at hand: by segment, blocks that versions name.
    kept: BTreeMap<u64, Bits>,
    /// Blocks that live records named twice; legal if they turn out to be shared.
    twice: Vec<(Key, u64, u32)>,
    shared: BTreeSet<(u64, u32)>,
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
    pub(super) fn live(&mut self, report: &mut Report, key: &Key, record: &RegionRecord) {
        for (segment, block) in blocks_of(&record.named()) {
            report.counts.blocks += 1;
            if !self.segments.entry(segment).or_default().named.insert(block) && self.twice.len() < TWICE_MAX {
                self.twice.push((key.clone(), segment, block));
            }
        }
    }

    pub(super) fn kept(&mut self, record: &RegionRecord) {
        for (segment, block) in blocks_of(&record.named()) {
            self.kept.entry(segment).or_default().insert(block);
        }
    }

    pub(super) fn space(&mut self, shard: ShardId, record: &SpaceRecord) {
        let named = record.named.iter().map(|run| (run, true));
        for (run, is_live) in named.chain(record.released.iter().map(|run| (run, false))) {
            let segment = self.segments.entry(run.segment()).or_default();
            segment.shard = Some(shard);
            segment.space.extend((run.first_block()..run.end_block()).map(|block| (block, is_live)));
        }
    }

    pub(super) fn shared(&mut self, segment: u64, block: u32) {
        self.shared.insert((segment, block));
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

    /// The end of a shard: how many blocks only its versions name. They are named from now on.
    pub(super) fn finish_shard(&mut self) -> u64 {
        let mut held = 0;
        for (segment, kept) in std::mem::take(&mut self.kept) {
            let named = &mut self.segments.entry(segment).or_default().named;
            held += kept.iter().map(|block| u64::from(named.insert(block))).sum::<u64>();
        }
        held
    }

    pub(super) fn finish(&mut self, report: &mut Report) {
        for (key, segment, block) in &self.twice {
            if !self.shared.contains(&(*segment, *block)) {
                let what = format!("names block {block} of segment {segment}, which another record names too");
                report.add(key, what, Advice::Twice);
            }
        }
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

/// Most blocks named twice that are remembered until the shared ones are known.
const TWICE_MAX: usize = 1 << 20;
