//! Finding data and holes. What is dirty is flushed first, so that the records say it all.

use std::cmp::max;

use meta::records::RegionRecord;
use vfs::{Failure, OpContext, SeekKind, SeekReply, SeekRequest};

use super::{BLOCK_BYTES, REGION_BLOCKS};
use crate::Filesystem;
use crate::access::READ;
use crate::cache::Seen;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_seek(&self, ctx: &OpContext, request: SeekRequest) -> Result<SeekReply, Failure> {
        let inode = request.inode;
        let mut seen = Seen::default();
        let file = self.files.state(inode);
        let flush_turn = file.flush_turn.lock().await;
        let flushed = self.flush_in_turn(inode, &file).await?;
        let record = self.live(inode, &mut seen).await?;
        let attributes = self.attributes(inode, &record);
        let checked = self.check_bytes(ctx, request.via, (&attributes, READ, (request.offset, 0)));
        let found = match (checked, request.kind) {
            (Err(failure), _) => Err(failure),
            (Ok(()), _) if request.offset >= attributes.size => Ok(None),
            (Ok(()), SeekKind::Data) => self.next_data(&request, &mut seen).await,
            (Ok(()), SeekKind::Hole) => self.next_hole(&request, &mut seen).await.map(Some),
        };
        drop(flush_turn);
        self.settle(max(seen.0, flushed)).await?;
        let offset = match request.kind {
            SeekKind::Data => found?.filter(|offset| *offset < attributes.size),
            SeekKind::Hole => found?.map(|offset| offset.min(attributes.size)),
        };
        Ok(SeekReply { offset, attributes })
    }

    async fn next_data(&self, request: &SeekRequest, seen: &mut Seen) -> Result<Option<u64>, Failure> {
        let from = request.offset / BLOCK_BYTES;
        let mut next = from / REGION_BLOCKS;
        loop {
            let list = self.regions_from(request, next).await?;
            for index in &list {
                let Some(region) = self.seen_region(request, *index, seen).await? else { continue };
                let within = within(from, *index);
                let found = region.extents.iter().find(|extent| extent.end() > within);
                if let Some(extent) = found {
                    let block = index * REGION_BLOCKS + u64::from(max(extent.first_block, within));
                    return Ok(Some(max(block * BLOCK_BYTES, request.offset)));
                }
            }
            match list.last() {
                Some(last) => next = last + 1,
                None => return Ok(None),
            }
        }
    }

    async fn next_hole(&self, request: &SeekRequest, seen: &mut Seen) -> Result<u64, Failure> {
        let from = request.offset / BLOCK_BYTES;
        let mut next = from / REGION_BLOCKS;
        loop {
            let list = self.regions_from(request, next).await?;
            for index in &list {
                let region = self.seen_region(request, *index, seen).await?;
                let start = within(from, next);
                // Regions that are not there, and the first block of this one that is not.
                let block = match region.filter(|_| *index == next) {
                    None => start,
                    Some(region) => end_of_data(&region, start),
                };
                if u64::from(block) < REGION_BLOCKS {
                    return Ok(max((next * REGION_BLOCKS + u64::from(block)) * BLOCK_BYTES, request.offset));
                }
                next += 1;
            }
            if list.is_empty() {
                let block = max(next * REGION_BLOCKS, from);
                return Ok(max(block * BLOCK_BYTES, request.offset));
            }
        }
    }

    async fn regions_from(&self, request: &SeekRequest, first: u64) -> Result<Vec<u64>, Failure> {
        self.list_regions(request.inode, first).await.map_err(|error| self.refuse(&error))
    }

    /// A region, unless it reads as a hole.
    async fn seen_region(
        &self,
        request: &SeekRequest,
        index: u64,
        seen: &mut Seen,
    ) -> Result<Option<std::sync::Arc<RegionRecord>>, Failure> {
        let record = self.live(request.inode, seen).await?;
        let region = self.region((request.inode, index), seen).await?;
        Ok(region.filter(|region| !record.is_masked(index, region.generation)))
    }
}

/// The block of a region that a search begins with.
fn within(from: u64, index: u64) -> u8 {
    u8::try_from(from.saturating_sub(index * REGION_BLOCKS)).unwrap_or(0)
}

/// The first block from this one on that a region does not name.
fn end_of_data(region: &RegionRecord, from: u8) -> u8 {
    region
        .extents
        .iter()
        .fold(from, |at, extent| if (extent.first_block..extent.end()).contains(&at) { extent.end() } else { at })
}
