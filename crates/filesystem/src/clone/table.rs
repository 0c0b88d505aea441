//! The clones of a shard, as its owner holds them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use meta::Layer;
use meta::records::TreeRecord;
use smallvec::SmallVec;
use vfs::{CloneTree, Epoch, InodeId, InodeNumber, ShardId, TreeId};

use crate::snapshot::Past;

/// All of them. Changes within the turn of the shard only.
#[derive(Debug, Default)]
pub(crate) struct Clones {
    count: AtomicUsize,
    clones: RwLock<BTreeMap<TreeId, Arc<KnownClone>>>,
}

/// A clone.
#[derive(Clone, Debug)]
pub(crate) struct KnownClone {
    pub(crate) tree: TreeId,
    pub(crate) record: TreeRecord,
}

impl Clones {
    pub(crate) fn new(all: Vec<KnownClone>) -> Self {
        let clones = Self::default();
        all.into_iter().for_each(|known| clones.put(known));
        clones
    }

    /// Adds a clone, or puts it in place of what was known of it.
    pub(crate) fn put(&self, known: KnownClone) {
        let mut clones = self.clones.write().unwrap_or_else(PoisonError::into_inner);
        clones.insert(known.tree, Arc::new(known));
        self.count.store(clones.len(), Ordering::Release);
    }

    /// A clone is gone.
    pub(crate) fn remove(&self, tree: TreeId) {
        let mut clones = self.clones.write().unwrap_or_else(PoisonError::into_inner);
        clones.remove(&tree);
        self.count.store(clones.len(), Ordering::Release);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// A clone by its tree, one that is being deleted too.
    pub(crate) fn find(&self, tree: TreeId) -> Option<Arc<KnownClone>> {
        if tree == TreeId::LIVE || self.count() == 0 {
            return None;
        }
        self.clones.read().unwrap_or_else(PoisonError::into_inner).get(&tree).cloned()
    }

    /// Whether a tree is a clone that can be seen.
    pub(crate) fn is_shown(&self, tree: TreeId) -> bool {
        self.find(tree).is_some_and(|known| !known.record.deleting)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<KnownClone>> {
        self.clones.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether something was made of what a snapshot of a tree shows.
    pub(crate) fn is_origin(&self, tree: TreeId, epoch: Epoch) -> bool {
        self.all().iter().any(|known| (known.record.origin, known.record.epoch) == (tree, epoch))
    }

    /// Through which trees one is read.
    pub(crate) fn layers(&self, tree: TreeId, at: Option<Epoch>) -> SmallVec<[Layer; 2]> {
        let mut layers = SmallVec::new();
        let mut next = Some(Layer { tree, at });
        while let Some(layer) = next.filter(|_| layers.len() <= DEPTH_MAX) {
            layers.push(layer);
            let known = self.find(layer.tree);
            next = known.map(|known| Layer { tree: known.record.origin, at: Some(known.record.epoch) });
        }
        layers
    }

    /// The last epoch of what a tree has from its origin; `None` for the live tree.
    pub(crate) fn inherited(&self, tree: TreeId) -> Option<Epoch> {
        self.find(tree).map(|known| known.record.epoch)
    }

    /// The directory above one of a tree that says that it is at home there.
    pub(crate) fn above(&self, directory: InodeId, home: InodeNumber) -> InodeId {
        match self.find(directory.tree) {
            Some(known) if known.record.root == directory.number => {
                InodeId { tree: known.record.parent, ..directory.sibling(home) }
            }
            _ => directory.sibling(home),
        }
    }

    /// Where a clone counts all owners of what is its own, if an inode is in one: no directory has this number.
    pub(crate) fn totals(&self, inode: InodeId) -> Option<InodeId> {
        self.find(inode.tree).map(|_| totals_of(inode))
    }

    /// Whether an inode is the root of a clone.
    pub(crate) fn is_root(&self, inode: InodeId) -> bool {
        self.find(inode.tree).is_some_and(|known| known.record.root == inode.number)
    }
}

impl KnownClone {
    /// What is told of it.
    pub(crate) fn told(&self, shard: ShardId, past: &Past) -> CloneTree {
        let TreeRecord { root, name, created, origin, epoch, deleting, .. } = self.record.clone();
        let root = InodeId { shard, tree: self.tree, number: root };
        let of_origin = past.of_tree(origin);
        let snapshot = of_origin.iter().find(|known| known.record.epoch == epoch).map(|known| known.id);
        let origin = root.in_tree(snapshot.and_then(TreeId::of_snapshot).unwrap_or(TreeId::SNAPSHOTS));
        CloneTree { tree: self.tree, root, name, created, origin, is_going: deleting }
    }
}

/// Where a clone counts all owners of what is its own.
pub(crate) fn totals_of(inode: InodeId) -> InodeId {
    inode.sibling(InodeNumber(0))
}

/// Most clones that may be made one of the other.
pub(crate) const DEPTH_MAX: usize = 8;
