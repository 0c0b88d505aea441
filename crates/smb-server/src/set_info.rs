//! SET_INFO (MS-SMB2 3.3.5.21): attributes, sizes, names, and the end of a file.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pages::Payload;
use smb_wire::Status;
use smb_wire::codec::{Decode, decode, decode_body};
use smb_wire::dtyp::{DescriptorControl, FileTime};
use smb_wire::info::{
    DispositionFlags, FileAttributes, FileBasic, FileDisposition, FileInformationClass, Number32, Number64,
    RenameFlags, RenameTo,
};
use smb_wire::query_info::{InfoType, SecurityInformation, SetInfoRequest, SetInfoResponse};
use vfs::acl::{AccessMask, SecurityDescriptor};
use vfs::{
    Case, DeletePendingRequest, OpContext, RenameOpenRequest, RenameStreamRequest, SetAttributes, SetTime,
    SetattrRequest, Stability, Timestamp, Vfs, Via, WriteRequest,
};

use crate::answer::Answer;
use crate::attributes::{SPARSE, allocation_size, dos_attributes};
use crate::create::{Path, Stream, components, parent};
use crate::descriptors::{given, needed};
use crate::dispatch::Call;
use crate::extended_attributes::given as xattrs_given;
use crate::open_table::Open;
use crate::status;
use crate::tree::{Disk, Target, Tree};

/// Changes what is asked.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, INVALID_INFO_CLASS, INFO_LENGTH_MISMATCH, ACCESS_DENIED, those of the
/// house.
pub(crate) async fn set_info<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: SetInfoRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let Target::Disk(disk) = &tree.target else { return Err(Status::NOT_SUPPORTED) };
    let open = call.open(request.file_id, tree)?;
    let _changing = call.changing(&open)?;
    let ctx = call.context(disk.root);
    match request.info_type {
        InfoType::FILE => {}
        InfoType::SECURITY => return security(call, (&ctx, disk, &open), &request).await,
        _ => return Err(Status::NOT_SUPPORTED),
    }
    let (input, circumstances) = (request.input, (&ctx, disk, &*open));
    match FileInformationClass(request.class) {
        FileInformationClass::BASIC => basic(call, circumstances, structure(input)?).await?,
        FileInformationClass::END_OF_FILE => size(call, circumstances, structure::<Number64>(input)?.value).await?,
        FileInformationClass::ALLOCATION => {
            allocation(call, circumstances, structure::<Number64>(input)?.value).await?;
        }
        FileInformationClass::DISPOSITION => {
            dispose(call, circumstances, structure::<FileDisposition>(input)?.delete_pending).await?;
        }
        FileInformationClass::DISPOSITION_EX => {
            let flags = DispositionFlags::from_bits_retain(structure::<Number32>(input)?.value);
            dispose(call, circumstances, flags.contains(DispositionFlags::DELETE)).await?;
        }
        FileInformationClass::RENAME => {
            rename(call, circumstances, structure::<RenameTo<'_>>(input)?.of_plain()).await?;
        }
        FileInformationClass::RENAME_EX => rename(call, circumstances, structure(input)?).await?,
        FileInformationClass::POSITION => {
            let position = structure::<Number64>(input)?.value;
            if i64::try_from(position).is_err() {
                return Err(Status::INVALID_PARAMETER);
            }
            open.position.store(position, Ordering::Relaxed);
        }
        // The mode of an open means nothing here.
        FileInformationClass::MODE => drop(structure::<Number32>(input)?),
        FileInformationClass::FULL_EA => extended_attributes(call, circumstances, input).await?,
        _ => return Err(Status::INVALID_INFO_CLASS),
    }
    Ok(Answer::success(&SetInfoResponse {}))
}

pub(crate) fn structure<'a, T: Decode<'a>>(input: &'a [u8]) -> Result<T, Status> {
    decode(input).map_err(|_| Status::INFO_LENGTH_MISMATCH)
}

