//! Sharing blocks between files (MS-FSCC 2.3.7, 2.3.9), and what asks about checksums of files (MS-FSCC 2.3.19, 2.3.77).

use std::sync::Arc;

use smb_wire::Status;
use smb_wire::info::FileAttributes;
use smb_wire::ioctl::{ControlCode, DuplicateExtents, DuplicateExtentsEx, Integrity};
use vfs::acl::AccessMask;
use vfs::{Attributes, CloneRangeRequest, FsError, OpContext, Vfs, Via};

use super::{Asked, Opened};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;

/// Shares a range of a file of the same session with this one. It is taken as it was at one moment, as
/// `DUPLICATE_EXTENTS_DATA_EX_SOURCE_ATOMIC` asks for, whether it was asked for or not.
///
/// Errors, in order: INVALID_PARAMETER (unreadable), INVALID_HANDLE (no such source), INVALID_PARAMETER (a directory),
/// ACCESS_DENIED, INVALID_PARAMETER (not at the edge of a cluster), NOT_SUPPORTED (ranges that overlap or lie behind an
/// end, from a sparse file into one that is not), those of the house.
pub(super) async fn duplicate<V: Vfs>(
    call: &Call<'_, V>,
    (tree, target): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let request = asked_range(asked)?;
    let source = call.session.opens.find_of_any_tree(request.source).ok_or(Status::INVALID_HANDLE)?;
    if source.is_directory || target.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    if source.granted.intersection(READING).0 == 0 || !target.granted.contains(AccessMask::WRITE_DATA) {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(tree.root().unwrap_or(target.inode));
    let from = call.door.vfs.getattr(&ctx, source.inode).await.map_err(status::of)?.attributes;
    let to = call.door.vfs.getattr(&ctx, target.inode).await.map_err(status::of)?.attributes;
    let length = shared_length(&request, (&from, &to))?;
    if length > 0 {
        let range = (request.source_offset, request.target_offset, length);
        // Windows looks at no lock here, as it does for a copy.
        share(call, (&ctx, &source, target), (range, false)).await?;
    }
    Ok(asked.nothing())
}

/// Shares a range, and waits for those who cache the target.
///
/// Errors: those of the house.
pub(super) async fn share<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, source, target): (&OpContext, &Open, &Arc<Open>),
    ((source_offset, target_offset, length), heeds_locks): ((u64, u64, u64), bool),
) -> Result<(), Status> {
    let request = CloneRangeRequest {
        source: source.inode,
        source_via: Via::Open(source.id),
        source_offset,
        target: target.inode,
        target_via: Via::Open(target.id),
        target_offset,
        length,
        heeds_locks,
    };
    let shared = call.past_leases(Some(target), || call.door.vfs.clone_range(ctx, request.clone())).await?;
    shared.map(drop).map_err(|failure| match failure.error {
        FsError::TooManyLinks => Status::BLOCK_TOO_MANY_REFERENCES,
        FsError::CrossDevice => Status::INVALID_PARAMETER,
        _ => status::of(failure),
    })
}

fn asked_range(asked: &Asked<'_>) -> Result<DuplicateExtents, Status> {
    if asked.request.code == ControlCode::DUPLICATE_EXTENTS_TO_FILE {
        return asked.input();
    }
    let DuplicateExtentsEx { structure_size, source, source_offset, target_offset, length, .. } = asked.input()?;
    if structure_size < STRUCTURE_BYTES {
        return Err(Status::INVALID_PARAMETER);
    }
    Ok(DuplicateExtents { source, source_offset, target_offset, length })
}

/// How much of a range there is in both files: the cluster at an end goes with it.
fn shared_length(request: &DuplicateExtents, (from, to): (&Attributes, &Attributes)) -> Result<u64, Status> {
    let DuplicateExtents { source_offset, target_offset, length, .. } = *request;
    let end_in = |offset: u64| offset.checked_add(length).filter(|end| i64::try_from(*end).is_ok());
    let (source_end, target_end) = end_in(source_offset).zip(end_in(target_offset)).ok_or(Status::INVALID_PARAMETER)?;
    if ![source_offset, target_offset].iter().all(|offset| offset.is_multiple_of(CLUSTER_BYTES)) {
        return Err(Status::INVALID_PARAMETER);
    }
    let overlaps = from.inode == to.inode && source_offset < target_end && target_offset < source_end;
    let is_behind = |end: u64, of: &Attributes| end > of.size.next_multiple_of(CLUSTER_BYTES);
    let is_sparse = |of: &Attributes| of.dos.0 & FileAttributes::SPARSE_FILE.bits() != 0;
    let is_room = is_sparse(to) || !is_behind(target_end, to);
    if overlaps || is_behind(source_end, from) || !is_room || (is_sparse(from) && !is_sparse(to)) {
        return Err(Status::NOT_SUPPORTED);
    }
    let left = |of: &Attributes, offset: u64| of.size.saturating_sub(offset);
    let in_target = if is_behind(target_end, to) { length } else { left(to, target_offset) };
    Ok(length.min(left(from, source_offset)).min(in_target))
}

/// Every block is checked against a checksum when it is read, of every file, and nobody can switch that off; but that is
/// not what ReFS means, so it says that there is none. Backup software sets it and takes an error for a broken disk.
///
/// Errors: INVALID_PARAMETER.
pub(super) fn integrity(asked: &Asked<'_>) -> Result<Answer, Status> {
    let cluster_size = u32::try_from(CLUSTER_BYTES).unwrap_or(0);
    asked.output(&Integrity { checksum_algorithm: 0, flags: 0, checksum_chunk_size: 0, cluster_size })
}

/// Who may run a file reads it.
const READING: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::EXECUTE.0);
/// `SMB2_DUPLICATE_EXTENTS_DATA_EX`.
const STRUCTURE_BYTES: u64 = 0x30;
/// What is told as the size of an allocation unit: a block of the house.
const CLUSTER_BYTES: u64 = 4096;
