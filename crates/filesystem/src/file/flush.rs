//! Flushing a file: dirty blocks go to the store, then one change after the other names them.

use std::cmp::min;
use std::ops::Range;

use bytes::Bytes;
use meta::Version;
use pages::BLOCK_SIZE;
use smallvec::SmallVec;
use vfs::{Epoch, Failure, FsError, InodeId};

use super::buffer::DirtyRun;
use super::fold::{Part, fold};
use super::place::{Placed, PlacedBlock, by_region};
use super::state::FileData;
use super::{BLOCK_BYTES, FileState, Pending, REGION_BLOCKS, REGION_BYTES};
use crate::Filesystem;

/// A part of what was dirty when a flush began.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) runs: Vec<DirtyRun>,
    /// What the size is at least once they are named.
    pub(super) size: u64,
    /// `FileData::cuts` then. While the flush turn is held only a reload takes data out.
    pub(super) cuts: u64,
    /// `FileData::epoch` then.
    pub(super) epoch: Epoch,
    /// The last entry of the journal that is void when all this is named.
    pub(super) floor: Option<Version>,
}

impl FileData {
    /// What is dirty now, for a flush; `None` when nothing is.
    pub(super) fn snapshot(&mut self) -> Option<Snapshot> {
        if !self.is_dirty() {
            return None;
        }
        let (size, floor) = (self.pending.size.unwrap_or(0), self.journal.close());
        Some(Snapshot { runs: self.buffer.snapshot(), size, cuts: self.cuts, epoch: self.epoch, floor })
    }

