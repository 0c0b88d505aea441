//! What the store remembers of one segment.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chunk::{ChunkError, Owner, SegmentId, SegmentSummary};
use uring::File;

use crate::error::missing;

/// Blocks that follow each other in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) blocks: u32,
}

impl Run {
    pub(crate) fn end(self) -> u64 {
        u64::from(self.start) + u64::from(self.blocks)
    }

    fn indices(self) -> impl Iterator<Item = u32> {
        self.start..self.start.saturating_add(self.blocks)
    }
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) owner: Owner,
    blocks_max: u32,
    state: Mutex<State>,
}

/// What a segment answers to a wish for room.
pub(crate) enum Room {
    /// These blocks are the caller's to write.
    Reserved(Run, File),
    /// The file has to grow to this many data blocks first.
    Grow(u32, File),
    /// It takes no more.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// Blocks given to writers so far.
    reserved: u32,
    /// Blocks the file has room for.
    allocated: u32,
    /// Runs being written now.
    writing: u32,
    /// Written since the last sync began.
    unsynced: Vec<Run>,
    /// Covered by a sync that has not ended well yet.
    syncing: Vec<Run>,
    /// Placed, but a sync failed: nobody knows what the device has. One bit per block.
    lost: Bits,
    freed: Bits,
    /// Free blocks whose room the file system has back.
    punched: Bits,
    /// Free blocks that seem to keep their room and do not: a former life punched them out.
    phantom_blocks: u64,
    sealed: bool,
    failed: bool,
    /// Something may still be written into it, or was in a former life, that nobody waits for.
    is_haunted: bool,
    entry_synced: bool,
    /// Its file is another's or removed: nobody may touch it through this segment any more.
    is_gone: bool,
    /// Kept as long as something is written or unsynced: an error of the device is told to files that were open.
    writer: Option<File>,
}

impl Segment {
    /// A segment whose file was just made.
    pub(crate) fn fresh(id: SegmentId, owner: Owner, blocks_max: u32, writer: (File, u32)) -> Self {
        let (file, allocated) = writer;
        let state = State { allocated, writer: Some(file), ..State::default() };
        Self { id, owner, blocks_max, state: Mutex::new(state) }
    }

    /// A segment found on disk, with its number of blocks and the free ones of them, whose file keeps the room of so
    /// many blocks. Nothing is appended to it.
    pub(crate) fn recovered(id: SegmentId, owner: Owner, (blocks, dead): (u32, &[Run]), kept_blocks: u64) -> Self {
        let mut state =
            State { reserved: blocks, allocated: blocks, sealed: true, entry_synced: true, ..State::default() };
        state.is_haunted = true;
        for run in dead {
            state.freed.set(*run);
        }
        state.phantom_blocks = u64::from(blocks).saturating_sub(kept_blocks).min(state.freed.count);
        Self { id, owner, blocks_max: blocks, state: Mutex::new(state) }
    }

    pub(crate) fn summary(&self) -> SegmentSummary {
        let kept_blocks = u32::try_from(self.kept_blocks()).unwrap_or(u32::MAX);
        let state = self.state();
        let freed = u32::try_from(state.freed.count).unwrap_or(u32::MAX);
        SegmentSummary {
            segment: self.id,
            owner: self.owner,
            blocks: state.reserved,
            live_blocks: state.reserved.saturating_sub(freed),
            kept_blocks,
            is_sealed: state.sealed,
        }
    }

    /// Gives the next blocks to the caller, `wanted` or what fits; the caller says later how the write went.
    pub(crate) fn reserve(&self, wanted: u32, piece: u32) -> Room {
        let mut state = self.state();
        let Some(file) = state.writer.clone().filter(|_| !state.sealed && state.reserved < self.blocks_max) else {
            return Room::Full;
        };
        let end = state.reserved.saturating_add(wanted).min(self.blocks_max);
        if end > state.allocated {
            let pieces = (end - state.allocated).div_ceil(piece);
            return Room::Grow(state.allocated.saturating_add(pieces.saturating_mul(piece)).min(self.blocks_max), file);
        }
        let run = Run { start: state.reserved, blocks: end - state.reserved };
        state.reserved += run.blocks;
        state.writing += 1;
        Room::Reserved(run, file)
    }

    pub(crate) fn grown(&self, allocated: u32) {
        let mut state = self.state();
        state.allocated = state.allocated.max(allocated);
    }

    /// A run is written. Says whether a later sync can make it durable; if not, it must be placed elsewhere.
    pub(crate) fn written(&self, run: Run) -> bool {
        let mut state = self.state();
        state.writing = state.writing.saturating_sub(1);
        if state.failed {
            state.freed.set(run);
            state.close_writer_if_clean();
            return false;
        }
        push(&mut state.unsynced, run);
        true
    }

