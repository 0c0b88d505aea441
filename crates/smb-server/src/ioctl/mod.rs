//! IOCTL (MS-SMB2 3.3.5.15): what is asked by a control code.

mod clone;
mod copy;
mod negotiation;
mod network;
mod object;
mod reparse;
mod snapshots;
mod sparse;
mod torture;

pub(crate) use self::torture::force_unacked;
use std::sync::Arc;

use bytes::BytesMut;
use smb_wire::codec::{Decode, Encode, decode, decode_body, encode};
use smb_wire::ioctl::{Compression, ControlCode, IoctlFlags, IoctlRequest, IoctlResponse};
use smb_wire::{FileId, Status};
use vfs::Vfs;

use crate::answer::Answer;
use crate::dispatch::{Call, Refusal};
use crate::open_table::Open;
use crate::status;
use crate::tree::{Target, Tree};

/// Does what the code says.
///
/// Errors, in order: INVALID_PARAMETER (unreadable, more than was negotiated or paid for), NOT_SUPPORTED (no FSCTL), those
/// of the code; INVALID_DEVICE_REQUEST for codes that nobody here knows, FS_DRIVER_REQUIRED for referrals.
pub(crate) async fn ioctl<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Refusal> {
    let request: IoctlRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let input_bytes = u32::try_from(request.input.len()).unwrap_or(u32::MAX);
    let output_bytes = request.max_output_response.saturating_add(request.max_input_response);
    let most = input_bytes.max(output_bytes);
    if most > call.terms.transact_bytes_max || !call.is_paid(most) {
        return Err(Status::INVALID_PARAMETER.into());
    }
    if request.flags != IoctlFlags::IS_FSCTL {
        return Err(Status::NOT_SUPPORTED.into());
    }
    let asked = Asked { request, limit: usize::try_from(request.max_output_response).unwrap_or(usize::MAX) };
    match request.code {
        ControlCode::VALIDATE_NEGOTIATE_INFO => negotiation::validate(call, &asked),
        ControlCode::QUERY_NETWORK_INTERFACE_INFO => Ok(network::interfaces(call, &asked)?),
        // No share is part of a distributed file system (MS-SMB2 3.3.5.15.2).
        ControlCode::DFS_GET_REFERRALS | ControlCode::DFS_GET_REFERRALS_EX => Err(Status::FS_DRIVER_REQUIRED.into()),
        code if torture::is_code(code) && call.door.facts.settings.torture => Ok(torture::obey(call, &asked)?),
        _ => Ok(of_open(call, tree, &asked).await?),
    }
}

/// Codes about something that is open.
async fn of_open<V: Vfs>(call: &Call<'_, V>, tree: &Tree, asked: &Asked<'_>) -> Result<Answer, Status> {
    let open = call.open(asked.request.file_id, tree)?;
    let _changing = call.changing(&open)?;
    if !matches!(tree.target, Target::Disk(_)) {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    match asked.request.code {
        ControlCode::SRV_REQUEST_RESUME_KEY => copy::resume_key(&open, asked),
        ControlCode::SRV_COPYCHUNK | ControlCode::SRV_COPYCHUNK_WRITE => copy::copy(call, (tree, &open), asked).await,
        ControlCode::SRV_ENUMERATE_SNAPSHOTS => snapshots::enumerate(call, (tree, &open), asked).await,
        ControlCode::GET_COMPRESSION => asked.output(&Compression { format: COMPRESSION_NONE }),
        ControlCode::SET_COMPRESSION => set_compression(asked),
        ControlCode::CREATE_OR_GET_OBJECT_ID | ControlCode::GET_OBJECT_ID => {
            object::object_id(call, (tree, &open), asked).await
        }
        ControlCode::SET_SPARSE => sparse::set_sparse(call, (tree, &open), asked).await,
        ControlCode::SET_ZERO_DATA => sparse::zero(call, (tree, &open), asked).await,
        ControlCode::QUERY_ALLOCATED_RANGES => sparse::allocated(call, (tree, &open), asked).await,
        ControlCode::FILE_LEVEL_TRIM => sparse::trim(call, (tree, &open), asked).await,
        ControlCode::DUPLICATE_EXTENTS_TO_FILE | ControlCode::DUPLICATE_EXTENTS_TO_FILE_EX => {
            clone::duplicate(call, (tree, &open), asked).await
        }
        ControlCode::GET_INTEGRITY_INFORMATION => clone::integrity(asked),
        ControlCode::SET_INTEGRITY_INFORMATION | ControlCode::SET_INTEGRITY_INFORMATION_EX => Ok(asked.nothing()),
        ControlCode::SET_REPARSE_POINT => reparse::set(call, (tree, &open), asked).await,
        ControlCode::DELETE_REPARSE_POINT => reparse::delete(call, (tree, &open)).await,
        ControlCode::GET_REPARSE_POINT => reparse::get(call, (tree, &open), asked).await,
        _ => Err(Status::INVALID_DEVICE_REQUEST),
    }
}

/// MS-FSCC 2.3.66: files are stored as they are.
fn set_compression(asked: &Asked<'_>) -> Result<Answer, Status> {
    match asked.input::<Compression>()?.format {
        COMPRESSION_NONE => Ok(asked.nothing()),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

/// What is asked, and how much may be answered.
struct Asked<'a> {
    request: IoctlRequest<'a>,
    /// Most bytes of output.
    limit: usize,
}

impl<'a> Asked<'a> {
    /// Errors: INVALID_PARAMETER.
    fn input<T: Decode<'a>>(&self) -> Result<T, Status> {
        decode(self.request.input).map_err(status::unreadable)
    }

    /// An output of fixed size.
    ///
    /// Errors: INVALID_PARAMETER (it does not fit).
    fn output(&self, output: &impl Encode) -> Result<Answer, Status> {
        let mut bytes = BytesMut::new();
        encode(output, &mut bytes);
        if bytes.len() > self.limit { Err(Status::INVALID_PARAMETER) } else { Ok(self.answer(Status::SUCCESS, &bytes)) }
    }

    /// It was done, and there is nothing to tell.
    fn nothing(&self) -> Answer {
        self.answer(Status::SUCCESS, &[])
    }

    fn answer(&self, status: Status, output: &[u8]) -> Answer {
        let (code, file_id) = (self.request.code, self.request.file_id);
        Answer::new(status, &IoctlResponse { code, file_id, input: &[], output })
    }

    /// Codes that are about no file name none.
    ///
    /// Errors: INVALID_PARAMETER.
    fn names_no_file(&self) -> Result<(), Status> {
        if self.request.file_id == FileId::RELATED { Ok(()) } else { Err(Status::INVALID_PARAMETER) }
    }
}

/// An open and the tree connect that it was named through.
type Opened<'a> = (&'a Tree, &'a Arc<Open>);

/// `COMPRESSION_FORMAT_NONE`.
const COMPRESSION_NONE: u16 = 0;
