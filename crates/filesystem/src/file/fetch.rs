//! Reading blocks from the store, and then only with the right checksum.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use chunk::{Placement, SLICE_BLOCKS_MAX};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pages::{BLOCK_SIZE, Payload};
use smallvec::{SmallVec, smallvec};
use vfs::{Failure, FsError, InodeId};

use super::BLOCK_BYTES;
use super::place::checksum;
use super::span::{Place, Span, Spans, Stored, blocks_in};
use crate::Filesystem;

/// Blocks that lie one behind the other in the store and are read at once, wherever they belong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) placement: Placement,
    pub(super) blocks: u32,
    /// The spans that it is made of, by index and first block in the file.
    pub(super) spans: SmallVec<[(usize, u64); 1]>,
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
        self.bring(inode, spans, |run, payload| self.keep_read(run, payload)).await
    }

    /// As `fetch`, for who moves what is read: nobody may ever ask for it, so it takes no room in the cache.
    ///
    /// Errors: `Io`.
    pub(super) async fn fetch_to_move(&self, inode: InodeId, spans: Spans) -> Result<Spans, Failure> {
        self.bring(inode, spans, |_, _| ()).await
    }

    async fn bring(
        &self,
        inode: InodeId,
        spans: Spans,
        keep: impl Fn(&Run, &Payload) + Send,
    ) -> Result<Spans, Failure> {
        let runs = runs_of(&spans);
        let wanted: SmallVec<[_; 1]> = runs.iter().map(|run| (run.placement, run.blocks)).collect();
        let read: SmallVec<[Payload; 1]> = match wanted.as_slice() {
            [] => return Ok(spans),
            [one] => smallvec![self.read_run(*one).await?],
            _ => stream::iter(wanted).map(|run| self.read_run(run)).buffered(READS_AT_ONCE).try_collect().await?,
        };
        let mut found: SmallVec<[Pieces; 2]> = spans.list.iter().map(|_| Pieces::new()).collect();
        for (run, payload) in runs.iter().zip(read) {
            self.take((inode, &spans), (run, &payload), &mut found)?;
            keep(run, &payload);
        }
        let mut whole = Spans { first: spans.first, list: SmallVec::with_capacity(found.len()) };
        for (span, pieces) in spans.list.into_iter().zip(found) {
            if matches!(span.place, Place::Stored(_)) {
                let memory = |bytes: Bytes| Span { blocks: blocks_in(&bytes), place: Place::Memory(bytes) };
                pieces.into_iter().map(memory).for_each(|span| whole.push(span));
            } else {
                whole.push(span);
            }
        }
        Ok(whole)
    }

    async fn read_run(&self, (placement, blocks): (Placement, u32)) -> Result<Payload, Failure> {
        let payload = self.data.chunks.read(placement, blocks).await.map_err(|error| {
            tracing::error!(%error, placement = placement.to_raw(), blocks, "blocks cannot be read");
            FsError::Io
        })?;
        let length = payload.len();
        if length != blocks as usize * BLOCK_SIZE {
            tracing::error!(placement = placement.to_raw(), blocks, length, "the store read another length than asked");
            return Err(FsError::Io.into());
        }
        Ok(payload)
    }

    /// Checks what was read of a run, and hands it to the spans that it is made of.
    ///
    /// Errors: `Io`.
    fn take(
        &self,
        (inode, spans): (InodeId, &Spans),
        (run, payload): (&Run, &Payload),
        found: &mut [Pieces],
    ) -> Result<(), Failure> {
        let mut at = 0;
        for (index, block) in &run.spans {
            let Some(Span { blocks, place: Place::Stored(stored) }) = spans.list.get(*index) else { continue };
            let own = payload.slice(at, *blocks as usize * BLOCK_SIZE);
            at += own.len();
            for piece in pieces_of(stored, *blocks, &own) {
                if let Some(damaged) = piece.damaged {
                    let offset = (block + u64::from(piece.at) + damaged) * BLOCK_BYTES;
                    self.report_damage((inode, offset), piece.placement.to_raw() + damaged);
                    return Err(FsError::Io.into());
                }
                if let Some(pieces) = found.get_mut(*index) {
                    pieces.push(piece.bytes);
                }
            }
        }
        Ok(())
    }

    /// Keeps what was read and found right. No copy: the store cuts its slices at the same places.
    pub(super) fn keep_read(&self, run: &Run, payload: &Payload) {
        let mut at = 0;
        while at < run.blocks {
            let placement = Placement::from_raw(run.placement.to_raw() + u64::from(at));
            let blocks = (run.blocks - at).min(SLICE_BLOCKS_MAX - placement.block() % SLICE_BLOCKS_MAX);
            let bytes = payload.slice(at as usize * BLOCK_SIZE, blocks as usize * BLOCK_SIZE).to_bytes();
            self.data.cache.put(placement, bytes);
            at += blocks;
        }
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

/// What has to be read from the store: spans that lie one behind the other there are read together, in whatever order
/// they are in the file. Blocks that were overwritten at random lie in the order of the flushes that wrote them.
pub(super) fn runs_of(spans: &Spans) -> SmallVec<[Run; 1]> {
    let mut single: SmallVec<[Run; 1]> = SmallVec::new();
    let mut block = spans.first;
    for (at, span) in spans.list.iter().enumerate() {
        if let Place::Stored(Stored { placement, .. }) = &span.place {
            single.push(Run { placement: *placement, blocks: span.blocks, spans: smallvec![(at, block)] });
        }
        block += u64::from(span.blocks);
    }
    single.sort_by_key(|run| run.placement.to_raw());
    let mut runs: SmallVec<[Run; 1]> = SmallVec::new();
    for run in single {
        match runs.last_mut().filter(|last| last.takes(&run)) {
            Some(last) => {
                last.blocks += run.blocks;
                last.spans.extend(run.spans);
            }
            None => runs.push(run),
        }
    }
    runs
}

/// Whether it would pay to have what must be read of these one behind the other.
pub(super) fn is_scattered(spans: &Spans) -> bool {
    let (mut runs, mut blocks, mut next) = (0, 0, None);
    for span in &spans.list {
        let Place::Stored(stored) = &span.place else {
            next = None;
            continue;
        };
        let placement = stored.placement.to_raw();
        runs += usize::from(next != Some(placement));
        blocks += span.blocks as usize;
        next = Some(placement + u64::from(span.blocks));
    }
    runs >= RUNS_SCATTERED_MIN && blocks < runs * RUN_BLOCKS_GOOD
}

impl Run {
    /// Whether it has the block that lies there.
    pub(super) fn has(&self, placement: Placement) -> bool {
        let start = self.placement.to_raw();
        (start..start + u64::from(self.blocks)).contains(&placement.to_raw())
    }

    fn takes(&self, next: &Self) -> bool {
        self.placement.to_raw() + u64::from(self.blocks) == next.placement.to_raw()
            && self.placement.segment() == next.placement.segment()
            && self.blocks + next.blocks <= RUN_BLOCKS_MAX
    }
}

/// What was read of a span.
type Pieces = SmallVec<[Bytes; 1]>;

/// Blocks read from the store at once: 1 MiB.
const RUN_BLOCKS_MAX: u32 = 256;
/// Reads of the store that one read of a file has under way.
const READS_AT_ONCE: usize = 64;
/// From so many runs in one read on it may be called scattered,
const RUNS_SCATTERED_MIN: usize = 4;
/// if a run has fewer blocks than this on average: 64 KiB.
const RUN_BLOCKS_GOOD: usize = 16;

#[cfg(test)]
mod tests {
    use chunk::SegmentId;
    use meta::records::RegionRecord;
    use std::sync::Arc;

    use super::*;

    fn spans(places: &[(u64, u32, u32)]) -> Spans {
        let stored = |(segment, block, blocks): &(u64, u32, u32)| {
            let placement = Placement::new(SegmentId(*segment), *block);
            Span { blocks: *blocks, place: Place::Stored(Stored::new(placement, Arc::new(RegionRecord::default()))) }
        };
        Spans { first: 100, list: places.iter().map(stored).collect() }
    }

    #[test]
    fn what_lies_together_is_read_together_whatever_its_order_in_the_file() {
        let spans = spans(&[(1, 8, 1), (1, 50, 2), (1, 9, 3), (2, 12, 1), (1, 6, 2), (1, 52, 1)]);
        let runs = runs_of(&spans);
        let shape: Vec<_> = runs.iter().map(|run| (run.placement.block(), run.blocks, run.spans.to_vec())).collect();
        let first = vec![(4, 107), (0, 100), (2, 103)];
        assert_eq!(shape, [(6, 6, first), (50, 3, vec![(1, 101), (5, 109)]), (12, 1, vec![(3, 106)])]);
        assert!(is_scattered(&spans), "in the file it is");
    }
}
