//! In which ranges a file differs: block by block, by where the two states have it in the store. Blocks never change once they
//! are placed, so what lies at the same place is the same.

use std::collections::BTreeMap;

use meta::keys::{self, KeyKind};
use meta::records::{InodeRecord, Located, Record, RegionRecord};
use meta::{MetaError, Version};
use vfs::{ChangedRange, ChangedRangesReply, ChangedRangesRequest, Failure, FileType, FsError, InodeId};

use super::span::{Side, Span};
use crate::Filesystem;
use crate::cache::Seen;
use crate::file::{BLOCK_BYTES, REGION_BLOCKS};
use crate::load::kind_of;

/// A file in one of the states.
struct State<'r> {
    inode: InodeId,
    record: &'r InodeRecord,
}

/// Regions of a file from one on, those that read as holes left out.
struct Regions {
    found: BTreeMap<u64, RegionRecord>,
    /// Nothing is known from this one on.
    end: u64,
    version: Version,
}

/// Ranges in the making.
struct Found {
    ranges: Vec<ChangedRange>,
    limit: usize,
    /// No range begins before this byte.
    from: u64,
    /// No range ends behind this byte.
    size: u64,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_changed_ranges(&self, request: ChangedRangesRequest) -> Result<ChangedRangesReply, Failure> {
        let span = self.span_of((request.from, request.to), FileType::Regular).await?;
        self.name_file(&span).await?;
        let [from, to] = [Side::From, Side::To].map(|side| span.inode(side, span.top));
        let told = self.differing([from, to], request.offset, request.limit.clamp(1, vfs::CHANGES_MAX)).await?;
        self.require_both(&span)?;
        Ok(told)
    }

    /// In which ranges two files differ, now or then, that have no blocks in common but those that they share; a page of
    /// them from a byte on. What is buffered of them is not looked at.
    ///
    /// Errors: `StaleHandle`, `Io`.
    pub(crate) async fn differing(
        &self,
        [from, to]: [InodeId; 2],
        offset: u64,
        limit: usize,
    ) -> Result<ChangedRangesReply, Failure> {
        let mut seen = Seen::default();
        let before = self.inode(from, &mut seen).await?.ok_or(FsError::StaleHandle)?;
        let after = self.inode(to, &mut seen).await?.ok_or(FsError::StaleHandle)?;
        let states = [State { inode: from, record: &before }, State { inode: to, record: &after }];
        let mut found = Found { ranges: Vec::new(), limit, from: offset, size: after.size };
        let next = self.find_ranges(&states, &mut found, &mut seen).await?;
        self.settle(seen.0).await?;
        let (size_before, size_after) = (before.size, after.size);
        Ok(ChangedRangesReply { ranges: found.ranges, next, size_before, size_after })
    }

    /// Names what is buffered of the file.
    async fn name_file(&self, span: &Span) -> Result<(), Failure> {
        if span.is_open() {
            let version = Box::pin(self.flush(span.kept(span.top))).await?;
            self.settle(version).await?;
        }
        Ok(())
    }

    /// Returns the byte to go on with.
    async fn find_ranges(
        &self,
        states: &[State<'_>; 2],
        found: &mut Found,
        seen: &mut Seen,
    ) -> Result<Option<u64>, Failure> {
        let first = found.from / REGION_BYTES;
        let mut listed = Vec::with_capacity(states.len());
        for state in states {
            let regions = self.regions_of(state, first).await.map_err(|error| self.refuse(&error))?;
            seen.note(regions.version);
            listed.push(regions);
        }
        let [before, after] = listed.as_slice() else { return Err(FsError::Io.into()) };
        let end = before.end.min(after.end);
        let mut indices: Vec<u64> = before.found.keys().chain(after.found.keys()).copied().collect();
        indices.sort_unstable();
        indices.dedup();
        for index in indices.into_iter().filter(|index| *index < end) {
            if index.saturating_mul(REGION_BYTES) >= found.size {
                return Ok(None);
            }
            if let Some(next) = found.compare(index, [before.found.get(&index), after.found.get(&index)]) {
                return Ok(Some(next));
            }
        }
        let next = end.saturating_mul(REGION_BYTES);
        Ok((end < u64::MAX && next < found.size).then_some(next))
    }

    async fn regions_of(&self, state: &State<'_>, first: u64) -> Result<Regions, MetaError> {
        let range = |inode| keys::region_range(inode, first, u64::MAX);
        let listed = self.listed(state.inode, range, REGIONS_PER_PAGE).await?;
        let is_whole = listed.value.len() < REGIONS_PER_PAGE;
        let (mut found, mut end) = (BTreeMap::new(), u64::MAX);
        for (key, value) in listed.value {
            let KeyKind::Region { index, .. } = kind_of(&key)? else { continue };
            let region = RegionRecord::decode_at(&key, &value)?;
            end = if is_whole { u64::MAX } else { index.saturating_add(1) };
            if !state.record.is_masked(index, region.generation) {
                found.insert(index, region);
            }
        }
        Ok(Regions { found, end, version: listed.version })
    }
}

impl Found {
    /// Compares a region. Returns the byte to go on with when there is no room for more.
    fn compare(&mut self, index: u64, [before, after]: [Option<&RegionRecord>; 2]) -> Option<u64> {
        if before.is_some() && before == after {
            return None;
        }
        for block in 0..u8::try_from(REGION_BLOCKS).unwrap_or(u8::MAX) {
            let [was, is] = [before, after].map(|region| region.and_then(|region| region.find(block)));
            let place =
                |located: Option<Located>| located.map(|located| (located.pool, located.placement, located.coding));
            let offset = index * REGION_BYTES + u64::from(block) * BLOCK_BYTES;
            if place(was) != place(is) && !self.add(offset, is.is_none()) {
                return Some(offset);
            }
        }
        None
    }

    /// Adds a block. Says whether there was room.
    fn add(&mut self, offset: u64, is_hole: bool) -> bool {
        let (start, end) = (offset.max(self.from), (offset + BLOCK_BYTES).min(self.size));
        if start >= end {
            return true;
        }
        let is_full = self.ranges.len() >= self.limit;
        match self.ranges.last_mut() {
            Some(last) if last.is_hole == is_hole && last.offset + last.length == start => last.length += end - start,
            _ if is_full => return false,
            _ => self.ranges.push(ChangedRange { offset: start, length: end - start, is_hole }),
        }
        true
    }
}

const REGION_BYTES: u64 = REGION_BLOCKS * BLOCK_BYTES;
/// Regions of each state that one page looks at: 128 MiB, or more where there are holes.
const REGIONS_PER_PAGE: usize = 512;