type Circumstances<'a> = (&'a OpContext, &'a Disk, &'a Open);

/// MS-FSA 2.1.5.15.2.
async fn basic<V: Vfs>(call: &Call<'_, V>, (ctx, _, open): Circumstances<'_>, basic: FileBasic) -> Result<(), Status> {
    needs(open, AccessMask::WRITE_ATTRIBUTES)?;
    let is_directory = basic.attributes.contains(FileAttributes::DIRECTORY);
    let is_temporary = basic.attributes.contains(FileAttributes::TEMPORARY);
    if (is_directory && !open.is_directory) || (is_temporary && open.is_directory) {
        return Err(Status::INVALID_PARAMETER);
    }
    let times = basic.times;
    let mut dos = dos_attributes(basic.attributes);
    if let Some(dos) = &mut dos
        && !open.is_directory
    {
        let now = call.door.vfs.getattr(ctx, open.inode).await.map_err(status::of)?.attributes.dos;
        dos.0 |= now.0 & SPARSE;
    }
    let attributes = SetAttributes {
        accessed: time(times.last_access)?.map(SetTime::To),
        modified: time(times.last_write)?.map(SetTime::To),
        created: time(times.creation)?,
        dos,
        ..SetAttributes::default()
    };
    time(times.change)?;
    set(call, (ctx, open), attributes).await
}

/// MS-FSA 2.1.5.15.5.
async fn size<V: Vfs>(call: &Call<'_, V>, (ctx, _, open): Circumstances<'_>, size: u64) -> Result<(), Status> {
    needs(open, AccessMask::WRITE_DATA)?;
    if open.is_directory || i64::try_from(size).is_err() {
        return Err(Status::INVALID_PARAMETER);
    }
    set(call, (ctx, open), SetAttributes { size: Some(size), ..SetAttributes::default() }).await
}

/// MS-FSA 2.1.5.15.1: less room than the file has cuts it off; more is promised by nobody and asked for by many. What
/// others cache is broken all the same.
async fn allocation<V: Vfs>(call: &Call<'_, V>, (ctx, disk, open): Circumstances<'_>, room: u64) -> Result<(), Status> {
    needs(open, AccessMask::WRITE_DATA)?;
    if open.is_directory || i64::try_from(room).is_err() {
        return Err(Status::INVALID_PARAMETER);
    }
    let attributes = call.door.vfs.getattr(ctx, open.inode).await.map_err(status::of)?.attributes;
    if room < attributes.size && room < allocation_size(&attributes) {
        return size(call, (ctx, disk, open), room).await;
    }
    let nothing = WriteRequest {
        inode: open.inode,
        via: Via::Open(open.id),
        offset: 0,
        data: Payload::new(),
        stability: Stability::Unstable,
    };
    call.door.vfs.write(ctx, nothing).await.map(drop).map_err(status::of)
}

/// MS-FSA 2.1.5.15.3.
async fn dispose<V: Vfs>(call: &Call<'_, V>, (ctx, _, open): Circumstances<'_>, pending: bool) -> Result<(), Status> {
    needs(open, AccessMask::DELETE)?;
    let request = DeletePendingRequest { open: open.id, pending };
    let disposed = call.past_leases(Some(open), || call.door.vfs.set_delete_pending(ctx, request)).await?;
    disposed.map_err(|failure| match failure.error {
        vfs::FsError::NotPermitted => Status::CANNOT_DELETE,
        _ => status::of(failure),
    })
}

