//! Blocks: folding what groups named and released into segment records, and what is live at a start.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::Direction;
use kv::limits::{BATCH_BYTES_MAX, BATCH_KEYS_MAX};
use vfs::ShardId;

use super::{Inner, Meta, Version};
use crate::change::RUN_BYTES;
use crate::keys::{self, KeyKind, KeyRange};
use crate::records::{
    NextSegmentRecord, Record, Run, SEGMENT_BITMAP_BYTES_MAX, SPACE_RUNS_MAX, SegmentRecord, SegmentState, SpaceRecord,
};
use crate::{Change, Key, MetaError, RecordError};

/// Blocks of a segment that durable records name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSegment {
    /// The segment.
    pub segment: u64,
    /// Whose blocks it holds.
    pub shard: ShardId,
    /// One bit per block, bit 0 of byte 0 first; blocks beyond the end are not live.
    pub bitmap: Vec<u8>,
}

/// What a store of blocks must know when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSegments {
    /// Segments with live blocks, by number.
    pub segments: Vec<LiveSegment>,
    /// New segments have this number or higher ones.
    pub next_segment: u64,
}

impl<K: kv::Engine> Meta<K> {
    /// Folds the oldest space records, at most `limit` of each shard and as many of all as one change holds, into
    /// segment records and submits that as a change. The next call goes on with the shards that this one did not
    /// reach. Says how many are folded and which change to wait for; a second call at the same time folds none.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`, `Damaged`.
    pub async fn fold_space(&self, limit: usize) -> Result<(usize, Version), MetaError> {
        let Some(claim) = Claim::take(&self.inner) else { return Ok((0, self.submitted())) };
        let mut folding = Folding::default();
        let mut shards = self.shards().await?;
        let first = claim.first_shard();
        let turned = shards.partition_point(|shard| *shard < first);
        shards.rotate_left(turned);
        for shard in &shards {
            self.fold_shard(&mut folding, *shard, limit).await?;
            if folding.is_full() {
                // A shard with much to fold has its turn first once, and then the others have theirs.
                let has_had_turn = shards.first() == Some(shard);
                claim.begin_next_at(ShardId(shard.0.saturating_add(u32::from(has_had_turn))));
                break;
            }
        }
        let folded = folding.folded;
        let change = folding.into_change(self.next_segment().await?);
        Ok((folded, self.submit(change)?))
    }

    /// What is live: segment records and what has not been folded into them. Reserves numbers for new segments
    /// durably, so that none is ever used twice. Called once after opening.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`, `Damaged`.
    pub async fn live_segments(&self) -> Result<LiveSegments, MetaError> {
        let mut segments = self.all_segments().await?;
        for shard in self.shards().await? {
            self.overlay_space(shard, &mut segments).await?;
        }
        let next_seen = segments.keys().next_back().map_or(1, |segment| segment + 1);
        let next_segment = self.next_segment().await?.max(next_seen);
        let mut change = Change::new();
        let reserved = NextSegmentRecord { next_segment: next_segment + SEGMENTS_RESERVED };
        change.put_record(keys::next_segment(), &reserved);
        self.durable(self.submit(change)?).await?;
        let live = |(segment, bits): (u64, Bits)| bits.is_live().then(|| bits.into_live(segment));
        Ok(LiveSegments { segments: segments.into_iter().filter_map(live).collect(), next_segment })
    }

    /// Every shard that has a record, of whatever kind.
    async fn shards(&self) -> Result<Vec<ShardId>, MetaError> {
        let mut shards = Vec::new();
        let mut next = ShardId::ROOT;
        loop {
            let found = self.scan(&keys::from_shard(next), 1, Direction::Forward).await?;
            let Some((key, _)) = found.first() else { return Ok(shards) };
            let shard = key.parse().map_err(|problem| MetaError::Damaged { key: key.clone(), problem })?.shard;
            if shard == keys::STORE {
                return Ok(shards);
            }
            shards.push(shard);
            next = ShardId(shard.0 + 1);
        }
    }

    async fn next_segment(&self) -> Result<u64, MetaError> {
        let key = keys::next_segment();
        match self.read(&key).await? {
            Some(bytes) => Ok(NextSegmentRecord::decode_at(&key, &bytes)?.next_segment),
            None => Ok(1),
        }
    }

