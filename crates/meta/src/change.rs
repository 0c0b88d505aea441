//! What one operation does to the store: applied whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kv::JOURNAL_HEAD_BYTES;
use kv::limits::{BATCH_BYTES_MAX, BATCH_KEYS_MAX, JOURNAL_ENTRY_BYTES_MAX, VALUE_BYTES_MAX};
use vfs::{Epoch, ShardId};

use crate::MetaError;
use crate::keys::{self, Key};
use crate::records::{ExpiryRecord, Record, Run, SPACE_RUNS_MAX, Shared, born_of};

/// One atomic change. Of several writes to a key the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub(crate) writes: Vec<(Key, Write)>,
    pub(crate) space: BTreeMap<ShardId, SpaceDelta>,
    pub(crate) journal: Option<Bytes>,
    kept: usize,
}

/// What a key is set to.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// Nothing: it is removed.
    Removal,
    /// These bytes.
    Bytes(Bytes),
    /// A record that is encoded when its group is.
    Record(Arc<dyn Shared>),
}

/// Blocks named and released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpaceDelta {
    /// Blocks that are named now.
    pub named: Vec<Run>,
    /// Blocks that nobody names any more.
    pub released: Vec<Run>,
}

impl Change {
    /// A change of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.space.is_empty() && self.journal.is_none()
    }

    /// Sets a key. What snapshots keep goes through [`Change::replace`] instead.
    pub fn put(&mut self, key: Key, value: Bytes) {
        self.writes.push((key, Write::Bytes(value)));
    }

    /// Sets a key to a record.
    pub fn put_record(&mut self, key: Key, record: &impl Record) {
        self.put(key, record.encode());
    }

    /// Sets a key to a record that the caches hold too, or removes it. What snapshots keep goes through
    /// [`Change::replace_shared`] instead. Panics when the record breaks a rule of its kind.
    pub fn put_shared<R: Shared + 'static>(&mut self, key: Key, record: Option<Arc<R>>) {
        let write = record.map_or(Write::Removal, |record| {
            assert_eq!(record.check(), Ok(()), "a record of {key} that must not be written");
            Write::Record(record)
        });
        self.writes.push((key, write));
    }

    /// Removes a key, if it is there. What snapshots keep goes through [`Change::replace`] instead.
    pub fn delete(&mut self, key: Key) {
        self.writes.push((key, Write::Removal));
    }

    /// Keeps a state of a key that ends now (`old`, a versioned record), and its index entry.
    pub fn keep_version(&mut self, key: &Key, old: Bytes, died: Epoch) {
        self.kept += 1;
        let born = born_of(&old).unwrap_or(died);
        assert!(born < died, "a state of {key} that ended at {died:?} before it began at {born:?}");
        self.put_record(keys::expiry(key, born, died), &ExpiryRecord);
        self.put(keys::version(key, died), old);
    }

    /// How many states it keeps that ended.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Removes a kept state of a key, and its index entry.
    pub fn drop_version(&mut self, key: &Key, born: Epoch, died: Epoch) {
        self.delete(keys::expiry(key, born, died));
        self.delete(keys::version(key, died));
    }

    /// These blocks, from a placement on, are named by this change. A block is named once in its life.
    pub fn named(&mut self, shard: ShardId, placement: u64, blocks: u32) {
        append(&mut self.space.entry(shard).or_default().named, Run { placement, blocks });
    }

    /// These blocks, from a placement on, are named by nobody after this change.
    pub fn released(&mut self, shard: ShardId, placement: u64, blocks: u32) {
        append(&mut self.space.entry(shard).or_default().released, Run { placement, blocks });
    }

    /// What the journal keeps of this change, under its version, until that is released.
    pub fn keep_in_journal(&mut self, entry: Bytes) {
        self.journal = Some(entry);
    }

    /// What it writes, in the order in which that was said: `None` is a removal.
    pub fn writes(&self) -> impl Iterator<Item = (&Key, Option<Bytes>)> {
        self.writes.iter().map(|(key, write)| (key, write.value()))
    }

    /// What it names and releases.
    pub fn space(&self) -> impl Iterator<Item = (ShardId, &SpaceDelta)> {
        self.space.iter().map(|(shard, delta)| (*shard, delta))
    }

    /// How much of a batch it takes at most.
    #[must_use]
    pub fn size(&self) -> ChangeSize {
        let entry = |(key, write): &(Key, Write)| key.as_bytes().len() + write.bytes_max();
        let runs: usize = self.space.values().map(SpaceDelta::runs).sum();
        let records = self.space.len();
        let journal = self.journal.as_ref().map_or(0, |entry| entry.len() + JOURNAL_HEAD_BYTES);
        ChangeSize {
            keys: self.writes.len() + records,
            bytes: self.writes.iter().map(entry).sum::<usize>()
                + records * SPACE_HEAD_BYTES
                + runs * RUN_BYTES
                + journal,
            runs,
        }
    }

    /// Whether an engine takes it in one batch.
    pub(crate) fn check(&self) -> Result<ChangeSize, MetaError> {
        let size = self.size();
        let is_long = |(_, write): &(Key, Write)| write.bytes_max() > VALUE_BYTES_MAX;
        let is_long_kept = self.journal.as_ref().is_some_and(|entry| entry.len() > JOURNAL_ENTRY_BYTES_MAX);
        if !size.fits() || self.writes.iter().any(is_long) || is_long_kept {
            return Err(MetaError::TooLarge { keys: size.keys, bytes: size.bytes, runs: size.runs });
        }
        Ok(size)
    }
}

