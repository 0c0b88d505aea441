//! Symbolic links: clients are told where they lead, and follow them themselves, so that none leads out of a share.
//!
//! What a link of the house holds are names with `/` between them; a client gets them with `\`, each as it is shown in
//! listings. A target that begins with `\` was set by a client of Windows, and is given back as it came.

use bytes::{Bytes, BytesMut};
use smb_wire::Status;
use smb_wire::codec::{Utf16, encode};
use smb_wire::error_response::{ErrorContext, ErrorId, ErrorResponse, SymlinkError, SymlinkFlags};
use smb_wire::ioctl::SymlinkReparse;
use smb_wire::negotiate::Dialect;
use vfs::{Attributes, Case, FileType, OpContext, Vfs, WalkRequest};

use crate::answer::Answer;
use crate::create::{component as named, components, shown};
use crate::dispatch::Call;
use crate::status;
use crate::tree::Disk;

/// Where a link leads, as clients are told.
pub(crate) struct Target {
    flags: SymlinkFlags,
    /// UTF-16, little-endian.
    substitute: Vec<u8>,
    print: Vec<u8>,
}

impl Target {
    /// Of what a link holds.
    pub(crate) fn of(target: &[u8]) -> Self {
        let units: Vec<u16> = match target.first() {
            Some(b'\\') => String::from_utf8_lossy(target).encode_utf16().collect(),
            _ => target.split(|byte| *byte == b'/').map(shown_component).collect::<Vec<_>>().join(SEPARATOR),
        };
        let is_relative = !matches!(target.first(), Some(b'\\' | b'/'));
        let flags = if is_relative { SymlinkFlags::RELATIVE } else { SymlinkFlags::empty() };
        let print = units.strip_prefix(&NT_PREFIX.map(u16::from)[..]).unwrap_or(&units);
        let bytes = |units: &[u16]| units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        Self { flags, print: bytes(print), substitute: bytes(&units) }
    }

    /// As reparse data (MS-FSCC 2.1.2.4).
    pub(crate) fn reparse_data(&self) -> BytesMut {
        let mut data = BytesMut::new();
        let (substitute_name, print_name) = (text(&self.substitute), text(&self.print));
        encode(&SymlinkReparse { flags: self.flags, substitute_name, print_name }, &mut data);
        data
    }

    /// As the answer to a CREATE (MS-SMB2 2.2.2.2.1) of which so many bytes of the path are left.
    fn answer(&self, dialect: Dialect, unparsed: usize) -> Answer {
        let mut data = BytesMut::new();
        let error = SymlinkError {
            unparsed_path_length: u16::try_from(unparsed).unwrap_or(u16::MAX),
            flags: self.flags,
            substitute_name: text(&self.substitute),
            print_name: text(&self.print),
        };
        encode(&error, &mut data);
        if dialect < Dialect::SMB_3_1_1 {
            return Answer::new(Status::STOPPED_ON_SYMLINK, &ErrorResponse { context_count: 0, data: &data });
        }
        let mut context = BytesMut::new();
        encode(&ErrorContext { id: ErrorId::DEFAULT, data: &data }, &mut context);
        Answer::new(Status::STOPPED_ON_SYMLINK, &ErrorResponse { context_count: 1, data: &context })
    }
}

/// Tells the client of the link that its path met.
///
/// Errors: those of the name, OBJECT_PATH_NOT_FOUND (there is none any more), those of the house.
pub(crate) async fn stopped<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, disk): (&OpContext, &Disk),
    path: Utf16<'_>,
) -> Result<Answer, Status> {
    let names = components(path)?.names;
    for count in 1..=names.len() {
        let (before, behind) = names.split_at(count);
        let request = WalkRequest { start: disk.root, path: before.to_vec(), case: Case::Insensitive };
        let found = call.door.vfs.walk(ctx, request).await.map_err(status::of)?.attributes;
        if found.file_type == FileType::Symlink {
            let target = call.door.vfs.readlink(ctx, found.inode).await.map_err(status::of)?.target;
            let behind: usize = behind.iter().map(|name| 1 + shown(name.as_bytes()).len()).sum();
            let unparsed = (behind + stream_length(path)) * size_of::<u16>();
            return Ok(Target::of(&target).answer(call.terms.dialect, unparsed));
        }
    }
    Err(Status::OBJECT_PATH_NOT_FOUND)
}

/// What a link that a client makes holds. An absolute path is one of the client's own, and kept as it is.
///
/// Errors: `IO_REPARSE_DATA_INVALID`.
pub(crate) fn target_of(data: &SymlinkReparse<'_>) -> Result<Bytes, Status> {
    let invalid = Status::IO_REPARSE_DATA_INVALID;
    let units: Vec<u16> = data.substitute_name.units().collect();
    if !data.flags.contains(SymlinkFlags::RELATIVE) {
        let text = String::from_utf16(&units).map_err(|_| invalid)?;
        return if text.starts_with('\\') { Ok(text.into_bytes().into()) } else { Err(invalid) };
    }
    let components = units.split(|unit| SEPARATOR.contains(unit)).map(|component| match component {
        [] | [DOT] | [DOT, DOT] => Ok(component.iter().map(|_| b'.').collect()),
        name => Ok(named(name).map_err(|_| invalid)?.as_bytes().to_vec()),
    });
    let components: Vec<Vec<u8>> = components.collect::<Result<_, Status>>()?;
    if components.first().is_some_and(Vec::is_empty) {
        return Err(invalid);
    }
    Ok(components.join(&b'/').into())
}

/// Whether this is a link; what it says of its data is not that of its target.
pub(crate) fn is_symlink(attributes: &Attributes) -> bool {
    attributes.file_type == FileType::Symlink
}

/// How long the part of a path is that says which stream of a file is meant, with its colon.
fn stream_length(path: Utf16<'_>) -> usize {
    let units: Vec<u16> = path.units().collect();
    let last = units.rsplit(|unit| SEPARATOR.contains(unit)).next().unwrap_or_default();
    last.iter().skip_while(|unit| **unit != COLON).count()
}

fn shown_component(component: &[u8]) -> Vec<u16> {
    match component {
        b"" | b"." | b".." => component.iter().copied().map(u16::from).collect(),
        name => shown(name),
    }
}

fn text(bytes: &[u8]) -> Utf16<'_> {
    Utf16::from_bytes(bytes).unwrap_or_default()
}

const SEPARATOR: &[u16] = &[0x5c];
const COLON: u16 = b':' as u16;
const DOT: u16 = b'.' as u16;
/// In front of an absolute path of Windows; not shown.
const NT_PREFIX: [u8; 4] = *br"\??\";
