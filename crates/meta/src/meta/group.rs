//! Changes that gather until they become durable together. What they write is folded while it gathers, and covers what the
//! engine holds until the group is durable: so each write is looked for, kept and ordered in one place only.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use kv::{Batch, JournalEntry};
use vfs::ShardId;

use super::Version;
use crate::change::{ChangeSize, SpaceDelta, Write};
use crate::keys;
use crate::records::{Record, SpaceRecord};
use crate::{Change, Key};

/// The last write of each key, and the change that it is of.
pub(super) type Writes = BTreeMap<Key, (Version, Write)>;

/// Changes that become durable together.
#[derive(Default)]
pub(super) struct Group {
    /// The last of its changes.
    pub(super) last: Version,
    /// How many they are.
    pub(super) changes: usize,
    /// What they write.
    pub(super) writes: Writes,
    /// What they take of a batch.
    size: ChangeSize,
    journal: Vec<JournalEntry>,
    space: BTreeMap<ShardId, SpaceDelta>,
}

impl Group {
    /// Whether one batch takes a change of this size too.
    pub(super) fn has_room(&self, size: &ChangeSize) -> bool {
        self.size.plus(size).fits()
    }

    /// Adds the next change.
    pub(super) fn add(&mut self, (version, change): (Version, Change), size: &ChangeSize) {
        self.last = version;
        self.changes += 1;
        self.size = self.size.plus(size);
        for (key, write) in change.writes {
            self.write(key, (version, write));
        }
        self.journal.extend(change.journal.map(|bytes| JournalEntry { sequence: version.0, bytes }));
        for (shard, delta) in change.space {
            self.space.entry(shard).or_default().append(delta);
        }
    }

    /// The batch that makes it durable.
    pub(super) fn batch(&mut self, fence: &Bytes) -> Batch {
        let expect = vec![(keys::fence().to_bytes(), Some(fence.clone()))];
        let journal = std::mem::take(&mut self.journal);
        let mut batch = Batch { expect, journal, ..Batch::default() };
        encode(&self.writes, &mut batch);
        for (shard, delta) in std::mem::take(&mut self.space) {
            let record = SpaceRecord { named: delta.named, released: delta.released };
            batch.puts.push((keys::space(shard, self.last.0).to_bytes(), record.encode()));
        }
        batch
    }

    /// The last write of a key is the one that counts, and that takes room.
    fn write(&mut self, key: Key, write: (Version, Write)) {
        let key_bytes = key.as_bytes().len();
        if let Some((_, replaced)) = self.writes.insert(key, write) {
            self.size.keys -= 1;
            self.size.bytes -= key_bytes + replaced.bytes_max();
        }
    }
}

/// Puts all writes into one piece of memory, in the order of their keys, of which the batch holds slices.
fn encode(writes: &Writes, batch: &mut Batch) {
    let sizes = writes.iter().map(|(key, (_, write))| key.as_bytes().len() + write.bytes_max());
    let mut bytes = Vec::with_capacity(sizes.sum());
    let mut places = Vec::with_capacity(writes.len());
    for (key, (_, write)) in writes {
        let from = bytes.len();
        bytes.extend_from_slice(key.as_bytes());
        let key_end = bytes.len();
        write.append(&mut bytes);
        let is_removal = matches!(write, Write::Removal);
        places.push((from..key_end, (!is_removal).then_some(key_end..bytes.len())));
    }
    let bytes = Bytes::from(bytes);
    let slice = |range: Range<usize>| bytes.slice(range);
    batch.puts.reserve(places.len());
    for (key, value) in places {
        match value {
            Some(value) => batch.puts.push((slice(key), slice(value))),
            None => batch.deletes.push(slice(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use vfs::{InodeId, InodeNumber};

    use super::*;
    use crate::RecordError;
    use crate::records::Shared;

    /// Counts how often it is encoded.
    #[derive(Debug)]
    struct Counted {
        value: u8,
        encoded: Arc<AtomicUsize>,
    }

    impl Shared for Counted {
        fn append(&self, to: &mut Vec<u8>) {
            self.encoded.fetch_add(1, Ordering::Relaxed);
            to.push(self.value);
        }

        fn bytes_max(&self) -> usize {
            1000
        }

        fn check(&self) -> Result<(), RecordError> {
            Ok(())
        }
    }

    fn key(number: u64) -> Key {
        keys::inode(InodeId { number: InodeNumber(number), ..InodeId::default() })
    }

    fn add(group: &mut Group, change: Change) {
        let size = change.size();
        let version = Version(group.last.0 + 1);
        group.add((version, change), &size);
    }

    #[test]
    fn of_a_record_that_many_changes_write_only_the_last_is_encoded() {
        let encoded = Arc::new(AtomicUsize::new(0));
        let mut group = Group::default();
        for value in 1..=64 {
            let mut change = Change::new();
            change.put_shared(key(1), Some(Arc::new(Counted { value, encoded: Arc::clone(&encoded) })));
            change.put(key(1000 + u64::from(value)), Bytes::from(vec![value]));
            change.delete(key(2000));
            add(&mut group, change);
        }
        let batch = group.batch(&Bytes::new());
        assert_eq!(encoded.load(Ordering::Relaxed), 1);
        assert_eq!((batch.puts.len(), &*batch.deletes), (65, &[key(2000).to_bytes()][..]));
        assert_eq!(batch.puts.first(), Some(&(key(1).to_bytes(), Bytes::from_static(&[64]))));
        assert_eq!(batch.puts.last(), Some(&(key(1064).to_bytes(), Bytes::from_static(&[64]))));
    }

    #[test]
    fn what_is_written_again_takes_no_more_room() {
        let mut group = Group::default();
        for value in 0..10_000 {
            let mut change = Change::new();
            change.put(key(1), Bytes::from(vec![7; 1000 + value % 10]));
            change.put(key(2), Bytes::from(vec![7; 1000 + value % 10]));
            assert!(group.has_room(&change.size()), "{value}");
            add(&mut group, change);
        }
        let batch = group.batch(&Bytes::new());
        assert_eq!(group.size.bytes, batch.puts.iter().map(|(key, value)| key.len() + value.len()).sum());
        assert_eq!((group.size.keys, group.changes), (2, 10_000));
    }
}
