//! Who waits for whom, over all inodes.

use std::collections::{HashMap, HashSet};

use vfs::{InodeId, LockOwner};

/// At which inodes the requests of an owner wait, and how many. May name an inode where the last one was granted a
/// moment ago.
#[derive(Debug, Default)]
pub(crate) struct Waits(HashMap<LockOwner, HashMap<InodeId, u32>>);

/// A search for a way from those who block an owner back to it.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    waits: &'a Waits,
    start: &'a LockOwner,
    seen: HashSet<LockOwner>,
    next: Vec<LockOwner>,
    met: usize,
    is_found: bool,
}

impl Waits {
    /// A request of this owner waits there.
    pub(crate) fn add(&mut self, owner: &LockOwner, inode: InodeId) {
        *self.0.entry(owner.clone()).or_default().entry(inode).or_default() += 1;
    }

    /// A request of this owner no longer waits there.
    pub(crate) fn remove(&mut self, owner: &LockOwner, inode: InodeId) {
        let Some(inodes) = self.0.get_mut(owner) else { return };
        let left = inodes.get_mut(&inode).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            inodes.remove(&inode);
        }
        if inodes.is_empty() {
            self.0.remove(owner);
        }
    }

    /// Where requests of this owner wait.
    pub(crate) fn of(&self, owner: &LockOwner) -> impl Iterator<Item = InodeId> {
        self.0.get(owner).into_iter().flat_map(|inodes| inodes.keys().copied())
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Search<'a> {
    pub(crate) fn new(waits: &'a Waits, start: &'a LockOwner) -> Self {
        Self { waits, start, seen: HashSet::new(), next: Vec::new(), met: 0, is_found: false }
    }

    /// Takes note of somebody who blocks. Who waits for nothing blocks nobody for ever.
    pub(crate) fn meet(&mut self, blocker: &LockOwner) {
        self.met += 1;
        if self.met > MEETINGS_MAX {
            return;
        }
        if blocker == self.start {
            self.is_found = true;
        } else if self.seen.len() < OWNERS_MAX && self.waits.0.contains_key(blocker) && !self.seen.contains(blocker) {
            self.seen.insert(blocker.clone());
            self.next.push(blocker.clone());
        }
    }

    /// The next owner whose waits are to be followed; `None` when all are, or the way is found.
    pub(crate) fn next(&mut self) -> Option<LockOwner> {
        if self.is_found || self.met > MEETINGS_MAX { None } else { self.next.pop() }
    }

    /// Whether the owner would wait for itself.
    pub(crate) fn is_found(&self) -> bool {
        self.is_found
    }
}

/// Most owners that a search visits; a longer way is not seen, and whoever waits for ever there must cancel.
const OWNERS_MAX: usize = 256;
/// Most blockers that a search looks at: it runs while others who begin to wait stand still, and a tenant can make
/// thousands block each other.
const MEETINGS_MAX: usize = 1 << 16;
