//! What is known of the past of a shard without its turn: which epoch it is in, and which snapshots there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use meta::records::SnapshotRecord;
use vfs::{Epoch, InodeId, InodeNumber, Name, ShardId, Snapshot, SnapshotId, Timestamp, TreeId};

use super::delete::Pass;
use super::trim::Trimming;
use crate::cache::Seeded;

/// The past of a shard. Changes within its turn only.
#[derive(Debug)]
pub(crate) struct Past {
    epoch: AtomicU64,
    snapshots: RwLock<Snapshots>,
    /// How far the deletion of one has come.
    pass: Mutex<Option<Pass>>,
    /// How far states that no snapshot shows are dropped.
    trimming: Mutex<Trimming>,
}

/// Oldest first; each has an epoch of its own.
#[derive(Debug, Default)]
struct Snapshots {
    all: Vec<Arc<Known>>,
    /// Those of each tree: nobody else sees what was in it.
    of_tree: HashMap<TreeId, Vec<Arc<Known>>, Seeded>,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: SnapshotId,
    pub(crate) record: SnapshotRecord,
}

impl Past {
    pub(crate) fn new(current: Epoch, snapshots: Vec<Known>) -> Self {
        let epoch = AtomicU64::new(current.0);
        let past = Self { epoch, snapshots: RwLock::default(), pass: Mutex::default(), trimming: Mutex::default() };
        snapshots.into_iter().for_each(|known| past.put(known));
        past
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
        let known = Arc::new(known);
        let mut snapshots = self.snapshots.write().unwrap_or_else(PoisonError::into_inner);
        place(&mut snapshots.all, &known);
        place(snapshots.of_tree.entry(known.record.tree).or_default(), &known);
    }

    /// A snapshot is gone.
    pub(crate) fn remove(&self, id: SnapshotId) {
        let mut snapshots = self.snapshots.write().unwrap_or_else(PoisonError::into_inner);
        snapshots.all.retain(|known| known.id != id);
        snapshots.of_tree.values_mut().for_each(|of_tree| of_tree.retain(|known| known.id != id));
        snapshots.of_tree.retain(|_, of_tree| !of_tree.is_empty());
    }

    /// A snapshot that can be seen.
    pub(crate) fn find(&self, id: SnapshotId) -> Option<Arc<Known>> {
        self.read().all.iter().find(|known| known.id == id && !known.record.deleting).cloned()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Known>> {
        self.read().all.clone()
    }

    /// Those of a tree, oldest first.
    pub(crate) fn of_tree(&self, tree: TreeId) -> Vec<Arc<Known>> {
        self.read().of_tree.get(&tree).cloned().unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.read().all.len()
    }

    /// The epoch of the newest of all but one.
    pub(crate) fn newest_but(&self, id: SnapshotId) -> Option<Epoch> {
        self.read().all.iter().rev().find(|known| known.id != id).map(|known| known.record.epoch)
    }

    /// The newest snapshot of a tree of those that show an epoch before this one.
    pub(crate) fn newest_before(&self, tree: TreeId, epoch: Epoch) -> Option<Epoch> {
        let snapshots = self.read();
        let of_tree = snapshots.of_tree.get(&tree)?;
        let before = of_tree.partition_point(|known| known.record.epoch < epoch);
        of_tree.get(before.checked_sub(1)?).map(|known| known.record.epoch)
    }

    /// The snapshots of a tree beside one that shows this epoch: the newest before it, and the oldest after it.
    pub(crate) fn beside(&self, tree: TreeId, epoch: Epoch) -> (Option<Epoch>, Option<Epoch>) {
        let snapshots = self.read();
        let Some(of_tree) = snapshots.of_tree.get(&tree) else { return (None, None) };
        let epoch_at = |at: Option<usize>| Some(of_tree.get(at?)?.record.epoch);
        let before = of_tree.partition_point(|known| known.record.epoch < epoch).checked_sub(1);
        let after = of_tree.partition_point(|known| known.record.epoch <= epoch);
        (epoch_at(before), epoch_at(Some(after)))
    }

    /// Whether a snapshot of a tree shows a state that began in one epoch and ended in another.
    pub(crate) fn is_seen(&self, tree: TreeId, born: Epoch, died: Epoch) -> bool {
        self.newest_before(tree, died).is_some_and(|newest| born <= newest)
    }

    /// As [`Past::is_seen`], wherever it lay, by one that is not being deleted: certainly nobody has dropped it.
    pub(crate) fn is_wanted(&self, tree: TreeId, born: Epoch, died: Epoch) -> bool {
        let is_between = |known: &SnapshotRecord| born <= known.epoch && known.epoch < died;
        // Clones are not trimmed.
        let is_all = |known: &SnapshotRecord| tree != TreeId::LIVE || known.root == InodeNumber::ROOT;
        let snapshots = self.read();
        let mut of_tree = snapshots.of_tree.get(&tree).into_iter().flatten();
        of_tree.any(|known| !known.record.deleting && is_between(&known.record) && is_all(&known.record))
    }

    /// Takes up what a deletion left.
    pub(super) fn take_pass(&self) -> Option<Pass> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A deletion goes on from here.
    pub(super) fn keep_pass(&self, pass: Pass) {
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
    }

    /// As with a deletion.
    pub(super) fn take_trimming(&self) -> Trimming {
        std::mem::take(&mut *self.trimming.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As with a deletion.
    pub(super) fn keep_trimming(&self, trimming: Trimming) {
        *self.trimming.lock().unwrap_or_else(PoisonError::into_inner) = trimming;
    }

    fn read(&self) -> RwLockReadGuard<'_, Snapshots> {
        self.snapshots.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(among: &mut Vec<Arc<Known>>, known: &Arc<Known>) {
    among.retain(|other| other.id != known.id);
    let at = among.partition_point(|other| other.record.epoch < known.record.epoch);
    among.insert(at, Arc::clone(known));
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
        let SnapshotRecord { root, name, created, expires, locks, deleting, tree: of, .. } = self.record.clone();
        let tree = TreeId::of_snapshot(self.id).unwrap_or(TreeId::SNAPSHOTS);
        let root = InodeId { shard, tree, number: root };
        Snapshot { id: self.id, root, of, name, created, expires, locks, is_going: deleting }
    }

    /// Whether it is seen under this name.
    pub(crate) fn is_named(&self, name: &Name) -> bool {
        !self.record.deleting && self.record.name == *name
    }
}
