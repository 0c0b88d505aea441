//! SHARE and UNSHARE (C702 14, RFC 1813 6.3.20, 6.3.21).

use nfs_wire::nlm4::{Fsh4Access, Fsh4Mode, Nlm4Stats, ShareArgs, ShareResult};
use vfs::{LockOwner, ShareMode, ShareRequest, Vfs};

use super::call::{Call, File};
use super::client::owner;
use crate::status::nlm_status;

/// Takes a share, in place of the one that the owner has.
///
/// Errors, in order: STALE_FH, FAILED or ROFS (the handle; ROFS for one that writes), DENIED_NOLOCKS (clients),
/// STALE_FH, FAILED, DENIED_GRACE_PERIOD, DENIED, DENIED_NOLOCKS.
pub(super) async fn share<V: Vfs>(call: &Call<'_, V>, args: ShareArgs) -> ShareResult {
    result(take(call, &args).await, args)
}

/// Gives the share of an owner back; none is no error.
///
/// Errors, in order: STALE_FH, FAILED.
pub(super) async fn unshare<V: Vfs>(call: &Call<'_, V>, args: ShareArgs) -> ShareResult {
    result(give_back(call, &args).await, args)
}

async fn take<V: Vfs>(call: &Call<'_, V>, args: &ShareArgs) -> Result<(), Nlm4Stats> {
    let access = access(args.share.access);
    let file = call.open(&args.share.fh, access.write).await?;
    // A share call does not tell the state number of its client.
    let state = known_state(call, &args.share.caller_name);
    call.remember(&file.ctx, (args.share.caller_name.as_bytes(), state)).await?;
    let request = request(&file, share_owner(call, args), args);
    call.vfs().share(&file.ctx, request).await.map_err(|failure| nlm_status(failure.error))
}

async fn give_back<V: Vfs>(call: &Call<'_, V>, args: &ShareArgs) -> Result<(), Nlm4Stats> {
    let file = call.open_to_release(&args.share.fh).await?;
    let request = request(&file, share_owner(call, args), args);
    call.vfs().unshare(&file.ctx, request).await.map_err(|failure| nlm_status(failure.error))
}

fn known_state<V: Vfs>(call: &Call<'_, V>, name: &[u8]) -> u32 {
    let id = call.client(name);
    call.vfs().lock_client(id).map_or(0, |client| client.state)
}

fn share_owner<V: Vfs>(call: &Call<'_, V>, args: &ShareArgs) -> LockOwner {
    owner(call.client(&args.share.caller_name), 0, &args.share.oh)
}

fn request(file: &File, owner: LockOwner, args: &ShareArgs) -> ShareRequest {
    let (access, deny) = (access(args.share.access), deny(args.share.mode));
    ShareRequest { inode: file.inode, owner, access, deny, reclaim: args.reclaim }
}

const fn access(access: Fsh4Access) -> ShareMode {
    let read = matches!(access, Fsh4Access::Read | Fsh4Access::ReadWrite);
    let write = matches!(access, Fsh4Access::Write | Fsh4Access::ReadWrite);
    ShareMode { read, write, delete: false }
}

const fn deny(mode: Fsh4Mode) -> ShareMode {
    let read = matches!(mode, Fsh4Mode::DenyRead | Fsh4Mode::DenyReadWrite);
    let write = matches!(mode, Fsh4Mode::DenyWrite | Fsh4Mode::DenyReadWrite);
    ShareMode { read, write, delete: false }
}

fn result(done: Result<(), Nlm4Stats>, args: ShareArgs) -> ShareResult {
    let status = match done {
        Ok(()) => Nlm4Stats::Granted,
        Err(status) => status,
    };
    ShareResult { cookie: args.cookie, status, sequence: 0 }
}