    async fn all_segments(&self) -> Result<BTreeMap<u64, Bits>, MetaError> {
        let mut segments = BTreeMap::new();
        let mut range = keys::segment_range();
        while let Some(page) = self.page(&mut range).await? {
            for (key, bytes) in page {
                let record = SegmentRecord::decode_at(&key, &bytes)?;
                segments.insert(segment_of(&key)?, Bits::of(&record));
            }
        }
        Ok(segments)
    }

    async fn overlay_space(&self, shard: ShardId, segments: &mut BTreeMap<u64, Bits>) -> Result<(), MetaError> {
        let mut range = keys::space_range(shard);
        while let Some(page) = self.page(&mut range).await? {
            for (key, bytes) in page {
                let record = SpaceRecord::decode_at(&key, &bytes)?;
                for (run, is_live) in in_order(&record) {
                    segments.entry(run.segment()).or_insert_with(|| Bits::new(shard)).set(&run, is_live);
                }
            }
        }
        Ok(())
    }

    /// The next page of a range, which moves behind it.
    async fn page(&self, range: &mut KeyRange) -> Result<Option<Vec<(Key, Bytes)>>, MetaError> {
        let page = self.scan(range, PAGE, Direction::Forward).await?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        *range = range.after(last);
        Ok(Some(page))
    }

    /// Folds the oldest records of a shard until the change is full. It is full once a part of a record had to stay:
    /// no later one of the shard may be folded then.
    async fn fold_shard(&self, folding: &mut Folding, shard: ShardId, limit: usize) -> Result<(), MetaError> {
        let limit = limit.min(RECORDS_PER_CHANGE.saturating_sub(folding.records.len()));
        for (key, bytes) in self.scan(&keys::space_range(shard), limit, Direction::Forward).await? {
            if folding.is_full() {
                break;
            }
            let record = SpaceRecord::decode_at(&key, &bytes)?;
            self.fold(folding, (shard, &key), record).await?;
        }
        Ok(())
    }

    /// Folds what the change can hold of one record.
    async fn fold(&self, folding: &mut Folding, of: (ShardId, &Key), record: SpaceRecord) -> Result<(), MetaError> {
        let (shard, key) = of;
        let mut rest = SpaceRecord::default();
        for (run, is_live) in in_order(&record) {
            if self.load(folding, shard, run.segment()).await? {
                folding.set(&run, is_live);
            } else if is_live {
                rest.named.push(run);
            } else {
                rest.released.push(run);
            }
        }
        let is_whole = rest.runs() == 0;
        folding.folded += usize::from(is_whole);
        folding.records.insert(key.clone(), Some(rest).filter(|_| !is_whole));
        Ok(())
    }

    /// Whether the segment is among those that this change can hold.
    async fn load(&self, folding: &mut Folding, shard: ShardId, segment: u64) -> Result<bool, MetaError> {
        if folding.segments.contains_key(&segment) {
            return Ok(true);
        }
        if folding.segments.len() >= SEGMENTS_PER_CHANGE {
            return Ok(false);
        }
        let key = keys::segment(segment);
        let bits = match self.read(&key).await? {
            Some(bytes) => Bits::of(&SegmentRecord::decode_at(&key, &bytes)?),
            None => Bits::new(shard),
        };
        folding.segments.insert(segment, bits);
        Ok(true)
    }
}

/// The right to fold: two at the same time would fold the same records.
struct Claim<'a, K> {
    inner: &'a Inner<K>,
}

impl<'a, K> Claim<'a, K> {
    fn take(inner: &'a Inner<K>) -> Option<Self> {
        let was_folding = std::mem::replace(&mut inner.queue().is_folding, true);
        (!was_folding).then_some(Self { inner })
    }

    fn first_shard(&self) -> ShardId {
        self.inner.queue().fold_first
    }

    fn begin_next_at(&self, shard: ShardId) {
        self.inner.queue().fold_first = shard;
    }
}

impl<K> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        self.inner.queue().is_folding = false;
    }
}

/// A fold as it grows.
#[derive(Default)]
struct Folding {
    segments: BTreeMap<u64, Bits>,
    /// What is left of each record; nothing: it goes.
    records: BTreeMap<Key, Option<SpaceRecord>>,
    folded: usize,
}

