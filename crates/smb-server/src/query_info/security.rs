//! Security descriptors (MS-SMB2 3.3.5.20.3).

use bytes::BytesMut;
use smb_wire::codec::encode;
use smb_wire::error_response::{ErrorContext, ErrorId, ErrorResponse};
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::QueryInfoRequest;
use smb_wire::{OutputInPlace, Status};
use vfs::{OpContext, Vfs};

use crate::answer::Answer;
use crate::descriptors::{needed, told};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;

/// Tells the parts of a descriptor that are asked for. One that does not fit is answered with its length.
///
/// Errors, in order: ACCESS_DENIED, those of the house.
pub(super) async fn tell<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    request: &QueryInfoRequest<'_>,
) -> Result<Answer, Status> {
    if !open.granted.contains(needed(request.additional, false)) {
        return Err(Status::ACCESS_DENIED);
    }
    let attributes = call.door.vfs.getattr(ctx, open.inode).await.map_err(status::of)?.attributes;
    let descriptor = told(call.zone, &attributes, request.additional);
    let length = u32::try_from(descriptor.len()).unwrap_or(u32::MAX);
    if request.output_length < length {
        return Ok(too_small(call, length));
    }
    let mut body = BytesMut::with_capacity(descriptor.len() + 8);
    let place = OutputInPlace::begin(&mut body);
    body.extend_from_slice(&descriptor);
    place.finish(&mut body);
    Ok(Answer::of_body(Status::SUCCESS, body))
}

/// MS-SMB2 2.2.2.2.2: how long the buffer must be.
fn too_small<V>(call: &Call<'_, V>, length: u32) -> Answer {
    let length = length.to_le_bytes();
    if call.terms.dialect < Dialect::SMB_3_1_1 {
        return Answer::new(Status::BUFFER_TOO_SMALL, &ErrorResponse { context_count: 0, data: &length });
    }
    let mut context = BytesMut::new();
    encode(&ErrorContext { id: ErrorId::DEFAULT, data: &length }, &mut context);
    Answer::new(Status::BUFFER_TOO_SMALL, &ErrorResponse { context_count: 1, data: &context })
}
