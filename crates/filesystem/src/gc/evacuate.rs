//! Moving what is live out of sparse segments, so that their files can be used again or given back.
//!
//! Records say where a file's blocks lie, not whose a block is. So a pass chooses all sparse segments at once and looks
//! through the regions of the shards that they belong to, page by page. Nothing comes to a sealed segment any more, so what
//! the pass has behind it stays moved, but for what was placed before and named since: the next pass finds that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chunk::{ChunkError, SegmentId, SegmentSummary};
use kv::Direction;
use meta::keys::{self, Key, KeyKind, KeyRange};
use meta::records::{Record, RegionRecord};
use vfs::{EvacuationFigures, Failure, FsError, InodeId, JobFigures, JobKind, ShardId, TreeId};

use crate::Filesystem;
use crate::file::{PartOfFile, Wish, lies_in, part_of};

/// What is done about sparse segments.
#[derive(Debug, Default)]
pub(crate) struct Evacuation {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pass: Option<Pass>,
    /// What the pass before chose, until it was looked at what became of it.
    tried: BTreeSet<u64>,
    /// When to go on, on the monotonic clock.
    next: Duration,
    /// Until the next look for sparse segments.
    wait: Duration,
    /// Rounds in a row in which clients went first.
    pauses: u32,
    figures: EvacuationFigures,
}

/// One look through all regions that may lie in some segments.
#[derive(Clone, Debug)]
struct Pass {
    segments: BTreeSet<u64>,
    /// What is left to look through, the last first.
    ranges: Vec<KeyRange>,
}

impl Evacuation {
    pub(crate) fn figures(&self) -> EvacuationFigures {
        self.state().figures
    }

