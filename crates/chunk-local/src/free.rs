//! Freeing: the whole file is used again or removed; runs are punched out when they are large and waited long, or room is
//! short.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use chunk::{ChunkError, SegmentId};
use pages::BLOCK_SIZE;
use uring::File;

use crate::error::io_error;
use crate::layout::block_offset;
use crate::segment::{Run, Segment};
use crate::space::Space;
use crate::store::{Shared, lock};

impl Shared {
    pub(crate) async fn free(&self, id: SegmentId, run: Run) -> Result<(), ChunkError> {
        let segment = self.segment(id)?;
        let (freed, lost) = segment.free(run)?;
        self.space.give_back(freed);
        self.rounds.found(lost);
        let failed = |error: io::Error| io_error("freeing blocks of", id, &error);
        if self.remove_if_garbage(&segment).map_err(failed)? || freed == 0 {
            return Ok(());
        }
        // Giving room back costs as much for one block as for many: small runs wait for their neighbours,
        if !segment.is_due(run, self.settings.punch_blocks_min()) {
            return Ok(());
        }
        // and large ones for the rest of their segment, whose file is then used again as it is: where room is short only
        // those that cost more than they bring.
        let is_large = run.blocks >= self.settings.punch_blocks_min();
        if is_large && !Space::has_plenty(&self.settings, 0).unwrap_or(false) {
            self.give_back((id, run)).await;
            return Ok(());
        }
        self.waiting.push((id, run), freed);
        while let Some(waiting) = self.waiting.next_beyond(self.settings.kept_blocks_max()) {
            self.give_back(waiting).await;
        }
        Ok(())
    }

    /// Gives the room back that was kept at the last call already.
    pub(crate) async fn give_back_kept(&self) {
        self.drop_old_spares();
        while let Some(waiting) = self.waiting.next_old() {
            self.give_back(waiting).await;
        }
        self.waiting.age();
    }

    /// Gives some room back if there is not plenty: a spare file, what waits, or the longest runs of the segment that
    /// keeps the most. Sparse segments keep theirs while there is enough, as moving what is live in one costs less than a
    /// call for each of its holes. Says whether there was any.
    pub(crate) async fn relieve(&self) -> Result<bool, ChunkError> {
        if Space::has_plenty(&self.settings, 0)? {
            return Ok(false);
        }
        let mut runs = 0;
        while runs < RUNS_AT_ONCE
            && let Some(waiting) = self.waiting.next_beyond(0)
        {
            runs += usize::from(self.give_back(waiting).await);
        }
        if runs > 0 {
            return Ok(true);
        }
        let has_enough = Space::has_enough(&self.settings, 0)?;
        let blocks = self.punch_kept(|segment| !(has_enough && is_sparse(segment))).await?;
        Ok(blocks > 0)
    }

    /// Gives back the room that a run and its neighbours keep, if they still do; says whether they did. A failure costs
    /// room only, until the segment goes.
    async fn give_back(&self, (id, run): (SegmentId, Run)) -> bool {
        let Ok(segment) = self.segment(id) else { return false };
        let Some(run) = segment.take_around(run, self.settings.punch_blocks_min()) else { return false };
        let outcome = match self.file(id) {
            Ok(file) => self.punch(&file, run).await,
            // It has gone with its last block.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::warn!(segment = id.0, %error, "free blocks keep their room");
        }
        true
    }