/// MS-FSA 2.1.5.15.11.
async fn rename<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, disk, open): Circumstances<'_>,
    to: RenameTo<'_>,
) -> Result<(), Status> {
    needs(open, AccessMask::DELETE)?;
    if to.root_directory != 0 {
        return Err(Status::INVALID_PARAMETER);
    }
    let replace = to.flags.contains(RenameFlags::REPLACE_IF_EXISTS);
    let Path { mut names, stream } = components(to.name)?;
    match stream {
        None => {}
        // A stream stays in its file, and does not become its data.
        Some(Stream::Named(to_name)) if names.is_empty() && open.file != open.inode => {
            let request = RenameStreamRequest { open: open.id, to_name, replace };
            return call.door.vfs.rename_stream(ctx, request).await.map_err(status::of);
        }
        Some(_) => return Err(Status::INVALID_PARAMETER),
    }
    if open.file != open.inode {
        return Err(Status::INVALID_PARAMETER);
    }
    let to_name = names.pop().ok_or(Status::OBJECT_NAME_INVALID)?;
    let to_parent = parent(call, ctx, (disk, names)).await?;
    let request = RenameOpenRequest { open: open.id, to_parent, to_name, replace, case: Case::Insensitive };
    let renamed = call.past_leases(Some(open), || call.door.vfs.rename_open(ctx, request.clone())).await?;
    renamed.map(drop).map_err(status::of)
}

/// MS-FSA 2.1.5.15.5.
async fn extended_attributes<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, _, open): Circumstances<'_>,
    list: &[u8],
) -> Result<(), Status> {
    needs(open, AccessMask::WRITE_EA)?;
    let attributes = SetAttributes { xattrs: xattrs_given(list)?, ..SetAttributes::default() };
    let outcome = set(call, (ctx, open), attributes).await;
    // Nothing else is too large here.
    outcome.map_err(
        |status| if status == status::of_error(vfs::FsError::FileTooLarge) { Status::EA_TOO_LARGE } else { status },
    )
}

/// MS-SMB2 3.3.5.21.3, MS-FSA 2.1.5.17.
async fn security<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, _, open): Circumstances<'_>,
    request: &SetInfoRequest<'_>,
) -> Result<Answer, Status> {
    needs(open, needed(request.additional, true))?;
    let mut attributes = given(call.zone, request.input, request.additional)?;
    if request.additional.contains(SecurityInformation::DACL) && attributes.descriptor.is_none() {
        // Who sets the list and gives none takes it away: everyone may do everything.
        let control = DescriptorControl::DACL_PRESENT.bits();
        let open_to_all = SecurityDescriptor { control, dacl: None, ..SecurityDescriptor::default() };
        attributes.descriptor = Some(Arc::new(open_to_all));
    }
    if attributes == SetAttributes::default() {
        return Ok(Answer::success(&SetInfoResponse {}));
    }
    let inode = if attributes.size.is_some() { open.inode } else { open.file };
    let request = SetattrRequest { inode, via: Via::Open(open.id), attributes, guard: None };
    call.door.vfs.setattr(ctx, request).await.map_err(|failure| match failure.error {
        vfs::FsError::NotPermitted => Status::INVALID_OWNER,
        _ => status::of(failure),
    })?;
    Ok(Answer::success(&SetInfoResponse {}))
}

async fn set<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    attributes: SetAttributes,
) -> Result<(), Status> {
    if attributes == SetAttributes::default() {
        return Ok(());
    }
    let request = SetattrRequest { inode: open.file, via: Via::Open(open.id), attributes, guard: None };
    let set = call.past_leases(Some(open), || call.door.vfs.setattr(ctx, request.clone())).await?;
    set.map(drop).map_err(status::of)
}

fn needs(open: &Open, right: AccessMask) -> Result<(), Status> {
    if open.granted.contains(right) { Ok(()) } else { Err(Status::ACCESS_DENIED) }
}

/// A time to set; `None` leaves it. That a time is frozen or thawed is taken for leaving it.
fn time(time: FileTime) -> Result<Option<Timestamp>, Status> {
    match time {
        FileTime::UNCHANGED | FileTime::FROZEN | FileTime::THAWED => Ok(None),
        time => {
            let (seconds, nanoseconds) = time.to_unix().ok_or(Status::INVALID_PARAMETER)?;
            Ok(Some(Timestamp { seconds, nanoseconds }))
        }
    }
}
