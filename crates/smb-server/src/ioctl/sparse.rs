//! Sparse files (MS-FSCC 2.3.83, 2.3.85, 2.3.52, 2.3.15): the mark, holes, and what lies between them.

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::codec::encode;
use smb_wire::info::FileAttributes;
use smb_wire::ioctl::{AllocatedRange, LevelTrim, SetSparse, TrimResponse, ZeroData};
use vfs::acl::AccessMask;
use vfs::{DosAttributes, OpContext, RangeRequest, SeekKind, SeekRequest, SetAttributes, SetattrRequest, Vfs, Via};

use super::{Asked, Opened};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::settings::LIST_BYTES_MAX;
use crate::status;

/// Marks a file as sparse, or takes the mark away. Files have holes without it; clients go by it.
///
/// Errors, in order: INVALID_PARAMETER (a directory), ACCESS_DENIED, those of the house.
pub(super) async fn set_sparse<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let is_sparse = asked.request.input.is_empty() || asked.input::<SetSparse>()?.sparse;
    if open.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    let may = [AccessMask::WRITE_DATA, AccessMask::WRITE_ATTRIBUTES, AccessMask::APPEND_DATA];
    if !may.iter().any(|right| open.granted.contains(*right)) {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let now = call.door.vfs.getattr(&ctx, open.inode).await.map_err(status::of)?.attributes.dos;
    let mark = FileAttributes::SPARSE_FILE.bits();
    let dos = DosAttributes(if is_sparse { now.0 | mark } else { now.0 & !mark });
    if dos != now {
        // The right to write is enough, which an open of attributes does not say: it was asked above.
        let ctx = OpContext::internal(ctx.root);
        let attributes = SetAttributes { dos: Some(dos), ..SetAttributes::default() };
        let request = SetattrRequest { inode: open.file, via: Via::Anonymous, attributes, guard: None };
        call.door.vfs.setattr(&ctx, request).await.map_err(status::of)?;
    }
    Ok(asked.nothing())
}

/// Writes zeros, by making a hole.
///
/// Errors, in order: INVALID_PARAMETER (also a directory), ACCESS_DENIED, those of the house.
pub(super) async fn zero<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let ZeroData { offset, beyond } = asked.input()?;
    let length = beyond.checked_sub(offset).filter(|_| i64::try_from(beyond).is_ok());
    let length = length.ok_or(Status::INVALID_PARAMETER)?;
    hole(call, (tree, open), (offset, length)).await?;
    Ok(asked.nothing())
}

/// Gives the room of ranges back that nobody will read (MS-FSCC 2.3.15).
///
/// Errors, in order: INVALID_PARAMETER, ACCESS_DENIED, those of the house.
pub(super) async fn trim<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let request: LevelTrim<'_> = asked.input()?;
    if request.key != 0 || request.ranges.len() > RANGES_MAX {
        return Err(Status::INVALID_PARAMETER);
    }
    let mut ranges_processed = 0;
    for range in request.ranges.iter() {
        // Only whole blocks: what a client trims it may still read as it was.
        let offset = range.offset.checked_next_multiple_of(BLOCK_BYTES).ok_or(Status::INVALID_PARAMETER)?;
        let end = range.offset.checked_add(range.length).filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(Status::INVALID_PARAMETER)? / BLOCK_BYTES * BLOCK_BYTES;
        hole(call, (tree, open), (offset, end.saturating_sub(offset))).await?;
        ranges_processed += 1;
    }
    match asked.limit {
        0 => Ok(asked.nothing()),
        _ => asked.output(&TrimResponse { ranges_processed }),
    }
}

async fn hole<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    (offset, length): (u64, u64),
) -> Result<(), Status> {
    if open.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    if !open.granted.contains(AccessMask::WRITE_DATA) {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let request = RangeRequest { inode: open.inode, via: Via::Open(open.id), offset, length };
    call.door.vfs.deallocate(&ctx, request).await.map(drop).map_err(status::of)
}

/// Tells where in a range data lies.
///
/// Errors, in order: INVALID_PARAMETER (also a directory), ACCESS_DENIED, BUFFER_TOO_SMALL (not one fits), those of the
/// house; BUFFER_OVERFLOW with as many as fit.
pub(super) async fn allocated<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let AllocatedRange { offset, length } = asked.input()?;
    let end = offset.checked_add(length).filter(|end| i64::try_from(*end).is_ok()).ok_or(Status::INVALID_PARAMETER)?;
    if open.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    if !open.granted.contains(AccessMask::READ_DATA) {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let attributes = call.door.vfs.getattr(&ctx, open.inode).await.map_err(status::of)?.attributes;
    if attributes.dos.0 & FileAttributes::SPARSE_FILE.bits() == 0 {
        // Of a file that is not marked all is allocated (MS-FSA 2.1.5.10.22).
        let length = end.min(attributes.size).saturating_sub(offset);
        let whole = AllocatedRange { offset, length };
        return match length {
            0 => Ok(asked.nothing()),
            _ => asked.output(&whole).map_err(|_| Status::BUFFER_TOO_SMALL),
        };
    }
    let room = asked.limit.min(LIST_BYTES_MAX) / RANGE_BYTES;
    let (mut told, mut count, mut at) = (BytesMut::new(), 0, offset);
    while let Some(range) = next_range(call, (&ctx, open), at..end).await? {
        if count == room {
            let status = if room == 0 { Status::BUFFER_TOO_SMALL } else { Status::BUFFER_OVERFLOW };
            return if room == 0 { Err(status) } else { Ok(asked.answer(status, &told)) };
        }
        encode(&AllocatedRange { offset: range.start, length: range.end - range.start }, &mut told);
        (count, at) = (count + 1, range.end);
    }
    Ok(asked.answer(Status::SUCCESS, &told))
}

async fn next_range<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    within: std::ops::Range<u64>,
) -> Result<Option<std::ops::Range<u64>>, Status> {
    if within.is_empty() {
        return Ok(None);
    }
    let seek = async |offset, kind| {
        let request = SeekRequest { inode: open.inode, via: Via::Open(open.id), offset, kind };
        call.door.vfs.seek(ctx, request).await.map(|reply| reply.offset).map_err(status::of)
    };
    let start = seek(within.start, SeekKind::Data).await?.filter(|start| *start < within.end);
    let Some(start) = start else { return Ok(None) };
    let end = seek(start, SeekKind::Hole).await?.unwrap_or(within.end);
    Ok(Some(start..end.min(within.end)))
}

/// Of one request.
const RANGES_MAX: usize = 4096;
const RANGE_BYTES: usize = 16;
/// A block of the house.
const BLOCK_BYTES: u64 = 4096;
