//! Runs operations: loads what they miss, runs them again, and waits until what they saw is durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use meta::keys::{self, Key, KeyKind, OwnerKind};
use meta::records::{
    BacklinkRecord, DentryRecord, DescriptorRecord, DescriptorRef, InodeRecord, OwnerUsageRecord, Record, RegionRecord,
    SharedRecord, StreamRecord, UsageRecord, XattrRecord,
};
use meta::{MetaError, Version};
use vfs::{Failure, FsError, InodeId, InodeNumber, ShardId, TreeId};

use crate::Filesystem;
use crate::cache::{Bucket, BucketKey, DescriptorKey, Miss, OwnerKey, RegionKey, Seen, Slot};
use crate::snapshot::Place;
use crate::turn::{REGION_LIST_MAX, Scratch, Step, Stop, Turn, descriptor_of};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Runs a change of a shard until it is durable.
    ///
    /// Errors: what the step fails with; `StaleHandle` for a shard that is not here; `Io`.
    pub(crate) async fn mutate<T>(
        &self,
        shard: ShardId,
        mut step: impl FnMut(&mut Turn<'_, K, C>) -> Step<T> + Send,
    ) -> Result<T, Failure> {
        for _ in 0..PAST_MAX {
            let mut scratch = Scratch::default();
            if let Some((value, version)) = self.mutate_once(shard, &mut scratch, &mut step).await? {
                self.settle(version).await?;
                return Ok(value);
            }
            let Some(past) = scratch.past else { break };
            Box::pin(self.flush(past)).await?;
        }
        Err(FsError::Delay.into())
    }

    /// Runs a change of a shard until it is submitted; `None` when the step wants to be prepared again, or what is buffered
    /// of a file has to be named first: the scratch says of which.
    ///
    /// Errors: as `mutate`.
    pub(crate) async fn mutate_once<T>(
        &self,
        shard: ShardId,
        scratch: &mut Scratch,
        step: &mut (impl FnMut(&mut Turn<'_, K, C>) -> Step<T> + Send),
    ) -> Result<Option<(T, Version)>, Failure> {
        for _ in 0..MISSES_MAX {
            let shard = self.shard(shard)?;
            let stop = {
                let mut turn = Turn::begin(self, &shard, scratch);
                if scratch.is_void(self.meta.generation()) {
                    return Err(FsError::Io.into());
                }
                let stepped = step(&mut turn).and_then(|value| {
                    turn.adopt_written()?;
                    turn.observe()?;
                    Ok(value)
                });
                match stepped {
                    Ok(value) => return turn.submit().map(|version| Some((value, version))),
                    Err(stop) => (stop, turn.seen()),
                }
            };
            match stop {
                (Stop::Miss(miss), _) => self.load(miss, scratch).await?,
                (Stop::Again, _) => return Ok(None),
                (Stop::Past(inode), _) => {
                    scratch.past = Some(inode);
                    return Ok(None);
                }
                (Stop::Fail(failure), seen) => {
                    // That a name exists, or does not, is an answer too: it must not be taken back by a crash.
                    self.settle(seen).await?;
                    return Err(failure);
                }
            }
        }
        Err(FsError::Delay.into())
    }

    /// Waits until a version is durable.
    ///
    /// Errors: `Io` when the store failed meanwhile, also when it serves again: the change was taken back then, although
    /// the watermark has passed its number.
    pub(crate) async fn settle(&self, version: Version) -> Result<(), Failure> {
        self.meta.durable(version).await.map_err(|error| self.refuse(&error))
    }

    /// An inode record, from the cache or the store.
    ///
    /// Errors: `Io`.
    pub(crate) async fn inode(&self, inode: InodeId, seen: &mut Seen) -> Result<Option<Arc<InodeRecord>>, Failure> {
        // In a box, as all that few ever ask for: every operation holds a place for its look at an inode.
        if inode.tree.is_past() {
            return Box::pin(self.past_inode(inode, seen)).await;
        }
        self.cached_inode(inode, seen).await
    }

    /// As that, whatever tree it is of.
    pub(crate) async fn cached_inode(
        &self,
        inode: InodeId,
        seen: &mut Seen,
    ) -> Result<Option<Arc<InodeRecord>>, Failure> {
        for _ in 0..MISSES_MAX {
            if let Some(slot) = self.records.inodes.get_near(&inode) {
                self.require_loaded()?;
                seen.note_inode(&slot);
                return Ok(slot.value);
            }
            self.load(Miss::Inode(inode), &mut Scratch::default()).await?;
        }
        Err(FsError::Delay.into())
    }

    /// An inode that has a name or is open.
    ///
    /// Errors: `StaleHandle`, `Io`.
    pub(crate) async fn live(&self, inode: InodeId, seen: &mut Seen) -> Result<Arc<InodeRecord>, Failure> {
        if let Some(record) = self.inode(inode, seen).await?.filter(|record| self.is_there(inode, record)) {
            return Ok(record);
        }
        self.settle(seen.0).await?;
        Err(FsError::StaleHandle.into())
    }

    /// Loads what an operation missed.
    ///
    /// Errors: `Io`.
    pub(crate) async fn load(&self, miss: Miss, scratch: &mut Scratch) -> Result<(), Failure> {
        // While the journal is read again, records alone are not what is stable.
        self.require_loaded()?;
        // In a box: every operation holds a place for this, and few ever need it.
        Box::pin(self.load_missed(miss, scratch)).await.map_err(|error| self.refuse(&error))?;
        self.require_loaded()
    }

    /// As `load`, also while a reload is under way.
    pub(crate) async fn load_missed(&self, miss: Miss, scratch: &mut Scratch) -> Result<(), MetaError> {
        match miss {
            Miss::Inode(inode) => self.load_inode(inode).await,
            Miss::Bucket(key) => self.load_bucket(key).await,
            Miss::Usage(directory) => self.load_usage(directory).await,
            Miss::Owner(key) => self.load_owner(key).await,
            Miss::Backlinks(inode) => self.load_backlinks(inode).await,
            Miss::Xattrs(inode) => self.load_xattrs(inode).await,
            Miss::Streams(inode) => self.load_streams(inode).await,
            Miss::Descriptor(key) => self.load_descriptor(key).await,
            Miss::Region(key) => self.load_region(key).await,
            Miss::Shared(shard, groups) => self.load_shared(shard, groups).await,
            Miss::Marks(shard, removed) => self.load_marks((shard, removed), scratch).await,
            Miss::LastEnded(key) => self.load_last_ended(key, scratch).await,
            Miss::RegionList(inode, first) => {
                // Before the list: a reload while it is read makes it void.
                let generation = self.meta.generation();
                scratch.generation.get_or_insert(generation);
                self.list_regions(inode, first).await.map(|list| {
                    scratch.region_lists.insert((inode, first), list);
                })
            }
        }
    }

    /// Errors: `Io` while a reload is under way.
    pub(crate) fn require_loaded(&self) -> Result<(), Failure> {
        if self.is_reloading.load(Ordering::Acquire) { Err(FsError::Io.into()) } else { Ok(()) }
    }

    async fn load_inode(&self, inode: InodeId) -> Result<(), MetaError> {
        self.settle_past(inode).await?;
        let ticket = self.records.inodes.begin(&inode);
        let mut slot = self.stored::<InodeRecord>(inode, keys::inode).await?;
        if let Some(record) = &mut slot.value {
            self.load_descriptor_of(inode, record).await?;
        }
        self.records.inodes.fill_at((&inode, ticket), slot, self.meta.watermark());
        Ok(())
    }

    /// Loads what an inode record points at. If that went meanwhile the inode was written meanwhile too, and this record
    /// fills no place; if it is damaged nobody but the superuser may do anything.
    ///
    /// Errors: those of the store.
    pub(crate) async fn load_descriptor_of(
        &self,
        inode: InodeId,
        record: &mut Arc<InodeRecord>,
    ) -> Result<(), MetaError> {
        let Some(hash) = record.descriptor.as_ref().map(|descriptor| descriptor.hash) else { return Ok(()) };
        let known = &self.records.known_descriptors;
        let loaded = match known.find(&hash) {
            Some(found) => Some(found),
            None => {
                let key = |inode: InodeId| keys::descriptor(inode.shard, inode.tree, &hash);
                let stored = self.stored::<DescriptorRecord>(inode, key).await?.value;
                let read = stored.and_then(|stored| descriptor_of(&stored));
                if read.is_none() {
                    tracing::warn!(key = %key(inode), "a descriptor is gone or damaged");
                }
                read.map(|read| known.share(hash, Arc::new(read)))
            }
        };
        Arc::make_mut(record).descriptor = Some(DescriptorRef { hash, loaded });
        Ok(())
    }

    async fn load_xattrs(&self, inode: InodeId) -> Result<(), MetaError> {
        let ticket = self.records.xattrs.begin(&inode);
        let found = self.listed(inode, keys::xattr_range, vfs::limits::XATTRS_MAX).await?;
        let mut entries = Vec::with_capacity(found.value.len());
        for (key, value) in found.value {
            if let KeyKind::Xattr { name, .. } = kind_of(&key)? {
                entries.push((name, XattrRecord::decode_at(&key, &value)?));
            }
        }
        let slot = Slot::new(entries.into(), found.version);
        self.records.xattrs.fill_at((&inode, ticket), slot, self.meta.watermark());
        Ok(())
    }

    async fn load_streams(&self, inode: InodeId) -> Result<(), MetaError> {
        let ticket = self.records.streams.begin(&inode);
        let limit = vfs::limits::STREAMS_MAX;
        let found = self.listed(inode, keys::stream_range, limit).await?;
        let mut entries = Vec::with_capacity(found.value.len());
        for (key, value) in found.value {
            if let KeyKind::Stream { stream, .. } = kind_of(&key)? {
                entries.push((stream, StreamRecord::decode_at(&key, &value)?));
            }
        }
        let slot = Slot::new(entries.into(), found.version);
        self.records.streams.fill_at((&inode, ticket), slot, self.meta.watermark());
        Ok(())
    }

    async fn load_descriptor(&self, key: DescriptorKey) -> Result<(), MetaError> {
        let ticket = self.records.descriptors.begin(&key);
        let (shard, tree, hash) = key;
        let anywhere = InodeId { shard, tree, number: InodeNumber::ROOT };
        let slot = self.stored::<DescriptorRecord>(anywhere, |at| keys::descriptor(at.shard, at.tree, &hash)).await?;
        self.records.descriptors.fill_at((&key, ticket), slot, self.meta.watermark());
        Ok(())
    }

    async fn load_marks(&self, (shard, removed): (ShardId, Vec<Key>), scratch: &mut Scratch) -> Result<(), MetaError> {
        // Before the look: what is marked meanwhile makes it void.
        let Some(marks) = self.shards.find(shard).map(|shard| shard.turn().marks) else { return Ok(()) };
        for key in removed {
            let is_marked = self.meta.read(&keys::gone(&key)).await?.is_some();
            scratch.marks.insert(key, (is_marked, marks));
        }
        Ok(())
    }

    async fn load_shared(&self, shard: ShardId, groups: Vec<u64>) -> Result<(), MetaError> {
        for group in groups {
            let key = (shard, group);
            let ticket = self.records.shared.begin(&key);
            let slot = self.record::<SharedRecord>(&keys::shared(shard, group)).await?;
            self.records.shared.fill_at((&key, ticket), slot, self.meta.watermark());
        }
        Ok(())
    }

    async fn load_usage(&self, directory: InodeId) -> Result<(), MetaError> {
        let ticket = self.records.usages.begin(&directory);
        let mut slot = self.stored::<UsageRecord>(directory, keys::usage).await?;
        if let Some(usage) = slot.value.as_mut().filter(|usage| self.is_inherited(directory, usage.born)) {
            // Of what is the origin's nothing counts here but how deep it is.
            *usage = Arc::new(UsageRecord { born: usage.born, height: usage.height, ..UsageRecord::default() });
        }
        self.records.usages.fill_at((&directory, ticket), slot, self.meta.watermark());
        Ok(())
    }

    async fn load_owner(&self, key: OwnerKey) -> Result<(), MetaError> {
        let ticket = self.records.owners.begin(&key);
        let slot = self.record::<OwnerUsageRecord>(&owner_key(&key)).await?;
        self.records.owners.fill_at((&key, ticket), slot, self.meta.watermark());
        Ok(())
    }

    async fn load_region(&self, key: RegionKey) -> Result<(), MetaError> {
        let ticket = self.records.regions.begin(&key);
        let slot = self.stored::<RegionRecord>(key.0, |inode| keys::region(inode, key.1)).await?;
        self.records.regions.fill_at((&key, ticket), slot, self.meta.watermark());
        Ok(())
    }

    /// Loads regions of a file that follow each other, with one scan; those that are not there too.
    ///
    /// Errors: `Io`.
    pub(crate) async fn load_regions(&self, (inode, first): RegionKey, count: u64) -> Result<(), Failure> {
        let end = first.saturating_add(count);
        // Before the scan: a region that is written meanwhile is not hidden by what it shows.
        let begin = |index| ((inode, index), self.records.regions.begin(&(inode, index)));
        let tickets: Vec<_> = (first..end).map(begin).collect();
        let range = |inode| keys::region_range(inode, first, end);
        let found = self.listed(inode, range, tickets.len()).await;
        let found = found.map_err(|error| self.refuse(&error))?;
        let mut records = HashMap::with_capacity(found.value.len());
        for (key, value) in found.value {
            let kind = kind_of(&key).map_err(|error| self.refuse(&error))?;
            let KeyKind::Region { index, .. } = kind else { continue };
            let record = RegionRecord::decode_at(&key, &value).map_err(|error| self.refuse(&error))?;
            records.insert(index, Arc::new(record));
        }
        for (key, ticket) in &tickets {
            let slot = Slot::new(records.remove(&key.1), found.version);
            self.records.regions.fill_at((key, *ticket), slot, self.meta.watermark());
        }
        Ok(())
    }

    async fn load_bucket(&self, key: BucketKey) -> Result<(), MetaError> {
        let ticket = self.records.buckets.begin(&key);
        // Behind the ticket: a name that is added from now on fills the place itself.
        if self.records.names.lacks(&key) {
            self.records.buckets.fill((&key, ticket), Bucket::default(), self.meta.watermark());
            return Ok(());
        }
        let range = |directory| keys::dentry_bucket_range(directory, key.1);
        let found = self.listed(key.0, range, BUCKET_ENTRIES_MAX).await?;
        let within = key.0;
        let mut entries = Vec::with_capacity(found.value.len());
        for (key, value) in found.value {
            if let KeyKind::Dentry { cookie, .. } = kind_of(&key)? {
                let dentry = DentryRecord::decode_at(&key, &value)?;
                entries.extend(self.shown_in(within, dentry).map(|dentry| (cookie, dentry)));
            }
        }
        let slot = Slot::new(entries.into(), found.version);
        self.records.buckets.fill_at((&key, ticket), slot, self.meta.watermark());
        Ok(())
    }

    /// An entry of a directory as it is shown there: of the tree of the directory. Neither snapshots nor clones lead to
    /// what hung in their origin: shards and clones.
    pub(crate) fn shown_in(&self, directory: InodeId, dentry: DentryRecord) -> Option<DentryRecord> {
        if directory.tree == TreeId::LIVE {
            return Some(dentry);
        }
        let Place::Layered(top, layers) = self.place_in_time(directory) else { return None };
        let is_of_tree = dentry.shard.is_none() && layers.iter().any(|layer| layer.tree == dentry.tree);
        let hangs_here = !directory.tree.is_past() && !self.is_inherited(directory, dentry.born);
        match (is_of_tree, hangs_here) {
            (true, _) => Some(DentryRecord { tree: top.tree, ..dentry }),
            (false, true) => Some(dentry),
            (false, false) => None,
        }
    }

    async fn load_backlinks(&self, inode: InodeId) -> Result<(), MetaError> {
        let ticket = self.records.backlinks.begin(&inode);
        let found = self.listed(inode, keys::backlink_range, BACKLINKS_MAX).await?.value;
        let mut entries = Vec::with_capacity(found.len());
        for (key, value) in found {
            if let KeyKind::Backlink { directory, cookie, .. } = kind_of(&key)? {
                entries.push((directory, cookie, BacklinkRecord::decode_at(&key, &value)?));
            }
        }
        entries.sort_unstable_by_key(|(_, _, record)| record.sequence);
        self.records.backlinks.fill((&inode, ticket), entries.into(), self.meta.watermark());
        Ok(())
    }

    /// The indices of the regions of a file from `first` on, at most [`REGION_LIST_MAX`].
    pub(crate) async fn list_regions(&self, inode: InodeId, first: u64) -> Result<Vec<u64>, MetaError> {
        let range = |inode| keys::region_range(inode, first, u64::MAX);
        let found = self.listed(inode, range, REGION_LIST_MAX).await?.value;
        let mut list = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Region { index, .. } = kind_of(&key)? else { continue };
            let ticket = self.records.regions.begin(&(inode, index));
            let record = RegionRecord::decode_at(&key, &value)?;
            self.records.regions.fill((&(inode, index), ticket), Some(Arc::new(record)), self.meta.watermark());
            list.push(index);
        }
        Ok(list)
    }

    /// A record with the change that it shows, if that is perhaps not durable.
    async fn record<R: Record>(&self, key: &Key) -> Result<Slot<Option<Arc<R>>>, MetaError> {
        let meta::Seen { value, version } = self.meta.read_seen(key).await?;
        let value = value.map(|value| R::decode_at(key, &value)).transpose()?.map(Arc::new);
        Ok(Slot::new(value, version))
    }
}

/// What a key names; one that does not parse is damage.
pub(crate) fn kind_of(key: &Key) -> Result<KeyKind, MetaError> {
    key.parse().map(|parsed| parsed.kind).map_err(|problem| MetaError::Damaged { key: key.clone(), problem })
}

/// The key of what an owner is counted to have.
pub(crate) fn owner_key((directory, is_group, owner): &OwnerKey) -> Key {
    let kind = if *is_group { OwnerKind::Group } else { OwnerKind::User };
    keys::owner_usage(*directory, kind, owner)
}

/// Times an operation is run again for records that were not in memory: the deepest chain with its counters, and some.
const MISSES_MAX: usize = 4096;
/// Times what is buffered of files is named before a change of them, because snapshots were taken.
const PAST_MAX: usize = 64;
/// Most names of one directory with the same 47-bit hash: as many as there are slots.
const BUCKET_ENTRIES_MAX: usize = 65_536;
/// Most names of one inode.
pub(crate) const BACKLINKS_MAX: usize = vfs::limits::LINKS_MAX as usize;
