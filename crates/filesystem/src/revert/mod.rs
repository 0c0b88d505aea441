//! Reverts: a directory and all below it becomes again what a snapshot shows of it.
//!
//! What differs is told by the list of changes (`snapshot::changes`) and changed back one by one, by the operations that
//! clients use too: so quotas, leases, watches, versions and durability are theirs, and clients see states between. First
//! names are put where they were (`names`, `place`), in passes over the list until one has nothing more to do; then files
//! and directories get what they held (`contents`). Nothing is remembered but the promise itself: after a restart the list
//! tells what still differs.

mod contents;
mod names;
mod pass;
mod place;
mod table;
#[cfg(test)]
mod tests;

use meta::keys;
use meta::records::{Intent, IntentRecord};
use vfs::{Failure, FileType, FsError, InodeId, InodeNumber, Revert, RevertState};

pub(crate) use self::table::Reverts;
use crate::Filesystem;
use crate::gc::IntentKey;

/// What is to become what again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// The directory, where it is written.
    pub(super) top: InodeId,
    /// The same, as the snapshot has it.
    pub(super) past: InodeId,
    /// The root of the tree.
    pub(super) root: InodeNumber,
}

impl Aim {
    /// An inode as the snapshot has it.
    pub(super) fn was(&self, number: InodeNumber) -> InodeId {
        self.past.sibling(number)
    }

    /// The same, where it is written.
    pub(super) fn is(&self, number: InodeNumber) -> InodeId {
        self.top.sibling(number)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_revert(&self, past: InodeId) -> Result<Revert, Failure> {
        let span = self.span_of((past, None), FileType::Directory).await?;
        let top = past.in_tree(span.tree());
        let promised = self.mutate(top.shard, |turn| {
            if turn.house.reverts.is_under_way(top) {
                return Err(FsError::Exists.into());
            }
            turn.house.require_shown(past)?;
            Ok(turn.add_intent(Intent::Revert { inode: top, past: past.tree }))
        });
        let key = (top.shard, promised.await?);
        self.reverts.find(key).ok_or_else(|| FsError::Io.into())
    }

    pub(crate) fn do_reverts(&self, within: InodeId) -> Result<Vec<Revert>, FsError> {
        self.shards.find(within.shard).ok_or(FsError::StaleHandle)?;
        Ok(self.reverts.all(within.shard))
    }

    pub(crate) async fn do_cancel_revert(&self, within: InodeId, id: u64) -> Result<(), Failure> {
        let key = (within.shard, id);
        self.reverts.find(key).filter(|revert| !revert.state.is_ended()).ok_or(FsError::NotFound)?;
        self.end_revert(key, RevertState::Cancelled).await
    }

    /// One that was promised: now, or before the start.
    pub(crate) fn queue_revert(&self, key: IntentKey, record: &IntentRecord) {
        if let Intent::Revert { inode, past } = record.intent {
            self.reverts.add(key, (inode, inode.in_tree(past)), record.created);
        }
    }

    /// The promise goes, and then the revert has ended.
    pub(super) async fn end_revert(&self, key: IntentKey, state: RevertState) -> Result<(), Failure> {
        self.mutate(key.0, |turn| {
            turn.write_plain(keys::intent(key.0, key.1), None);
            Ok(())
        })
        .await?;
        self.reverts.end(key, state, self.clock.now());
        Ok(())
    }
}