    /// Whether what is dirty are a few blocks of one region.
    pub(super) fn is_small(&self) -> bool {
        self.buffer.blocks() <= SMALL_BLOCKS_MAX
            && self.buffer.bounds().is_none_or(|(first, last)| first / REGION_BLOCKS == last / REGION_BLOCKS)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Flushes what is dirty of a file now. Returns the version to wait for.
    ///
    /// Errors: `NoSpace`, `Io`; what was dirty stays so.
    pub(crate) async fn flush(&self, inode: InodeId) -> Result<Version, Failure> {
        let Some(file) = self.files.peek(inode) else { return Ok(Version::default()) };
        let _turn = file.flush_turn.lock().await;
        self.flush_in_turn(inode, &file).await
    }

    /// As `flush`; the caller holds the flush turn.
    pub(crate) async fn flush_in_turn(&self, inode: InodeId, file: &FileState) -> Result<Version, Failure> {
        let mut last = Version::default();
        for part in snapshots(file) {
            // When the file is gone, the blocks of earlier parts were released with it.
            let Some(version) = self.flush_part((inode, file), part).await? else { break };
            last = version;
        }
        Ok(last)
    }

    /// Flushes the first part of what is dirty of a file now, whose flush turn the caller holds. `false` when nothing is.
    ///
    /// Errors: `NoSpace`, `Io`; what was dirty stays so.
    pub(crate) async fn flush_some(&self, inode: InodeId, file: &FileState) -> Result<bool, Failure> {
        match snapshots(file).next() {
            Some(part) => self.flush_part((inode, file), part).await.map(|_| true),
            None => Ok(false),
        }
    }

    /// Flushes one part; `None` when the file is gone, and then nothing of it is dirty any more.
    async fn flush_part(
        &self,
        (inode, file): (InodeId, &FileState),
        snapshot: Snapshot,
    ) -> Result<Option<Version>, Failure> {
        if snapshot.runs.is_empty() {
            let part = Part { inode, writes: &[], size: snapshot.size, floor: snapshot.floor, epoch: snapshot.epoch };
            return self.name_part(file, part, &snapshot).await;
        }
        let mut placed = self.place(inode.shard, &snapshot.runs).await?;
        let version = self.name_all((inode, file), &snapshot, &mut placed).await?;
        self.keep_small(&snapshot, placed.blocks());
        Ok(version)
    }

    /// Names what was placed, as many regions at once as one change takes; `None` when the file is gone.
    async fn name_all(
        &self,
        (inode, file): (InodeId, &FileState),
        snapshot: &Snapshot,
        placed: &mut Placed<'_, C>,
    ) -> Result<Option<Version>, Failure> {
        let writes = by_region(placed.blocks());
        let parts = writes.chunks(REGIONS_PER_FLUSH_MAX);
        let (mut last, count) = (Version::default(), parts.len());
        for (number, writes) in parts.enumerate() {
            let end = writes.last().map_or(0, |write| write.index + 1);
            let is_last = number + 1 == count;
            let size = if is_last { snapshot.size } else { min(snapshot.size, end * REGION_BYTES) };
            let part = Part { inode, writes, size, floor: snapshot.floor.filter(|_| is_last), epoch: snapshot.epoch };
            let Some(version) = self.name_part(file, part, snapshot).await? else { return Ok(None) };
            placed.named_before(end * REGION_BLOCKS);
            last = version;
        }
        Ok(Some(last))
    }

    /// Submits one part; `None` when the file is gone, and then nothing of it is dirty any more.
    async fn name_part(
        &self,
        file: &FileState,
        part: Part<'_>,
        snapshot: &Snapshot,
    ) -> Result<Option<Version>, Failure> {
        for write in part.writes {
            self.prepare_region((part.inode, write.index)).await?;
        }
        let (size, version) = self
            .change_files(
                (part.inode.shard, &[file]),
                |turn, data| {
                    let data = data.first().ok_or(FsError::Io)?;
                    data.check_cuts(snapshot.cuts)?;
                    fold(turn, part, data.pending)
                },
                |data, size| {
                    if let Some(data) = data.first_mut() {
                        self.publish_part(data, *size, (&snapshot.runs, &part));
                    }
                },
            )
            .await?;
        Ok(size.map(|_| version))
    }

    /// A part is submitted: what it brought is not dirty any more.
    pub(super) fn publish_part(
        &self,
        data: &mut FileData,
        size: Option<u64>,
        (flushed, part): (&[DirtyRun], &Part<'_>),
    ) {
        let Some(size) = size else { return self.forget_dirty(part.inode, data) };
        let left = data.pending.size.filter(|pending| *pending > size);
        // Entries that stay would hide, after a crash, what is newer than they are and stands in no entry: that stays
        // dirty, so that the next COMMIT brings it into the journal too.
        let is_hidden = part.floor.is_none() && data.journal.is_live();
        let rest = if is_hidden { data.pending } else { Pending::default() };
        data.pending = Pending { size: left, ..rest };
        let fresh = if is_hidden { data.journal.fresh_blocks() } else { SmallVec::new() };
        let cleaned: usize = between(part.blocks(), &fresh).map(|blocks| data.buffer.clean(flushed, blocks)).sum();
        self.data.dirty.give_back(part.inode.shard, cleaned);
        self.void_entries(data, part.floor);
        self.settle_reserved(part.inode, data);
    }

    /// Drops what is dirty of a file that is gone.
    pub(crate) fn forget_dirty(&self, inode: InodeId, data: &mut FileData) {
        data.pending = Pending::default();
        // The ledger that reserved it may be gone too.
        data.advance = None;
        data.cuts += 1;
        self.data.dirty.give_back(inode.shard, data.buffer.clear());
        let last = data.journal.last_live();
        self.void_entries(data, last);
        self.settle_reserved(inode, data);
    }

    /// The last submitted change, or one before, has made these entries of the journal void.
    pub(super) fn void_entries(&self, data: &mut FileData, floor: Option<Version>) {
        let is_clean = data.buffer.is_empty();
        data.journal.void(&self.data.journal, floor, (self.meta.submitted(), is_clean));
    }

    /// Small writes are often continued in the same block or read soon; a copy keeps no receive buffer alive.
    pub(super) fn keep_small(&self, snapshot: &Snapshot, placed: &[PlacedBlock]) {
        if placed.len() > BLOCKS_KEPT_MAX {
            return;
        }
        let blocks = snapshot.runs.iter().flat_map(|run| run.bytes.chunks(BLOCK_SIZE));
        for (bytes, placed) in blocks.zip(placed) {
            self.data.cache.put(placed.placement, Bytes::copy_from_slice(bytes));
        }
    }
}

/// What is left of a range of blocks without these, which are in order.
fn between(blocks: Range<u64>, without: &[u64]) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = blocks;
    let ends = without.iter().copied().filter(move |block| (start..end).contains(block));
    let starts = std::iter::once(start).chain(ends.clone().map(|block| block + 1));
    starts.zip(ends.chain(std::iter::once(end))).map(|(start, end)| start..end)
}

impl Part<'_> {
    /// The blocks from its first region to its last: no other part of the flush has any of them.
    fn blocks(&self) -> Range<u64> {
        let (first, last) = (self.writes.first(), self.writes.last());
        let [first, end] = [first.map_or(0, |write| write.index), last.map_or(0, |write| write.index + 1)];
        first * REGION_BLOCKS..end * REGION_BLOCKS
    }
}

