//! Putting dirty blocks into the store: gathered, with a checksum each, and durable before anything names them.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use chunk::{ChunkError, Owner, Placement};
use meta::Version;
use meta::records::Run;
use pages::Payload;
use vfs::{Failure, FsError, ShardId};

use super::buffer::DirtyRun;
use super::{DataPlane, REGION_BLOCKS};
use crate::Filesystem;

/// A block as it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlacedBlock {
    /// Index in the file.
    pub(super) block: u64,
    /// Where it lies.
    pub(super) placement: Placement,
    /// Its CRC32C.
    pub(super) crc: u32,
}

/// Blocks that were placed and that no change names yet: those that are dropped so are given back.
#[derive(Debug)]
pub(super) struct Placed<'h, C: chunk::Store> {
    data: &'h DataPlane<C>,
    blocks: Vec<PlacedBlock>,
    /// How many of them, from the first on, are named or given back.
    named: usize,
}

/// What is to be written into one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RegionWrite {
    /// Index of the region.
    pub(super) index: u64,
    /// Runs in order.
    pub(super) runs: Vec<PlacedRun>,
}

/// Blocks that lie one behind the other in the file and in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedRun {
    /// First block within the region.
    pub(super) first_block: u8,
    /// Where it lies.
    pub(super) placement: Placement,
    /// One CRC32C for each block; at most 64.
    pub(super) crcs: Vec<u32>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Places blocks and makes them durable. A failure of the device is answered by placing them once more, elsewhere.
    ///
    /// Errors: `NoSpace`, `Io`; nothing stays placed.
    pub(super) async fn place(&self, shard: ShardId, dirty: &[DirtyRun]) -> Result<Placed<'_, C>, Failure> {
        let mut attempts = 1;
        let blocks = dirty.iter().map(DirtyRun::blocks).sum::<u64>();
        loop {
            let blocks_max = usize::try_from(blocks).unwrap_or(0);
            let mut placed = Placed { data: &self.data, blocks: Vec::with_capacity(blocks_max), named: 0 };
            let Err(error) = self.place_once(shard, dirty, &mut placed.blocks).await else { return Ok(placed) };
            // At once: a store may refuse to sync until what it lost has been given back.
            placed.give_back().await;
            if attempts >= ATTEMPTS_MAX || !error.is_retryable() {
                tracing::error!(%error, blocks, "dirty blocks could not be stored");
                let is_full = error == ChunkError::NoSpace;
                return Err(if is_full { FsError::NoSpace } else { FsError::Io }.into());
            }
            tracing::warn!(%error, blocks, "dirty blocks are stored once more elsewhere");
            attempts += 1;
        }
    }

    async fn place_once(
        &self,
        shard: ShardId,
        dirty: &[DirtyRun],
        placed: &mut Vec<PlacedBlock>,
    ) -> Result<(), ChunkError> {
        let failed_before = self.data.failed_syncs.load(Ordering::Acquire);
        let mut rest = Rest::new(dirty);
        // Asked before each piece: what waits behind it at the device may come while the one before is written.
        while let Some(piece) = rest.take(piece_bytes(self.meta.is_committing())) {
            let payload: Payload = piece.iter().map(|run| run.bytes.clone()).collect();
            let placements = self.data.chunks.place(Owner(u64::from(shard.0)), payload).await?;
            let mut placements =
                placements.iter().flat_map(|run| (0..run.blocks).map(|block| run.placement.plus(block)));
            for (block, crc) in piece.iter().flat_map(DirtyRun::checksums) {
                let Some(placement) = placements.next() else {
                    return Err(ChunkError::Io("fewer blocks were placed than given".to_owned()));
                };
                placed.push(PlacedBlock { block, placement, crc });
            }
        }
        if let Err(error) = self.data.chunks.sync().await {
            self.data.failed_syncs.fetch_add(1, Ordering::AcqRel);
            return Err(error);
        }
        match self.data.failed_syncs.load(Ordering::Acquire) {
            failed if failed == failed_before => Ok(()),
            _ => Err(ChunkError::Io("a sync failed that these blocks were part of".to_owned())),
        }
    }
}

impl<C: chunk::Store> Placed<'_, C> {
    /// The blocks in order of the file.
    pub(super) fn blocks(&self) -> &[PlacedBlock] {
        &self.blocks
    }

    /// A change has named all blocks of the file before this one.
    pub(super) fn named_before(&mut self, block: u64) {
        self.named = self.blocks.partition_point(|placed| placed.block < block);
    }

    /// Takes the last blocks off: those of one file, where blocks of several were placed together.
    pub(super) fn split_last(&mut self, blocks: u64) -> Self {
        let at = self.blocks.len().saturating_sub(usize::try_from(blocks).unwrap_or(usize::MAX));
        Self { data: self.data, blocks: self.blocks.split_off(at), named: 0 }
    }

    async fn give_back(mut self) {
        for run in runs_of(&self.blocks) {
            let placement = Placement::from_raw(run.placement);
            if let Err(error) = self.data.chunks.free(placement, run.blocks).await {
                tracing::warn!(%error, "blocks without a name were not freed; the next start frees them");
            }
            // Run by run and behind the free: a wait that is dropped leaves the rest to `drop`. A placement is never
            // given out again, so one that is freed twice harms nobody.
            self.named += run.blocks as usize;
        }
    }
}

