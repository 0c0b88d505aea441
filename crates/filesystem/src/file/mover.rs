//! Moving what files hold to other blocks, one behind the other: clients see no difference but speed.
//!
//! A move is a flush of bytes that are stored already: the new blocks are durable before a change names them, in place of
//! the old ones, which are given back as usual. Size, times, change counter and usage stay as they are. What a snapshot
//! may see stays where it is.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chunk::Placement;
use meta::records::{Coding, Extent, RegionRecord, shared_group};
use vfs::{Epoch, Failure, FsError, InodeId, JobFigures, JobKind, ShardId};

use super::buffer::DirtyRun;
use super::cut::{Ending, let_go};
use super::driver::is_absent;
use super::fold::extent;
use super::place::{RegionWrite, by_region};
use super::span::Place;
use super::state::FileData;
use super::{FileState, REGION_BLOCKS};
use crate::Filesystem;
use crate::cache::{Miss, Seen};
use crate::turn::{Scratch, Step, Turn};

/// Parts of files that were read in order and found scattered, oldest first.
#[derive(Debug, Default)]
pub(crate) struct ScatteredParts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<PartOfFile>,
    known: HashSet<PartOfFile>,
    /// Scattered blocks were read since `next` was asked last.
    is_read: bool,
    /// When parts were moved last, and when `next` found that scattered blocks were read, on the monotonic clock.
    moved: Option<Duration>,
    read: Option<Duration>,
    /// Parts that were taken from the queue since the start.
    done: u64,
}

/// So many regions of a file as are moved at once, by their number.
pub(crate) type PartOfFile = (InodeId, u64);

/// What of a part of a file is moved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish<'s> {
    /// All, if it is scattered.
    InOrder,
    /// What lies in these segments.
    Away(&'s BTreeSet<u64>),
}

/// A region before it is moved.
struct Planned {
    index: u64,
    record: Arc<RegionRecord>,
    /// What of it is moved.
    moved: Arc<RegionRecord>,
}

/// The regions of a part before it is moved.
struct Plan {
    regions: Vec<Planned>,
    cuts: u64,
}

/// The part of its file that a region is moved with.
pub(crate) fn part_of(inode: InodeId, region: u64) -> PartOfFile {
    (inode, region / REGIONS_PER_MOVE)
}

impl ScatteredParts {
    /// Blocks from this one on were read, and they were scattered.
    pub(super) fn add(&self, inode: InodeId, block: u64) {
        let part = (inode, block / (REGION_BLOCKS * REGIONS_PER_MOVE));
        let mut state = self.state();
        state.is_read = true;
        // What finds no place is found scattered again by the next reader.
        if state.queue.len() < PARTS_MAX && state.known.insert(part) {
            state.queue.push_back(part);
        }
    }

    /// The next parts to move; a few at a time, so that others have the device in between, and none while somebody reads
    /// what is scattered: a move would take the device and the processor from just that reader.
    fn next(&self, now: Duration) -> Vec<PartOfFile> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_read) {
            state.read = Some(now);
        }
        if state.queue.is_empty() || rests(state.moved, now, INTERVAL) || state.lets_readers_go_first(now) {
            return Vec::new();
        }
        state.moved = Some(now);
        let count = state.queue.len().min(PARTS_PER_INTERVAL);
        let parts: Vec<_> = state.queue.drain(..count).collect();
        for part in &parts {
            state.known.remove(part);
        }
        state.done += parts.len() as u64;
        parts
    }

    pub(crate) fn figures(&self, now: Duration) -> JobFigures {
        let state = self.state();
        let is_waiting = state.is_read || state.lets_readers_go_first(now);
        JobFigures { kind: JobKind::Reordering, left: state.queue.len() as u64, done: state.done, is_waiting }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lets_readers_go_first(&self, now: Duration) -> bool {
        self.queue.len() < PARTS_URGENT && rests(self.read, now, READER_REST)
    }
}

