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
use crate::segment::Run;
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
        // and large ones for the rest of their segment, whose file is then used again as it is.
        self.waiting.push((id, run), freed);
        let has_plenty = Space::has_plenty(&self.settings, 0).unwrap_or(false);
        let blocks_max = if has_plenty { self.settings.kept_blocks_max() } else { 0 };
        while let Some((id, run)) = self.waiting.next_beyond(blocks_max) {
            self.give_back(id, run).await;
        }
        Ok(())
    }

    /// Gives the room back that was kept at the last call already.
    pub(crate) async fn give_back_kept(&self) {
        self.drop_old_spares();
        while let Some((id, run)) = self.waiting.next_old() {
            self.give_back(id, run).await;
        }
        self.waiting.age();
    }

    /// Gives back the room that a run and its neighbours keep, if they still do. A failure costs room only, until the
    /// segment goes.
    async fn give_back(&self, id: SegmentId, run: Run) {
        let Ok(segment) = self.segment(id) else { return };
        let Some(run) = segment.take_around(run, self.settings.punch_blocks_min()) else { return };
        let outcome = match self.file(id) {
            Ok(file) => self.punch(&file, run).await,
            // It has gone with its last block.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::warn!(segment = id.0, %error, "free blocks keep their room");
        }
    }

    /// Makes sure that files may grow by so many bytes. When that leaves little, some of the room that free blocks keep is
    /// given back, for others who live there too; when it leaves too little, as much as it takes.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) async fn make_room(&self, bytes: u64) -> Result<(), ChunkError> {
        if Space::has_plenty(&self.settings, bytes)? {
            return Ok(());
        }
        loop {
            let punched = self.punch_kept().await?;
            match Space::check_growth(&self.settings, bytes) {
                Err(ChunkError::NoSpace) if punched => {}
                outcome => return outcome,
            }
        }
    }

    /// Gives some room back that nothing needs: a spare file's, or that of free blocks of the segment that has the most.
    /// Says whether there was any.
    async fn punch_kept(&self) -> Result<bool, ChunkError> {
        if self.drop_spare() {
            return Ok(true);
        }
        let segments: Vec<_> = lock(&self.segments).values().cloned().collect();
        let most = segments.into_iter().max_by_key(|segment| segment.kept_blocks());
        let Some(segment) = most.filter(|segment| segment.kept_blocks() > 0) else { return Ok(false) };
        let failed = |error: io::Error| io_error("freeing blocks of", segment.id, &error);
        let file = match self.file(segment.id) {
            // It has gone with its last block.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                segment.take_kept(usize::MAX);
                return Ok(true);
            }
            outcome => outcome.map_err(failed)?,
        };
        for run in segment.take_kept(RUNS_AT_ONCE) {
            self.punch(&file, run).await.map_err(failed)?;
        }
        Ok(true)
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
/// Runs that are given back before it is looked again whether that is enough.
const RUNS_AT_ONCE: usize = 1024;
