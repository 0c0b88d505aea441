//! What of an inode differs that both states have.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::Direction;
use meta::keys::{self, KeyKind};
use meta::records::{InodeRecord, Record, RegionRecord, StreamRecord, XattrRecord, XattrValue};
use meta::{MetaError, Seen};
use vfs::limits::{STREAMS_MAX, XATTRS_MAX};
use vfs::{ChangedPart, Failure, FileType, InodeNumber, Name, TreeId};

use super::Page;
use super::span::{Pair, Side};
use crate::load::kind_of;

impl<K: kv::Engine, C: chunk::Store> Page<'_, K, C> {
    /// What of it differs, but for its name.
    pub(super) async fn parts(&mut self, number: InodeNumber, pair: &Pair) -> Result<Vec<ChangedPart>, Failure> {
        let (Some(from), Some(to)) = (&pair.from, &pair.to) else { return Ok(Vec::new()) };
        let mut parts = Vec::new();
        if from.file_type == FileType::Regular && self.data_differs(number, (from, to)).await? {
            parts.push(ChangedPart::Data);
        }
        parts.extend(record_parts(from, to));
        if from.xattr_bytes.max(to.xattr_bytes) > 0 && self.xattrs_differ(number).await? {
            parts.push(ChangedPart::Xattrs);
        }
        if from.streams.max(to.streams) > 0 && self.streams_differ(number).await? {
            parts.push(ChangedPart::Streams);
        }
        parts.sort_unstable();
        Ok(parts)
    }

    /// The stream with the lowest number that both states have and that differs.
    pub(super) async fn first_changed_stream(&mut self, file: InodeNumber) -> Result<Option<InodeNumber>, Failure> {
        for stream in self.streams(Side::To, file).await?.into_keys() {
            if self.pair(stream).await?.has_changed(&self.span) {
                return Ok(Some(stream));
            }
        }
        Ok(None)
    }

    /// Whether what a file holds may differ. Only a file of which very much was written and nothing of what had been there
    /// is told although it does not.
    async fn data_differs(
        &mut self,
        number: InodeNumber,
        (from, to): (&InodeRecord, &InodeRecord),
    ) -> Result<bool, Failure> {
        if from.size != to.size || from.mask_generation != to.mask_generation {
            return Ok(true);
        }
        let differs = async {
            if self.region_ended(number).await? {
                return Ok(true);
            }
            // Holes that were filled ended nothing, nor did what a clone has from its origin.
            let is_new = from.allocated_blocks != to.allocated_blocks || self.span.tree != TreeId::LIVE;
            Ok(is_new && self.region_began(number, to).await?)
        };
        let differs: Result<bool, MetaError> = differs.await;
        differs.map_err(|error| self.house.refuse(&error))
    }

    /// Whether a region that the older state shows ended before the younger one.
    async fn region_ended(&mut self, number: InodeNumber) -> Result<bool, MetaError> {
        let regions = keys::region_range(self.span.kept(number), 0, u64::MAX);
        let range = keys::version_range_of(&regions);
        let Seen { value, version } = self.house.meta.scan_seen(&range, REGIONS_MAX, Direction::Forward).await?;
        self.look(1 + value.len());
        self.seen.note(version);
        let is_part = value.len() == REGIONS_MAX;
        for (key, value) in value {
            let KeyKind::Version { died, .. } = kind_of(&key)? else { continue };
            let born = RegionRecord::decode_at(&key, &value)?.born;
            if born <= self.span.after && self.span.after < died && died <= self.span.until {
                return Ok(true);
            }
        }
        Ok(is_part)
    }

    /// Whether a region of the younger state is younger than the older state.
    async fn region_began(&mut self, number: InodeNumber, to: &InodeRecord) -> Result<bool, MetaError> {
        let inode = self.span.inode(Side::To, number);
        let listed = self.house.listed(inode, |inode| keys::region_range(inode, 0, u64::MAX), REGIONS_MAX).await?;
        self.look(1 + listed.value.len());
        self.seen.note(listed.version);
        let is_part = listed.value.len() == REGIONS_MAX;
        for (key, value) in listed.value {
            let KeyKind::Region { index, .. } = kind_of(&key)? else { continue };
            let region = RegionRecord::decode_at(&key, &value)?;
            if self.span.is_younger(region.born) && !to.is_masked(index, region.generation) {
                return Ok(true);
            }
        }
        Ok(is_part)
    }

    async fn xattrs_differ(&mut self, number: InodeNumber) -> Result<bool, Failure> {
        Ok(self.xattrs(Side::From, number).await? != self.xattrs(Side::To, number).await?)
    }

    async fn xattrs(&mut self, side: Side, number: InodeNumber) -> Result<Vec<(Bytes, XattrValue)>, Failure> {
        let listed = self.house.listed(self.span.inode(side, number), keys::xattr_range, XATTRS_MAX).await;
        let listed = listed.map_err(|error| self.house.refuse(&error))?;
        self.look(1 + listed.value.len());
        self.seen.note(listed.version);
        let decoded = listed.value.into_iter().map(|(key, value)| match kind_of(&key)? {
            KeyKind::Xattr { name, .. } => Ok(Some((name, XattrRecord::decode_at(&key, &value)?.value))),
            _ => Ok(None),
        });
        let decoded: Result<Vec<_>, MetaError> = decoded.filter_map(Result::transpose).collect();
        decoded.map_err(|error| self.house.refuse(&error))
    }

    async fn streams_differ(&mut self, number: InodeNumber) -> Result<bool, Failure> {
        let streams = self.streams(Side::To, number).await?;
        if self.streams(Side::From, number).await? != streams {
            return Ok(true);
        }
        for stream in streams.into_keys() {
            if self.pair(stream).await?.has_changed(&self.span) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn streams(&mut self, side: Side, number: InodeNumber) -> Result<BTreeMap<InodeNumber, Name>, Failure> {
        let listed = self.house.listed(self.span.inode(side, number), keys::stream_range, STREAMS_MAX).await;
        let listed = listed.map_err(|error| self.house.refuse(&error))?;
        self.look(1 + listed.value.len());
        self.seen.note(listed.version);
        let decoded = listed.value.into_iter().map(|(key, value)| match kind_of(&key)? {
            KeyKind::Stream { stream, .. } => Ok(Some((stream, StreamRecord::decode_at(&key, &value)?.name))),
            _ => Ok(None),
        });
        let decoded: Result<_, MetaError> = decoded.filter_map(Result::transpose).collect();
        decoded.map_err(|error| self.house.refuse(&error))
    }
}

/// What of the records themselves differs.
fn record_parts(from: &InodeRecord, to: &InodeRecord) -> impl Iterator<Item = ChangedPart> {
    let times = |record: &InodeRecord| (record.accessed, record.modified, record.changed, record.created);
    let descriptor = |record: &InodeRecord| record.descriptor.as_ref().map(|descriptor| descriptor.hash);
    // Those of a directory are its sub-directories.
    let links = |record: &InodeRecord| if record.file_type == FileType::Directory { 0 } else { record.links };
    [
        (ChangedPart::Owner, (&from.owner, &from.group) != (&to.owner, &to.group)),
        (ChangedPart::Mode, from.mode != to.mode),
        (ChangedPart::Descriptor, descriptor(from) != descriptor(to)),
        (ChangedPart::Dos, from.dos != to.dos),
        (ChangedPart::Times, times(from) != times(to)),
        (ChangedPart::Links, links(from) != links(to)),
    ]
    .into_iter()
    .filter_map(|(part, differs)| differs.then_some(part))
}

/// Regions of a file that are looked at to find one that differs.
const REGIONS_MAX: usize = 1024;
