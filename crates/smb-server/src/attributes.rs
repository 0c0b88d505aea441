//! Attributes of the house as SMB tells them.

use smb_wire::dtyp::FileTime;
use smb_wire::info::{FileAttributes, FileTimes, NetworkOpen};
use smb_wire::ioctl::ReparseBuffer;
use vfs::{Attributes, DosAttributes, FileType, Timestamp};

/// What CREATE, CLOSE and others tell of a file.
pub(crate) fn network_open(attributes: &Attributes) -> NetworkOpen {
    NetworkOpen {
        times: times(attributes),
        allocation_size: allocation_size(attributes),
        end_of_file: end_of_file(attributes),
        attributes: file_attributes(attributes),
    }
}

/// The four times. What a client sees as the time of change is that of the data: NFS clients go by the true one, which
/// nobody can set, and clients of SMB expect to find what they have set.
pub(crate) fn times(attributes: &Attributes) -> FileTimes {
    FileTimes {
        creation: time(attributes.created),
        last_access: time(attributes.accessed),
        last_write: time(attributes.modified),
        change: time(attributes.modified),
    }
}

/// Attribute bits (MS-FSCC 2.6): those that are stored, and what the kind of the file says.
pub(crate) fn file_attributes(attributes: &Attributes) -> FileAttributes {
    let stored = FileAttributes::from_bits_retain(attributes.dos.0 & (STORED | SPARSE));
    let kind = match attributes.file_type {
        FileType::Directory => FileAttributes::DIRECTORY,
        FileType::Symlink => FileAttributes::REPARSE_POINT,
        _ => FileAttributes::empty(),
    };
    let all = stored | kind;
    if all.is_empty() { FileAttributes::NORMAL } else { all }
}

/// What kind of reparse point it is (MS-FSCC 2.1.2.1); 0: it is none.
pub(crate) fn reparse_tag(attributes: &Attributes) -> u32 {
    if attributes.file_type == FileType::Symlink { ReparseBuffer::SYMLINK } else { 0 }
}

/// The bits of a request that are stored; `None` when it names none.
pub(crate) fn dos_attributes(attributes: FileAttributes) -> Option<DosAttributes> {
    let stored = attributes.bits() & STORED;
    (!attributes.is_empty()).then_some(DosAttributes(stored))
}

/// Bytes in whole blocks.
pub(crate) fn in_blocks(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(bytes)
}

/// Room that a file takes: whole blocks, and never less than its blocks of data that are told.
pub(crate) fn allocation_size(attributes: &Attributes) -> u64 {
    if has_data(attributes) { in_blocks(attributes.allocated_bytes.max(attributes.size)) } else { 0 }
}

/// Where the data of a file ends.
pub(crate) fn end_of_file(attributes: &Attributes) -> u64 {
    if has_data(attributes) { attributes.size } else { 0 }
}

/// What directories and links hold is no data.
fn has_data(attributes: &Attributes) -> bool {
    !matches!(attributes.file_type, FileType::Directory | FileType::Symlink)
}

fn time(timestamp: Timestamp) -> FileTime {
    FileTime::from_unix(timestamp.seconds, timestamp.nanoseconds)
}

/// Set and taken by a control code only.
pub(crate) const SPARSE: u32 = 0x200;
/// READONLY, HIDDEN, SYSTEM, ARCHIVE, OFFLINE, NOT_CONTENT_INDEXED.
const STORED: u32 = 0x3027;
const BLOCK_BYTES: u64 = 4096;
