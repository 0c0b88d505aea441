//! `FSCTL_SMBTORTURE`: codes by which a conformance suite has the server do what others never would. Only where the
//! settings say so.

use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::ioctl::{ControlCode, IoctlRequest, IoctlResponse};
use vfs::Vfs;

use super::Asked;
use crate::answer::Answer;
use crate::dispatch::Call;

/// Whether a code is one of them.
pub(super) fn is_code(code: ControlCode) -> bool {
    code == IOCTL_RESPONSE_BODY_PADDING
}

/// Whether a request asks that what its connection is sent be taken for lost, with the answer to it. It belongs to no session.
pub(crate) fn force_unacked(body: &[u8]) -> Option<Answer> {
    let request: IoctlRequest<'_> = decode_body(body).ok()?;
    let is_asked = request.code == FORCE_UNACKED_TIMEOUT && request.input.is_empty();
    let (code, file_id) = (request.code, request.file_id);
    is_asked.then(|| Answer::success(&IoctlResponse { code, file_id, input: &[], output: &[] }))
}

/// Answers with as many bytes as may come, behind eight bytes of padding, which clients have to step over.
///
/// Errors: INVALID_PARAMETER (an input).
pub(super) fn obey<V: Vfs>(_: &Call<'_, V>, asked: &Asked<'_>) -> Result<Answer, Status> {
    if !asked.request.input.is_empty() {
        return Err(Status::INVALID_PARAMETER);
    }
    let mut answer = asked.answer(Status::SUCCESS, &vec![PADDING; asked.limit.min(OUTPUT_BYTES_MAX)]);
    let output = answer.body.split_off(FIXED_BYTES);
    answer.body.extend_from_slice(&[0; PADDING as usize]);
    answer.body.unsplit(output);
    // `InputOffset` and `OutputOffset`, from the header on.
    for place in [24, 32] {
        if let Some(offset) = answer.body.get_mut(place) {
            *offset += PADDING;
        }
    }
    Ok(answer)
}

const FORCE_UNACKED_TIMEOUT: ControlCode = ControlCode(0x8384_8003);
const IOCTL_RESPONSE_BODY_PADDING: ControlCode = ControlCode(0x8384_8013);
const PADDING: u8 = 8;
/// A response of IOCTL without its buffer.
const FIXED_BYTES: usize = 48;
const OUTPUT_BYTES_MAX: usize = 64 << 10;