impl Folding {
    /// Whether no record may be added. As it is asked before each record, only the last one is left
    /// with a rest, and never with all of it.
    fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_PER_CHANGE || self.segments.len() >= SEGMENTS_PER_CHANGE
    }

    fn set(&mut self, run: &Run, is_live: bool) {
        if let Some(bits) = self.segments.get_mut(&run.segment()) {
            bits.set(run, is_live);
        }
    }

    fn into_change(self, next_segment: u64) -> Change {
        let mut change = Change::new();
        let next_seen = self.segments.keys().next_back().map_or(0, |segment| segment + 1);
        if next_seen > next_segment {
            change.put_record(keys::next_segment(), &NextSegmentRecord { next_segment: next_seen });
        }
        for (key, rest) in self.records {
            match rest {
                Some(rest) => change.put_record(key, &rest),
                None => change.delete(key),
            }
        }
        for (segment, bits) in self.segments {
            match bits.into_record() {
                Some(record) => change.put_record(keys::segment(segment), &record),
                None => change.delete(keys::segment(segment)),
            }
        }
        change
    }
}

/// Which blocks of a segment are live.
struct Bits {
    shard: ShardId,
    state: SegmentState,
    pool: u16,
    bitmap: Vec<u8>,
}

impl Bits {
    fn new(shard: ShardId) -> Self {
        Self { shard, state: SegmentState::Active, pool: 0, bitmap: Vec::new() }
    }

    fn of(record: &SegmentRecord) -> Self {
        Self { shard: record.shard, state: record.state, pool: record.pool, bitmap: record.bitmap.to_vec() }
    }

    fn set(&mut self, run: &Run, is_live: bool) {
        for block in run.first_block()..run.end_block() {
            let byte = usize::try_from(block / 8).unwrap_or_default();
            if byte >= self.bitmap.len() {
                self.bitmap.resize(byte + 1, 0);
            }
            let Some(byte) = self.bitmap.get_mut(byte) else { continue };
            let bit = 1 << (block % 8);
            if (*byte & bit != 0) == is_live {
                let segment = run.segment();
                tracing::error!(segment, block, is_live, "a block was named or released twice; run a check");
            }
            *byte = if is_live { *byte | bit } else { *byte & !bit };
        }
    }

    fn is_live(&self) -> bool {
        self.bitmap.iter().any(|&byte| byte != 0)
    }

    fn into_live(self, segment: u64) -> LiveSegment {
        LiveSegment { segment, shard: self.shard, bitmap: self.bitmap }
    }

    fn into_record(self) -> Option<SegmentRecord> {
        let record = SegmentRecord::of_bitmap(self.shard, self.pool, &self.bitmap);
        (record.live_blocks > 0).then_some(SegmentRecord { state: self.state, ..record })
    }
}

/// The runs of a record as they happened.
fn in_order(record: &SpaceRecord) -> impl Iterator<Item = (Run, bool)> {
    let named = record.named.iter().map(|run| (*run, true));
    named.chain(record.released.iter().map(|run| (*run, false)))
}

fn segment_of(key: &Key) -> Result<u64, MetaError> {
    let damaged = |problem| MetaError::Damaged { key: key.clone(), problem };
    match key.parse().map_err(damaged)?.kind {
        KeyKind::Segment(segment) => Ok(segment),
        _ => Err(damaged(RecordError::Invalid("tag of a key"))),
    }
}

const PAGE: usize = 256;
/// Segment records of up to 8 KiB that one change holds.
const SEGMENTS_PER_CHANGE: usize = 64;
/// Space records that one change removes, of all shards.
const RECORDS_PER_CHANGE: usize = 2048;
/// More than a key and all of a record but bitmap and runs take.
const HEAD_BYTES: usize = 128;
/// The number of the next segment is the one key more.
const _: () = assert!(RECORDS_PER_CHANGE + SEGMENTS_PER_CHANGE < BATCH_KEYS_MAX, "a fold has too many keys");
const _: () = assert!(
    (RECORDS_PER_CHANGE + SEGMENTS_PER_CHANGE + 1) * HEAD_BYTES
        + SEGMENTS_PER_CHANGE * SEGMENT_BITMAP_BYTES_MAX
        + SPACE_RUNS_MAX * RUN_BYTES
        <= BATCH_BYTES_MAX,
    "a fold has too many bytes"
);
/// Numbers set aside at a start: segments made, but not named before the next start, have one of them.
const SEGMENTS_RESERVED: u64 = 1 << 16;
