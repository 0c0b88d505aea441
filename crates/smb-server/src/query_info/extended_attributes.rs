//! `FileFullEaInformation` (MS-SMB2 3.3.5.20.1, MS-FSA 2.1.5.12.14).

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use smb_wire::query_info::{QueryInfoFlags, QueryInfoRequest};
use smb_wire::{OutputInPlace, Status};
use vfs::acl::AccessMask;
use vfs::{OpContext, Vfs, Via, XattrListRequest};

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::extended_attributes::{named, told};
use crate::open_table::Open;
use crate::status;

/// Tells extended attributes: those that are named, or those behind what this open was told before.
///
/// Errors, in order: ACCESS_DENIED, NO_EAS_ON_FILE, EA_LIST_INCONSISTENT, INVALID_EA_NAME, NO_MORE_EAS, BUFFER_TOO_SMALL
/// (not even one fits), those of the house; BUFFER_OVERFLOW with as many as fit.
pub(super) async fn tell<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    request: &QueryInfoRequest<'_>,
) -> Result<Answer, Status> {
    if !open.granted.contains(AccessMask::READ_EA) {
        return Err(Status::ACCESS_DENIED);
    }
    let wanted = XattrListRequest { inode: open.file, via: Via::Open(open.id) };
    let stored = call.door.vfs.xattr_list(ctx, wanted).await.map_err(status::of)?.entries;
    if stored.is_empty() {
        return Err(Status::NO_EAS_ON_FILE);
    }
    let limit = usize::try_from(request.output_length).unwrap_or(usize::MAX);
    if !request.input.is_empty() {
        let list = named(&stored, (request.input, limit))?.ok_or(Status::BUFFER_TOO_SMALL)?;
        return Ok(answer(Status::SUCCESS, &list));
    }
    let flags = request.flags;
    let restarts = flags.contains(QueryInfoFlags::RESTART_SCAN);
    let from = if restarts { 0 } else { open.attributes_told.load(Ordering::Relaxed) };
    if from >= stored.len() {
        return Err(Status::NO_MORE_EAS);
    }
    let is_single = flags.contains(QueryInfoFlags::RETURN_SINGLE_ENTRY);
    let (list, count) = told(&stored, (from, limit, is_single));
    if count == 0 {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    open.attributes_told.store(from + count, Ordering::Relaxed);
    let is_cut = !is_single && from + count < stored.len();
    Ok(answer(if is_cut { Status::BUFFER_OVERFLOW } else { Status::SUCCESS }, &list))
}

fn answer(status: Status, list: &[u8]) -> Answer {
    let mut body = BytesMut::with_capacity(list.len() + 8);
    let place = OutputInPlace::begin(&mut body);
    body.extend_from_slice(list);
    place.finish(&mut body);
    Answer::of_body(status, body)
}
