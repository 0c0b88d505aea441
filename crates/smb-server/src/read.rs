//! READ (MS-SMB2 3.3.5.12).

use std::sync::atomic::Ordering;

use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::read::{ReadHead, ReadRequest};
use vfs::acl::AccessMask;
use vfs::{ReadRequest as Reading, Vfs, Via};

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;

/// Reads. The data goes out from where it lies in the cache.
///
/// Errors, in order: INVALID_PARAMETER (unreadable, longer than was negotiated or paid for), FILE_CLOSED, INVALID_DEVICE_REQUEST
/// (a directory), ACCESS_DENIED, those of the house, END_OF_FILE.
pub(crate) async fn read<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: ReadRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    if request.length > call.terms.io_bytes_max || !call.is_paid(request.length) {
        return Err(Status::INVALID_PARAMETER);
    }
    let open = call.open(request.file_id, tree)?;
    if open.is_directory {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    if open.granted.intersection(READING).0 == 0 {
        return Err(Status::ACCESS_DENIED);
    }
    let ends_too_far = request.offset.checked_add(request.length.into()).is_none_or(|end| end > i64::MAX as u64);
    if ends_too_far {
        return Err(Status::INVALID_PARAMETER);
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let (inode, via) = (open.inode, Via::Open(open.id));
    let reading = Reading { inode, via, offset: request.offset, length: request.length };
    let data = call.door.vfs.read(&ctx, reading).await.map_err(status::of)?.data;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    if length < request.minimum_count || (length == 0 && request.length > 0) {
        return Err(Status::END_OF_FILE);
    }
    open.position.store(request.offset + u64::from(length), Ordering::Relaxed);
    let mut answer = Answer::success(&ReadHead { data_length: length, data_remaining: 0 });
    answer.payload = data;
    Ok(answer)
}

/// Either lets read (MS-SMB2 3.3.5.12).
const READING: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::EXECUTE.0);
