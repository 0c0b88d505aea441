//! One operation: the state, who asks, and the time it happens at; with the checks that many operations share.

use std::sync::MutexGuard;
use std::time::Duration;

use vfs::limits::NFS_NAME_BYTES_MAX;
use vfs::{
    Attributes, Change, Failure, FileType, FsError, InodeId, LeaseKey, LeaseOwner, Name, OpContext, Protocol, Timestamp,
};

use super::inode::{Directory, Inode};
use super::leases::Intrusion;
use super::permission::{self, SEARCH};
use super::state::State;
use super::watch::Changes;

pub(super) struct Turn<'a> {
    pub(super) state: MutexGuard<'a, State>,
    pub(super) ctx: &'a OpContext,
    pub(super) now: Timestamp,
    /// On the monotonic clock.
    pub(super) monotonic: Duration,
    /// The lease of a directory that this does not break.
    pub(super) spared: Option<LeaseKey>,
    pub(super) changes: Changes,
}

impl Turn<'_> {
    /// Errors: `StaleHandle`.
    pub(super) fn inode(&self, id: InodeId) -> Result<&Inode, Failure> {
        self.state.inodes.get(&id).ok_or_else(|| FsError::StaleHandle.into())
    }

    /// Errors: `StaleHandle`.
    pub(super) fn attributes(&self, id: InodeId) -> Result<&Attributes, Failure> {
        Ok(&self.inode(id)?.attributes)
    }

    /// Errors, in order: `StaleHandle`, `NotDirectory`.
    pub(super) fn directory(&self, id: InodeId) -> Result<&Directory, Failure> {
        self.inode(id)?.directory().ok_or_else(|| self.refuse(id, FsError::NotDirectory))
    }

    /// A directory whose entries the caller may reach.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (search).
    pub(super) fn searched(&self, id: InodeId) -> Result<&Directory, Failure> {
        self.directory(id)?;
        self.require(id, SEARCH)?;
        self.directory(id)
    }

    /// Errors, in order: `StaleHandle`, `AccessDenied`.
    pub(super) fn require(&self, id: InodeId, bits: u32) -> Result<(), Failure> {
        let is_permitted = permission::permits(&self.ctx.credentials, self.attributes(id)?, bits);
        self.ensure(is_permitted, id, FsError::AccessDenied)
    }

    /// Errors, in order: `StaleHandle`, `AccessDenied`.
    pub(super) fn require_add(&self, directory: InodeId, is_directory: bool) -> Result<(), Failure> {
        let may_add = permission::lets_add(&self.ctx.credentials, self.attributes(directory)?, is_directory);
        self.ensure(may_add, directory, FsError::AccessDenied)
    }

    /// Errors, in order: `StaleHandle`, `AccessDenied`.
    pub(super) fn require_remove(&self, directory: InodeId, entry: InodeId) -> Result<(), Failure> {
        let (holder, held) = (self.attributes(directory)?, self.attributes(entry)?);
        let may_remove = permission::lets_remove(&self.ctx.credentials, holder, held);
        self.ensure(may_remove, directory, FsError::AccessDenied)
    }

    /// Errors, in order: `StaleHandle`, `NotPermitted`.
    pub(super) fn require_unstuck(&self, directory: InodeId, entry: InodeId) -> Result<(), Failure> {
        let (holder, held) = (self.attributes(directory)?, self.attributes(entry)?);
        let is_kept = permission::is_kept_by_sticky(&self.ctx.credentials, holder, held);
        self.ensure(!is_kept, directory, FsError::NotPermitted)
    }

    /// Errors: `NameTooLong`.
    pub(super) fn require_short(&self, directory: InodeId, name: &Name) -> Result<(), Failure> {
        let is_long = self.ctx.protocol == Protocol::Nfs3 && name.as_bytes().len() > NFS_NAME_BYTES_MAX;
        self.ensure(!is_long, directory, FsError::NameTooLong)
    }

    /// The error with the attributes of `id` unless the condition holds.
    pub(super) fn ensure(&self, holds: bool, id: InodeId, error: FsError) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.refuse(id, error)) }
    }

    /// A refusal with the attributes of an inode.
    pub(super) fn refuse(&self, id: InodeId, error: FsError) -> Failure {
        match self.state.inodes.get(&id) {
            Some(inode) => Failure::with(error, inode.attributes.clone()),
            None => error.into(),
        }
    }

    /// Changes an inode: `changed` becomes now and the change counter rises.
    ///
    /// Errors: `StaleHandle`.
    pub(super) fn change(&mut self, id: InodeId, edit: impl FnOnce(&mut Inode)) -> Result<Change, Failure> {
        let number = self.state.next_change();
        let shown = self.inode(id)?.attributes.clone();
        let entries = if self.state.watches.is_empty() { Vec::new() } else { self.entries_of(id) };
        let state = &mut *self.state;
        let inode = state.inodes.get_mut(&id).ok_or(FsError::StaleHandle)?;
        let (before, allocated) = (inode.attributes.pre(), inode.attributes.allocated_bytes);
        edit(inode);
        inode.attributes.changed = self.now;
        inode.attributes.change = number;
        state.used_bytes = state.used_bytes + inode.attributes.allocated_bytes - allocated;
        let after = inode.attributes.clone();
        if !self.state.watches.is_empty() {
            self.note_change(id, (&shown, &entries));
        }
        Ok(Change { before, after })
    }

    /// Changes the entries of a directory: `modified` becomes now too.
    ///
    /// Errors: `StaleHandle`.
    pub(super) fn change_entries(&mut self, id: InodeId, edit: impl FnOnce(&mut Inode)) -> Result<Change, Failure> {
        let now = self.now;
        let spared = self.spared.map(LeaseOwner::Key);
        self.state.leases.intrude(id, spared, (Intrusion::Write, self.monotonic));
        self.change(id, |inode| {
            edit(inode);
            inode.attributes.modified = now;
        })
    }

    /// Takes one name from an inode, which goes with its last one, a file not before its last open; its attributes after
    /// it.
    ///
    /// Errors: `StaleHandle`.
    pub(super) fn unlink(&mut self, id: InodeId) -> Result<Attributes, Failure> {
        let attributes = self.attributes(id)?;
        if attributes.is_directory() || attributes.links <= 1 {
            self.lose_streams(id)?;
        }
        let after = self.change(id, |inode| {
            let links = inode.attributes.links;
            inode.attributes.links = if inode.attributes.is_directory() { 0 } else { links.saturating_sub(1) };
        })?;
        let stays = after.after.file_type == FileType::Regular && self.state.opens.holds(id);
        if after.after.links == 0 && !stays {
            self.state.inodes.remove(&id);
            self.state.used_bytes -= after.after.allocated_bytes;
        }
        Ok(after.after)
    }

    /// Directories above this one within its shard.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`.
    pub(super) fn depth(&self, id: InodeId) -> Result<u32, Failure> {
        let (mut depth, mut at) = (0, id);
        while at != InodeId::root_of(id.shard) {
            at = self.directory(at)?.parent;
            depth += 1;
        }
        Ok(depth)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.state.watches.is_empty() {
            self.tell();
        }
    }
}
