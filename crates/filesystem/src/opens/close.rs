//! Closing: what an open held is free, a name that is marked for deletion goes with its last open, and an inode without
//! a name with its own.

use locking::{Closing, Link, Open};
use meta::records::Intent;
use vfs::{
    Case, Change, CloseReply, CloseRequest, Failure, FileType, FsError, InodeId, LeaseGrant, OpContext, OpenId,
    OpenState, SessionId, TakeOverRequest,
};

use crate::Filesystem;
use crate::namespace::lose_name;

/// An open that is being closed: it ends with this, whatever happens.
struct Ending<'h, K: kv::Engine, C: chunk::Store> {
    house: &'h Filesystem<K, C>,
    open: &'h Open,
}

impl<K: kv::Engine, C: chunk::Store> Drop for Ending<'_, K, C> {
    fn drop(&mut self) {
        self.house.end_open(self.open);
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_close(&self, ctx: &OpContext, request: CloseRequest) -> Result<CloseReply, Failure> {
        let persistent = self.opens.find(ctx.session, request.open).is_some_and(|open| open.persistent.is_some());
        let closed = self.close_open(ctx.session, request.open).await?;
        if persistent {
            self.settle(self.meta.submitted()).await?;
        }
        let attributes = match closed {
            Some(inode) => self.settled_attributes(inode).await.ok(),
            None => None,
        };
        Ok(CloseReply { change: attributes.map(Change::none) })
    }

    /// Closes an open. Returns its inode, if that did not go with it.
    ///
    /// Errors: `BadOpen`, `Io`.
    async fn close_open(&self, session: SessionId, id: OpenId) -> Result<Option<InodeId>, Failure> {
        let open = self.opens.find(session, id).ok_or(FsError::BadOpen)?;
        let closing = self.opens.begin_close(&open);
        if closing == Closing::Begun {
            return Err(FsError::BadOpen.into());
        }
        if open.delete_on_close {
            self.watches.end(open.inode);
        }
        self.break_directory_of(&open);
        let _ending = Ending { house: self, open: &open };
        self.stamp_file_of(&open).await;
        let mut is_gone = false;
        if let Closing::Removes { stream, name } = &closing {
            if let Some(link) = stream {
                is_gone = self.remove_closed_stream(open.inode, link.parent).await?;
            }
            if let Some((inode, link)) = name {
                is_gone |= self.remove_closed((*inode, &open), link).await?;
            }
        }
        Ok((!is_gone).then_some(open.inode))
    }

    /// Removes a name whose last open is being closed. Says whether the inode went with it.
    ///
    /// Errors: `NoSpace`, `Io`.
    async fn remove_closed(&self, (inode, open): (InodeId, &Open), link: &Link) -> Result<bool, Failure> {
        self.admit_release()?;
        let place = (link.parent, &link.name, Case::Sensitive);
        self.mutate_removing(link.parent.shard, place, |turn, victim| {
            turn.spare_parent(open.lease);
            let parent = turn.inode(link.parent)?.filter(|record| record.links > 0);
            let found = if parent.is_some() { turn.find(link.parent, &link.name)? } else { None };
            let Some(found) = found.filter(|found| found.target == inode && found.dentry.shard.is_none()) else {
                return Ok(false);
            };
            let record = turn.live(inode)?;
            let is_directory = record.file_type == FileType::Directory;
            if is_directory && record.size > 0 {
                // Only when it was open: then it is not deleted.
                return Ok(false);
            }
            turn.remove_dentry(link.parent, found.cookie)?;
            let removed = lose_name(turn, link.parent, &found, victim)?;
            turn.touch_directory(link.parent, -1, -i64::from(is_directory))?;
            Ok(removed.links == 0)
        })
        .await
    }

    /// Ends an open, and frees all that it held.
    pub(crate) fn end_open(&self, open: &Open) {
        let orphans = self.opens.end(open);
        self.forget_open(open);
        self.watches.close(open.inode, open.id);
        self.locks.table.free_open(open.inode, open.id);
        if open.lease.is_some() {
            self.leases.close(open.inode, open.id);
        }
        for (inode, number) in orphans {
            self.let_orphan_go(inode, number);
        }
    }

    /// Ends all opens: their sessions are void after a reload.
    pub(crate) fn end_all_opens(&self) {
        for open in self.opens.clear() {
            self.locks.table.free_open(open.inode, open.id);
            self.leases.close(open.inode, open.id);
            self.watches.close(open.inode, open.id);
        }
    }

    /// Works off the intent that removes a file without a name, which nothing has open any more.
    pub(crate) fn let_orphan_go(&self, inode: InodeId, number: u64) {
        if let Some(file) = self.files.peek(inode) {
            self.forget_dirty(inode, &mut file.data());
        }
        self.data.intents.add((inode.shard, number), Intent::Remove { inode });
    }

    pub(crate) async fn do_end_session(&self, session: SessionId) {
        for open in self.opens.of_session(session) {
            if let Err(failure) = self.close_open(session, open).await {
                tracing::warn!(?open, ?failure, "a name that was to be deleted with its last open stays");
            }
        }
    }

    pub(crate) fn do_take_over(&self, ctx: &OpContext, request: &TakeOverRequest) -> Result<LeaseGrant, FsError> {
        let open = self.opens.find(request.from, request.open).ok_or(FsError::BadOpen)?;
        self.opens.hand_over(&open, ctx.session).map_err(|_| FsError::TooManyLocks)?;
        let to = (&request.mailbox, request.is_away);
        Ok(self.leases.rehome(open.inode, open.id, to).unwrap_or_default())
    }

    pub(crate) fn do_open_state(&self, ctx: &OpContext, id: OpenId) -> Result<OpenState, FsError> {
        let open = self.opens.find(ctx.session, id).ok_or(FsError::BadOpen)?;
        let (mut link, mut delete_pending) = self.opens.link(&open);
        let mut stream = None;
        if open.stream_of.is_some() {
            let (file, is_pending) = self.opens.file_link(&open);
            stream = std::mem::replace(&mut link, file).map(|link| link.name);
            delete_pending |= is_pending;
        }
        let name = link.map(|link| (link.parent, link.name));
        Ok(OpenState { inode: open.inode, granted: open.granted(), name, stream, delete_pending })
    }
}
