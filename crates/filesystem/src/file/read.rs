//! READ (RFC 1813 3.3.6). What is in memory is answered at the first look; only what has to be loaded or read from the
//! store waits, and then looks again.

use vfs::limits::IO_BYTES_MAX;
use vfs::{Attributes, Failure, FsError, OpContext, ReadReply, ReadRequest};

use super::buffer::within;
use super::check::check_bytes;
use super::span::{Spans, Unknown};
use super::{BLOCK_BYTES, FileState};
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
        self.require_live(ctx, FsError::StaleHandle)?;
        let file = self.files.state(request.inode);
        let mut seen = Seen::default();
        let mut guard = None;
        for _ in 0..ATTEMPTS_MAX {
            let (attributes, spans) = match self.look_at(ctx, (&request, &file), &mut seen) {
                Ok(Look::Moment(attributes, spans)) => (attributes, spans),
                Ok(Look::Miss(Miss::Inode(inode))) => {
                    self.live(inode, &mut seen).await?;
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
            if !is_whole && guard.is_none() {
                // What is read from the store must be looked at behind the gate.
                guard = Some(self.data.gate.enter());
                continue;
            }
            let (hits, misses) = spans.count();
            self.data.cache.count(hits, misses);
            let spans = if is_whole { spans } else { self.fetch(request.inode, spans).await? };
            self.settle(seen.0).await?;
            let count = usize::try_from(count(&request, &attributes)).unwrap_or(IO_BYTES_MAX);
            let data = spans.into_payload(within(request.offset), count);
            let end_of_file = request.offset.saturating_add(wanted(&request)) >= attributes.size;
            return Ok(ReadReply { data, end_of_file, attributes });
        }
        Err(FsError::Delay.into())
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
        let Some(slot) = self.records.inodes.get(&inode) else { return Ok(Look::Miss(Miss::Inode(inode))) };
        seen.note(slot.version);
        let record = slot.value.filter(|record| record.links > 0).ok_or(FsError::StaleHandle)?;
        let attributes = effective(inode, &record, data.pending);
        check_bytes(ctx, request.via, &attributes, READ)?;
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
        if spans.has_hole() {
            // A removal publishes the inode before the regions, without the data: regions that went are no holes.
            let current = self.records.inodes.get(&inode).and_then(|slot| slot.value);
            if current.is_none_or(|record| record.links == 0) {
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
