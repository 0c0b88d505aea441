//! Folding what has gathered into one batch.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use kv::{Batch, JournalEntry};
use vfs::ShardId;

use super::Version;
use crate::change::{ChangeSize, SpaceDelta};
use crate::keys;
use crate::records::{Record, SpaceRecord};
use crate::{Change, Key};

/// A change that waits for its commit.
pub(super) struct Pending {
    pub(super) version: Version,
    pub(super) change: Change,
    pub(super) size: ChangeSize,
}

/// Changes that become durable together.
pub(super) struct Group {
    pub(super) last: Version,
    pub(super) batch: Batch,
    /// The keys that leave the overlay with it.
    pub(super) keys: Vec<Key>,
}

impl Group {
    /// Takes as many of the waiting changes as one batch holds; `None` if none waits.
    pub(super) fn take(pending: &mut VecDeque<Pending>, fence: &Bytes) -> Option<Self> {
        let mut size = ChangeSize::default();
        let mut last = None;
        let mut writes = BTreeMap::new();
        let mut journal = Vec::new();
        let mut space: BTreeMap<ShardId, SpaceDelta> = BTreeMap::new();
        while let Some(next) = pending.pop_front_if(|next| size.plus(&next.size).fits()) {
            size = size.plus(&next.size);
            last = Some(next.version);
            writes.extend(next.change.writes);
            journal.extend(next.change.journal.map(|bytes| JournalEntry { sequence: next.version.0, bytes }));
            for (shard, delta) in next.change.space {
                space.entry(shard).or_default().append(delta);
            }
        }
        let last = last?;
        let keys = writes.keys().cloned().collect();
        let expect = vec![(keys::fence().as_bytes().clone(), Some(fence.clone()))];
        let mut batch = Batch { expect, journal, ..Batch::default() };
        for (key, value) in writes {
            match value {
                Some(value) => batch.puts.push((key.as_bytes().clone(), value)),
                None => batch.deletes.push(key.as_bytes().clone()),
            }
        }
        for (shard, delta) in space {
            let record = SpaceRecord { named: delta.named, released: delta.released };
            batch.puts.push((keys::space(shard, last.0).as_bytes().clone(), record.encode()));
        }
        Some(Self { last, batch, keys })
    }
}
