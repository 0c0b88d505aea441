//! WRITE (MS-SMB2 3.3.5.13).

use pages::Payload;
use smb_wire::codec::decode_body;
use smb_wire::write::{WriteFlags, WriteRequest, WriteResponse};
use smb_wire::{Channel, Status};
use vfs::acl::AccessMask;
use vfs::{Stability, Vfs, Via, WriteRequest as Writing};

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;

/// Writes. The data stays in the frame it came in.
///
/// Errors, in order: INVALID_PARAMETER (unreadable, longer than was negotiated or paid for), FILE_CLOSED,
/// INVALID_DEVICE_REQUEST (a directory), ACCESS_DENIED, those of the house.
pub(crate) async fn write<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: WriteRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let length = u32::try_from(request.data.len()).map_err(|_| Status::INVALID_PARAMETER)?;
    let end = request.offset.checked_add(length.into());
    if request.channel != Channel::NONE || length > call.terms.io_bytes_max || !call.is_paid(length) {
        return Err(Status::INVALID_PARAMETER);
    }
    let open = call.open(request.file_id, tree)?;
    let _changing = call.changing(&open)?;
    if open.is_directory {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    if open.granted.intersection(WRITING).0 == 0 {
        return Err(Status::ACCESS_DENIED);
    }
    if end.is_none_or(|end| end > i64::MAX as u64) {
        return Err(Status::INVALID_PARAMETER);
    }
    let is_through = open.writes_through || request.flags.contains(WriteFlags::WRITE_THROUGH);
    let stability = if is_through { Stability::Data } else { Stability::Unstable };
    let data = Payload::from(call.request.body.slice_ref(request.data));
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let writing = Writing { inode: open.inode, via: Via::Open(open.id), offset: request.offset, data, stability };
    let count = call.door.vfs.write(&ctx, writing).await.map_err(status::of)?.count;
    Ok(Answer::success(&WriteResponse { count }))
}

/// Either lets write.
const WRITING: AccessMask = AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0);
