//! What a clone has from its origin counts for nobody; what it writes itself counts in full, from the first change on.

use meta::keys::{self, Key};
use meta::records::{InodeRecord, Intent, Mask};
use vfs::{Epoch, Failure, FileType, InodeId, InodeNumber, TreeId};

use crate::Filesystem;
use crate::cache::Miss;
use crate::turn::{Step, Stop, Turn, of_record};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// The directory above one that says that it is at home there: that in which a clone hangs is in another tree.
    pub(crate) fn above(&self, directory: InodeId, home: InodeNumber) -> InodeId {
        if directory.tree == TreeId::LIVE {
            return directory.sibling(home);
        }
        let shard = self.shards.find(directory.shard);
        shard.map_or_else(|| directory.sibling(home), |shard| shard.clones.above(directory, home))
    }

    /// Whether a record of a tree is that of its origin.
    pub(crate) fn is_inherited(&self, inode: InodeId, born: Epoch) -> bool {
        if inode.tree == TreeId::LIVE {
            return false;
        }
        let shard = self.shards.find(inode.shard);
        shard.and_then(|shard| shard.clones.inherited(inode.tree)).is_some_and(|epoch| born <= epoch)
    }

    /// Whether an inode is in a clone that is being deleted.
    pub(crate) fn is_going(&self, inode: InodeId) -> bool {
        inode.tree.is_clone() && {
            let shard = self.shards.find(inode.shard);
            shard.is_some_and(|shard| !shard.clones.is_shown(inode.tree))
        }
    }

    /// Makes the record of an inode one of its clone: before its data is changed, so that quotas refuse in time.
    ///
    /// Errors: `StaleHandle`, `QuotaExceeded`, `Io`.
    pub(crate) async fn adopt(&self, inode: InodeId) -> Result<(), Failure> {
        self.mutate(inode.shard, |turn| {
            let record = turn.live(inode)?;
            if turn.is_inherited(inode.tree, record.born) {
                turn.put_inode(inode, (*record).clone());
            }
            Ok(())
        })
        .await
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Whether what was born in this epoch is of the origin of a tree.
    pub(crate) fn is_inherited(&self, tree: TreeId, born: Epoch) -> bool {
        tree != TreeId::LIVE && self.shard.clones.inherited(tree).is_some_and(|epoch| born <= epoch)
    }

    /// Charges an inode as it was before this change, if it is its clone's only from now on: what is charged or taken back
    /// next finds it counted.
    pub(crate) fn adopt(&mut self, inode: InodeId) -> Step<()> {
        if inode.tree == TreeId::LIVE || self.adopted.contains(&inode) {
            return Ok(());
        }
        if self.shard.clones.find(inode.tree).is_none_or(|known| inode.number >= known.record.first_own) {
            return Ok(());
        }
        self.inode(inode)?;
        let old: Option<InodeRecord> = self.writes.inodes.before(&inode).cloned();
        let Some(old) = old.filter(|old| self.is_inherited(inode.tree, old.born)) else { return Ok(()) };
        self.adopted.push(inode);
        // What was cut off is worked off in both.
        for Mask { first_region, end_region, generation, .. } in old.masks.iter().copied() {
            self.add_intent(Intent::Truncate { inode, first_region, end_region, generation });
        }
        if old.links == 0 {
            return Ok(());
        }
        let mut chain = self.chain(self.shard.clones.above(inode, old.home_parent))?;
        if old.file_type == FileType::Directory {
            chain.insert(0, inode);
        }
        self.charge_each(&chain, of_record(&old))?;
        self.charge_owners((inode, &chain), &old, of_record(&old))
    }

    /// The end of every change: all inodes that it writes are counted.
    pub(crate) fn adopt_written(&mut self) -> Step<()> {
        if self.shard.clones.count() == 0 {
            return Ok(());
        }
        let written: Vec<InodeId> = self.writes.inodes.written().map(|touched| touched.key).collect();
        written.into_iter().filter(|inode| inode.tree.is_clone()).try_for_each(|inode| self.adopt(inode))?;
        self.require_marks()
    }

    /// A mark that something is gone stays as it was first written: snapshots of the clone tell by it since when. So it is
    /// looked for where there may be one.
    fn require_marks(&self) -> Step<()> {
        let mut wanted = Vec::new();
        self.each_removed(|tree, key, is_own| {
            let is_asked = is_own && self.shard.past.newest_before(tree, self.present().current).is_some();
            if is_asked && self.mark_of(&key).is_none() {
                wanted.push(key);
            }
        });
        if wanted.is_empty() { Ok(()) } else { Err(Stop::Miss(Miss::Marks(self.shard.id, wanted))) }
    }

    /// Whether a key is marked as gone, as far as it was looked for.
    fn mark_of(&self, key: &Key) -> Option<bool> {
        self.scratch.marks.get(key).filter(|(_, marks)| *marks == self.state.marks).map(|(is_marked, _)| *is_marked)
    }

    /// The marks that this change leaves in clones in place of what it removes.
    pub(crate) fn marks(&self) -> Vec<Key> {
        let mut marks = Vec::new();
        self.each_removed(|_, key, is_own| {
            if !(is_own && self.mark_of(&key) == Some(true)) {
                marks.push(keys::gone(&key));
            }
        });
        marks
    }
}
