//! Freeing: remove the whole file, punch out what is large, and what is small when room is short.

use std::io;

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
        // Giving room back costs as much for one block as for many: small runs wait for their neighbours.
        let Some(run) = segment.take_around(run, self.settings.punch_blocks_min()) else { return Ok(()) };
        let file = self.file(id).map_err(failed)?;
        self.punch(&file, run).await.map_err(failed)
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

    /// Gives the room of some free blocks back, of the segment that has the most. Says whether there were any.
    async fn punch_kept(&self) -> Result<bool, ChunkError> {
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

/// Runs that are given back before it is looked again whether that is enough.
const RUNS_AT_ONCE: usize = 1024;