fn rests(since: Option<Duration>, now: Duration, rest: Duration) -> bool {
    since.is_some_and(|since| now < since + rest)
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Puts some of what was found scattered in order. Says whether anything was moved.
    pub(crate) async fn reorder_round(&self) -> bool {
        let mut any = false;
        for (inode, part) in self.data.scattered.next(self.clock.monotonic()) {
            let moved = self.move_part((inode, part), Wish::InOrder).await.unwrap_or_else(|failure| {
                tracing::debug!(?inode, part, ?failure, "a part of a file stays scattered");
                0
            });
            any |= moved > 0;
        }
        any
    }

    /// Moves a part of a file (its `number`th 4 MiB), or some of it, to blocks that follow each other. Says how many
    /// blocks; 0 when it cannot be moved or need not be.
    ///
    /// Errors: `StaleHandle`, `NoSpace`, `Io`; nothing has changed then.
    pub(crate) async fn move_part(&self, (inode, number): PartOfFile, wish: Wish<'_>) -> Result<u64, Failure> {
        if self.room()?.available_bytes < ROOM_BYTES_MIN {
            return Ok(0);
        }
        let file = self.files.state(inode);
        let _turn = file.flush_turn.lock().await;
        let Some(plan) = self.plan((inode, &file), (number, wish)).await? else { return Ok(0) };
        let runs = self.stored_runs(inode, &plan).await?;
        let mut placed = self.place(inode.shard, &runs).await?;
        let writes = by_region(placed.blocks());
        let step = |turn: &mut Turn<'_, K, C>, data: &FileData| {
            data.check_cuts(plan.cuts)?;
            rename_blocks(turn, (inode, &plan), &writes)
        };
        let (is_moved, _) = self.change_file((inode, &file), step, |_, _| ()).await?;
        if !is_moved {
            return Ok(0);
        }
        placed.named_before(u64::MAX);
        Ok(placed.blocks().len() as u64)
    }

    /// What a move takes along; `None` when there is nothing to gain, or a snapshot sees it. What is to be in order is not
    /// being written either: dirty blocks would scatter it again.
    async fn plan(
        &self,
        (inode, file): (InodeId, &FileState),
        (number, wish): (u64, Wish<'_>),
    ) -> Result<Option<Plan>, Failure> {
        let mut seen = Seen::default();
        let record = self.live(inode, &mut seen).await?;
        let (cuts, is_dirty) = {
            let data = file.data();
            (data.cuts, data.is_dirty())
        };
        let first = number.saturating_mul(REGIONS_PER_MOVE);
        let mut regions = Vec::new();
        for index in (first..first + REGIONS_PER_MOVE).filter(|index| !is_absent(&record, *index)) {
            let region = self.region((inode, index), &mut seen).await?;
            let region = region.filter(|region| !record.is_masked(index, region.generation));
            if let Some(region) = &region
                && self.is_shared(inode.shard, region).await?
            {
                // Moved, it would take the room of a copy.
                if matches!(wish, Wish::InOrder) {
                    return Ok(None);
                }
                continue;
            }
            regions.extend(region.map(|record| Planned { index, moved: wish.of(&record), record }));
        }
        regions.retain(|region| !region.moved.is_empty());
        let extents: usize = regions.iter().map(|region| region.moved.extents.len()).sum();
        let is_wanted = match wish {
            Wish::InOrder => !is_dirty && extents > regions.len() + 1,
            Wish::Away(_) => extents > 0,
        };
        let is_plain = |region: &RegionRecord| {
            region.extents.iter().all(|extent| extent.coding == Coding::Plain && extent.pool == 0)
        };
        // Asked again when the new blocks are named; here so that nothing is copied in vain.
        let current = self.shard(inode.shard)?.turn().record.clock.current;
        let is_movable = |region: &RegionRecord| is_plain(region) && is_own(region, current);
        let may_move = is_wanted && regions.iter().all(|region| is_movable(&region.record));
        Ok(may_move.then_some(Plan { regions, cuts }))
    }

    /// Whether a block of a region is named elsewhere too.
    async fn is_shared(&self, shard: ShardId, region: &RegionRecord) -> Result<bool, Failure> {
        if !self.shard(shard)?.turn().is_sharing {
            return Ok(false);
        }
        for run in region.named() {
            for placement in run.placement..run.placement + u64::from(run.blocks) {
                if self.names_more(shard, placement).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn names_more(&self, shard: ShardId, placement: u64) -> Result<bool, Failure> {
        let key = (shard, shared_group(placement));
        for _ in 0..LOADS_MAX {
            if let Some(slot) = self.records.shared.get(&key) {
                return Ok(slot.value.is_some_and(|record| record.of(placement) > 0));
            }
            self.load(Miss::Shared(shard, vec![key.1]), &mut Scratch::default()).await?;
        }
        Err(FsError::Delay.into())
    }

    /// The bytes that a plan moves, with their checksums found right.
    async fn stored_runs(&self, inode: InodeId, plan: &Plan) -> Result<Vec<DirtyRun>, Failure> {
        let mut runs = Vec::new();
        let _guard = self.data.gate.enter();
        for region in &plan.regions {
            let spans = self.spans_of_region((region.index, &region.moved))?;
            let mut block = spans.first;
            for span in self.fetch_to_move(inode, spans).await?.list {
                if let Place::Memory(bytes) = span.place {
                    runs.push(DirtyRun::clean(block, bytes));
                }
                block += u64::from(span.blocks);
            }
        }
        Ok(runs)
    }
}

/// Names the new blocks in place of the old ones. `false`, and nothing changes, when the regions are not what was planned
/// with, a snapshot has come to see them, or the new blocks hold something else.
fn rename_blocks<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, plan): (InodeId, &Plan),
    writes: &[RegionWrite],
) -> Step<bool> {
    let current = turn.clock().current;
    if plan.regions.len() != writes.len() {
        return Ok(false);
    }
    for (Planned { index, record, moved }, write) in plan.regions.iter().zip(writes) {
        if !is_own(record, current) || turn.region((inode, *index))?.as_ref() != Some(record) {
            return Ok(false);
        }
        if write.index != *index || !is_copy(write, moved) {
            tracing::error!(?inode, index, "what is to be moved is not what is stored");
            return Ok(false);
        }
    }
    for (Planned { index, record, .. }, write) in plan.regions.iter().zip(writes) {
        let mut new = RegionRecord::clone(record);
        let mut released = Vec::new();
        for run in &write.runs {
            released.extend(new.replace(extent(turn, run)?, &run.crcs));
        }
        turn.put_region((inode, *index), Some(new));
        // Its blocks are of this epoch: no snapshot sees any.
        let_go(turn, released, Ending::own((inode, *index), record.born))?;
    }
    Ok(true)
}

impl Wish<'_> {
    /// What of a region is to be moved.
    fn of(self, region: &Arc<RegionRecord>) -> Arc<RegionRecord> {
        match self {
            Self::InOrder => Arc::clone(region),
            Self::Away(segments) => Arc::new(region.of_extents(|extent| lies_in(extent, segments))),
        }
    }
}

