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
use super::span::{Place, Span, Spans, Stored, blocks_in};
use crate::Filesystem;

/// Blocks that are read from the store at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first block, in the file.
    pub(super) first: u64,
    pub(super) placement: Placement,
    pub(super) blocks: u32,
    /// Index of the first of its spans.
    pub(super) at: usize,
    /// How many they are.
    pub(super) spans: usize,
}

/// Blocks that were read, as the cache keeps them.
pub(super) struct Piece {
    pub(super) placement: Placement,
    /// How many blocks of the span come before it.
    at: u32,
    pub(super) bytes: Bytes,
    /// The first of its blocks that does not match its checksum.
    pub(super) damaged: Option<u64>,
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
        for piece in pieces_of(stored, blocks, &payload) {
            if let Some(damaged) = piece.damaged {
                let offset = (block + u64::from(piece.at) + damaged) * BLOCK_BYTES;
                self.report_damage((inode, offset), piece.placement.to_raw() + damaged);
                return Err(FsError::Io.into());
            }
            let blocks = blocks_in(&piece.bytes);
            self.data.cache.put(piece.placement, piece.bytes.clone());
            whole.push(Span { blocks, place: Place::Memory(piece.bytes) });
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

/// Cuts what was read of a span into pieces, and checks them.
pub(super) fn pieces_of(stored: &Stored, blocks: u32, payload: &Payload) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = blocks.checked_sub(at).filter(|left| *left > 0)?;
        let placement = stored.plus(at).placement;
        let count = left.min(SLICE_BLOCKS_MAX - placement.block() % SLICE_BLOCKS_MAX);
        // No copy: the store cuts its slices at the same places.
        let bytes = payload.slice(at as usize * BLOCK_SIZE, count as usize * BLOCK_SIZE).to_bytes();
        let crcs = stored.checksums().get(at as usize..).unwrap_or_default();
        let damaged = first_damaged(&bytes, crcs.get(..count as usize).unwrap_or_default());
        let piece = Piece { placement, at, bytes, damaged };
        at += count;
        Some(piece)
    })
}

/// The first of these blocks that is not what its checksum says, or is not there.
fn first_damaged(piece: &Bytes, crcs: &[u32]) -> Option<u64> {
    let mut blocks = piece.chunks_exact(BLOCK_SIZE);
    let is_damaged = |crc: &u32| blocks.next().map(checksum) != Some(*crc);
    crcs.iter().position(is_damaged).map(|index| index as u64)
}

/// What has to be read from the store: spans that lie one behind the other there are read together.
pub(super) fn runs_of(spans: &Spans) -> SmallVec<[Run; 2]> {
    let mut runs: SmallVec<[Run; 2]> = SmallVec::new();
    let mut block = spans.first;
    for (at, span) in spans.list.iter().enumerate() {
        if let Place::Stored(Stored { placement, .. }) = &span.place {
            let next = Run { first: block, placement: *placement, blocks: span.blocks, at, spans: 1 };
            match runs.last_mut() {
                Some(run) if run.takes(next) => {
                    run.blocks += next.blocks;
                    run.spans += 1;
                }
                _ => runs.push(next),
            }
        }
        block += u64::from(span.blocks);
    }
    runs
}

/// Whether it would pay to have these blocks one behind the other.
pub(super) fn is_scattered(runs: &[Run]) -> bool {
    let blocks: usize = runs.iter().map(|run| run.blocks as usize).sum();
    runs.len() >= RUNS_SCATTERED_MIN && blocks < runs.len() * RUN_BLOCKS_GOOD
}

impl Run {
    /// Whether it has the block that lies there.
    pub(super) fn has(&self, placement: Placement) -> bool {
        let start = self.placement.to_raw();
        (start..start + u64::from(self.blocks)).contains(&placement.to_raw())
    }

    fn takes(&self, next: Self) -> bool {
        let goes_on = self.placement.to_raw() + u64::from(self.blocks) == next.placement.to_raw();
        let is_next = self.at + self.spans == next.at;
        goes_on
            && is_next
            && self.placement.segment() == next.placement.segment()
            && self.blocks + next.blocks <= RUN_BLOCKS_MAX
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