    /// A run will not be written, or nobody waits for it any more.
    pub(crate) fn released(&self, run: Run) {
        let mut state = self.state();
        state.writing = state.writing.saturating_sub(1);
        state.is_haunted = true;
        state.freed.set(run);
        state.close_writer_if_clean();
    }

    /// Takes no more blocks. Gives the file if the room behind the last block can be cut off now.
    pub(crate) fn seal(&self) -> Option<(File, u32)> {
        let mut state = self.state();
        state.sealed = true;
        let file = state.writer.clone().filter(|_| state.writing == 0 && state.reserved < state.allocated);
        let reserved = state.reserved;
        state.close_writer_if_clean();
        file.map(|file| (file, reserved))
    }

    /// The file to sync, if a block or the entry of the file is not durable. What was written up to now is covered.
    pub(crate) fn begin_sync(&self) -> Option<File> {
        let mut state = self.state();
        let unsynced = std::mem::take(&mut state.unsynced);
        unsynced.into_iter().for_each(|run| push(&mut state.syncing, run));
        state.writer.clone().filter(|_| !state.syncing.is_empty())
    }

    pub(crate) fn needs_entry(&self) -> bool {
        !self.state().entry_synced
    }

    /// The sync that began last went well, the directory's too. Says whether nothing is left to sync.
    pub(crate) fn synced(&self) -> bool {
        let mut state = self.state();
        state.syncing.clear();
        state.entry_synced = true;
        state.close_writer_if_clean();
        state.unsynced.is_empty()
    }

    /// A sync failed: what was placed since the last good one is lost, and the segment takes no more. Gives the number
    /// of blocks that somebody still counts on.
    pub(crate) fn sync_failed(&self) -> u64 {
        let mut state = self.state();
        state.sealed = true;
        state.failed = true;
        let runs = [std::mem::take(&mut state.syncing), std::mem::take(&mut state.unsynced)].concat();
        let State { lost, freed, .. } = &mut *state;
        let counted = runs.into_iter().flat_map(Run::indices).filter(|block| !freed.has(*block));
        let count = counted.map(|block| lost.set(Run { start: block, blocks: 1 })).sum();
        state.close_writer_if_clean();
        count
    }

    /// Whether the run can be read; gives the file if it is open for writing.
    ///
    /// Errors, in order: `Missing`, `Io` (a sync of these blocks failed).
    pub(crate) fn check_read(&self, run: Run) -> Result<Option<File>, ChunkError> {
        let state = self.state();
        if run.end() > u64::from(state.reserved) {
            return Err(missing(self.id, &format!("blocks {} to {} were never placed", run.start, run.end())));
        }
        if run.indices().any(|block| state.freed.has(block)) {
            return Err(missing(self.id, &format!("a block of {} to {} is free", run.start, run.end())));
        }
        if run.indices().any(|block| state.lost.has(block)) {
            return Err(ChunkError::Io(format!("segment {}: a block was lost by a failed sync", self.id.0)));
        }
        Ok(state.writer.clone())
    }

    /// Whether the free blocks around a run that keep their room are at least so many, or can become no more.
    pub(crate) fn is_due(&self, run: Run, blocks_min: u32) -> bool {
        if run.blocks >= blocks_min {
            return true;
        }
        let state = self.state();
        let few = blocks_min as usize;
        let before = (0..run.start).rev().take(few).take_while(|block| state.is_kept(*block)).count();
        let end = run.start.saturating_add(run.blocks);
        let behind = (end..state.reserved).take(few).take_while(|block| state.is_kept(*block)).count();
        let found = [before, behind].map(|blocks| u32::try_from(blocks).unwrap_or(u32::MAX));
        let found = Run { start: run.start - found[0], blocks: found[0] + run.blocks + found[1] };
        found.blocks >= blocks_min || state.is_closed_in(found)
    }

    /// The free blocks around a run that keep their room, if they are at least so many or can become no more: they are
    /// the caller's to give back.
    pub(crate) fn take_around(&self, run: Run, blocks_min: u32) -> Option<Run> {
        let mut state = self.state();
        let start = (0..run.start).rev().take_while(|block| state.is_kept(*block)).last().unwrap_or(run.start);
        let kept = (run.start..state.reserved).take_while(|block| state.is_kept(*block));
        let found = Run { start, blocks: kept.last().map_or(run.start, |last| last + 1) - start };
        let is_due = found.blocks > 0 && (found.blocks >= blocks_min || state.is_closed_in(found));
        is_due.then(|| {
            state.punched.set(found);
            found
        })
    }

    /// Runs of free blocks that keep their room, the longest and so many at most: it is the caller's to give back.
    pub(crate) fn take_kept(&self, runs_max: usize) -> Vec<Run> {
        let mut state = self.state();
        let mut runs = Vec::new();
        for block in (0..state.reserved).filter(|block| state.is_kept(*block)) {
            push(&mut runs, Run { start: block, blocks: 1 });
        }
        let are_all = runs.len() <= runs_max;
        if !are_all {
            runs.sort_unstable_by_key(|run| Reverse(run.blocks));
            runs.truncate(runs_max);
        }
        for run in &runs {
            state.punched.set(*run);
        }
        if are_all {
            state.phantom_blocks = 0;
        }
        runs
    }

