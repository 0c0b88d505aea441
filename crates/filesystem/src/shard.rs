//! A shard as its owner holds it: one turn for all changes of its names, the snapshot clock and inode numbers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use meta::records::{AllocatorRecord, ShardRecord};
use vfs::{InodeNumber, ShardId};

use crate::cache::Seeded;
use crate::clone::{Clones, KnownClone};
use crate::quota::QuotaLedger;
use crate::snapshot::{Known, Past};

/// A shard that this gateway owns.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Which one.
    pub(crate) id: ShardId,
    /// Quotas, and what is reserved.
    pub(crate) quotas: QuotaLedger,
    /// Its epoch and snapshots, for those who have not its turn.
    pub(crate) past: Past,
    /// Its writable clones.
    pub(crate) clones: Clones,
    state: Mutex<ShardState>,
}

/// What changes only within the shard's turn.
#[derive(Clone, Debug)]
pub(crate) struct ShardState {
    /// The shard's record as submitted; holds the snapshot clock.
    pub(crate) record: ShardRecord,
    /// What is reserved durably: numbers below may be handed out.
    pub(crate) reserved: AllocatorRecord,
    /// Next inode number.
    pub(crate) next_inode: InodeNumber,
    /// Number of the next intent.
    pub(crate) next_intent: u64,
    /// Whether blocks of it may be named more than once: some were at the last start, or came to be since.
    pub(crate) is_sharing: bool,
    /// States that were kept for snapshots, since the start.
    pub(crate) kept: u64,
    /// Changes that dropped some of them, since the start.
    pub(crate) drops: u64,
    /// Changes that marked something in a clone as gone, since the start.
    pub(crate) marks: u64,
}

impl Shard {
    /// A shard with this state.
    pub(crate) fn new(id: ShardId, state: ShardState, (snapshots, clones): (Vec<Known>, Vec<KnownClone>)) -> Self {
        let past = Past::new(state.record.clock.current, snapshots);
        Self { id, quotas: QuotaLedger::default(), past, clones: Clones::new(clones), state: Mutex::new(state) }
    }

    /// The shard's turn: whoever holds it changes names and attributes.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ShardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All shards that this gateway owns.
#[derive(Debug, Default)]
pub(crate) struct ShardTable {
    /// Held while a shard is made, so that two zones do not make the same one.
    pub(crate) making: tokio::sync::Mutex<()>,
    /// Held while a quota is set.
    pub(crate) setting_quotas: tokio::sync::Mutex<()>,
    shards: RwLock<HashMap<ShardId, Arc<Shard>, Seeded>>,
    /// How many of them have a quota.
    with_quotas: AtomicUsize,
}

impl ShardTable {
    /// A shard by its id.
    pub(crate) fn find(&self, id: ShardId) -> Option<Arc<Shard>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Whether this is the shard as it is owned now, not one of before a reload.
    pub(crate) fn is_current(&self, shard: &Shard) -> bool {
        self.find(shard.id).is_some_and(|current| std::ptr::eq(Arc::as_ptr(&current), shard))
    }

    /// All of them.
    pub(crate) fn ids(&self) -> Vec<ShardId> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Adds a shard.
    pub(crate) fn add(&self, shard: Shard) {
        self.shards.write().unwrap_or_else(PoisonError::into_inner).insert(shard.id, Arc::new(shard));
    }

    /// Whether any has a quota.
    pub(crate) fn has_quotas(&self) -> bool {
        self.with_quotas.load(Ordering::Acquire) > 0
    }

    /// What is dirty of a shard is counted from now on. Says whether it was already.
    pub(crate) fn begin_quotas(&self, shard: &Shard) -> bool {
        let was_active = shard.quotas.activate();
        if !was_active {
            self.with_quotas.fetch_add(1, Ordering::AcqRel);
        }
        was_active
    }

    /// A shard has one quota less, perhaps none any more.
    pub(crate) fn end_quotas(&self, shard: &Shard) {
        if shard.quotas.deactivate() {
            self.with_quotas.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Forgets all shards: for a reload.
    pub(crate) fn clear(&self) {
        self.with_quotas.store(0, Ordering::Release);
        self.shards.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
