//! Reading blocks from the store, and then only with the right checksum.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use chunk::{Placement, SLICE_BLOCKS_MAX};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pages::{BLOCK_SIZE, Payload};
use smallvec::SmallVec;
use vfs::{Failure, FsError, InodeId};

use super::BLOCK_BYTES;
use super::place::checksum;
use super::span::{Place, Span, Spans, Stored};
use crate::Filesystem;

/// Blocks that are read from the store at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    placement: Placement,
    blocks: u32,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Brings all spans into memory. The caller holds a guard of the read gate from before they were looked at.
    ///
    /// Errors: `Io`.
    pub(super) async fn fetch(&self, inode: InodeId, spans: Spans) -> Result<Spans, Failure> {
        let runs = runs_of(&spans);
        if is_scattered(&runs) {
            self.data.scattered.add(inode, spans.first);
        }
        let read = match runs.as_slice() {
            [] => return Ok(spans),
            [run] => vec![self.read_run(*run).await?],
            _ => stream::iter(runs).map(|run| self.read_run(run)).buffered(READS_AT_ONCE).try_collect().await?,
        };
        let mut read = read.into_iter();
        let mut rest = Payload::new();
        let mut whole = Spans { first: spans.first, list: SmallVec::new() };
        let mut block = spans.first;
        for span in spans.list {
            let blocks = span.blocks;
            match span.place {
                Place::Stored(stored) => {
                    if rest.is_empty() {
                        rest = read.next().unwrap_or_default();
                    }
                    let length = blocks as usize * BLOCK_SIZE;
                    let own = rest.slice(0, length);
                    rest = rest.slice(length, usize::MAX);
                    self.take((inode, block), (&stored, blocks), (own, &mut whole))?;
                }
                place => whole.push(Span { blocks, place }),
            }
            block += u64::from(blocks);
        }
        Ok(whole)
    }

    async fn read_run(&self, run: Run) -> Result<Payload, Failure> {
        let payload = self.data.chunks.read(run.placement, run.blocks).await.map_err(|error| {
            tracing::error!(%error, placement = run.placement.to_raw(), blocks = run.blocks, "blocks cannot be read");
            FsError::Io
        })?;
        let length = payload.len();
        if length != run.blocks as usize * BLOCK_SIZE {
            tracing::error!(?run, length, "the store read another length than asked");
            return Err(FsError::Io.into());
        }
        Ok(payload)
    }

    /// Checks what was read of a span, and hands it to the cache and the spans in pieces as the cache keeps them.
    ///
    /// Errors: `Io`.
    fn take(
        &self,
        (inode, block): (InodeId, u64),
        (stored, blocks): (&Stored, u32),
        (payload, whole): (Payload, &mut Spans),
    ) -> Result<(), Failure> {
        let mut done = 0;
        while done < blocks {
            let placement = stored.placement.plus(done);
            let count = (blocks - done).min(SLICE_BLOCKS_MAX - placement.block() % SLICE_BLOCKS_MAX);
            // No copy: the store cuts its slices at the same places.
            let piece = payload.slice(done as usize * BLOCK_SIZE, count as usize * BLOCK_SIZE).to_bytes();
            let crcs = stored.checksums().get(done as usize..).unwrap_or_default();
            if let Some(damaged) = first_damaged(&piece, crcs) {
                let offset = (block + u64::from(done) + damaged) * BLOCK_BYTES;
                self.report_damage((inode, offset), placement.to_raw() + damaged);
                return Err(FsError::Io.into());
            }
            self.data.cache.put(placement, piece.clone());
            whole.push(Span { blocks: count, place: Place::Memory(piece) });
            done += count;
        }
        Ok(())
    }

    fn report_damage(&self, (inode, offset): (InodeId, u64), placement: u64) {
        self.data.damaged.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            ?inode,
            offset,
            bytes = BLOCK_BYTES,
            placement,
            "stored data does not match its checksum; it is not served"
        );
    }
}

/// The first of these blocks that is not what its checksum says.
fn first_damaged(piece: &Bytes, crcs: &[u32]) -> Option<u64> {
    let mut crcs = crcs.iter();
    let is_damaged = |block: &[u8]| crcs.next() != Some(&checksum(block));
    piece.chunks(BLOCK_SIZE).position(is_damaged).map(|index| index as u64)
}

/// What has to be read from the store: spans that lie one behind the other there are read together.
fn runs_of(spans: &Spans) -> SmallVec<[Run; 2]> {
    let mut runs: SmallVec<[Run; 2]> = SmallVec::new();
    let mut was_stored = false;
    for span in &spans.list {
        let Place::Stored(Stored { placement, .. }) = &span.place else {
            was_stored = false;
            continue;
        };
        let next = Run { placement: *placement, blocks: span.blocks };
        match runs.last_mut() {
            Some(run) if was_stored && run.takes(next) => run.blocks += next.blocks,
            _ => runs.push(next),
        }
        was_stored = true;
    }
    runs
}

/// Whether it would pay to have these blocks one behind the other.
fn is_scattered(runs: &[Run]) -> bool {
    let blocks: usize = runs.iter().map(|run| run.blocks as usize).sum();
    runs.len() >= RUNS_SCATTERED_MIN && blocks < runs.len() * RUN_BLOCKS_GOOD
}

impl Run {
    fn takes(&self, next: Self) -> bool {
        let goes_on = self.placement.to_raw() + u64::from(self.blocks) == next.placement.to_raw();
        goes_on && self.placement.segment() == next.placement.segment() && self.blocks + next.blocks <= RUN_BLOCKS_MAX
    }
}

/// Blocks read from the store at once: 1 MiB.
const RUN_BLOCKS_MAX: u32 = 256;
/// Reads of the store that one read of a file has under way.
const READS_AT_ONCE: usize = 16;
/// From so many runs in one read on it may be called scattered,
const RUNS_SCATTERED_MIN: usize = 4;
/// if a run has fewer blocks than this on average: 64 KiB.
const RUN_BLOCKS_GOOD: usize = 16;
