//! Freeing: punch out, or remove the whole file.

use std::io;
use std::sync::Once;

use chunk::{ChunkError, SegmentId};
use pages::BLOCK_SIZE;
use uring::File;

use crate::error::io_error;
use crate::layout::block_offset;
use crate::segment::Run;
use crate::store::Shared;

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
        let file = self.file(id).map_err(failed)?;
        punch(&file, run).await.map_err(failed)
    }

    /// Frees without touching the disk; the room returns with the segment, or at the next start.
    pub(crate) fn forget(&self, id: SegmentId, run: Run) {
        let Ok((freed, lost)) = self.segment(id).and_then(|segment| segment.free(run)) else { return };
        self.space.give_back(freed);
        self.rounds.found(lost);
    }
}

/// Gives the room of a run back to the file system, where it can take it.
pub(crate) async fn punch(file: &File, run: Run) -> io::Result<()> {
    match file.punch(block_offset(run.start), u64::from(run.blocks) * BLOCK_SIZE as u64).await {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            static ONCE: Once = Once::new();
            ONCE.call_once(|| tracing::warn!("the file system cannot punch holes: room returns by whole segments"));
            Ok(())
        }
        outcome => outcome,
    }
}