/// What is dirty of a file now, in parts: each is stored, named and no longer dirty before the next is begun, so that
/// writers who wait for room wait for one part.
fn snapshots(file: &FileState) -> impl Iterator<Item = Snapshot> + use<> {
    let whole = file.data().snapshot();
    let mut parts = whole.as_ref().map_or_else(Vec::new, |whole| parts_of(whole.runs.clone()));
    if parts.is_empty() && whole.is_some() {
        parts.push(Vec::new());
    }
    let count = parts.len();
    let whole = whole.unwrap_or_default();
    let (size, cuts, epoch, floor) = (whole.size, whole.cuts, whole.epoch, whole.floor);
    parts.into_iter().enumerate().map(move |(number, runs)| {
        // No part sets a size beyond the data that it brings, and only the last one voids entries of the journal.
        let end = runs.last().map_or(0, DirtyRun::end) * BLOCK_BYTES;
        let is_last = number + 1 == count;
        let size = if is_last { size } else { min(size, end) };
        Snapshot { runs, size, cuts, epoch, floor: floor.filter(|_| is_last) }
    })
}

/// Cuts runs, in order, into parts of about [`PART_BYTES`] that end where a region does.
fn parts_of(runs: Vec<DirtyRun>) -> Vec<Vec<DirtyRun>> {
    let (mut parts, mut part, mut left, mut end) = (Vec::new(), Vec::new(), PART_BYTES, u64::MAX);
    for mut run in runs {
        while !run.bytes.is_empty() {
            if run.first >= end {
                parts.push(std::mem::take(&mut part));
                (left, end) = (PART_BYTES, u64::MAX);
            }
            if run.bytes.len() >= left && end == u64::MAX {
                end = (run.first + (left / BLOCK_SIZE) as u64).next_multiple_of(REGION_BLOCKS);
            }
            let blocks = usize::try_from(end - run.first).unwrap_or(usize::MAX);
            let piece = run.split_to(blocks.saturating_mul(BLOCK_SIZE));
            left = left.saturating_sub(piece.bytes.len());
            part.push(piece);
        }
    }
    parts.extend((!part.is_empty()).then_some(part));
    parts
}

/// Bytes of a file that are stored, synced and named together; the rest of the last region may come on top.
const PART_BYTES: usize = 16 << 20;
/// Regions written by one change: each may name 64 runs and release 64, and a change takes 4096 runs.
const REGIONS_PER_FLUSH_MAX: usize = 32;
/// Dirty blocks of a file that is flushed together with others.
const SMALL_BLOCKS_MAX: u64 = 16;
/// Blocks of a flush that are still kept in the cache.
const BLOCKS_KEPT_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, blocks: usize) -> DirtyRun {
        DirtyRun::clean(first, Bytes::from(vec![1; blocks * BLOCK_SIZE]))
    }

    fn shape(parts: &[Vec<DirtyRun>]) -> Vec<Vec<(u64, u64)>> {
        parts.iter().map(|part| part.iter().map(|run| (run.first, run.end())).collect()).collect()
    }

    #[test]
    fn parts_end_where_a_region_does() {
        assert!(parts_of(Vec::new()).is_empty());
        assert_eq!(shape(&parts_of(vec![run(3, 1), run(7, 2)])), [[(3, 4), (7, 9)]]);
        let parts = parts_of(vec![run(1, 4096 + 4096), run(9000, 1)]);
        assert_eq!(shape(&parts), [vec![(1, 4160)], vec![(4160, 8193), (9000, 9001)]]);
        let parts = parts_of(vec![run(0, 4096), run(4096, 64)]);
        assert_eq!(shape(&parts), [[(0, 4096)], [(4096, 4160)]]);
        let parts = parts_of((0..9000).map(|index| run(2 * index, 1)).collect());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4096, 4096, 808]);
    }
}