impl<C: chunk::Store> Drop for Placed<'_, C> {
    fn drop(&mut self) {
        let unnamed = runs_of(self.blocks.get(self.named..).unwrap_or_default());
        if !unnamed.is_empty() {
            self.data.releases.push((Version::default(), self.data.gate.turn()), unnamed);
        }
    }
}

/// The runs of the store that these blocks take.
fn runs_of(placed: &[PlacedBlock]) -> Vec<Run> {
    let run_of = |run: PlacedRun| {
        let blocks = u32::try_from(run.crcs.len()).unwrap_or(0);
        Run { placement: run.placement.to_raw(), blocks }
    };
    by_region(placed).into_iter().flat_map(|write| write.runs).map(run_of).collect()
}

/// Cuts placed blocks, in order of the file, into what each region gets.
pub(super) fn by_region(placed: &[PlacedBlock]) -> Vec<RegionWrite> {
    let mut writes: Vec<RegionWrite> = Vec::new();
    for block in placed {
        let index = block.block / REGION_BLOCKS;
        if writes.last().is_none_or(|write| write.index != index) {
            writes.push(RegionWrite { index, runs: Vec::new() });
        }
        if let Some(write) = writes.last_mut() {
            write.add(block);
        }
    }
    writes
}

impl RegionWrite {
    fn add(&mut self, block: &PlacedBlock) {
        let within = u8::try_from(block.block % REGION_BLOCKS).unwrap_or(0);
        match self.runs.last_mut() {
            Some(run) if run.continues_in(within, block.placement) => run.crcs.push(block.crc),
            _ => self.runs.push(PlacedRun { first_block: within, placement: block.placement, crcs: vec![block.crc] }),
        }
    }
}

impl PlacedRun {
    /// Whether a block continues the run in the file and in the store.
    fn continues_in(&self, within: u8, placement: Placement) -> bool {
        let length = self.crcs.len();
        usize::from(within) == usize::from(self.first_block) + length
            && placement.segment() == self.placement.segment()
            && placement.block() as usize == self.placement.block() as usize + length
    }
}

/// The checksum that a region record keeps of a block.
pub(super) fn checksum(block: &[u8]) -> u32 {
    chunk::crc32c(block)
}

/// Runs, in order, that were not given to the store yet.
struct Rest {
    runs: VecDeque<DirtyRun>,
}

impl Rest {
    fn new(dirty: &[DirtyRun]) -> Self {
        Self { runs: dirty.iter().filter(|run| !run.bytes.is_empty()).cloned().collect() }
    }

    /// The next bytes, at most so many, which are whole blocks; `None` when nothing is left.
    fn take(&mut self, bytes_max: usize) -> Option<Vec<DirtyRun>> {
        let (mut piece, mut room) = (Vec::new(), bytes_max);
        while room > 0
            && let Some(mut run) = self.runs.pop_front()
        {
            let part = run.split_to(room);
            room -= part.bytes.len();
            piece.push(part);
            if !run.bytes.is_empty() {
                self.runs.push_front(run);
            }
        }
        (!piece.is_empty()).then_some(piece)
    }
}

/// What is given to the store at once. A group of the log that is on its way, and those who wait for it, stand behind it
/// at the device.
fn piece_bytes(is_committing: bool) -> usize {
    if is_committing { PIECE_BYTES_BESIDE_LOG } else { PIECE_BYTES }
}

/// Bytes given to the store at once, whole blocks.
const PIECE_BYTES: usize = 4 << 20;
/// The same while a group of the log is on its way.
const PIECE_BYTES_BESIDE_LOG: usize = 1 << 20;
/// How often blocks are placed before a flush fails.
const ATTEMPTS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use pages::BLOCK_SIZE;

    use super::*;

    fn run(first: u64, blocks: usize) -> DirtyRun {
        DirtyRun::clean(first, Bytes::from(vec![1; blocks * BLOCK_SIZE]))
    }

    fn taken(rest: &mut Rest, blocks_max: usize) -> Option<Vec<(u64, u64)>> {
        let piece = rest.take(blocks_max * BLOCK_SIZE)?;
        Some(piece.iter().map(|run| (run.first, run.end())).collect())
    }

    #[test]
    fn pieces_take_what_there_is_room_for_in_order() {
        let mut rest = Rest::new(&[run(3, 2), run(9, 5), run(20, 1)]);
        assert_eq!(taken(&mut rest, 4), Some(vec![(3, 5), (9, 11)]));
        assert_eq!(taken(&mut rest, 1), Some(vec![(11, 12)]), "each piece has a width of its own");
        assert_eq!(taken(&mut rest, 2), Some(vec![(12, 14)]));
        assert_eq!(taken(&mut rest, 9), Some(vec![(20, 21)]));
        assert_eq!(taken(&mut rest, 9), None);
    }

    #[test]
    fn pieces_beside_the_log_are_small_and_whole_blocks() {
        assert!(piece_bytes(true) < piece_bytes(false));
        assert!([true, false].map(piece_bytes).iter().all(|bytes| bytes.is_multiple_of(BLOCK_SIZE)));
    }
}
