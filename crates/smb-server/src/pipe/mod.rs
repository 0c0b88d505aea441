//! Named pipes of `IPC$` (MS-SMB2 3.3.5.9 and others where they say "named pipe"): each leads to one service, which is
//! called through DCE/RPC. Nothing of it waits: an answer is there when its request was written.

mod association;
mod lsarpc;
mod service;
mod srvsvc;
mod table;
mod wkssvc;

use std::sync::{Arc, PoisonError};

use bytes::BytesMut;
use pages::Payload;
use smb_wire::close::{CloseFlags, CloseRequest, CloseResponse};
use smb_wire::codec::{Encode, decode_body, encode};
use smb_wire::create::{
    CreateAction, CreateContexts, CreateDisposition, CreateRequest, CreateResponse, CreateResponseFlags, OplockLevel,
};
use smb_wire::info::{FileAttributes, FileInformationClass, FilePipe, FilePipeLocal, FileStandard, NetworkOpen};
use smb_wire::ioctl::{ControlCode, IoctlRequest, IoctlResponse};
use smb_wire::query_info::{InfoType, QueryInfoRequest, SetInfoRequest, SetInfoResponse};
use smb_wire::read::{ReadHead, ReadRequest};
use smb_wire::write::{WriteRequest, WriteResponse};
use smb_wire::{Command, FlushRequest, FlushResponse, OutputResponse, Status};
use vfs::Vfs;

use self::association::{Association, Message, Taken};
use self::service::{Circumstances, Service};
pub(crate) use self::table::{Pipe, Pipes};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;

/// Does what is asked of pipes.
///
/// Errors: NOT_SUPPORTED for what pipes have not, and those of each.
pub(crate) fn perform<V: Vfs>(call: &Call<'_, V>, tree: &Tree, command: Command) -> Result<Answer, Status> {
    match command {
        Command::CREATE => create(call, tree),
        Command::CLOSE => close(call, tree),
        Command::READ => read(call, tree),
        Command::WRITE => write(call, tree),
        Command::FLUSH => {
            let request: FlushRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
            call.pipe(request.file_id, tree).map(|_| Answer::success(&FlushResponse {}))
        }
        Command::QUERY_INFO => query_info(call, tree),
        Command::SET_INFO => set_info(call, tree),
        Command::IOCTL => ioctl(call, tree),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

/// Whether an IOCTL is about a pipe: by the device of its code (MS-FSCC 2.3, `FILE_DEVICE_NAMED_PIPE`).
pub(crate) fn is_asked_for(body: &[u8]) -> bool {
    decode_body::<IoctlRequest<'_>>(body).is_ok_and(|request| request.code.0 >> 16 == NAMED_PIPE_DEVICE)
}

/// Opens a pipe by its name.
///
/// Errors, in order: INVALID_PARAMETER, OBJECT_NAME_NOT_FOUND (no such service), INSUFFICIENT_RESOURCES.
fn create<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: CreateRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    if request.disposition > CreateDisposition::OVERWRITE_IF || request.impersonation_level.0 > 3 {
        return Err(Status::INVALID_PARAMETER);
    }
    let name = request.name.to_string();
    let service = Service::named(&name).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    let pipe = call.session.pipes.enter(tree.id, Association::new(service)).ok_or(Status::INSUFFICIENT_RESOURCES)?;
    let mut answer = Answer::success(&CreateResponse {
        oplock_level: OplockLevel::NONE,
        flags: CreateResponseFlags::empty(),
        action: CreateAction::OPENED,
        file: NetworkOpen {
            allocation_size: QUOTA.into(),
            attributes: FileAttributes::NORMAL,
            ..NetworkOpen::default()
        },
        file_id: pipe.file_id,
        contexts: CreateContexts::Items(&[]),
    });
    answer.file_id = Some(pipe.file_id);
    Ok(answer)
}

fn close<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: CloseRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
    let pipe = call.pipe(request.file_id, tree)?;
    call.session.pipes.take(&pipe);
    Ok(Answer::success(&CloseResponse { flags: CloseFlags::empty(), file: NetworkOpen::default() }))
}

/// What is sent through a pipe.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, PIPE_DISCONNECTED (what came before was no call), PIPE_BUSY (too much was
/// not read yet).
fn write<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: WriteRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let pipe = call.pipe(request.file_id, tree)?;
    let count = u32::try_from(request.data.len()).map_err(|_| Status::INVALID_PARAMETER)?;
    feed(call, &mut association(&pipe), request.data)?;
    Ok(Answer::success(&WriteResponse { count }))
}

/// What comes back through a pipe: one message at a time.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, PIPE_DISCONNECTED, PIPE_EMPTY; BUFFER_OVERFLOW with a part of a message.
fn read<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: ReadRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    if request.length > call.terms.io_bytes_max || !call.is_paid(request.length) {
        return Err(Status::INVALID_PARAMETER);
    }
    let pipe = call.pipe(request.file_id, tree)?;
    let Message { bytes, is_whole } = message(&mut association(&pipe), request.length)?;
    let data_length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut answer = Answer::new(status_of(is_whole), &ReadHead { data_length, data_remaining: 0 });
    answer.payload = Payload::from(bytes);
    Ok(answer)
}

