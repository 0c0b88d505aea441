//! Reading runs of blocks.

use chunk::{ChunkError, SegmentId};
use futures_util::future::try_join_all;
use pages::{BLOCK_SIZE, Payload};
use uring::File;

use crate::error::{io_error, missing};
use crate::layout::block_offset;
use crate::segment::Run;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn read(&self, id: SegmentId, run: Run) -> Result<Payload, ChunkError> {
        let writer = self.segment(id)?.check_read(run)?;
        let file = writer.map_or_else(|| self.file(id), Ok).map_err(|error| io_error("opening", id, &error))?;
        if run.blocks <= READ_BLOCKS_MAX {
            return self.read_piece(id, &file, run).await;
        }
        let pieces = (0..run.blocks).step_by(READ_BLOCKS_MAX as usize).map(|from| {
            let piece = Run { start: run.start + from, blocks: READ_BLOCKS_MAX.min(run.blocks - from) };
            self.read_piece(id, &file, piece)
        });
        let mut whole = Payload::new();
        try_join_all(pieces).await?.into_iter().for_each(|piece| whole.append(piece));
        Ok(whole)
    }

    async fn read_piece(&self, id: SegmentId, file: &File, run: Run) -> Result<Payload, ChunkError> {
        let length = run.blocks as usize * BLOCK_SIZE;
        let buffer = self.pool.allocate_or_map(length);
        let (buffer, outcome) = file.read_at(buffer, block_offset(run.start)).await;
        let count = outcome.map_err(|error| io_error("reading", id, &error))?;
        if count < length {
            return Err(missing(id, &format!("the file ends within blocks {} to {}", run.start, run.end())));
        }
        Ok(buffer.freeze().into())
    }
}

/// 1 MiB: the largest size class of the pool.
const READ_BLOCKS_MAX: u32 = 256;
