//! Copies on the server (MS-SMB2 3.3.5.15.5, 3.3.5.15.6): no byte goes over the network.

use std::sync::Arc;

use bytes::BytesMut;
use smb_wire::codec::encode;
use smb_wire::ioctl::{Chunk, ControlCode, CopyChunkRequest, CopyChunkResponse, ResumeKey, ResumeKeyResponse};
use smb_wire::{FileId, Status};
use vfs::acl::AccessMask;
use vfs::{OpContext, ReadRequest, Stability, Vfs, Via, WriteRequest};

use super::{Asked, Opened, clone};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;

/// Tells the name of an open as the source of a copy. It means something in its own session only.
///
/// Errors: INVALID_PARAMETER.
pub(super) fn resume_key(open: &Open, asked: &Asked<'_>) -> Result<Answer, Status> {
    let mut key = ResumeKey::default();
    if let Some((persistent, rest)) = key.split_first_chunk_mut() {
        *persistent = open.file_id.persistent.to_le_bytes();
        if let Some(volatile) = rest.first_chunk_mut() {
            *volatile = open.file_id.volatile.to_le_bytes();
        }
    }
    asked.output(&ResumeKeyResponse { key })
}

/// Copies pieces of a file of the same session into this one, a piece at a time.
///
/// Errors, in order: INVALID_PARAMETER, OBJECT_NAME_NOT_FOUND (no such source), INVALID_PARAMETER with the limits,
/// ACCESS_DENIED, INVALID_DEVICE_REQUEST (a directory), INVALID_VIEW_SIZE (the source is shorter), those of READ and WRITE.
pub(super) async fn copy<V: Vfs>(
    call: &Call<'_, V>,
    (tree, target): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    if asked.limit < RESPONSE_BYTES {
        return Err(Status::INVALID_PARAMETER);
    }
    let request: CopyChunkRequest<'_> = asked.input()?;
    let source = source(call, &request.source).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    if !is_within_limits(&request) {
        return Ok(told(asked, Status::INVALID_PARAMETER, [CHUNKS_MAX, CHUNK_BYTES_MAX, COPY_BYTES_MAX]));
    }
    let reads_target = asked.request.code == ControlCode::SRV_COPYCHUNK;
    may_copy((&source, target), reads_target)?;
    let ctx = call.context(tree.root().unwrap_or(target.inode));
    if let Some(range) = as_one(&request)
        && clone::share(call, (&ctx, &source, target), (range, true)).await.is_ok()
    {
        let chunks = u32::try_from(request.chunks.len()).unwrap_or(u32::MAX);
        return Ok(told(asked, Status::SUCCESS, [chunks, 0, u32::try_from(range.2).unwrap_or(u32::MAX)]));
    }
    let (mut chunks, mut total) = (0, 0);
    for chunk in request.chunks.iter() {
        // What was done before stays, and the client hears how much it is.
        if let Err(status) = copy_chunk(call, (&ctx, &source, target), chunk).await {
            return Ok(told(asked, status, [chunks, 0, total]));
        }
        chunks += 1;
        total += chunk.length;
    }
    Ok(told(asked, Status::SUCCESS, [chunks, 0, total]))
}

fn source<V: Vfs>(call: &Call<'_, V>, key: &ResumeKey) -> Option<Arc<Open>> {
    let (persistent, rest) = key.split_first_chunk()?;
    let (volatile, rest) = rest.split_first_chunk()?;
    let file_id = FileId { persistent: u64::from_le_bytes(*persistent), volatile: u64::from_le_bytes(*volatile) };
    call.session.opens.find_of_any_tree(file_id).filter(|_| rest.iter().all(|byte| *byte == 0))
}

fn is_within_limits(request: &CopyChunkRequest<'_>) -> bool {
    let count = request.chunks.len();
    let is_chunk_right = |chunk: Chunk| (1..=CHUNK_BYTES_MAX).contains(&chunk.length);
    count <= CHUNKS_MAX as usize
        && request.chunks.iter().all(is_chunk_right)
        && request.chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>() <= COPY_BYTES_MAX.into()
}

/// The range that all pieces make together, if they follow each other in both files and it is long enough to be shared:
/// that makes what was written to both durable, which a copy would not wait for.
fn as_one(request: &CopyChunkRequest<'_>) -> Option<(u64, u64, u64)> {
    let mut chunks = request.chunks.iter();
    let first = chunks.next()?;
    let mut length = u64::from(first.length);
    for chunk in chunks {
        let ends = [first.source_offset, first.target_offset].map(|offset| offset.checked_add(length));
        if ends != [Some(chunk.source_offset), Some(chunk.target_offset)] {
            return None;
        }
        length += u64::from(chunk.length);
    }
    (length >= SHARED_BYTES_MIN).then_some((first.source_offset, first.target_offset, length))
}

fn may_copy((source, target): (&Open, &Open), reads_target: bool) -> Result<(), Status> {
    let lets = |open: &Open, rights: AccessMask| open.granted.intersection(rights).0 != 0;
    let may_read = lets(source, READING) && (!reads_target || lets(target, AccessMask::READ_DATA));
    if !may_read || !lets(target, WRITING) {
        return Err(Status::ACCESS_DENIED);
    }
    if source.is_directory || target.is_directory { Err(Status::INVALID_DEVICE_REQUEST) } else { Ok(()) }
}

/// What was read is written from where it lies.
async fn copy_chunk<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, source, target): (&OpContext, &Open, &Open),
    chunk: Chunk,
) -> Result<(), Status> {
    let ends_too_far = |offset: u64| offset.checked_add(chunk.length.into()).is_none_or(|end| end > i64::MAX as u64);
    if ends_too_far(chunk.source_offset) || ends_too_far(chunk.target_offset) {
        return Err(Status::INVALID_PARAMETER);
    }
    let reading = ReadRequest {
        inode: source.inode,
        via: Via::Open(source.id),
        offset: chunk.source_offset,
        length: chunk.length,
    };
    let data = call.door.vfs.read(ctx, reading).await.map_err(status::of)?.data;
    if data.len() < chunk.length as usize {
        return Err(Status::INVALID_VIEW_SIZE);
    }
    let stability = if target.writes_through { Stability::Data } else { Stability::Unstable };
    let (inode, via, offset) = (target.inode, Via::Open(target.id), chunk.target_offset);
    let writing = WriteRequest { inode, via, offset, data, stability };
    call.door.vfs.write(ctx, writing).await.map(drop).map_err(status::of)
}

fn told(
    asked: &Asked<'_>,
    status: Status,
    [chunks_written, chunk_bytes_written, total_bytes_written]: [u32; 3],
) -> Answer {
    let response = CopyChunkResponse { chunks_written, chunk_bytes_written, total_bytes_written };
    let mut bytes = BytesMut::with_capacity(RESPONSE_BYTES);
    encode(&response, &mut bytes);
    asked.answer(status, &bytes)
}

/// Who may run a file reads it, as with READ; of the target that is not enough.
const READING: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::EXECUTE.0);
const WRITING: AccessMask = AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0);
/// What is shorter is copied.
const SHARED_BYTES_MIN: u64 = 64 << 10;
const RESPONSE_BYTES: usize = 12;
/// Pieces of one request, as Windows takes them.
const CHUNKS_MAX: u32 = 256;
/// Bytes of a piece.
const CHUNK_BYTES_MAX: u32 = 1 << 20;
/// Bytes of one request.
const COPY_BYTES_MAX: u32 = 16 << 20;
