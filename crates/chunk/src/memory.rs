//! A store in memory: the reference that models and tests run on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pages::{BLOCK_SIZE, Payload};

use crate::{Capacity, ChunkError, LiveSegment, Owner, Placed, Placement, SegmentId, SegmentSummary, Store};

/// Sizes of a [`MemoryStore`].
#[derive(Clone, Copy, Debug)]
pub struct MemorySettings {
    /// Blocks the whole store takes; freed ones may be used again.
    pub blocks_max: u64,
    /// Blocks of one segment, 1 to 2^24.
    pub segment_blocks: u32,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self { blocks_max: 1 << 28, segment_blocks: 1024 }
    }
}

/// Blocks in memory, with the difference between placed and synced that a power cut shows. Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(settings: MemorySettings) -> Self {
        let settings = MemorySettings { segment_blocks: settings.segment_blocks.clamp(1, 1 << 24), ..settings };
        Self(Arc::new(Mutex::new(State { settings, ..State::default() })))
    }

    /// Forgets every block that was not synced, as a power cut does. [`Store::recover`] comes next.
    pub fn power_cut(&self) {
        let mut state = self.state();
        state.active.clear();
        state.unsynced.clear();
        let mut lost = 0;
        for segment in state.segments.values_mut() {
            let synced = segment.synced;
            lost += segment.blocks.iter_mut().skip(synced).filter_map(Option::take).count() as u64;
            segment.blocks.truncate(synced);
        }
        state.used -= lost;
    }

    /// Changes how many blocks the store takes, to let tests run out of space and get it back.
    pub fn set_blocks_max(&self, blocks_max: u64) {
        self.state().settings.blocks_max = blocks_max;
    }

    /// Lets the store say that room is short, whatever there is.
    pub fn set_short(&self, is_short: bool) {
        self.state().is_short = is_short;
    }

    /// Blocks that are placed and not freed.
    #[must_use]
    pub fn used_blocks(&self) -> u64 {
        self.state().used
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemorySettings::default())
    }
}

impl Store for MemoryStore {
    async fn place(&self, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
        let blocks = split(&blocks)?;
        let mut state = self.state();
        if state.used + blocks.len() as u64 > state.settings.blocks_max {
            return Err(ChunkError::NoSpace);
        }
        let mut placed: Vec<Placed> = Vec::new();
        for block in blocks {
            let placement = state.append(owner, block);
            match placed.last_mut() {
                Some(run) if run.placement.segment() == placement.segment() => run.blocks += 1,
                _ => placed.push(Placed { placement, blocks: 1 }),
            }
        }
        Ok(placed)
    }

    async fn read(&self, placement: Placement, blocks: u32) -> Result<Payload, ChunkError> {
        let mut state = self.state();
        let run = state.run(placement, blocks)?;
        run.iter().map(|block| block.clone().ok_or_else(|| missing(placement))).collect()
    }

    async fn free(&self, placement: Placement, blocks: u32) -> Result<(), ChunkError> {
        let mut state = self.state();
        let freed = state.run(placement, blocks)?.iter_mut().filter_map(Option::take).count();
        state.used -= freed as u64;
        state.forget_if_empty(placement.segment());
        Ok(())
    }

    async fn sync(&self) -> Result<(), ChunkError> {
        let mut state = self.state();
        for segment in std::mem::take(&mut state.unsynced) {
            if let Some(segment) = state.segments.get_mut(&segment) {
                segment.synced = segment.blocks.len();
            }
        }
        Ok(())
    }

    async fn list(&self, after: Option<SegmentId>, limit: usize) -> Result<Vec<SegmentSummary>, ChunkError> {
        let state = self.state();
        let from = after.map_or(0, |after| after.0.saturating_add(1));
        let found = state.segments.range(SegmentId(from)..).take(limit);
        let is_sealed = |segment| !state.active.values().any(|active| active == segment);
        Ok(found.map(|(segment, held)| held.summary(*segment, is_sealed(segment))).collect())
    }

