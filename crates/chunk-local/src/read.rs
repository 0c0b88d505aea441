//! Reading runs of blocks.

use chunk::{ChunkError, SLICE_BLOCKS_MAX, SegmentId};
use futures_util::future::try_join_all;
use pages::{BLOCK_SIZE, PageBuf, Payload};
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
        let buffers = slices(run).map(|blocks| self.pool.allocate_or_map(blocks as usize * BLOCK_SIZE)).collect();
        let (buffers, outcome) = file.read_all_at(buffers, block_offset(run.start)).await;
        let count = outcome.map_err(|error| io_error("reading", id, &error))?;
        if count < length {
            return Err(missing(id, &format!("the file ends within blocks {} to {}", run.start, run.end())));
        }
        Ok(buffers.into_iter().map(PageBuf::freeze).collect())
    }
}

/// The blocks of each slice of a run: see [`chunk::Store::read`].
fn slices(run: Run) -> impl Iterator<Item = u32> {
    let (mut at, mut left) = (run.start, run.blocks);
    std::iter::from_fn(move || {
        let blocks = left.min(SLICE_BLOCKS_MAX - at % SLICE_BLOCKS_MAX);
        at += blocks;
        left -= blocks;
        (blocks > 0).then_some(blocks)
    })
}

/// 1 MiB.
const READ_BLOCKS_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_end_at_multiples_of_their_size() {
        let of = |start, blocks| slices(Run { start, blocks }).collect::<Vec<_>>();
        assert_eq!(of(0, 16), [16]);
        assert_eq!(of(5, 3), [3]);
        assert_eq!(of(15, 18), [1, 16, 1]);
        assert_eq!(of(16, 40), [16, 16, 8]);
    }
}
