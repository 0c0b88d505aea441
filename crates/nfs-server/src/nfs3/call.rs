//! One NFS call on its way to vfs: who asks, through which export, and how a refusal is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use nfs_wire::nfs3::{FileHandle, Nfsstat3};
use nfs_wire::rpc::OpaqueAuth;
use vfs::{
    Attributes, Failure, FsError, Identity, InodeId, OpContext, OperationId, Priority, Protocol, ReplayKey, Vfs,
};
use zones::{Asker, Export, ExportId, FileIds, Refusal, Zone};

use crate::caller::{Admitted, Caller};
use crate::door::Door;
use crate::handle::HandleTarget;
use crate::status::nfs_status;

/// One call of an NFS procedure.
pub(crate) struct Call<'a, V> {
    pub(crate) door: &'a Door<V>,
    pub(crate) caller: &'a Caller,
    pub(crate) zone: &'a Arc<Zone>,
    /// The credential as it came, and what it says.
    pub(crate) token: &'a OpaqueAuth,
    pub(crate) identity: &'a Identity,
    pub(crate) operation_id: OperationId,
    /// Where the export that the handle names is noted.
    pub(crate) export: &'a OnceLock<ExportId>,
    pub(crate) replay_key: Option<ReplayKey>,
    pub(crate) priority: Priority,
    /// The export that was opened shows file numbers of 32 bits: those of the reply are folded at its end.
    pub(crate) folds_file_ids: AtomicBool,
}

/// An inode that a call may ask about, and the context to ask in.
pub(crate) struct Object {
    pub(crate) inode: InodeId,
    pub(crate) ctx: OpContext,
    export: ExportId,
    pub(crate) read_only: bool,
}

/// A refusal with the attributes that were at hand.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: Nfsstat3,
    /// Of the object, or of the (source) directory.
    pub(super) attributes: Option<Box<Attributes>>,
    /// Of the target directory of a rename or link.
    pub(super) target: Option<Box<Attributes>>,
}

