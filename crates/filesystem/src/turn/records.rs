//! Reading and writing single records within a turn.

use std::sync::Arc;

use meta::records::{InodeRecord, OwnerUsageRecord, RegionRecord, UsageRecord};
use vfs::{Attributes, FileType, FsError, InodeId};

use super::{Step, Stop, Turn};
use crate::attributes::effective;
use crate::cache::{Miss, OwnerKey, RegionKey};
use crate::file::Pending;
use crate::snapshot::directory_record;

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// An inode, orphans included.
    pub(crate) fn inode(&mut self, inode: InodeId) -> Step<Option<Arc<InodeRecord>>> {
        if let Some(written) = self.writes.inodes.find(&inode) {
            return Ok(written);
        }
        if let Some(tree) = inode.tree.behind_snapshots() {
            let within = self.inode(inode.in_tree(tree))?;
            return Ok(within.map(|record| Arc::new(directory_record(&record))));
        }
        let slot = self.house.records.inodes.get(&inode).ok_or(Stop::Miss(Miss::Inode(inode)))?;
        self.seen.note(slot.version);
        self.writes.inodes.read(inode, slot.value.clone());
        Ok(slot.value)
    }

    /// An inode that has a name or is open.
    pub(crate) fn live(&mut self, inode: InodeId) -> Step<Arc<InodeRecord>> {
        let record = self.inode(inode)?;
        record.filter(|record| self.is_there(inode, record)).ok_or_else(|| FsError::StaleHandle.into())
    }

    /// As `live`, to pass through: its times and counts are not told to anybody.
    pub(crate) fn passed(&mut self, inode: InodeId) -> Step<Arc<InodeRecord>> {
        let record = match self.writes.inodes.find(&inode) {
            Some(written) => written,
            None => {
                let slot = self.house.records.inodes.get(&inode).ok_or(Stop::Miss(Miss::Inode(inode)))?;
                self.seen.note(slot.decided);
                slot.value
            }
        };
        record.filter(|record| self.is_there(inode, record)).ok_or_else(|| FsError::StaleHandle.into())
    }

    /// A directory.
    pub(crate) fn directory(&mut self, inode: InodeId) -> Step<Arc<InodeRecord>> {
        let record = self.live(inode)?;
        if record.file_type == FileType::Directory { Ok(record) } else { Err(FsError::NotDirectory.into()) }
    }

    /// The attributes that clients see of an inode, with what is pending.
    pub(crate) fn attributes(&self, inode: InodeId, record: &InodeRecord) -> Attributes {
        effective(inode, record, self.pending(inode, record))
    }

    /// What writes have changed of an inode and no change has submitted.
    pub(crate) fn pending(&self, inode: InodeId, record: &InodeRecord) -> Pending {
        match record.file_type {
            FileType::Regular => self.house.files.peek(inode).map_or_else(Pending::default, |file| file.data().shown()),
            _ => Pending::default(),
        }
    }

    /// The record takes over mode and time of modification from what is pending and stands in the journal: both are in
    /// the record from now on. Nothing may miss after this. Says whether a write has taken the set-id bits away.
    pub(crate) fn take_pending(&self, inode: InodeId, record: &mut InodeRecord, sets_modified: bool) -> bool {
        if record.file_type != FileType::Regular {
            return false;
        }
        let Some(file) = self.house.files.peek(inode) else { return false };
        let mut data = file.data();
        if let Some(last) = data.journal.last_live() {
            record.attributes_floor = last.0;
        }
        let modified = data.pending.modified.take().filter(|_| !sets_modified);
        record.modified = modified.unwrap_or(record.modified);
        std::mem::take(&mut data.pending.clear_set_id)
    }

    /// A directory that gained or lost entries and sub-directories: times, counts and change number. Returns its
    /// attributes after.
    pub(crate) fn touch_directory(&mut self, directory: InodeId, entries: i64, directories: i64) -> Step<Attributes> {
        let mut record = (*self.directory(directory)?).clone();
        record.size = record.size.saturating_add_signed(entries);
        let links = i64::from(record.links) + directories;
        record.links = u32::try_from(links).map_err(|_| FsError::TooManyLinks)?;
        record.modified = self.now;
        record.changed = self.now;
        record.change = self.stamp();
        if directories < 0 && record.links == 2 {
            // The bound only rises otherwise: where nothing is below any more it is exact again.
            let usage = self.usage(directory)?;
            self.put_usage(directory, Some(UsageRecord { height: 0, ..usage }));
        }
        let record = self.put_inode(directory, record);
        Ok(self.attributes(directory, &record))
    }

    /// Writes an inode that was read before, or a new one.
    pub(crate) fn put_inode(&mut self, inode: InodeId, mut record: InodeRecord) -> Arc<InodeRecord> {
        record.born = self.clock().current;
        let record = Arc::new(record);
        self.writes.inodes.put(inode, Some(Arc::clone(&record)));
        record
    }

    /// The counters of a directory; absent counts as nothing.
    pub(crate) fn usage(&mut self, directory: InodeId) -> Step<UsageRecord> {
        if let Some(written) = self.writes.usages.find(&directory) {
            return Ok(written.map_or_else(UsageRecord::default, |usage| *usage));
        }
        let slot = self.house.records.usages.get(&directory).ok_or(Stop::Miss(Miss::Usage(directory)))?;
        self.seen.note(slot.version);
        self.writes.usages.read(directory, slot.value.clone());
        Ok(slot.value.map_or_else(UsageRecord::default, |usage| *usage))
    }

    /// Writes the counters of a directory; `None` removes them with the directory.
    pub(crate) fn put_usage(&mut self, directory: InodeId, usage: Option<UsageRecord>) {
        let born = self.present().current;
        let new = usage.map(|usage| Arc::new(UsageRecord { born, ..usage }));
        self.writes.usages.put(directory, new);
    }

    /// The counters of an owner below a directory that counts owners.
    pub(crate) fn owner_usage(&mut self, key: &OwnerKey) -> Step<OwnerUsageRecord> {
        // Nothing stored is nothing owned.
        let nothing = OwnerUsageRecord { ready: true, ..OwnerUsageRecord::default() };
        if let Some(written) = self.writes.owners.find(key) {
            return Ok(written.map_or(nothing, |usage| *usage));
        }
        let slot = self.house.records.owners.get(key).ok_or_else(|| Stop::Miss(Miss::Owner(key.clone())))?;
        self.writes.owners.read(key.clone(), slot.value.clone());
        Ok(slot.value.map_or(nothing, |usage| *usage))
    }

    /// Writes the counters of an owner; all zero removes them.
    pub(crate) fn put_owner_usage(&mut self, key: OwnerKey, usage: OwnerUsageRecord) {
        let new = (!usage.is_empty()).then(|| Arc::new(usage));
        self.writes.owners.put(key, new);
    }

    /// A region of a file; only under the file's flush turn.
    pub(crate) fn region(&mut self, key: RegionKey) -> Step<Option<Arc<RegionRecord>>> {
        if let Some(written) = self.writes.regions.find(&key) {
            return Ok(written);
        }
        let slot = self.house.records.regions.get(&key).ok_or(Stop::Miss(Miss::Region(key)))?;
        self.writes.regions.read(key, slot.value.clone());
        Ok(slot.value)
    }

    /// Writes a region of a file; `None` removes it. Only under the file's flush turn.
    pub(crate) fn put_region(&mut self, key: RegionKey, region: Option<RegionRecord>) {
        let born = self.clock().current;
        let new = region.map(|region| Arc::new(RegionRecord { born, ..region }));
        self.writes.regions.put(key, new);
    }
}