/// FSCTL_PIPE_TRANSCEIVE, and what else is asked of a pipe itself (MS-SMB2 3.3.5.15.10, MS-FSCC 2.3.51).
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, PIPE_BUSY (there is something to read), those of writing and reading.
fn ioctl<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: IoctlRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let limit = request.max_output_response;
    if limit > call.terms.transact_bytes_max || !call.is_paid(limit) {
        return Err(Status::INVALID_PARAMETER);
    }
    match request.code {
        ControlCode::PIPE_TRANSCEIVE => {}
        // A pipe of these is always there for one more.
        ControlCode::PIPE_WAIT => return Ok(output(&request, (Status::SUCCESS, &[]))),
        _ => return Err(Status::INVALID_DEVICE_REQUEST),
    }
    let pipe = call.pipe(request.file_id, tree)?;
    let mut association = association(&pipe);
    if association.unread_bytes() > 0 {
        return Err(Status::PIPE_BUSY);
    }
    feed(call, &mut association, request.input)?;
    let Message { bytes, is_whole } = message(&mut association, limit)?;
    Ok(output(&request, (status_of(is_whole), &bytes)))
}

fn output(request: &IoctlRequest<'_>, (status, output): (Status, &[u8])) -> Answer {
    Answer::new(status, &IoctlResponse { code: request.code, file_id: request.file_id, input: &[], output })
}

fn query_info<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: QueryInfoRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let pipe = call.pipe(request.file_id, tree)?;
    if request.info_type != InfoType::FILE {
        return Err(Status::NOT_SUPPORTED);
    }
    let told = match FileInformationClass(request.class) {
        FileInformationClass::STANDARD => encoded(&FileStandard {
            allocation_size: QUOTA.into(),
            end_of_file: 0,
            number_of_links: 1,
            delete_pending: false,
            directory: false,
        }),
        FileInformationClass::PIPE => encoded(&FilePipe { read_mode: MESSAGE, completion_mode: 0 }),
        FileInformationClass::PIPE_LOCAL => encoded(&FilePipeLocal {
            pipe_type: MESSAGE,
            configuration: FULL_DUPLEX,
            maximum_instances: u32::MAX,
            current_instances: 1,
            inbound_quota: QUOTA,
            read_data_available: u32::try_from(association(&pipe).unread_bytes()).unwrap_or(u32::MAX),
            outbound_quota: QUOTA,
            write_quota_available: QUOTA,
            state: CONNECTED,
            end: 0,
        }),
        _ => return Err(Status::INVALID_INFO_CLASS),
    };
    if told.len() > usize::try_from(request.output_length).unwrap_or(usize::MAX) {
        return Err(Status::INFO_LENGTH_MISMATCH);
    }
    Ok(Answer::success(&OutputResponse { output: &told }))
}

/// How a pipe is read is settled: by messages, without waiting.
fn set_info<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: SetInfoRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    call.pipe(request.file_id, tree)?;
    let is_mode =
        request.info_type == InfoType::FILE && FileInformationClass(request.class) == FileInformationClass::PIPE;
    if is_mode { Ok(Answer::success(&SetInfoResponse {})) } else { Err(Status::NOT_SUPPORTED) }
}

fn feed<V: Vfs>(call: &Call<'_, V>, association: &mut Association, bytes: &[u8]) -> Result<(), Status> {
    let circumstances = Circumstances {
        zone: call.zone,
        session: call.session,
        facts: &call.door.facts,
        can: call.session.credentials(),
    };
    match association.take(bytes, &circumstances) {
        Taken::All => Ok(()),
        Taken::TooMuch => Err(Status::PIPE_BUSY),
        Taken::Broken => Err(Status::PIPE_DISCONNECTED),
    }
}

fn message(association: &mut Association, limit: u32) -> Result<Message, Status> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match association.next_message(limit) {
        Some(message) => Ok(message),
        None if association.is_broken() => Err(Status::PIPE_DISCONNECTED),
        None => Err(Status::PIPE_EMPTY),
    }
}

fn association(pipe: &Arc<Pipe>) -> std::sync::MutexGuard<'_, Association> {
    pipe.association.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status_of(is_whole: bool) -> Status {
    if is_whole { Status::SUCCESS } else { Status::BUFFER_OVERFLOW }
}

fn encoded(structure: &impl Encode) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(structure, &mut bytes);
    bytes
}

/// `FILE_DEVICE_NAMED_PIPE`.
const NAMED_PIPE_DEVICE: u32 = 0x11;
/// What Windows says of its pipes (MS-FSCC 2.4.36).
const QUOTA: u32 = 4096;
const MESSAGE: u32 = 1;
const FULL_DUPLEX: u32 = 2;
const CONNECTED: u32 = 3;