    /// Makes sure that files may grow by so many bytes. When that leaves little, about as much of the room that free blocks
    /// keep is given back, for others who live there too; when it leaves too little, as much as it takes.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) async fn make_room(&self, bytes: u64) -> Result<(), ChunkError> {
        if Space::has_enough(&self.settings, bytes)? {
            return Ok(());
        }
        let (mut given, mut calls) = (0, 0);
        loop {
            let blocks = self.punch_kept(|_| true).await?;
            given += blocks * BLOCK_SIZE as u64;
            calls += 1;
            match Space::check_growth(&self.settings, bytes) {
                Err(ChunkError::NoSpace) if blocks > 0 => {}
                Ok(()) if blocks > 0 && given < bytes && calls < CALLS_PER_GROWTH => {}
                outcome => return outcome,
            }
        }
    }

    /// Gives some room back that nothing needs: a spare file's, or that of the longest runs of free blocks of the segment
    /// that has the most, among these. Gives how many blocks it was.
    async fn punch_kept(&self, may_punch: impl Fn(&Segment) -> bool) -> Result<u64, ChunkError> {
        if self.drop_spare() {
            return Ok(u64::from(self.settings.segment_blocks()));
        }
        let segments: Vec<_> = lock(&self.segments).values().filter(|segment| may_punch(segment)).cloned().collect();
        let most = segments.into_iter().max_by_key(|segment| segment.kept_blocks());
        let Some(segment) = most.filter(|segment| segment.kept_blocks() > 0) else { return Ok(0) };
        let failed = |error: io::Error| io_error("freeing blocks of", segment.id, &error);
        let file = match self.file(segment.id) {
            // It has gone with its last block.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                segment.take_kept(usize::MAX);
                return Ok(1);
            }
            outcome => outcome.map_err(failed)?,
        };
        let runs = segment.take_kept(RUNS_AT_ONCE);
        for run in &runs {
            self.punch(&file, *run).await.map_err(failed)?;
        }
        // Where all that seemed to be kept was given back in a former life, it is known now.
        Ok(runs.iter().map(|run| u64::from(run.blocks)).sum::<u64>().max(1))
    }

    /// Gives the room of a run back to the file system, where it can take it.
    pub(crate) async fn punch(&self, file: &File, run: Run) -> io::Result<()> {
        match file.punch(block_offset(run.start), u64::from(run.blocks) * BLOCK_SIZE as u64).await {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                if !self.space.cannot_punch() {
                    tracing::warn!("the file system cannot punch holes: room returns by whole segments");
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Frees without touching the disk; the room returns with the segment, or at the next start.
    pub(crate) fn forget(&self, id: SegmentId, run: Run) {
        let Ok((freed, lost)) = self.segment(id).and_then(|segment| segment.free(run)) else { return };
        self.space.give_back(freed);
        self.rounds.found(lost);
    }
}

/// Whether so little is live in a segment that it is better moved elsewhere.
fn is_sparse(segment: &Segment) -> bool {
    let of = segment.summary();
    of.is_sealed && of.is_sparse()
}

/// Large free runs that keep their room for now, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// Each with the blocks that were freed with it.
    runs: VecDeque<(SegmentId, Run, u64)>,
    blocks: u64,
    /// How many of the first have waited long.
    old: usize,
}

impl Queue {
    fn pop(&mut self) -> Option<(SegmentId, Run)> {
        let (id, run, freed) = self.runs.pop_front()?;
        self.blocks -= freed;
        self.old = self.old.saturating_sub(1);
        Some((id, run))
    }
}

impl Waiting {
    fn push(&self, (id, run): (SegmentId, Run), freed: u64) {
        let mut queue = lock(&self.0);
        queue.blocks += freed;
        queue.runs.push_back((id, run, freed));
    }

    /// Takes the oldest off if there are more than so many blocks, or too many runs.
    fn next_beyond(&self, blocks_max: u64) -> Option<(SegmentId, Run)> {
        let mut queue = lock(&self.0);
        let is_beyond = queue.blocks > blocks_max || queue.runs.len() > WAITING_MAX;
        if is_beyond { queue.pop() } else { None }
    }

    /// Takes one off that has waited long.
    fn next_old(&self) -> Option<(SegmentId, Run)> {
        let mut queue = lock(&self.0);
        if queue.old > 0 { queue.pop() } else { None }
    }

    /// What waits now has waited long when it is looked at next.
    fn age(&self) {
        let mut queue = lock(&self.0);
        queue.old = queue.runs.len();
    }

    /// Takes off what waits of a segment that is gone.
    pub(crate) fn forget(&self, gone: SegmentId) {
        let mut queue = lock(&self.0);
        let old = queue.runs.iter().take(queue.old).filter(|(id, ..)| *id != gone).count();
        queue.runs.retain(|(id, ..)| *id != gone);
        queue.old = old;
        queue.blocks = queue.runs.iter().map(|(_, _, freed)| freed).sum();
    }

    pub(crate) fn clear(&self) {
        *lock(&self.0) = Queue::default();
    }
}

/// Runs that wait to be given back.
const WAITING_MAX: usize = 8192;
/// Runs that are given back at once: some 65 us each, however short they are.
const RUNS_AT_ONCE: usize = 128;
/// So often that many are given back by who grows while there is enough for the growth.
const CALLS_PER_GROWTH: u32 = 2;
