//! Reparse points, of which symbolic links are the only kind (MS-FSCC 2.3.30, 2.3.81).

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::codec::{decode, encode};
use smb_wire::ioctl::{ReparseBuffer, SymlinkReparse};
use vfs::{FsError, MakeSymlinkRequest, Vfs};

use super::{Asked, Opened};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::symlink::{Target, is_symlink, target_of};

/// Tells where a link leads.
///
/// Errors, in order: NOT_A_REPARSE_POINT, BUFFER_TOO_SMALL (not even its kind fits), those of the house; BUFFER_OVERFLOW
/// with as much as fits.
pub(super) async fn get<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let attributes = call.door.vfs.getattr(&ctx, open.inode).await.map_err(status::of)?.attributes;
    if !is_symlink(&attributes) {
        return Err(Status::NOT_A_REPARSE_POINT);
    }
    let target = call.door.vfs.readlink(&ctx, open.inode).await.map_err(status::of)?.target;
    let (data, mut output) = (Target::of(&target).reparse_data(), BytesMut::new());
    encode(&ReparseBuffer { tag: ReparseBuffer::SYMLINK, data: &data }, &mut output);
    match output.get(..asked.limit) {
        _ if asked.limit < HEAD_BYTES => Err(Status::BUFFER_TOO_SMALL),
        Some(part) if part.len() < output.len() => Ok(asked.answer(Status::BUFFER_OVERFLOW, part)),
        _ => Ok(asked.answer(Status::SUCCESS, &output)),
    }
}

/// What a link is it stays: it goes with its name.
///
/// Errors: NOT_A_REPARSE_POINT, NOT_SUPPORTED, those of the house.
pub(super) async fn delete<V: Vfs>(call: &Call<'_, V>, (tree, open): Opened<'_>) -> Result<Answer, Status> {
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let attributes = call.door.vfs.getattr(&ctx, open.inode).await.map_err(status::of)?.attributes;
    if is_symlink(&attributes) { Err(Status::NOT_SUPPORTED) } else { Err(Status::NOT_A_REPARSE_POINT) }
}

/// Makes a link of an empty file or directory. It is one of its own from then on: what is open here has no name any more.
///
/// Errors, in order: IO_REPARSE_DATA_INVALID (unreadable), NOT_SUPPORTED (other kinds), IO_REPARSE_DATA_INVALID (leads
/// nowhere), those of the house: IO_REPARSE_TAG_MISMATCH of what is a link already, or no file; DIRECTORY_NOT_EMPTY also of
/// a file that holds something.
pub(super) async fn set<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let buffer: ReparseBuffer<'_> = asked.input().map_err(|_| Status::IO_REPARSE_DATA_INVALID)?;
    if buffer.tag != ReparseBuffer::SYMLINK {
        return Err(Status::NOT_SUPPORTED);
    }
    let data: SymlinkReparse<'_> = decode(buffer.data).map_err(|_| Status::IO_REPARSE_DATA_INVALID)?;
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let request = MakeSymlinkRequest { open: open.id, target: target_of(&data)? };
    let made = call.past_leases(Some(open), || call.door.vfs.make_symlink(&ctx, request.clone())).await?;
    made.map_err(|failure| match failure.error {
        FsError::WrongType => Status::IO_REPARSE_TAG_MISMATCH,
        FsError::InvalidArgument | FsError::NameTooLong => Status::IO_REPARSE_DATA_INVALID,
        _ => status::of(failure),
    })?;
    Ok(asked.nothing())
}

/// Tag, length and what is reserved.
const HEAD_BYTES: usize = 8;
