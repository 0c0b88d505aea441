//! FLUSH (MS-SMB2 3.3.5.11).

use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::{FlushRequest, FlushResponse};
use vfs::acl::AccessMask;
use vfs::{CommitRequest, Vfs, Via};

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;

/// Makes everything that was written stable; names are stable before they are told.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, ACCESS_DENIED (may not write), those of the house.
pub(crate) async fn flush<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: FlushRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
    let open = call.open(request.file_id, tree)?;
    let writing = AccessMask::WRITE_DATA.union(AccessMask::APPEND_DATA);
    if open.granted.intersection(writing).0 == 0 {
        return Err(Status::ACCESS_DENIED);
    }
    if !open.is_directory {
        let ctx = call.context(tree.root().unwrap_or(open.inode));
        let commit = CommitRequest { inode: open.inode, via: Via::Open(open.id), offset: 0, length: 0 };
        call.door.vfs.commit(&ctx, commit).await.map_err(status::of)?;
    }
    Ok(Answer::success(&FlushResponse {}))
}