impl<V: Vfs> Call<'_, V> {
    /// Opens a handle for a call that changes nothing.
    ///
    /// Errors, in order: BADHANDLE (no handle of this house, or of another zone's export), STALE (the export is gone,
    /// or its root), ACCES (the client, its flavor or its user is not let in), JUKEBOX (the zone's provider of groups
    /// cannot be asked now), STALE (the inode lies in another shard than the root of the export, so not in the export).
    pub(crate) async fn open(&self, handle: &FileHandle) -> Result<Object, Refused> {
        let target = self.door.keys.open(handle).map_err(|_| Nfsstat3::Badhandle)?;
        let export = ExportId(target.export);
        let remembered = self.caller.admitted((export, self.token), self.door.roots.version(), &*self.door.clock);
        let admitted = match remembered {
            Some(admitted) => {
                self.export.get_or_init(|| export);
                admitted
            }
            // In a box: the first call of a user holds more than all others.
            None => Box::pin(self.admit(export)).await?,
        };
        self.folds_file_ids.store(admitted.file_ids == FileIds::Bits32, Ordering::Relaxed);
        if target.inode.shard != admitted.root.shard {
            return Err(Nfsstat3::Stale.into());
        }
        let ctx = OpContext {
            operation_id: self.operation_id,
            zone: self.zone.id(),
            root: admitted.root,
            credentials: admitted.credentials,
            protocol: Protocol::Nfs3,
            client: self.caller.client_id,
            session: self.caller.session,
            snapshots: self.zone.definition().snapshots(),
            replay_key: self.replay_key,
            deadline: None,
            priority: self.priority,
        };
        Ok(Object { inode: target.inode, ctx, export, read_only: admitted.read_only })
    }

    /// Opens a handle for a call that changes something.
    ///
    /// Errors: as [`Call::open`], then ROFS (the export is read-only for this client).
    pub(super) async fn open_to_change(&self, handle: &FileHandle) -> Result<Object, Refused> {
        let object = self.open(handle).await?;
        if object.read_only { Err(Nfsstat3::Rofs.into()) } else { Ok(object) }
    }

    /// Opens the second handle of a call.
    ///
    /// Errors, in order: BADHANDLE, XDEV (of another export), STALE (in another shard than the export).
    pub(super) fn open_beside(&self, object: &Object, handle: &FileHandle) -> Result<InodeId, Refused> {
        let target = self.door.keys.open(handle).map_err(|_| Nfsstat3::Badhandle)?;
        let is_beside = target.export == object.export.0;
        match is_beside {
            false => Err(Nfsstat3::Xdev.into()),
            true if target.inode.shard != object.ctx.root.shard => Err(Nfsstat3::Stale.into()),
            true => Ok(target.inode),
        }
    }

    /// The handle of an inode that was reached through an object; `None` when it lies in another shard than the export:
    /// such an inode is not the client's business, and its handle would be refused.
    pub(super) fn seal(&self, object: &Object, inode: InodeId) -> Option<FileHandle> {
        let is_inside = inode.shard == object.ctx.root.shard;
        let target = HandleTarget { inode, export: object.export.0 };
        is_inside.then(|| self.door.keys.seal(&target))
    }

    /// Whether the file numbers of the reply are to be folded into 32 bits.
    pub(super) fn folds_file_ids(&self) -> bool {
        self.folds_file_ids.load(Ordering::Relaxed)
    }

    /// The rules of the export that an object was opened through.
    pub(super) fn export(&self, object: &Object) -> Result<&Arc<Export>, Refused> {
        let found = self.zone.export(object.export, self.caller.client);
        found.map_err(|refusal| self.status_of(refusal, object.export).into())
    }

    async fn admit(&self, export: ExportId) -> Result<Admitted, Refused> {
        let rules = self.zone.export(export, self.caller.client);
        if !matches!(rules, Err(Refusal::NoSuchExport)) {
            // The first handle of a call says whose it is.
            self.export.get_or_init(|| export);
        }
        let rules = rules.map_err(|refusal| self.status_of(refusal, export))?;
        let asker = Asker { identity: self.identity, client: self.caller.client, clock: &*self.door.clock };
        let let_in = self.zone.admit(rules, asker).await.map_err(|refusal| self.status_of(refusal, export))?;
        // Read first: a root that moves meanwhile makes what is remembered here void.
        let roots_version = self.door.roots.version();
        let root = self.door.export_root(self.zone, rules).await.map_err(|error| match error {
            FsError::NotFound | FsError::NotDirectory => Nfsstat3::Stale,
            other => nfs_status(other),
        })?;
        let credentials = Arc::new(let_in.credentials);
        let (read_only, until) = (let_in.access.read_only, let_in.until);
        let admitted = Admitted { root, read_only, credentials, file_ids: rules.file_ids(), until };
        self.caller.remember(self.zone, (export, self.token), (roots_version, &admitted));
        Ok(admitted)
    }

    /// A handle of an export of another zone has no business here; one of an export that went in a reload is stale.
    fn status_of(&self, refusal: Refusal, export: ExportId) -> Nfsstat3 {
        match refusal {
            Refusal::NoSuchExport => {
                let zones = self.door.registry.zones();
                let is_foreign = zones.iter().any(|zone| zone.exports().iter().any(|other| other.id() == export));
                if is_foreign { Nfsstat3::Badhandle } else { Nfsstat3::Stale }
            }
            Refusal::NotMountable | Refusal::ClientNotNamed | Refusal::FlavorNotAccepted | Refusal::UnknownUser => {
                Nfsstat3::Acces
            }
            Refusal::ProviderFailed => Nfsstat3::Jukebox,
        }
    }
}

impl Object {
    /// Whether it is seen as it is now.
    pub(super) fn is_live(&self) -> bool {
        !self.inode.tree.is_past()
    }
}

impl From<Nfsstat3> for Refused {
    fn from(status: Nfsstat3) -> Self {
        Self { status, attributes: None, target: None }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { status: nfs_status(failure.error), attributes: failure.attributes, target: failure.target }
    }
}
