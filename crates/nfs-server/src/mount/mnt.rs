//! MNT (RFC 1813 5.2.1, RFC 1094 A.5).

use bytes::Bytes;
use nfs_wire::mount::MNTPATHLEN;
use nfs_wire::mount::v1::FhStatus;
use nfs_wire::mount::v3::{MountOk, MountResult, Mountstat3};
use nfs_wire::nfs3::FileHandle;
use nfs_wire::rpc::AuthFlavor;
use vfs::limits::NFS_NAME_BYTES_MAX;
use vfs::{Case, InodeId, OpContext, Vfs, WalkRequest};
use zones::{AuditEvent, AuditObject, AuditRecord, AuditUser, Export, MountTarget, Refusal};

use super::Call;
use crate::handle::HandleTarget;
use crate::nfs3::DOOR;
use crate::status::mount_status;

/// MNT of version 3: the handle and the flavors that the export really accepts.
///
/// Errors, in order: NAMETOOLONG (path above 1024 bytes, or a component above 255), ACCES (`..` in the path), NOENT
/// (nothing is exported there), ACCES (below an export without `all_dirs`; the export does not serve this client),
/// NOENT, NOTDIR (also for a symbolic link: none is followed), ACCES (in another shard than the export, so not in it).
pub(super) async fn mnt3<V: Vfs>(call: &Call<'_, V>, path: &Bytes) -> MountResult {
    let mounted = mount(call, path).await;
    record(call, path, mounted.as_ref().err().copied());
    match mounted {
        Ok((fhandle, export)) => {
            let flavors = export.flavors().iter().map(|flavor| AuthFlavor(security::flavor::number(*flavor)));
            MountResult::Ok(MountOk { fhandle, auth_flavors: flavors.take(FLAVORS_MAX).collect() })
        }
        Err(status) => MountResult::Failed(status),
    }
}

/// MNT of versions 1 and 2. Its handles have 32 bytes and are of use for NFSv2 only, which is not served: the answer
/// is the precise error, or EACCES where version 3 would give a handle.
pub(super) async fn mnt1<V: Vfs>(call: &Call<'_, V>, path: &Bytes) -> FhStatus {
    let status = find(call, path).await.err().unwrap_or(Mountstat3::Acces);
    record(call, path, Some(status));
    FhStatus::Failed(status.code())
}

/// Puts a MNT among what the zone records.
fn record<V>(call: &Call<'_, V>, path: &[u8], failed: Option<Mountstat3>) {
    let Some(trail) = call.zone.trail() else { return };
    let Some(event) = trail.recorded(Some(AuditEvent::Mount), failed.is_none(), false) else { return };
    trail.put(AuditRecord {
        time: call.door.clock.now(),
        door: DOOR,
        client: call.caller.client,
        session: call.caller.session.0,
        request: call.xid.into(),
        user: AuditUser::default(),
        event,
        operation: "MNT",
        status: failed.map_or("MNT3_OK", Mountstat3::name),
        is_success: failed.is_none(),
        object: AuditObject::Asked(AuditObject::bounded(path)),
        to: AuditObject::None,
    });
}

async fn mount<V: Vfs>(call: &Call<'_, V>, path: &Bytes) -> Result<(FileHandle, std::sync::Arc<Export>), Mountstat3> {
    let (inode, export) = find(call, path).await?;
    let handle = call.door.keys.seal(&HandleTarget { inode, export: export.id().0 });
    call.state.mounts.insert(call.caller.client, path);
    Ok((handle, export))
}

/// The directory of an export that a path leads to, for this client.
///
/// Errors: as [`mnt3`].
pub(crate) async fn find<V: Vfs>(
    call: &Call<'_, V>,
    path: &Bytes,
) -> Result<(InodeId, std::sync::Arc<Export>), Mountstat3> {
    check_path(path)?;
    let target = call.zone.export_for_path(path, call.caller.client).map_err(refusal_status)?;
    let MountTarget { export, below } = target;
    let root = call.door.find_export_root(call.zone, &export).await.map_err(mount_status)?;
    if below.is_empty() {
        return Ok((root, export));
    }
    // As root: who may mount is the export's business, who may enter is asked at every operation later.
    let ctx = OpContext { zone: call.zone.id(), ..OpContext::internal(root) };
    let request = WalkRequest { start: root, path: below, case: Case::Sensitive };
    let reply = call.door.vfs.walk(&ctx, request).await.map_err(|failure| mount_status(failure.error))?;
    if !reply.attributes.is_directory() {
        return Err(Mountstat3::Notdir);
    }
    if reply.attributes.inode.shard != root.shard {
        return Err(Mountstat3::Acces);
    }
    Ok((reply.attributes.inode, export))
}

fn check_path(path: &[u8]) -> Result<(), Mountstat3> {
    let components = || path.split(|byte| *byte == b'/');
    if path.len() > MNTPATHLEN || components().any(|component| component.len() > NFS_NAME_BYTES_MAX) {
        return Err(Mountstat3::Nametoolong);
    }
    if components().any(|component| component == b"..") { Err(Mountstat3::Acces) } else { Ok(()) }
}

const fn refusal_status(refusal: Refusal) -> Mountstat3 {
    match refusal {
        Refusal::NoSuchExport => Mountstat3::Noent,
        Refusal::NotMountable | Refusal::ClientNotNamed | Refusal::FlavorNotAccepted | Refusal::UnknownUser => {
            Mountstat3::Acces
        }
        Refusal::ProviderFailed => Mountstat3::Serverfault,
    }
}

const FLAVORS_MAX: usize = nfs_wire::mount::v3::AUTH_FLAVORS_MAX;