impl Write {
    /// Puts the bytes that it sets the key to behind what is there; none for a removal.
    pub(crate) fn append(&self, to: &mut Vec<u8>) {
        match self {
            Self::Removal => {}
            Self::Bytes(bytes) => to.extend_from_slice(bytes),
            Self::Record(record) => record.append(to),
        }
    }

    /// No fewer than those bytes.
    pub(crate) fn bytes_max(&self) -> usize {
        match self {
            Self::Removal => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Record(record) => record.bytes_max(),
        }
    }

    /// The bytes that it sets the key to.
    pub(crate) fn value(&self) -> Option<Bytes> {
        match self {
            Self::Removal => None,
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Record(record) => {
                let mut bytes = Vec::with_capacity(record.bytes_max());
                record.append(&mut bytes);
                Some(Bytes::from(bytes))
            }
        }
    }
}

impl SpaceDelta {
    pub(crate) fn runs(&self) -> usize {
        self.named.len() + self.released.len()
    }

    pub(crate) fn append(&mut self, other: Self) {
        other.named.into_iter().for_each(|run| append(&mut self.named, run));
        other.released.into_iter().for_each(|run| append(&mut self.released, run));
    }
}

/// What a change or a group of them takes of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeSize {
    /// Keys written.
    pub keys: usize,
    /// Bytes of keys, values and what the journal keeps.
    pub bytes: usize,
    /// Runs of blocks named and released.
    pub runs: usize,
}

impl ChangeSize {
    /// Whether an engine takes it in one batch.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.keys <= BATCH_KEYS_MAX && self.bytes <= BATCH_BYTES_MAX && self.runs <= SPACE_RUNS_MAX
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self { keys: self.keys + other.keys, bytes: self.bytes + other.bytes, runs: self.runs + other.runs }
    }
}

/// Adds a run, as part of the last one if it continues it.
fn append(runs: &mut Vec<Run>, run: Run) {
    assert!(run.check().is_ok(), "a run of blocks beyond its segment: {run:?}");
    match runs.last_mut() {
        Some(last) if last.placement + u64::from(last.blocks) == run.placement && last.segment() == run.segment() => {
            last.blocks += run.blocks;
        }
        _ => runs.push(run),
    }
}

/// Key, format and counts of a space record.
const SPACE_HEAD_BYTES: usize = 17 + 1 + 8;
pub(crate) const RUN_BYTES: usize = 12;
