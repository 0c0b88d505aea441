//! The two states that are compared.

use std::sync::Arc;

use meta::records::InodeRecord;
use vfs::{Epoch, Failure, FileType, FsError, InodeId, InodeNumber, ShardId, TreeId};

use super::Page;
use crate::Filesystem;
use crate::cache::Seen;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(super) shard: ShardId,
    /// The tree in which both states are, or were.
    pub(super) tree: TreeId,
    /// As the older state is read.
    pub(super) from: TreeId,
    /// As the younger one is.
    pub(super) to: TreeId,
    /// The epoch that the older one shows.
    pub(super) after: Epoch,
    /// The last epoch that belongs to the younger one.
    pub(super) until: Epoch,
    /// The inode that was asked for.
    pub(super) top: InodeNumber,
    /// The root of the tree.
    pub(super) root: InodeNumber,
}

/// One of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    From,
    To,
}

/// An inode in both, where it has a name.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) from: Option<Arc<InodeRecord>>,
    pub(super) to: Option<Arc<InodeRecord>>,
}

impl Span {
    /// The tree in which both states are, or were.
    pub(crate) fn tree(&self) -> TreeId {
        self.tree
    }

    /// An inode in one of the states.
    pub(super) fn inode(&self, side: Side, number: InodeNumber) -> InodeId {
        let tree = if side == Side::From { self.from } else { self.to };
        InodeId { shard: self.shard, tree, number }
    }

    /// An inode of the tree, as its records are kept.
    pub(super) fn kept(&self, number: InodeNumber) -> InodeId {
        InodeId { shard: self.shard, tree: self.tree, number }
    }

    /// Whether the younger state is now.
    pub(super) fn is_open(&self) -> bool {
        self.to == self.tree
    }

    /// Whether a record that the younger state has is not what the older one had.
    pub(super) fn is_younger(&self, born: Epoch) -> bool {
        born > self.after
    }
}

impl Pair {
    /// The inode as it is, or else as it was.
    pub(super) fn any(&self) -> Option<&Arc<InodeRecord>> {
        self.to.as_ref().or(self.from.as_ref())
    }

    /// Whether its record differs.
    pub(super) fn has_changed(&self, span: &Span) -> bool {
        self.to.as_ref().is_none_or(|record| span.is_younger(record.born))
    }

    /// Whether it is at home in another directory.
    pub(super) fn homes_differ(&self) -> bool {
        let home = |record: &Option<Arc<InodeRecord>>| record.as_ref().map(|record| record.home_parent);
        home(&self.from) != home(&self.to)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// What is compared when this is asked for of an inode of this kind.
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument`, `NotDirectory` or `WrongType`, `Io`.
    pub(crate) async fn span_of(&self, (from, to): (InodeId, Option<TreeId>), kind: FileType) -> Result<Span, Failure> {
        let shard = self.shard(from.shard)?;
        let older = self.known(from).ok_or(FsError::StaleHandle)?;
        let tree = older.record.tree;
        let to = to.unwrap_or(tree);
        let younger = match to.snapshot() {
            Some(snapshot) => Some(shard.past.find(snapshot).ok_or(FsError::StaleHandle)?),
            None => None,
        };
        let (after, until) = (older.record.epoch, younger.as_ref().map(|younger| younger.record.epoch));
        let is_of_tree = younger.as_ref().map_or(to, |younger| younger.record.tree) == tree;
        if !is_of_tree || until.is_some_and(|until| until <= after) {
            return Err(FsError::InvalidArgument.into());
        }
        let present = from.in_tree(tree);
        let shown = self.past_in(present, &older).await?;
        let is_there = match &younger {
            Some(younger) => self.past_in(present, younger).await?.is_some(),
            None => {
                self.require_written(present)?;
                self.inode(present, &mut Seen::default()).await?.is_some_and(|record| record.links > 0)
            }
        };
        let record = self.inode(from, &mut Seen::default()).await?.filter(|_| shown.is_some() && is_there);
        let record = record.ok_or(FsError::StaleHandle)?;
        match kind {
            _ if record.file_type == kind => {}
            FileType::Directory => return Err(FsError::NotDirectory.into()),
            _ => return Err(FsError::WrongType.into()),
        }
        let until = until.unwrap_or_else(|| shard.past.epoch());
        let root = self.root_of(present).ok_or(FsError::StaleHandle)?;
        Ok(Span { shard: from.shard, tree, from: from.tree, to, after, until, top: from.number, root })
    }

    /// The root of the tree of an inode.
    pub(crate) fn root_of(&self, inode: InodeId) -> Option<InodeNumber> {
        let shard = self.shards.find(inode.shard)?;
        Some(shard.clones.find(inode.tree).map_or(InodeNumber::ROOT, |clone| clone.record.root))
    }

    /// Errors: `StaleHandle` once one of the snapshots is not shown any more.
    pub(super) fn require_both(&self, span: &Span) -> Result<(), FsError> {
        [Side::From, Side::To].iter().try_for_each(|side| self.require_shown(span.inode(*side, span.top)))
    }

    /// Names what is buffered of files of the tree and belongs to the younger state: else nothing says that they changed.
    ///
    /// Errors: as a flush.
    pub(super) async fn name_until(&self, span: &Span) -> Result<(), Failure> {
        let is_of_tree = |inode: InodeId| (inode.shard, inode.tree) == (span.shard, span.tree);
        Box::pin(self.flush_those(|inode, epoch| is_of_tree(inode) && epoch <= span.until)).await
    }
}

impl<K: kv::Engine, C: chunk::Store> Page<'_, K, C> {
    /// An inode in one of the states, if it has a name there.
    pub(super) async fn record(
        &mut self,
        side: Side,
        number: InodeNumber,
    ) -> Result<Option<Arc<InodeRecord>>, Failure> {
        self.look(1);
        let record = self.house.inode(self.span.inode(side, number), &mut self.seen).await?;
        Ok(record.filter(|record| record.links > 0))
    }

    /// An inode in both.
    pub(super) async fn pair(&mut self, number: InodeNumber) -> Result<Pair, Failure> {
        let from = self.record(Side::From, number).await?;
        Ok(Pair { from, to: self.record(Side::To, number).await? })
    }
}