    /// Free blocks that keep their room.
    pub(crate) fn kept_blocks(&self) -> u64 {
        let state = self.state();
        if state.is_gone {
            return 0;
        }
        state.freed.count.saturating_sub(state.punched.count).saturating_sub(state.phantom_blocks)
    }

    /// Marks blocks as free. Gives how many were not before, and how many of them were lost by a failed sync.
    ///
    /// Errors: `Missing`.
    pub(crate) fn free(&self, run: Run) -> Result<(u64, u64), ChunkError> {
        let mut state = self.state();
        if run.end() > u64::from(state.reserved) {
            return Err(missing(self.id, &format!("blocks {} to {} were never placed", run.start, run.end())));
        }
        let lost = state.lost.clear(run);
        Ok((state.freed.set(run), lost))
    }

    /// Lets the file go if it is garbage: sealed, and nobody has a block of it or is writing one. `None` when it is not,
    /// or went before. From then on nobody gets a run of it to give back: the file may be another segment's.
    ///
    /// Says whether the file can take other blocks: it has room for so many, all of it was written, and nothing of former
    /// ones can come any more.
    pub(crate) fn let_go(&self, blocks: u32) -> Option<bool> {
        let mut state = self.state();
        let is_garbage = state.sealed && state.writing == 0 && state.freed.count == u64::from(state.reserved);
        if !is_garbage || state.is_gone {
            return None;
        }
        state.is_gone = true;
        let is_quiet = state.writer.is_none() && !state.failed && !state.is_haunted;
        Some(is_quiet && state.reserved == blocks && state.punched.count == 0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_kept(&self, block: u32) -> bool {
        !self.is_gone && self.freed.has(block) && !self.punched.has(block)
    }

    /// Whether the room on both sides of a run is given back already, so that no neighbour will ever join it.
    fn is_closed_in(&self, run: Run) -> bool {
        let end = run.start.saturating_add(run.blocks);
        let is_closed_before = run.start.checked_sub(1).is_none_or(|block| self.punched.has(block));
        let is_closed_behind = if end < self.reserved { self.punched.has(end) } else { self.sealed };
        is_closed_before && is_closed_behind
    }

    fn close_writer_if_clean(&mut self) {
        if self.sealed && self.writing == 0 && self.unsynced.is_empty() && self.syncing.is_empty() {
            self.writer = None;
        }
    }
}

/// A set of block indices, eight per byte, as long as its highest.
#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    count: u64,
}

impl Bits {
    fn has(&self, block: u32) -> bool {
        self.words.get(block as usize / 64).is_some_and(|word| word >> (block % 64) & 1 == 1)
    }

    /// Adds a run; gives how many are new.
    fn set(&mut self, run: Run) -> u64 {
        let words = usize::try_from(run.end().div_ceil(64)).unwrap_or(0);
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
        let before = self.count;
        for block in run.indices() {
            let Some(word) = self.words.get_mut(block as usize / 64) else { break };
            self.count += u64::from(*word >> (block % 64) & 1 == 0);
            *word |= 1 << (block % 64);
        }
        self.count - before
    }

    /// Takes a run out; gives how many were there.
    fn clear(&mut self, run: Run) -> u64 {
        let before = self.count;
        for block in run.indices() {
            let Some(word) = self.words.get_mut(block as usize / 64) else { break };
            self.count -= *word >> (block % 64) & 1;
            *word &= !(1 << (block % 64));
        }
        before - self.count
    }
}

/// Adds a run, joined with the last one where it follows it.
fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.end() == u64::from(run.start) => last.blocks += run.blocks,
        _ => runs.push(run),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bits_are_a_set(steps in proptest::collection::vec((any::<bool>(), 0_u32..300, 0_u32..80), 0..40)) {
            let (mut bits, mut model) = (Bits::default(), BTreeSet::new());
            for (add, start, blocks) in steps {
                let run = Run { start, blocks };
                let changed = run.indices().filter(|block| model.contains(block) != add).count() as u64;
                prop_assert_eq!(if add { bits.set(run) } else { bits.clear(run) }, changed);
                for block in run.indices() {
                    if add { model.insert(block) } else { model.remove(&block) };
                }
                prop_assert_eq!(bits.count, model.len() as u64);
            }
            prop_assert!((0..400).all(|block| bits.has(block) == model.contains(&block)));
        }
    }

    #[test]
    fn runs_that_follow_each_other_are_joined() {
        let mut runs = Vec::new();
        for (start, blocks) in [(0, 2), (2, 3), (7, 1)] {
            push(&mut runs, Run { start, blocks });
        }
        assert_eq!(runs, [Run { start: 0, blocks: 5 }, Run { start: 7, blocks: 1 }]);
    }
}
