//! Getting blocks from where they are: a hole, the cache, or the store, and then only with the right checksum.

use std::ops::Range;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chunk::Placement;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use meta::records::{Coding, InodeRecord, RegionRecord};
use pages::{BLOCK_SIZE, Payload};
use vfs::{Failure, FsError, InodeId};

use super::driver::is_absent;
use super::place::checksum;
use super::{BLOCK_BYTES, REGION_BLOCKS};
use crate::Filesystem;
use crate::cache::Seen;

/// Where a block of a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It reads as zeros.
    Hole,
    /// It is in memory; with the blocks behind it when it is longer than one.
    Memory(Bytes),
    /// It is part of the memory of a block before it.
    Before,
    /// It lies in the store.
    Stored {
        /// Where.
        placement: Placement,
        /// Its CRC32C.
        crc: u32,
    },
}

/// Blocks that are read from the store at once.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Index of the first among the sources.
    at: usize,
    placement: Placement,
    blocks: u32,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Where the records say that blocks of a file are. The caller holds a guard of the read gate.
    ///
    /// Errors: `Io`.
    pub(super) async fn stored_sources(
        &self,
        (inode, record): (InodeId, &InodeRecord),
        blocks: Range<u64>,
        seen: &mut Seen,
    ) -> Result<Vec<Source>, Failure> {
        let mut sources = Vec::with_capacity(usize::try_from(blocks.end - blocks.start).unwrap_or(0));
        let mut at = blocks.start;
        while at < blocks.end {
            let index = at / REGION_BLOCKS;
            let end = blocks.end.min((index + 1) * REGION_BLOCKS);
            let region = match is_absent(record, index) {
                true => None,
                false => self.region((inode, index), seen).await?,
            };
            let region = region.filter(|region| !record.is_masked(index, region.generation));
            for block in at..end {
                sources.push(source_of(region.as_deref(), block)?);
            }
            at = end;
        }
        Ok(sources)
    }

    /// Brings all sources into memory. `first` is the block that the first of them is.
    ///
    /// Errors: `Io`.
    pub(super) async fn fetch(&self, inode: InodeId, first: u64, sources: &mut [Source]) -> Result<(), Failure> {
        for source in sources.iter_mut() {
            if let Source::Stored { placement, .. } = source
                && let Some(bytes) = self.data.cache.get(*placement)
            {
                *source = Source::Memory(bytes);
            }
        }
        let runs = runs_of(sources);
        if runs.is_empty() {
            return Ok(());
        }
        let read = |run: Run| async move { self.read_run(run).await.map(|payload| (run, payload)) };
        let found: Vec<_> = stream::iter(runs).map(read).buffered(READS_AT_ONCE).try_collect().await?;
        for (run, payload) in found {
            self.take_run((inode, first), (run, payload), sources)?;
        }
        Ok(())
    }

    async fn read_run(&self, run: Run) -> Result<Payload, Failure> {
        self.data.chunks.read(run.placement, run.blocks).await.map_err(|error| {
            tracing::error!(%error, placement = run.placement.to_raw(), blocks = run.blocks, "blocks cannot be read");
            FsError::Io.into()
        })
    }

    /// Checks what was read and hands it to cache and sources.
    fn take_run(
        &self,
        (inode, first): (InodeId, u64),
        (run, payload): (Run, Payload),
        sources: &mut [Source],
    ) -> Result<(), Failure> {
        let count = run.blocks as usize;
        let whole = payload.to_bytes();
        if whole.len() != count * BLOCK_SIZE {
            tracing::error!(?inode, length = whole.len(), blocks = count, "the store read another length than asked");
            return Err(FsError::Io.into());
        }
        for (step, source) in sources.iter_mut().skip(run.at).take(count).enumerate() {
            let Source::Stored { placement, crc } = *source else { continue };
            let block = whole.slice(step * BLOCK_SIZE..(step + 1) * BLOCK_SIZE);
            if checksum(&block) != crc {
                let offset = (first + (run.at + step) as u64) * BLOCK_BYTES;
                self.data.damaged.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    ?inode,
                    offset,
                    placement = placement.to_raw(),
                    "stored data does not match its checksum"
                );
                return Err(FsError::Io.into());
            }
            // A slice would keep the whole run in memory for as long as one of its blocks is hot.
            let kept = if count == 1 { block } else { Bytes::copy_from_slice(&block) };
            self.data.cache.put(placement, kept);
            *source = if step == 0 { Source::Memory(whole.clone()) } else { Source::Before };
        }
        Ok(())
    }
}

impl Source {
    /// The bytes of a fetched block; `None` in a hole.
    pub(super) fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Memory(bytes) => Some(bytes),
            Self::Hole | Self::Before | Self::Stored { .. } => None,
        }
    }
}

/// Puts a run of dirty blocks in the place of the sources from `at` on.
pub(super) fn overlay(sources: &mut [Source], at: usize, bytes: &Bytes) {
    let blocks = sources.iter_mut().skip(at).take(bytes.len() / BLOCK_SIZE);
    for (step, source) in blocks.enumerate() {
        *source = if step == 0 { Source::Memory(bytes.clone()) } else { Source::Before };
    }
}

/// The bytes of fetched sources, one behind the other.
pub(super) fn assemble(sources: Vec<Source>) -> Payload {
    let mut payload = Payload::new();
    let mut zeros = 0;
    for source in sources {
        match source {
            Source::Hole => zeros += BLOCK_SIZE,
            Source::Memory(bytes) => {
                push_zeros(&mut payload, std::mem::take(&mut zeros));
                payload.push(bytes);
            }
            Source::Before | Source::Stored { .. } => {}
        }
    }
    push_zeros(&mut payload, zeros);
    payload
}

fn push_zeros(payload: &mut Payload, mut length: usize) {
    while length > 0 {
        let part = length.min(ZEROS.len());
        payload.push(Bytes::from_static(&ZEROS).slice(..part));
        length -= part;
    }
}

fn source_of(region: Option<&RegionRecord>, block: u64) -> Result<Source, FsError> {
    let within = u8::try_from(block % REGION_BLOCKS).unwrap_or(0);
    match region.and_then(|region| region.find(within)) {
        None => Ok(Source::Hole),
        Some(found) if found.coding == Coding::Plain && found.pool == 0 => {
            Ok(Source::Stored { placement: Placement::from_raw(found.placement), crc: found.crc })
        }
        Some(found) => {
            tracing::error!(?found, "a block is stored in a way that this house does not know");
            Err(FsError::Io)
        }
    }
}

fn runs_of(sources: &[Source]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let Source::Stored { placement, .. } = source else { continue };
        match runs.last_mut() {
            Some(run) if run.continues_in(at, *placement) => run.blocks += 1,
            _ => runs.push(Run { at, placement: *placement, blocks: 1 }),
        }
    }
    runs
}

impl Run {
    fn continues_in(&self, at: usize, placement: Placement) -> bool {
        self.blocks < RUN_BLOCKS_MAX
            && at == self.at + self.blocks as usize
            && placement.segment() == self.placement.segment()
            && placement.block() == self.placement.block() + self.blocks
    }
}

/// What holes read as.
static ZEROS: [u8; 65_536] = [0; 65_536];
/// Blocks read from the store at once: 1 MiB.
const RUN_BLOCKS_MAX: u32 = 256;
/// Reads of the store that one read of a file has under way.
const READS_AT_ONCE: usize = 16;
