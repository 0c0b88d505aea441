//! READ (RFC 1813 3.3.6). What is in memory is answered at the first look; only what has to be loaded or read from the
//! store waits, and then looks again.

use std::ops::Range;

use futures_util::future;
use vfs::limits::IO_BYTES_MAX;
use vfs::{Attributes, Failure, FsError, InodeId, OpContext, ReadReply, ReadRequest};

use super::ahead::Flights;
use super::buffer::within;
use super::fetch::is_scattered;
use super::span::{Spans, Unknown};
use super::{BLOCK_BYTES, FileState, REGION_BYTES};
use crate::Filesystem;
use crate::access::READ;
use crate::attributes::effective;
use crate::cache::{Miss, Seen};
use crate::turn::Scratch;

/// What a look at a file gives.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each READ")]
enum Look {
    /// This has to be loaded first.
    Miss(Miss),
    /// The file as it is at this moment.
    Moment(Attributes, Spans),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_read(&self, ctx: &OpContext, request: ReadRequest) -> Result<ReadReply, Failure> {
        let file = self.files.state(request.inode);
        let mut seen = Seen::default();
        let (mut guard, mut is_cold, mut is_noted) = (None, false, false);
        for _ in 0..ATTEMPTS_MAX {
            let (attributes, spans) = match self.look_at(ctx, (&request, &file), &mut seen) {
                Ok(Look::Moment(attributes, spans)) => (attributes, spans),
                Ok(Look::Miss(Miss::Inode(inode))) => {
                    self.live(inode, &mut seen).await?;
                    continue;
                }
                Ok(Look::Miss(Miss::Region(key))) if wanted(&request) > REGION_BYTES => {
                    Box::pin(self.load_regions(key, wanted(&request).div_ceil(REGION_BYTES) + 1)).await?;
                    continue;
                }
                Ok(Look::Miss(miss)) => {
                    self.load(miss, &mut Scratch::default()).await?;
                    continue;
                }
                Err(failure) => {
                    self.settle(seen.0).await?;
                    return Err(failure);
                }
            };
            let is_whole = spans.is_whole();
            is_cold |= !is_whole;
            if !is_whole && guard.is_none() {
                // What is read from the store must be looked at behind the gate.
                guard = Some(self.data.gate.enter());
                continue;
            }
            let next =
                if std::mem::replace(&mut is_noted, true) { None } else { self.note_order(&file, &spans, is_cold) };
            let flights = if is_whole { Flights::new() } else { file.data().ahead.flights_for(&spans) };
            if !flights.is_empty() {
                let taken = self.take_flights(&file, flights);
                Box::pin(future::join(taken, self.read_next((request.inode, &file), next))).await;
                continue;
            }
            let (hits, misses) = spans.count();
            self.data.cache.count(hits, misses);
            if is_scattered(&spans) {
                self.data.scattered.add(request.inode, spans.first);
            }
            // Boxed is what reads of a file in memory do not come to: their futures stay small.
            let spans = match next {
                None if is_whole => spans,
                next if is_whole => {
                    Box::pin(self.read_next((request.inode, &file), next)).await;
                    spans
                }
                next => {
                    let ahead = self.read_next((request.inode, &file), next);
                    // What was asked for goes to the device first.
                    Box::pin(future::join(self.fetch(request.inode, spans), ahead)).await.0?
                }
            };
            self.settle(seen.0).await?;
            let count = usize::try_from(count(&request, &attributes)).unwrap_or(IO_BYTES_MAX);
            let data = spans.into_payload(within(request.offset), count);
            let end_of_file = request.offset.saturating_add(wanted(&request)) >= attributes.size;
            return Ok(ReadReply { data, end_of_file, attributes });
        }
        Err(FsError::Delay.into())
    }

    async fn read_next(&self, file: (InodeId, &FileState), next: Option<Range<u64>>) {
        if let Some(blocks) = next {
            self.read_ahead(file, blocks).await;
        }
    }

    /// Takes note of where the file is read; returns what should be read ahead.
    fn note_order(&self, file: &FileState, spans: &Spans, is_cold: bool) -> Option<Range<u64>> {
        let mut data = file.data();
        let advice = data.ahead.streams.note(&spans.range(), is_cold, self.data.ahead.window_max());
        if let Some(given_up) = &advice.given_up {
            data.ahead.give_up(given_up);
        }
        advice.wanted
    }

    /// Looks at the file. Its data is held meanwhile, so that record, regions and what is dirty belong together.
    fn look_at(
        &self,
        ctx: &OpContext,
        (request, file): (&ReadRequest, &FileState),
        seen: &mut Seen,
    ) -> Result<Look, Failure> {
        let inode = request.inode;
        let data = file.data();
        self.require_loaded()?;
        let Some(slot) = self.records.inodes.get_near(&inode) else { return Ok(Look::Miss(Miss::Inode(inode))) };
        seen.note(slot.version);
        let record = slot.value.filter(|record| self.is_there(request.inode, record)).ok_or(FsError::StaleHandle)?;
        let attributes = effective(inode, &record, data.shown());
        self.check_bytes(ctx, request.via, (&attributes, READ, (request.offset, wanted(request))))?;
        let first = request.offset / BLOCK_BYTES;
        let end = match count(request, &attributes) {
            0 => first,
            count => (request.offset + count).div_ceil(BLOCK_BYTES),
        };
        let mut spans = match self.spans_of((inode, &record), first..end, seen) {
            Ok(spans) => spans,
            Err(Unknown::Region(key)) => return Ok(Look::Miss(Miss::Region(key))),
            Err(Unknown::Foreign) => return Err(FsError::Io.into()),
        };
        // Behind the look into the caches: once a snapshot goes, its blocks may come to hold something else.
        self.require_shown(inode)?;
        if spans.has_hole() {
            // A removal publishes the inode before the regions, without the data: regions that went are no holes.
            let current = self.records.inodes.get_near(&inode).and_then(|slot| slot.value);
            if current.is_none_or(|record| !self.is_there(inode, &record)) {
                return Ok(Look::Miss(Miss::Inode(inode)));
            }
        }
        if !data.buffer.is_empty() && first < end {
            for (block, bytes) in data.buffer.range(first, end) {
                spans.overlay(block, &bytes);
            }
        }
        Ok(Look::Moment(attributes, spans))
    }
}

/// Bytes to read.
fn count(request: &ReadRequest, attributes: &Attributes) -> u64 {
    wanted(request).min(attributes.size.saturating_sub(request.offset))
}

fn wanted(request: &ReadRequest) -> u64 {
    u64::from(request.length).min(IO_BYTES_MAX as u64)
}

/// Times a read looks again because what it needs was not in memory (any more).
const ATTEMPTS_MAX: usize = 4096;