/// Whether an extent lies in one of these segments.
pub(crate) fn lies_in(extent: &Extent, segments: &BTreeSet<u64>) -> bool {
    extent.pool == 0 && segments.contains(&Placement::from_raw(extent.placement).segment().0)
}

/// Whether no snapshot sees blocks of a region.
fn is_own(region: &RegionRecord, current: Epoch) -> bool {
    region.extents.iter().all(|extent| extent.birth == current)
}

/// Whether what was placed are the blocks that the region names, with their checksums.
fn is_copy(write: &RegionWrite, region: &RegionRecord) -> bool {
    let placed = write.runs.iter().flat_map(|run| (run.first_block..).zip(&run.crcs));
    let named = region.extents.iter().flat_map(|extent| extent.first_block..extent.end());
    placed.eq(named.zip(&region.crcs))
}

/// Times that a record may be pushed out of memory before it is looked at.
const LOADS_MAX: usize = 64;
/// Regions that are moved at once: 4 MiB.
const REGIONS_PER_MOVE: u64 = 16;
/// Parts that wait to be moved at most.
const PARTS_MAX: usize = 4096;
/// From so many on, 4 GiB of files, readers no longer hold moves back.
const PARTS_URGENT: usize = 1024;
/// So long after the last scattered read moves begin.
const READER_REST: Duration = Duration::from_secs(1);
/// Of them so many are moved in each interval: 80 MB/s.
const PARTS_PER_INTERVAL: usize = 2;
const INTERVAL: Duration = Duration::from_millis(100);
/// With less room than this nothing is moved: for a moment it takes the room of both places.
const ROOM_BYTES_MIN: u64 = 64 << 20;
