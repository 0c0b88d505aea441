//! Flushing many small files at once: one placement and one sync for all of them, and a change for some dozens.

use std::sync::Arc;

use tokio::sync::MutexGuard;
use vfs::{Epoch, Failure, InodeId, ShardId, TreeId};

use super::FileState;
use super::buffer::DirtyRun;
use super::flush::Snapshot;
use super::fold::{Part, fold};
use super::place::{Placed, RegionWrite, by_region};
use crate::Filesystem;

/// A small file whose flush turn is held.
struct Small<'f> {
    inode: InodeId,
    file: &'f FileState,
    snapshot: Snapshot,
    _turn: MutexGuard<'f, ()>,
}

/// A small file whose blocks are placed.
struct Ready<'f, 'h, C: chunk::Store> {
    small: &'f Small<'f>,
    placed: Placed<'h, C>,
    writes: Vec<RegionWrite>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Flushes those of these files that are small, as many at once as possible. Returns those that are to be flushed
    /// one by one: they are large, busy, or something is wrong with one of them.
    pub(crate) async fn flush_together(&self, inodes: &[InodeId]) -> Vec<InodeId> {
        let mut left = Vec::new();
        for some in inodes.chunks(FILES_TOGETHER_MAX) {
            left.extend(self.flush_some_together(some).await);
        }
        left
    }

    async fn flush_some_together(&self, inodes: &[InodeId]) -> Vec<InodeId> {
        let files: Vec<(InodeId, Arc<FileState>)> =
            inodes.iter().filter_map(|inode| Some((*inode, self.files.peek(*inode)?))).collect();
        let mut left = Vec::new();
        let mut small = Vec::with_capacity(files.len());
        for (inode, file) in &files {
            // Not waited for: whoever holds one flush turn waits for no other.
            match file.flush_turn.try_lock() {
                Ok(turn) if file.data().is_small() => {
                    let snapshot = file.data().snapshot();
                    small.extend(snapshot.map(|snapshot| Small { inode: *inode, file, snapshot, _turn: turn }));
                }
                _ => left.push(*inode),
            }
        }
        // A change is of one shard, and as of one epoch of one tree.
        small.sort_by_key(Small::moment);
        for of_shard in small.chunk_by(|one, next| one.moment() == next.moment()) {
            if let Err(failure) = self.flush_small(of_shard).await {
                tracing::debug!(?failure, files = of_shard.len(), "files are flushed one by one");
                left.extend(of_shard.iter().map(|small| small.inode));
            }
        }
        left
    }

    /// Flushes small files of a shard.
    ///
    /// Errors: `NoSpace`, `Io`; some may be flushed.
    async fn flush_small(&self, files: &[Small<'_>]) -> Result<(), Failure> {
        let Some(shard) = files.first().map(|small| small.inode.shard) else { return Ok(()) };
        let runs: Vec<DirtyRun> = files.iter().flat_map(|small| small.snapshot.runs.iter().cloned()).collect();
        let mut placed = self.place(shard, &runs).await?;
        let mut ready: Vec<_> = files.iter().rev().map(|small| ready(small, &mut placed)).collect();
        for group in ready.chunks_mut(FILES_PER_CHANGE) {
            self.name_together(shard, group).await?;
        }
        Ok(())
    }

    async fn name_together(&self, shard: ShardId, group: &mut [Ready<'_, '_, C>]) -> Result<(), Failure> {
        for ready in &*group {
            for write in &ready.writes {
                self.prepare_region((ready.small.inode, write.index)).await?;
            }
        }
        let files: Vec<&FileState> = group.iter().map(|ready| ready.small.file).collect();
        let parts: Vec<Part<'_>> = group.iter().map(Ready::part).collect();
        self.change_files(
            (shard, &files),
            |turn, data| {
                let mut sizes = Vec::with_capacity(parts.len());
                for ((ready, part), data) in group.iter().zip(&parts).zip(data) {
                    data.check_cuts(ready.small.snapshot.cuts)?;
                    sizes.push(fold(turn, *part, data.pending)?);
                }
                Ok(sizes)
            },
            |data, sizes| {
                for (((ready, part), data), size) in group.iter().zip(&parts).zip(data).zip(sizes) {
                    self.publish_part(data, *size, (&ready.small.snapshot.runs, part));
                }
            },
        )
        .await?;
        drop(parts);
        for ready in group {
            ready.placed.named_before(u64::MAX);
            self.keep_small(&ready.small.snapshot, ready.placed.blocks());
        }
        Ok(())
    }
}

impl Small<'_> {
    fn moment(&self) -> (ShardId, TreeId, Epoch) {
        (self.inode.shard, self.inode.tree, self.snapshot.epoch)
    }
}

impl<C: chunk::Store> Ready<'_, '_, C> {
    fn part(&self) -> Part<'_> {
        let snapshot = &self.small.snapshot;
        let (size, floor, epoch) = (snapshot.size, snapshot.floor, snapshot.epoch);
        Part { inode: self.small.inode, writes: &self.writes, size, floor, epoch }
    }
}

/// Takes the last file's blocks off what was placed of several.
fn ready<'f, 'h, C: chunk::Store>(small: &'f Small<'f>, placed: &mut Placed<'h, C>) -> Ready<'f, 'h, C> {
    let blocks = small.snapshot.runs.iter().map(DirtyRun::blocks).sum();
    let placed = placed.split_last(blocks);
    Ready { small, writes: by_region(placed.blocks()), placed }
}

/// Files that are placed together: 32 MiB at most.
pub(crate) const FILES_TOGETHER_MAX: usize = 512;
/// Files that one change names. Each has one region, which may name 16 runs and release 64; a change takes 4096 runs.
const FILES_PER_CHANGE: usize = 48;
