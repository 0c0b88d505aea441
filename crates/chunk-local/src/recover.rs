//! Recovery: keep what durable metadata names, free the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use chunk::{ChunkError, LiveSegment, SegmentId};
use pages::BLOCK_SIZE;
use rustix::fs::fstat;
use uring::File;

use crate::error::{io_error, missing};
use crate::layout::{SegmentHeader, block_offset, segment_file_name};
use crate::segment::{Run, Segment};
use crate::store::{Shared, lock, segment_files};

impl Shared {
    /// Checks everything first and destroys nothing before all that is live was found.
    pub(crate) async fn recover(&self, live: Vec<LiveSegment>, next: SegmentId) -> Result<(), ChunkError> {
        let live: BTreeMap<_, _> =
            live.into_iter().filter(|live| blocks_of(live) > 0).map(|live| (live.segment, live)).collect();
        let listing = |error: io::Error| ChunkError::Io(format!("listing segments: {error}"));
        // Before they are listed: they are removed below as what is not live, and nobody takes one meanwhile.
        lock(&self.spares).clear();
        let found: BTreeSet<_> = segment_files(&self.settings.directory).map_err(listing)?.into_iter().collect();
        for segment in live.values() {
            self.check_live(segment, &found).await?;
        }
        lock(&self.superblock).raise_to(found.last().map_or(next.0, |last| next.0.max(last.0 + 1)));
        for id in found.iter().filter(|id| !live.contains_key(id)) {
            match self.entries.remove(&segment_file_name(*id)) {
                // Placements of before the reload end while this one begins, and take their files with them.
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("removing", *id, &error));
                }
                _ => {}
            }
        }
        let mut segments = BTreeMap::new();
        let mut used = 0;
        for (id, live) in &live {
            used += live.bitmap.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
            segments.insert(*id, Arc::new(self.restore(live).await?));
        }
        self.entries.sync().await.map_err(listing)?;
        lock(&self.writers).clear();
        lock(&self.unsynced).clear();
        self.waiting.clear();
        self.rounds.forget_losses();
        self.space.set_used(used);
        *lock(&self.segments) = segments;
        Ok(())
    }

    async fn check_live(&self, live: &LiveSegment, found: &BTreeSet<SegmentId>) -> Result<(), ChunkError> {
        let id = live.segment;
        if !found.contains(&id) {
            return Err(missing(id, "not there"));
        }
        let file = self.file(id).map_err(|error| io_error("opening", id, &error))?;
        let header = self.read_header(id, &file).await?;
        if (header.store_id, header.segment) != (self.settings.store_id, id) {
            return Err(missing(id, "the header is that of another segment"));
        }
        if header.owner != live.owner {
            return Err(missing(id, &format!("belongs to owner {}, not {}", header.owner.0, live.owner.0)));
        }
        let length = file.length().map_err(|error| io_error("reading", id, &error))?;
        let blocks = blocks_of(live);
        if blocks > header.blocks_max || length < block_offset(blocks) {
            return Err(missing(id, &format!("{length} bytes are too short for {blocks} blocks")));
        }
        Ok(())
    }

    async fn read_header(&self, id: SegmentId, file: &File) -> Result<SegmentHeader, ChunkError> {
        let (block, count) = file.read_at(self.pool.allocate_or_map(BLOCK_SIZE), 0).await;
        let count = count.map_err(|error| io_error("reading", id, &error))?;
        let block = block.get(..count).unwrap_or_default();
        SegmentHeader::decode(block).map_err(|why| missing(id, &format!("the header is {why}")))
    }

    /// Cuts off and punches out what is not live; small runs keep the room that they have.
    async fn restore(&self, live: &LiveSegment) -> Result<Segment, ChunkError> {
        let failed = |error: io::Error| io_error("recovering", live.segment, &error);
        let file = self.file(live.segment).map_err(failed)?;
        let (blocks, dead) = (blocks_of(live), dead_runs(live));
        if file.length().map_err(failed)? > block_offset(blocks) {
            file.set_length(block_offset(blocks)).map_err(failed)?;
        }
        let large = dead.iter().filter(|run| run.blocks >= self.settings.punch_blocks_min());
        for run in large {
            self.punch(&file, *run).await.map_err(failed)?;
        }
        let kept_bytes =
            u64::try_from(fstat(&file).map_err(|error| failed(error.into()))?.st_blocks).unwrap_or(0) * SECTOR_BYTES;
        let kept_blocks = (kept_bytes / BLOCK_SIZE as u64).saturating_sub(HEADER_BLOCKS);
        Ok(Segment::recovered(live.segment, live.owner, (blocks, &dead), kept_blocks))
    }
}

/// Blocks up to the last live one.
fn blocks_of(live: &LiveSegment) -> u32 {
    let Some(byte) = live.bitmap.iter().rposition(|byte| *byte != 0) else { return 0 };
    let bits = live.bitmap.get(byte).map_or(0, |byte| u8::BITS - byte.leading_zeros());
    u32::try_from(byte).unwrap_or(u32::MAX / 8 - 1).saturating_mul(8).saturating_add(bits)
}

/// Runs of blocks before the last live one that are not live.
fn dead_runs(live: &LiveSegment) -> Vec<Run> {
    let is_live = |block: u32| live.bitmap.get(block as usize / 8).is_some_and(|byte| byte >> (block % 8) & 1 == 1);
    let mut runs: Vec<Run> = Vec::new();
    for block in (0..blocks_of(live)).filter(|block| !is_live(*block)) {
        match runs.last_mut() {
            Some(run) if run.end() == u64::from(block) => run.blocks += 1,
            _ => runs.push(Run { start: block, blocks: 1 }),
        }
    }
    runs
}

/// What `st_blocks` counts in.
const SECTOR_BYTES: u64 = 512;
const HEADER_BLOCKS: u64 = 1;

#[cfg(test)]
mod tests {
    use chunk::Owner;

    use super::*;

    #[test]
    fn bitmaps_are_read_from_the_low_bit() {
        let live = |bitmap: &[u8]| LiveSegment { segment: SegmentId(1), owner: Owner(1), bitmap: bitmap.to_vec() };
        assert_eq!((blocks_of(&live(&[])), blocks_of(&live(&[0, 0]))), (0, 0));
        assert_eq!(blocks_of(&live(&[0b0100_0001, 0b10, 0])), 10);
        let runs = dead_runs(&live(&[0b0100_0001, 0b10]));
        assert_eq!(runs, [Run { start: 1, blocks: 5 }, Run { start: 7, blocks: 2 }]);
        assert_eq!(dead_runs(&live(&[0xff])), []);
    }
}
