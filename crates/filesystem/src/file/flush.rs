//! Flushing a file: dirty blocks go to the store, then one change after the other names them.

use std::cmp::min;
use std::ops::Range;

use bytes::Bytes;
use meta::Version;
use pages::BLOCK_SIZE;
use vfs::{Failure, InodeId};

use super::buffer::DirtyRun;
use super::fold::{Part, fold};
use super::place::{Placed, PlacedBlock, by_region};
use super::state::FileData;
use super::{FileState, Pending, REGION_BLOCKS, REGION_BYTES};
use crate::Filesystem;

/// What was dirty when a flush began.
#[derive(Debug)]
struct Snapshot {
    runs: Vec<DirtyRun>,
    size: u64,
    /// `FileData::cuts` then. While the flush turn is held only a reload takes data out.
    cuts: u64,
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
    pub(super) async fn flush_in_turn(&self, inode: InodeId, file: &FileState) -> Result<Version, Failure> {
        let snapshot = {
            let data = file.data();
            if !data.is_dirty() {
                return Ok(Version::default());
            }
            Snapshot { runs: data.buffer.snapshot(), size: data.pending.size.unwrap_or(0), cuts: data.cuts }
        };
        if snapshot.runs.is_empty() {
            let part = Part { inode, writes: &[], size: snapshot.size };
            return Ok(self.name_part(file, part, &snapshot).await?.unwrap_or_default());
        }
        let mut placed = self.place(inode.shard, &snapshot.runs).await?;
        let version = self.name_all((inode, file), &snapshot, &mut placed).await?;
        self.keep_small(&snapshot, placed.blocks());
        Ok(version)
    }

    /// Names what was placed, as many regions at once as one change takes.
    async fn name_all(
        &self,
        (inode, file): (InodeId, &FileState),
        snapshot: &Snapshot,
        placed: &mut Placed<'_, C>,
    ) -> Result<Version, Failure> {
        let writes = by_region(placed.blocks());
        let parts = writes.chunks(REGIONS_PER_FLUSH_MAX);
        let (mut last, count) = (Version::default(), parts.len());
        for (number, writes) in parts.enumerate() {
            let end = writes.last().map_or(0, |write| write.index + 1);
            let is_last = number + 1 == count;
            let size = if is_last { snapshot.size } else { min(snapshot.size, end * REGION_BYTES) };
            let part = Part { inode, writes, size };
            // When the file is gone, the blocks of earlier parts were released with it.
            let Some(version) = self.name_part(file, part, snapshot).await? else { return Ok(last) };
            placed.named_before(end * REGION_BLOCKS);
            last = version;
        }
        Ok(last)
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
            .change_file(
                (part.inode, file),
                |turn, data| {
                    data.check_cuts(snapshot.cuts)?;
                    fold(turn, part, data.pending)
                },
                |data, size| self.publish_part(data, *size, (&snapshot.runs, part.blocks())),
            )
            .await?;
        Ok(size.map(|_| version))
    }

    fn publish_part(&self, data: &mut FileData, size: Option<u64>, (flushed, blocks): (&[DirtyRun], Range<u64>)) {
        let Some(size) = size else { return self.forget_dirty(data) };
        let left = data.pending.size.filter(|pending| *pending > size);
        data.pending = Pending { size: left, ..Pending::default() };
        self.data.dirty.give_back(data.buffer.clean(flushed, blocks));
    }

    /// Drops what is dirty of a file that is gone.
    pub(crate) fn forget_dirty(&self, data: &mut FileData) {
        data.pending = Pending::default();
        data.cuts += 1;
        self.data.dirty.give_back(data.buffer.clear());
    }

    /// Small writes are often continued in the same block or read soon; a copy keeps no receive buffer alive.
    fn keep_small(&self, snapshot: &Snapshot, placed: &[PlacedBlock]) {
        if placed.len() > BLOCKS_KEPT_MAX {
            return;
        }
        let blocks = snapshot.runs.iter().flat_map(|run| run.bytes.chunks(BLOCK_SIZE));
        for (bytes, placed) in blocks.zip(placed) {
            self.data.cache.put(placed.placement, Bytes::copy_from_slice(bytes));
        }
    }
}

impl Part<'_> {
    /// The blocks from its first region to its last: no other part of the flush has any of them.
    fn blocks(&self) -> Range<u64> {
        let (first, last) = (self.writes.first(), self.writes.last());
        let [first, end] = [first.map_or(0, |write| write.index), last.map_or(0, |write| write.index + 1)];
        first * REGION_BLOCKS..end * REGION_BLOCKS
    }
}

/// Regions written by one change: each may name 64 runs and release 64, and a change takes 4096 runs.
const REGIONS_PER_FLUSH_MAX: usize = 32;
/// Blocks of a flush that are still kept in the cache.
const BLOCKS_KEPT_MAX: usize = 16;
