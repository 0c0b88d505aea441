//! READ (RFC 1813 3.3.6).

use std::sync::Arc;

use bytes::Bytes;
use meta::records::InodeRecord;
use pages::Payload;
use vfs::limits::IO_BYTES_MAX;
use vfs::{Attributes, Failure, FsError, OpContext, ReadReply, ReadRequest};

use super::buffer::within;
use super::check::check_bytes;
use super::fetch::{assemble, overlay};
use super::{BLOCK_BYTES, FileState};
use crate::Filesystem;
use crate::access::READ;
use crate::attributes::effective;
use crate::cache::Seen;

/// A file at the moment a read begins.
struct Moment {
    record: Arc<InodeRecord>,
    attributes: Attributes,
    dirty: Vec<(u64, Bytes)>,
    cuts: u64,
    /// Bytes to read.
    count: u64,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_read(&self, ctx: &OpContext, request: ReadRequest) -> Result<ReadReply, Failure> {
        self.require_live(ctx, FsError::StaleHandle)?;
        let file = self.files.state(request.inode);
        let mut seen = Seen::default();
        let _guard = self.data.gate.enter();
        for _ in 0..ATTEMPTS_MAX {
            let moment = match self.moment(ctx, (&request, &file), &mut seen) {
                Ok(Some(moment)) => moment,
                Ok(None) => {
                    self.live(request.inode, &mut seen).await?;
                    continue;
                }
                Err(failure) => {
                    self.settle(seen.0).await?;
                    return Err(failure);
                }
            };
            let Some(data) = self.bytes_of((&request, &file), &moment, &mut seen).await? else { continue };
            self.settle(seen.0).await?;
            let end_of_file = request.offset.saturating_add(wanted(&request)) >= moment.attributes.size;
            return Ok(ReadReply { data, end_of_file, attributes: moment.attributes });
        }
        Err(FsError::Delay.into())
    }

    /// Looks at the file; `None` when its record has to be loaded.
    fn moment(
        &self,
        ctx: &OpContext,
        (request, file): (&ReadRequest, &FileState),
        seen: &mut Seen,
    ) -> Result<Option<Moment>, Failure> {
        let data = file.data();
        let Some(slot) = self.records.inodes.get(&request.inode) else { return Ok(None) };
        seen.note(slot.version);
        let record = slot.value.filter(|record| record.links > 0).ok_or(FsError::StaleHandle)?;
        let attributes = effective(request.inode, &record, data.pending);
        check_bytes(ctx, request.via, &attributes, READ)?;
        let count = wanted(request).min(attributes.size.saturating_sub(request.offset));
        let dirty = match count {
            0 => Vec::new(),
            _ => data.buffer.range(request.offset / BLOCK_BYTES, (request.offset + count).div_ceil(BLOCK_BYTES)),
        };
        Ok(Some(Moment { record, attributes, dirty, cuts: data.cuts, count }))
    }

    /// The bytes of the range as they were at that moment; `None` when data was cut off since.
    async fn bytes_of(
        &self,
        (request, file): (&ReadRequest, &FileState),
        moment: &Moment,
        seen: &mut Seen,
    ) -> Result<Option<Payload>, Failure> {
        if moment.count == 0 {
            return Ok(Some(Payload::new()));
        }
        let blocks = request.offset / BLOCK_BYTES..(request.offset + moment.count).div_ceil(BLOCK_BYTES);
        let first = blocks.start;
        let mut sources = self.stored_sources((request.inode, &moment.record), blocks, seen).await?;
        // A removal publishes the inode before the regions, and cuts are counted after: regions that went are no holes.
        let current = self.records.inodes.get(&request.inode).and_then(|slot| slot.value);
        if current.is_none_or(|record| record.links == 0) || file.data().cuts != moment.cuts {
            return Ok(None);
        }
        for (block, bytes) in &moment.dirty {
            let at = usize::try_from(block - first).unwrap_or(usize::MAX);
            overlay(&mut sources, at, bytes);
        }
        self.fetch(request.inode, first, &mut sources).await?;
        let count = usize::try_from(moment.count).unwrap_or(IO_BYTES_MAX);
        Ok(Some(assemble(sources).slice(within(request.offset), count)))
    }
}

fn wanted(request: &ReadRequest) -> u64 {
    u64::from(request.length).min(IO_BYTES_MAX as u64)
}

/// Times a read starts again because its file was cut meanwhile.
const ATTEMPTS_MAX: usize = 4096;
