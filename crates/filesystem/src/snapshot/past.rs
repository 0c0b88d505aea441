//! What is known of the past of a shard without its turn: which epoch it is in, and which snapshots there are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use meta::records::SnapshotRecord;
use vfs::{Epoch, InodeId, InodeNumber, Name, ShardId, Snapshot, SnapshotId, Timestamp, TreeId};

use super::delete::Pass;

/// The past of a shard. Changes within its turn only.
#[derive(Debug)]
pub(crate) struct Past {
    epoch: AtomicU64,
    /// Oldest first; each has an epoch of its own.
    snapshots: RwLock<Vec<Arc<Known>>>,
    /// How far the deletion of one has come.
    pass: Mutex<Option<Pass>>,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: SnapshotId,
    pub(crate) record: SnapshotRecord,
}

impl Past {
    pub(crate) fn new(current: Epoch, mut snapshots: Vec<Known>) -> Self {
        snapshots.sort_unstable_by_key(|known| known.record.epoch);
        let snapshots = RwLock::new(snapshots.into_iter().map(Arc::new).collect());
        Self { epoch: AtomicU64::new(current.0), snapshots, pass: Mutex::default() }
    }

    /// The current epoch.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// Another epoch is the current one.
    pub(crate) fn begin(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// Adds a snapshot, or puts it in place of what was known of it.
    pub(crate) fn put(&self, known: Known) {
        let mut all = self.snapshots.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.id != known.id);
        let at = all.partition_point(|other| other.record.epoch < known.record.epoch);
        all.insert(at, Arc::new(known));
    }

    /// A snapshot is gone.
    pub(crate) fn remove(&self, id: SnapshotId) {
        self.snapshots.write().unwrap_or_else(PoisonError::into_inner).retain(|known| known.id != id);
    }

    /// A snapshot that can be seen.
    pub(crate) fn find(&self, id: SnapshotId) -> Option<Arc<Known>> {
        self.read().iter().find(|known| known.id == id && !known.record.deleting).cloned()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Known>> {
        self.read().clone()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.read().len()
    }

    /// The newest snapshot of those that show an epoch before this one.
    pub(crate) fn newest_before(&self, epoch: Epoch) -> Option<Epoch> {
        let all = self.read();
        let before = all.partition_point(|known| known.record.epoch < epoch);
        all.get(before.checked_sub(1)?).map(|known| known.record.epoch)
    }

    /// The snapshots beside one that shows this epoch: the newest before it, and the oldest after it.
    pub(crate) fn beside(&self, epoch: Epoch) -> (Option<Epoch>, Option<Epoch>) {
        let all = self.read();
        let epoch_at = |at: Option<usize>| Some(all.get(at?)?.record.epoch);
        let before = all.partition_point(|known| known.record.epoch < epoch).checked_sub(1);
        let after = all.partition_point(|known| known.record.epoch <= epoch);
        (epoch_at(before), epoch_at(Some(after)))
    }

    /// Whether a snapshot shows a state that began in one epoch and ended in another.
    pub(crate) fn is_seen(&self, born: Epoch, died: Epoch) -> bool {
        self.newest_before(died).is_some_and(|newest| born <= newest)
    }

    /// As [`Past::is_seen`], by one that is not being deleted.
    pub(crate) fn is_wanted(&self, born: Epoch, died: Epoch) -> bool {
        let is_between = |known: &SnapshotRecord| born <= known.epoch && known.epoch < died;
        self.read().iter().any(|known| !known.record.deleting && is_between(&known.record))
    }

    /// Takes up what a deletion left.
    pub(super) fn take_pass(&self) -> Option<Pass> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A deletion goes on from here.
    pub(super) fn keep_pass(&self, pass: Pass) {
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Arc<Known>>> {
        self.snapshots.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// One that is being deleted and has no record.
    pub(crate) fn nameless(epoch: Epoch) -> Option<Self> {
        let name = Name::new(Bytes::from_static(b"?")).ok()?;
        let record = SnapshotRecord {
            tree: TreeId::LIVE,
            root: InodeNumber::ROOT,
            epoch,
            name,
            fsid: 0,
            created: Timestamp::default(),
            expires: None,
            locks: 0,
            deleting: true,
        };
        Some(Self { id: SnapshotId(u64::MAX), record })
    }

    /// What is told of it.
    pub(crate) fn told(&self, shard: ShardId) -> Snapshot {
        let SnapshotRecord { root, name, created, expires, locks, deleting, .. } = self.record.clone();
        let tree = TreeId::of_snapshot(self.id).unwrap_or(TreeId::SNAPSHOTS);
        let root = InodeId { shard, tree, number: root };
        Snapshot { id: self.id, root, name, created, expires, locks, is_going: deleting }
    }

    /// Whether it is seen under this name.
    pub(crate) fn is_named(&self, name: &Name) -> bool {
        !self.record.deleting && self.record.name == *name
    }
}
