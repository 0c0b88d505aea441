//! Whether opens stand in the way of an operation.

use std::collections::HashSet;
use std::sync::Arc;

use locking::{Intrusion, Open};
use meta::records::InodeRecord;
use vfs::{FsError, InodeId, OpContext, ShareMode, Via};

use crate::Filesystem;
use crate::cache::Miss;
use crate::turn::{Step, Stop, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// The open through which an inode is reached; `None` by its handle alone.
    ///
    /// Errors: `BadOpen`.
    pub(crate) fn open_of(&self, ctx: &OpContext, (inode, via): (InodeId, Via)) -> Result<Option<Arc<Open>>, FsError> {
        let Via::Open(id) = via else { return Ok(None) };
        let open = self.opens.find(ctx.session, id).filter(|open| open.inode == inode);
        open.map(Some).ok_or(FsError::BadOpen)
    }

    /// The open through which attributes are reached: of the inode, or of a stream of it.
    ///
    /// Errors: `BadOpen`.
    pub(crate) fn attributes_open_of(
        &self,
        ctx: &OpContext,
        (inode, via): (InodeId, Via),
    ) -> Result<Option<Arc<Open>>, FsError> {
        let Via::Open(id) = via else { return Ok(None) };
        let open = self.opens.find(ctx.session, id);
        let open = open.filter(|open| open.inode == inode || open.stream_of == Some(inode));
        open.map(Some).ok_or(FsError::BadOpen)
    }

    /// Refuses what an open, except `own`, does not let others do.
    ///
    /// Errors: `Breaking`, `ShareConflict`.
    pub(crate) fn require_shared(&self, inode: InodeId, uses: ShareMode, own: Option<&Open>) -> Result<(), FsError> {
        let is_denied = self.locks.table.denies(inode, uses, own.map(|open| open.id));
        if is_denied { Err(self.refuse_shared(inode, own)) } else { Ok(()) }
    }

    /// Refuses to move something into a directory that an open may delete: Windows opens the directory meanwhile, and does not
    /// share its deletion.
    ///
    /// Errors: `Breaking`, `ShareConflict`.
    pub(crate) fn require_undeletable(&self, directory: InodeId) -> Result<(), FsError> {
        let may_go = self.locks.table.has_deleter(directory);
        if may_go { Err(self.refuse_shared(directory, None)) } else { Ok(()) }
    }

    /// Whether an inode is there: it has a name, or is open.
    pub(crate) fn is_there(&self, inode: InodeId, record: &InodeRecord) -> bool {
        (record.links > 0 || self.opens.holds(inode)) && !self.is_going(inode)
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Whether anything has an inode open.
    pub(crate) fn is_open(&self, inode: InodeId) -> bool {
        self.house.opens.holds(inode)
    }

    /// Refuses to take or change a name of an inode that an open does not let others delete, or that is cached.
    ///
    /// Errors: `Breaking`, `ShareConflict`.
    pub(crate) fn require_deletable(&self, inode: InodeId) -> Result<(), FsError> {
        self.house.intrude(inode, None, Intrusion::Remove)?;
        self.house.require_shared(inode, ShareMode { delete: true, ..ShareMode::default() }, None)
    }

    /// Refuses when anything below a directory is open.
    ///
    /// Errors: `Breaking`, `AccessDenied`.
    pub(crate) fn require_closed_below(&self, directory: InodeId) -> Step<()> {
        let mut apart = HashSet::new();
        for parent in self.house.opens.parents(directory.shard) {
            let mut at = parent;
            while at != InodeId::root_of(at.shard) && apart.insert(at) {
                if at == directory {
                    return Err(self.house.refuse_open_below(parent).into());
                }
                // Not by the turn's own reads: there may be very many of these.
                let slot = self.house.records.inodes.get(&at).ok_or(Stop::Miss(Miss::Inode(at)))?;
                let Some(record) = slot.value else { break };
                at = self.shard.clones.above(at, record.home_parent);
            }
        }
        Ok(())
    }
}
