//! Reading the past: what a snapshot shows is loaded from what was kept, under inodes of its own tree.

use bytes::Bytes;
use kv::Direction;
use meta::keys::{Key, KeyRange};
use meta::{Layer, MetaError, Record};
use smallvec::SmallVec;
use vfs::{Epoch, Failure, FsError, InodeId, InodeNumber, OpContext, PastInode, Snapshot, TreeId};

use super::past::Known;
use crate::Filesystem;
use crate::cache::{Seen, Slot};

/// Where the records of an inode stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// As they are now, and nowhere else.
    Present,
    /// Those of another inode, through these layers.
    Layered(InodeId, SmallVec<[Layer; 2]>),
    /// There is no such tree, or not any more.
    Nowhere,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Where the records of an inode stand.
    pub(crate) fn place_in_time(&self, inode: InodeId) -> Place {
        if inode.tree == TreeId::LIVE {
            return Place::Present;
        }
        let Some(shard) = self.shards.find(inode.shard) else { return Place::Nowhere };
        let (tree, at) = match inode.tree.snapshot().map(|snapshot| shard.past.find(snapshot)) {
            Some(Some(known)) => (known.record.tree, Some(known.record.epoch)),
            None if shard.clones.find(inode.tree).is_some() => (inode.tree, None),
            _ => return Place::Nowhere,
        };
        Place::Layered(inode.in_tree(tree), shard.clones.layers(tree, at))
    }

    /// The snapshot in which an inode is.
    pub(crate) fn known(&self, inode: InodeId) -> Option<std::sync::Arc<Known>> {
        self.shards.find(inode.shard)?.past.find(inode.tree.snapshot()?)
    }

    /// Whether an inode of the past is in a snapshot that is still there. Of the present, yes.
    ///
    /// Errors: `StaleHandle`.
    pub(crate) fn require_shown(&self, inode: InodeId) -> Result<(), FsError> {
        let is_shown = !inode.tree.is_past() || inode.tree.is_snapshots() || self.known(inode).is_some();
        if is_shown { Ok(()) } else { Err(FsError::StaleHandle) }
    }

    /// A record of an inode, now or then; with the change that it shows, if that is perhaps not durable.
    pub(crate) async fn stored<R: Record>(
        &self,
        inode: InodeId,
        key: impl Fn(InodeId) -> Key + Send,
    ) -> Result<Slot<Option<std::sync::Arc<R>>>, MetaError> {
        let (key, found) = match self.place_in_time(inode) {
            Place::Present => {
                let key = key(inode);
                let found = self.meta.read_seen(&key).await?;
                (key, found)
            }
            Place::Layered(top, layers) => {
                let key = key(top);
                // In a box: few ask for it.
                let found = Box::pin(self.meta.read_layered(&key, &layers)).await?;
                (key, found)
            }
            Place::Nowhere => return Ok(Slot::new(None, meta::Version::default())),
        };
        let meta::Seen { value, version } = found;
        let value = value.map(|value| R::decode_at(&key, &value)).transpose()?;
        Ok(Slot::new(value.map(std::sync::Arc::new), version))
    }

    /// The first records of a range of an inode, now or then.
    pub(crate) async fn listed(
        &self,
        inode: InodeId,
        range: impl Fn(InodeId) -> KeyRange + Send,
        limit: usize,
    ) -> Result<meta::Seen<Vec<(Key, Bytes)>>, MetaError> {
        match self.place_in_time(inode) {
            Place::Present => self.meta.scan_seen(&range(inode), limit, Direction::Forward).await,
            Place::Layered(top, layers) => Box::pin(self.meta.scan_layered(&range(top), &layers, limit)).await,
            Place::Nowhere => Ok(meta::Seen { value: Vec::new(), version: meta::Version::default() }),
        }
    }

    /// What was buffered of a file when a snapshot was taken stands in the records from now on.
    pub(crate) async fn settle_past(&self, inode: InodeId) -> Result<(), MetaError> {
        let Place::Layered(top, layers) = self.place_in_time(inode) else { return Ok(()) };
        for (tree, epoch) in layers.iter().filter_map(|layer| Some((layer.tree, layer.at?))) {
            self.settle_before(top.in_tree(tree), epoch).await?;
        }
        Ok(())
    }

    async fn settle_before(&self, origin: InodeId, epoch: Epoch) -> Result<(), MetaError> {
        let is_older = |file: &crate::file::FileState| {
            let data = file.data();
            data.is_dirty() && data.epoch <= epoch
        };
        if !self.files.peek(origin).is_some_and(|file| is_older(&file)) {
            return Ok(());
        }
        let flushed = match Box::pin(self.flush(origin)).await {
            Ok(version) => self.settle(version).await,
            Err(failure) => Err(failure),
        };
        flushed
            .map_err(|failure| MetaError::Failed(format!("data of a snapshot cannot be stored: {:?}", failure.error)))
    }

    pub(crate) fn do_snapshots(&self, within: InodeId) -> Result<Vec<Snapshot>, FsError> {
        let shard = self.shards.find(within.shard).ok_or(FsError::StaleHandle)?;
        Ok(shard.past.all().iter().map(|known| known.told(shard.id)).collect())
    }

    pub(crate) async fn do_past_of(&self, _ctx: &OpContext, inode: InodeId) -> Result<Vec<PastInode>, Failure> {
        self.require_written(inode)?;
        let shard = self.shard(inode.shard)?;
        let mut found = Vec::new();
        for known in shard.past.of_tree(inode.tree).into_iter().rev().filter(|known| !known.record.deleting) {
            if let Some(past) = self.past_in(inode, &known).await? {
                found.push(PastInode { snapshot: known.told(shard.id), inode: past });
            }
        }
        Ok(found)
    }

    /// A live inode as a snapshot has it: where its directories led to the one that the snapshot stands on.
    ///
    /// Errors: `Io`.
    pub(super) async fn past_in(&self, inode: InodeId, known: &Known) -> Result<Option<InodeId>, Failure> {
        if inode.tree != known.record.tree {
            return Ok(None);
        }
        let root = known.record.root;
        let top = self.shard(inode.shard)?.clones.find(inode.tree).map_or(InodeNumber::ROOT, |clone| clone.record.root);
        let Some(tree) = TreeId::of_snapshot(known.id) else { return Ok(None) };
        let past = inode.in_tree(tree);
        let mut at = past;
        for _ in 0..=vfs::limits::DEPTH_MAX {
            let record = self.inode(at, &mut Seen::default()).await?;
            let Some(record) = record.filter(|record| record.links > 0) else { return Ok(None) };
            if at.number == root {
                return Ok(Some(past));
            }
            if at.number == top {
                return Ok(None);
            }
            at = at.sibling(record.home_parent);
        }
        Ok(None)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Snapshots stand on trees that are written: the live one, and clones.
    ///
    /// Errors: `StaleHandle`.
    pub(crate) fn require_written(&self, inode: InodeId) -> Result<(), FsError> {
        let is_clone = || self.shards.find(inode.shard).is_some_and(|shard| shard.clones.is_shown(inode.tree));
        if inode.tree == TreeId::LIVE || is_clone() { Ok(()) } else { Err(FsError::StaleHandle) }
    }
}

/// What is of the past cannot be changed.
///
/// Errors: `ReadOnly`.
pub(crate) fn require_present(inode: InodeId) -> Result<(), FsError> {
    if inode.tree.is_past() { Err(FsError::ReadOnly) } else { Ok(()) }
}
