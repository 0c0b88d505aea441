//! TREE_CONNECT and TREE_DISCONNECT (MS-SMB2 3.3.5.7, 3.3.5.8).

use std::sync::Arc;

use smb_wire::codec::decode_body;
use smb_wire::dtyp::AccessMask;
use smb_wire::negotiate::Dialect;
use smb_wire::tree_connect::{ShareCapabilities, ShareFlags, ShareType, TreeConnectRequest, TreeConnectResponse};
use smb_wire::{Status, TreeDisconnectRequest, TreeDisconnectResponse};
use vfs::{Case, CloseRequest, FileType, FsError, Vfs, WalkRequest};
use zones::{Share, Zone};

use super::path::share_name;
use super::{Disk, Target, Tree};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::waits::Which;

/// Attaches a session to a share of its zone.
///
/// Errors, in order: INVALID_PARAMETER (unreadable), BAD_NETWORK_NAME (no such share, or its directory is gone),
/// ACCESS_DENIED (not with this user, not in the clear), INSUFFICIENT_RESOURCES.
pub(crate) async fn connect<V: Vfs>(call: &Call<'_, V>) -> Result<Answer, Status> {
    let request: TreeConnectRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let name = share_name(request.path).ok_or(Status::BAD_NETWORK_NAME)?;
    if name.eq_ignore_ascii_case(PIPES) {
        return attach(call, PIPES.to_owned(), Target::Pipes);
    }
    let share = call.zone.share(&name).ok_or(Status::BAD_NETWORK_NAME)?;
    if !call.session.is_proved() && !share.takes_guests() {
        return Err(Status::ACCESS_DENIED);
    }
    let can_encrypt = call.session.keys.as_ref().is_some_and(|keys| keys.encryption.is_some());
    if share.must_encrypt() && !can_encrypt {
        // MS-SMB2 3.3.5.7: a client that cannot encrypt does not get in.
        return Err(Status::ACCESS_DENIED);
    }
    let rights = share.rights(&call.session.credentials());
    if rights.0 == 0 {
        return Err(Status::ACCESS_DENIED);
    }
    let root = root_of(call, call.zone, share).await?;
    let disk = Disk { share: Arc::clone(share), root, rights };
    attach(call, share.name().to_owned(), Target::Disk(disk))
}

/// Detaches a session from a share; everything that was opened through it is closed.
///
/// Errors, in order: INVALID_PARAMETER (unreadable), NETWORK_NAME_DELETED (not attached).
pub(crate) async fn disconnect<V: Vfs>(call: &Call<'_, V>) -> Result<Answer, Status> {
    let _: TreeDisconnectRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
    let tree = call.tree()?;
    call.session.disconnect(tree.id).ok_or(Status::NETWORK_NAME_DELETED)?;
    call.session.end_waits(Some(&call.peer.waits), Which::Tree { session: call.session.id, tree: tree.id });
    call.session.pipes.take_tree(tree.id);
    for open in call.session.opens.take_tree(tree.id) {
        let ctx = call.context(tree.root().unwrap_or_else(|| call.zone.root()));
        // It is closed for the client whatever comes of it.
        drop(call.door.vfs.close(&ctx, CloseRequest { open: open.id }).await);
    }
    Ok(Answer::success(&TreeDisconnectResponse {}))
}

fn attach<V: Vfs>(call: &Call<'_, V>, name: String, target: Target) -> Result<Answer, Status> {
    let (share_type, share_flags, rights) = match &target {
        Target::Disk(disk) => (ShareType::DISK, flags_of(&disk.share), disk.rights.0),
        Target::Pipes => (ShareType::PIPE, ShareFlags::NO_CACHING, PIPE_RIGHTS),
    };
    let capabilities = match &target {
        Target::Disk(disk) if disk.share.is_continuous() && call.terms.dialect.0 >= Dialect::SMB_3_0.0 => {
            ShareCapabilities::CONTINUOUS_AVAILABILITY
        }
        _ => ShareCapabilities::empty(),
    };
    let counters = call.door.facts.metrics.share(call.zone.id(), &name);
    let make = |id| Tree { id, name, target, counters };
    let tree = call.session.connect(make).ok_or(Status::INSUFFICIENT_RESOURCES)?;
    let mut answer = Answer::success(&TreeConnectResponse {
        share_type,
        share_flags,
        capabilities,
        maximal_access: AccessMask::from_bits_retain(rights),
    });
    answer.tree_id = Some(tree.id);
    Ok(answer)
}

fn flags_of(share: &Share) -> ShareFlags {
    let flag = |has: bool, flags: ShareFlags| if has { flags } else { ShareFlags::empty() };
    flag(share.must_encrypt(), ShareFlags::ENCRYPT_DATA | ShareFlags::NO_CACHING)
        | flag(share.hides_unreadable(), ShareFlags::ACCESS_BASED_DIRECTORY_ENUM)
}

/// The directory of a share. It is the share's to be reached, whoever asks.
async fn root_of<V: Vfs>(call: &Call<'_, V>, zone: &Zone, share: &Share) -> Result<vfs::InodeId, Status> {
    let ctx = vfs::OpContext::internal(zone.root());
    let request = WalkRequest { start: zone.root(), path: share.components().to_vec(), case: Case::Sensitive };
    let found = call.door.vfs.walk(&ctx, request).await.map_err(|failure| {
        tracing::warn!(zone = zone.name(), share = share.name(), error = ?failure.error, "a share has no directory");
        match failure.error {
            FsError::NotFound | FsError::NotDirectory => Status::BAD_NETWORK_NAME,
            _ => status::of(failure),
        }
    })?;
    let attributes = found.attributes;
    if attributes.file_type == FileType::Directory { Ok(attributes.inode) } else { Err(Status::BAD_NETWORK_NAME) }
}

impl Tree {
    /// The root of its files.
    pub(crate) fn root(&self) -> Option<vfs::InodeId> {
        match &self.target {
            Target::Disk(disk) => Some(disk.root),
            Target::Pipes => None,
        }
    }
}

/// The share of named pipes.
const PIPES: &str = "IPC$";
/// `FILE_ALL_ACCESS` without what a pipe has not.
const PIPE_RIGHTS: u32 = 0x001f_00a9;