    async fn recover(&self, live: Vec<LiveSegment>, next_segment: SegmentId) -> Result<(), ChunkError> {
        let mut state = self.state();
        let live: BTreeMap<_, _> = live.into_iter().map(|segment| (segment.segment, segment)).collect();
        for segment in live.values() {
            state.check(segment)?;
        }
        state.segments.retain(|id, segment| live.get(id).is_some_and(|live| segment.keep(live)));
        state.used = state.segments.values().map(Segment::used).sum();
        state.next = state.next.max(next_segment.0);
        state.active.clear();
        state.unsynced.clear();
        Ok(())
    }

    fn has_plenty(&self) -> bool {
        !self.state().is_short
    }

    fn capacity(&self) -> Result<Capacity, ChunkError> {
        let state = self.state();
        let (total, used) = (state.settings.blocks_max, state.used);
        Ok(Capacity {
            total_bytes: total * BLOCK_SIZE as u64,
            free_bytes: total.saturating_sub(used) * BLOCK_SIZE as u64,
        })
    }
}

#[derive(Debug, Default)]
struct State {
    settings: MemorySettings,
    segments: BTreeMap<SegmentId, Segment>,
    active: HashMap<Owner, SegmentId>,
    unsynced: BTreeSet<SegmentId>,
    next: u64,
    used: u64,
    is_short: bool,
}

impl State {
    fn append(&mut self, owner: Owner, block: Bytes) -> Placement {
        let id = self.active.get(&owner).copied().unwrap_or_else(|| self.open_segment(owner));
        let segment = self.segments.entry(id).or_insert_with(|| Segment::new(owner));
        #[expect(clippy::cast_possible_truncation, reason = "a segment has at most 2^24 blocks")]
        let placement = Placement::new(id, segment.blocks.len() as u32);
        segment.blocks.push(Some(block));
        if segment.blocks.len() >= self.settings.segment_blocks as usize {
            self.active.remove(&owner);
        }
        self.unsynced.insert(id);
        self.used += 1;
        placement
    }

    fn open_segment(&mut self, owner: Owner) -> SegmentId {
        let id = SegmentId(self.next);
        self.next += 1;
        self.active.insert(owner, id);
        id
    }

    fn run(&mut self, placement: Placement, blocks: u32) -> Result<&mut [Option<Bytes>], ChunkError> {
        let from = placement.block() as usize;
        let segment = self.segments.get_mut(&placement.segment());
        segment.and_then(|held| held.blocks.get_mut(from..from + blocks as usize)).ok_or_else(|| missing(placement))
    }

    fn forget_if_empty(&mut self, id: SegmentId) {
        let open = self.active.values().any(|active| *active == id);
        if !open && self.segments.get(&id).is_some_and(|segment| segment.used() == 0) {
            self.segments.remove(&id);
        }
    }

