//! One NLM call on its way to vfs: who asks, for which file.

use bytes::Bytes;
use nfs_wire::nfs3::FileHandle;
use nfs_wire::nlm4::{Netobj, Nlm4Lock, Nlm4Stats};
use nfs_wire::xdr::Opaque;
use vfs::{ClientId, InodeId, LockClient, LockKind, LockOwner, LockRange, LockRequest, OpContext, Protocol, Vfs};

use super::client::owner;
use super::desk::{Desk, Respond};
use crate::callback::Line;
use crate::caller::is_client;
use crate::door::ZoneState;
use crate::nfs3;
use crate::status::{nlm_status, nlm_status_of_handle};

/// One call of an NLM procedure.
pub(crate) struct Call<'a, V> {
    /// Opens handles as every NFS call does.
    pub(crate) nfs: nfs3::Call<'a, V>,
    pub(crate) state: &'a ZoneState,
}

/// A file that may be locked, and the context to ask in.
pub(super) struct File {
    pub(super) inode: InodeId,
    pub(super) ctx: OpContext,
}

impl<V: Vfs> Call<'_, V> {
    pub(super) fn vfs(&self) -> &V {
        &self.nfs.door.vfs
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.nfs.door.locks
    }

    /// Opens a handle for a lock.
    ///
    /// Errors, in order: STALE_FH (no handle of an export of this zone, or a stale one), FAILED (the client, its flavor
    /// or its user is not let in), ROFS (a write lock on an export that is read-only for this client).
    pub(super) async fn open(&self, handle: &Netobj, exclusive: bool) -> Result<File, Nlm4Stats> {
        let handle = FileHandle::new(handle.as_bytes().clone()).map_err(|_| Nlm4Stats::StaleFh)?;
        let object = self.nfs.open(&handle).await.map_err(|refused| nlm_status_of_handle(refused.status))?;
        if exclusive && object.read_only {
            return Err(Nlm4Stats::Rofs);
        }
        Ok(File { inode: object.inode, ctx: object.ctx })
    }

    /// Opens a handle to give something back: whoever holds it may, also when the export is gone or does not let the
    /// client in any more.
    ///
    /// Errors: STALE_FH (no handle of this house, or of another zone).
    pub(super) async fn open_to_release(&self, handle: &Netobj) -> Result<File, Nlm4Stats> {
        match self.open(handle, false).await {
            Ok(file) => Ok(file),
            Err(status) => {
                let target = self.nfs.door.keys.open(handle).map_err(|_| status)?;
                let is_ours = target.inode.shard == self.nfs.zone.root().shard;
                let ctx = self.internal();
                is_ours.then_some(File { inode: target.inode, ctx }).ok_or(Nlm4Stats::StaleFh)
            }
        }
    }

    /// The client of this name at the caller's address.
    pub(super) fn client(&self, name: &[u8]) -> ClientId {
        self.desk().client_id(self.nfs.zone.id(), self.nfs.caller.client, name)
    }

    /// The owner of a lock.
    pub(super) fn owner(&self, lock: &Nlm4Lock) -> LockOwner {
        owner(self.client(&lock.caller_name), lock.svid, &lock.oh)
    }

    /// Remembers the client durably, before it gets anything. Clients of NM_LOCK too: they are told of a restart that
    /// they do not listen for.
    ///
    /// Errors, in order: DENIED_NOLOCKS (too many names or clients), FAILED.
    pub(super) async fn remember(&self, ctx: &OpContext, (name, state): (&Bytes, u32)) -> Result<(), Nlm4Stats> {
        let (zone, address) = (self.nfs.zone.id(), self.nfs.caller.client);
        let id = self.client(name);
        let now = self.nfs.door.clock.monotonic();
        if !self.desk().names.admit((zone, address, id), now, || self.vfs().lock_clients()) {
            return Err(Nlm4Stats::DeniedNolocks);
        }
        // The name is copied: a slice would keep the whole record alive.
        let name = Bytes::copy_from_slice(name);
        let server = self.nfs.caller.local.ip().to_canonical();
        let since = self.nfs.door.clock.now();
        let client = LockClient { id, name, address, server, state, since };
        self.vfs().remember_lock_client(ctx, client).await.map_err(|failure| nlm_status(failure.error))
    }

    /// The way to call this client back.
    pub(super) fn line(&self) -> Line {
        Line { from: self.nfs.caller.local.ip().to_canonical(), to: self.nfs.caller.client }
    }

    /// Answers a `_MSG` call by a call of `P`, if the caller is let in anywhere: others are not called.
    pub(super) fn respond<P: Respond>(&self, result: P::Args) {
        if is_client(self.nfs.zone, self.nfs.caller.client) {
            self.desk().respond::<P>((self.nfs.zone.id(), self.line()), result);
        }
    }

    /// The house on behalf of this caller.
    pub(super) fn internal(&self) -> OpContext {
        OpContext {
            operation_id: self.nfs.operation_id,
            zone: self.nfs.zone.id(),
            client: self.nfs.caller.client_id,
            session: self.nfs.caller.session,
            protocol: Protocol::Nfs3,
            priority: self.nfs.priority,
            ..OpContext::internal(self.nfs.zone.root())
        }
    }
}

impl File {
    /// A request without wait.
    pub(super) fn request(&self, owner: LockOwner, (range, kind): (LockRange, LockKind)) -> LockRequest {
        LockRequest { inode: self.inode, owner, range, kind, mandatory: false, wait: None, reclaim: false }
    }
}

/// Errors: FBIG (it reaches beyond the last byte there can be).
pub(super) fn range(lock: &Nlm4Lock) -> Result<LockRange, Nlm4Stats> {
    let reaches_too_far = lock.len != 0 && lock.offset.checked_add(lock.len - 1).is_none();
    if reaches_too_far { Err(Nlm4Stats::Fbig) } else { Ok(LockRange { offset: lock.offset, length: lock.len }) }
}

pub(super) const fn kind(exclusive: bool) -> LockKind {
    if exclusive { LockKind::Exclusive } else { LockKind::Shared }
}

/// A lock for keeping: a slice of each part would keep the whole record alive.
pub(super) fn kept(lock: &Nlm4Lock) -> Nlm4Lock {
    Nlm4Lock { caller_name: copy(&lock.caller_name), fh: copy(&lock.fh), oh: copy(&lock.oh), ..lock.clone() }
}

/// Bytes for keeping.
pub(super) fn copy<const MAX: usize>(part: &Opaque<MAX>) -> Opaque<MAX> {
    Opaque::new(Bytes::copy_from_slice(part)).unwrap_or_default()
}