    pub(crate) fn job_figures(&self) -> JobFigures {
        let state = self.state();
        let left = state.pass.as_ref().map_or(0, |pass| pass.segments.len() as u64);
        let (done, is_waiting) = (state.figures.segments, state.pauses > 0);
        JobFigures { kind: JobKind::Evacuation, left, done, is_waiting }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Moves a little out of sparse segments, if that is called for and clients leave time for it. Says whether anything
    /// was moved.
    pub(crate) async fn evacuate_round(&self) -> bool {
        let now = self.clock.monotonic();
        let pass = {
            let mut state = self.data.evacuation.state();
            if now < state.next {
                return false;
            }
            state.next = now + INTERVAL;
            if state.pass.is_some() && self.clients_wait() && state.pauses < PAUSES_MAX {
                state.pauses += 1;
                return false;
            }
            state.pauses = 0;
            state.pass.clone()
        };
        let worked = match pass {
            None => self.look_for_sparse(now).await.map(|()| 0),
            Some(pass) => self.go_on(pass).await,
        };
        worked.unwrap_or_else(|failure| {
            tracing::warn!(?failure, "sparse segments stay as they are for now");
            let mut state = self.data.evacuation.state();
            (state.pass, state.next) = (None, now + WAIT_MIN);
            0
        }) > 0
    }

    /// Whether clients have the devices busy.
    fn clients_wait(&self) -> bool {
        !self.data.gate.is_idle() || self.data.dirty.is_above(1, 4)
    }

    /// Looks what became of the last pass, and begins the next one if it is due.
    async fn look_for_sparse(&self, now: Duration) -> Result<(), Failure> {
        let found = self.sparse_segments().await.map_err(|error| {
            tracing::warn!(%error, "the store does not list its segments");
            FsError::Io
        })?;
        let (room, is_short) = (self.room()?, !self.data.chunks.has_plenty());
        let mut state = self.data.evacuation.state();
        let tried = std::mem::take(&mut state.tried);
        let left = found.iter().filter(|of| tried.contains(&of.segment.0)).count();
        state.figures.segments += (tried.len() - left) as u64;
        state.figures.sparse_segments = found.len() as u64;
        // What snapshots hold, or is damaged, stays: no reason to look for it again and again.
        let is_vain = left * 4 > tried.len() * 3;
        let wait = if is_vain { state.wait * 2 } else { state.wait };
        state.wait = if tried.is_empty() || is_vain { wait.clamp(WAIT_MIN, WAIT_MAX) } else { WAIT_MIN };
        state.next = now + state.wait;
        let is_many = found.len() > SPARSE_MAX;
        let chosen = choose(found, (is_short, is_many), room.available_bytes / ROOM_SHARE);
        if chosen.is_empty() || is_vain {
            return Ok(());
        }
        let shards: BTreeSet<u64> = chosen.iter().map(|of| of.owner.0).collect();
        let shards = shards.into_iter().filter_map(|owner| u32::try_from(owner).ok());
        let ranges = shards.map(|shard| keys::all_regions_range(ShardId(shard), TreeId::LIVE)).collect();
        let segments = chosen.iter().map(|of| of.segment.0).collect();
        tracing::debug!(segments = chosen.len(), is_short, "moving what is live out of sparse segments");
        state.pass = Some(Pass { segments, ranges });
        state.next = now;
        Ok(())
    }

    async fn sparse_segments(&self) -> Result<Vec<SegmentSummary>, ChunkError> {
        let (mut found, mut after) = (Vec::new(), None::<SegmentId>);
        loop {
            let page = self.data.chunks.list(after, SEGMENTS_PER_PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.segment);
            found.extend(page.into_iter().filter(|of| of.is_sealed && of.is_sparse()));
            if found.len() >= SPARSE_PER_PASS {
                return Ok(found);
            }
        }
    }

    /// Looks through some pages of regions, and moves what it finds; gives how many blocks.
    async fn go_on(&self, mut pass: Pass) -> Result<u64, Failure> {
        let mut moved = 0;
        for _ in 0..PAGES_PER_ROUND {
            let Some(range) = pass.ranges.pop() else { break };
            let page = self.meta.scan(&range, REGIONS_PER_PAGE, Direction::Forward).await;
            let page = page.map_err(|error| self.refuse(&error))?;
            let mut left = page.last().map(|(last, _)| range.after(last));
            let mut parts = parts_within(&page, &pass.segments);
            while let Some((part, first)) = parts.pop_first() {
                if moved >= BLOCKS_PER_ROUND {
                    left = Some(KeyRange { start: first, end: range.end.clone() });
                    break;
                }
                moved += self.move_away(part, &pass.segments).await;
            }
            pass.ranges.extend(left);
            if moved >= BLOCKS_PER_ROUND {
                break;
            }
        }
        let mut state = self.data.evacuation.state();
        state.figures.moved_bytes += moved * pages::BLOCK_SIZE as u64;
        if pass.ranges.is_empty() {
            state.tried = pass.segments;
            state.pass = None;
            // What was moved last is given back by then.
            state.next += WAIT_MIN;
        } else {
            state.pass = Some(pass);
        }
        Ok(moved)
    }

    async fn move_away(&self, part: PartOfFile, segments: &BTreeSet<u64>) -> u64 {
        self.move_part(part, Wish::Away(segments)).await.unwrap_or_else(|failure| {
            tracing::debug!(?part, ?failure, "a part of a file stays in a sparse segment");
            0
        })
    }
}

/// Which of these segments are emptied: where room is short those that bring more than moving takes, where there are too
/// many all. Those with least first, and what is live in them takes so many bytes at most, as that is in both places for
/// a while.
fn choose(mut found: Vec<SegmentSummary>, why: (bool, bool), bytes_max: u64) -> Vec<SegmentSummary> {
    let (is_short, is_many) = why;
    found.retain(|of| is_many || is_short && of.kept_blocks > of.live_blocks);
    found.sort_by_key(|of| of.live_blocks);
    let mut bytes = 0;
    let fits = |of: &SegmentSummary| {
        bytes += u64::from(of.live_blocks) * pages::BLOCK_SIZE as u64;
        bytes <= bytes_max
    };
    found.into_iter().take_while(fits).collect()
}

/// The parts of files with blocks in these segments, each with the first key of it. What the records say is looked at
/// again under the flush turn.
fn parts_within(page: &[(Key, bytes::Bytes)], segments: &BTreeSet<u64>) -> BTreeMap<PartOfFile, bytes::Bytes> {
    let mut parts = BTreeMap::new();
    for (key, value) in page {
        // Whoever reads the file hears of a record that is damaged.
        let (Ok(parsed), Ok(region)) = (key.parse(), RegionRecord::decode_at(key, value)) else { continue };
        let KeyKind::Region { inode, index } = parsed.kind else { continue };
        if region.extents.iter().any(|extent| lies_in(extent, segments)) {
            let inode = InodeId { shard: parsed.shard, tree: parsed.tree, number: inode };
            parts.entry(part_of(inode, index)).or_insert_with(|| key.to_bytes());
        }
    }
    parts
}

/// Between two rounds of a pass.
const INTERVAL: Duration = Duration::from_millis(100);
/// Blocks after which a round ends: 8 MiB, 80 MB/s. The part at hand may bring 4 MiB more.
const BLOCKS_PER_ROUND: u64 = 2048;
/// Pages of regions that a round looks through.
const PAGES_PER_ROUND: usize = 4;
const REGIONS_PER_PAGE: usize = 1024;
/// Rounds in a row that wait for clients: even under load a little is done each second, or the room would never return.
const PAUSES_MAX: u32 = 10;
/// Between two looks for sparse segments, when the pass before was of use,
const WAIT_MIN: Duration = Duration::from_secs(10);
/// and at most.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// With more sparse segments than this some are moved out of though there is plenty of room: each is a file, a record and
/// some memory.
const SPARSE_MAX: usize = 64;
/// What is live in the segments of a pass is at most one of so many parts of the room that there is.
const ROOM_SHARE: u64 = 4;
/// Sparse segments that one pass empties; a page more at most.
const SPARSE_PER_PASS: usize = 4096;
const SEGMENTS_PER_PAGE: usize = 1024;