    fn check(&self, live: &LiveSegment) -> Result<(), ChunkError> {
        let lost = |what: &str| ChunkError::Missing(format!("segment {}: {what}", live.segment.0));
        let segment = self.segments.get(&live.segment).ok_or_else(|| lost("not there"))?;
        if segment.owner != live.owner {
            return Err(lost("belongs to another owner"));
        }
        let present = |block: usize| segment.blocks.get(block).is_some_and(Option::is_some);
        match (0..live.bitmap.len() * 8).find(|block| is_live(&live.bitmap, *block) && !present(*block)) {
            Some(block) => Err(lost(&format!("block {block} not there"))),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Segment {
    owner: Owner,
    blocks: Vec<Option<Bytes>>,
    /// Blocks from the start that survive a power cut.
    synced: usize,
}

impl Segment {
    fn new(owner: Owner) -> Self {
        Self { owner, blocks: Vec::new(), synced: 0 }
    }

    fn used(&self) -> u64 {
        self.blocks.iter().flatten().count() as u64
    }

    /// Frees what is not live; says whether anything is left.
    fn keep(&mut self, live: &LiveSegment) -> bool {
        let dead = self.blocks.iter_mut().enumerate().filter(|(block, _)| !is_live(&live.bitmap, *block));
        dead.for_each(|(_, block)| *block = None);
        self.synced = self.blocks.len();
        self.used() > 0
    }

    fn summary(&self, segment: SegmentId, is_sealed: bool) -> SegmentSummary {
        #[expect(clippy::cast_possible_truncation, reason = "a segment has at most 2^24 blocks")]
        let [blocks, live_blocks] = [self.blocks.len() as u32, self.used() as u32];
        let kept_blocks = blocks - live_blocks;
        SegmentSummary { segment, owner: self.owner, blocks, live_blocks, kept_blocks, is_sealed }
    }
}

fn is_live(bitmap: &[u8], block: usize) -> bool {
    bitmap.get(block / 8).is_some_and(|byte| byte >> (block % 8) & 1 == 1)
}

fn missing(placement: Placement) -> ChunkError {
    ChunkError::Missing(format!("segment {} block {}", placement.segment().0, placement.block()))
}

/// Copies out block by block, so that a stored block keeps no more memory alive than its own.
fn split(blocks: &Payload) -> Result<Vec<Bytes>, ChunkError> {
    let length = blocks.len();
    if !length.is_multiple_of(BLOCK_SIZE) {
        return Err(ChunkError::Unaligned(length));
    }
    let mut copies = Vec::with_capacity(length / BLOCK_SIZE);
    let mut open = Vec::new();
    for mut rest in blocks.slices().iter().map(Bytes::as_ref) {
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(BLOCK_SIZE - open.len()));
            open.extend_from_slice(part);
            rest = after;
            if open.len() == BLOCK_SIZE {
                copies.push(Bytes::from(std::mem::take(&mut open)));
            }
        }
    }
    Ok(copies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    struct Memory;

    impl conformance::Engine for Memory {
        type Store = MemoryStore;

        async fn fresh(&self) -> MemoryStore {
            MemoryStore::new(MemorySettings { segment_blocks: 64, ..MemorySettings::default() })
        }

        async fn small(&self, blocks: u64) -> MemoryStore {
            MemoryStore::new(MemorySettings { blocks_max: blocks, segment_blocks: 64 })
        }

        async fn power_cut(&self, store: MemoryStore) -> MemoryStore {
            store.power_cut();
            store
        }
    }

    #[tokio::test]
    async fn conforms() {
        conformance::all(&Memory).await;
    }

    #[tokio::test]
    async fn a_power_cut_takes_exactly_what_was_not_synced() {
        let store = MemoryStore::default();
        let kept = store.place(Owner(1), vec![1; BLOCK_SIZE].into()).await.unwrap()[0];
        store.sync().await.unwrap();
        let lost = store.place(Owner(1), vec![2; BLOCK_SIZE].into()).await.unwrap()[0];
        store.power_cut();
        assert_eq!(store.read(kept.placement, 1).await.unwrap(), vec![1; BLOCK_SIZE].into());
        assert!(matches!(store.read(lost.placement, 1).await, Err(ChunkError::Missing(_))));
        assert_eq!(store.used_blocks(), 1);
    }

    #[tokio::test]
    async fn freed_room_can_be_used_again() {
        let store = MemoryStore::new(MemorySettings { blocks_max: 4, segment_blocks: 2 });
        for _ in 0..10 {
            let placed = store.place(Owner(1), vec![1; 3 * BLOCK_SIZE].into()).await.unwrap();
            assert_eq!(store.place(Owner(1), vec![1; 2 * BLOCK_SIZE].into()).await, Err(ChunkError::NoSpace));
            for run in placed {
                store.free(run.placement, run.blocks).await.unwrap();
            }
        }
        assert!(store.list(None, 100).await.unwrap().len() <= 1, "empty segments are forgotten");
    }
}
