//! What a turn has read and written so far: seen by its own later steps, submitted at its end.

use std::sync::Arc;

use meta::records::{DescriptorRecord, InodeRecord, OwnerUsageRecord, RegionRecord, SharedRecord, UsageRecord};
use vfs::InodeId;

use crate::cache::{
    BacklinkEntry, BucketEntry, BucketKey, DescriptorKey, OwnerKey, RegionKey, SharedKey, StreamEntry, XattrEntry,
};

/// One record that the turn has read or written: as it was before, and as it is to be; `None` is absent.
#[derive(Debug)]
pub(crate) struct Touched<K, V> {
    pub(crate) key: K,
    pub(crate) old: Option<Arc<V>>,
    pub(crate) new: Option<Arc<V>>,
    written: bool,
}

/// The touched records of one kind; few, so they are searched one by one. What was read stays here, so that the turn
/// sees one state and knows what it replaces, whatever the cache evicts meanwhile.
#[derive(Debug)]
pub(crate) struct Writes<K, V>(Vec<Touched<K, V>>);

/// Everything that a turn has touched.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    pub(crate) inodes: Writes<InodeId, InodeRecord>,
    pub(crate) usages: Writes<InodeId, UsageRecord>,
    pub(crate) owners: Writes<OwnerKey, OwnerUsageRecord>,
    pub(crate) regions: Writes<RegionKey, RegionRecord>,
    pub(crate) buckets: Writes<BucketKey, Vec<BucketEntry>>,
    pub(crate) descriptors: Writes<DescriptorKey, DescriptorRecord>,
    pub(crate) xattrs: Writes<InodeId, Vec<XattrEntry>>,
    pub(crate) streams: Writes<InodeId, Vec<StreamEntry>>,
    pub(crate) backlinks: Writes<InodeId, Vec<BacklinkEntry>>,
    pub(crate) shared: Writes<SharedKey, SharedRecord>,
}

impl<K: PartialEq, V> Writes<K, V> {
    /// What the turn has read or written under a key: `None` when nothing yet.
    pub(crate) fn find(&self, key: &K) -> Option<Option<Arc<V>>> {
        self.0.iter().find(|touched| touched.key == *key).map(|touched| touched.new.clone())
    }

    /// What was there before, as far as the turn has looked.
    pub(crate) fn before(&self, key: &K) -> Option<&V> {
        self.0.iter().find(|touched| touched.key == *key).and_then(|touched| touched.old.as_deref())
    }

    /// Takes note of what was read.
    pub(crate) fn read(&mut self, key: K, value: Option<Arc<V>>) {
        self.0.push(Touched { key, old: value.clone(), new: value, written: false });
    }

    /// Writes; a key that was never read was absent.
    pub(crate) fn put(&mut self, key: K, new: Option<Arc<V>>) {
        match self.0.iter_mut().find(|touched| touched.key == key) {
            Some(touched) => {
                touched.new = new;
                touched.written = true;
            }
            None => self.0.push(Touched { key, old: None, new, written: true }),
        }
    }

    /// How many the turn has read or written.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The records that were written.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Touched<K, V>> {
        self.0.iter().filter(|touched| touched.written)
    }
}

impl<K, V> Default for Writes<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
