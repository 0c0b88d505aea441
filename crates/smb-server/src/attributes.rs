//! Attributes of the house as SMB tells them.

use smb_wire::dtyp::FileTime;
use smb_wire::info::{FileAttributes, FileTimes, NetworkOpen};
use vfs::{Attributes, DosAttributes, Timestamp};

/// What CREATE, CLOSE and others tell of a file.
pub(crate) fn network_open(attributes: &Attributes) -> NetworkOpen {
    let is_directory = attributes.is_directory();
    NetworkOpen {
        times: times(attributes),
        allocation_size: if is_directory { 0 } else { allocation_size(attributes) },
        end_of_file: if is_directory { 0 } else { attributes.size },
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
    let kind = if attributes.is_directory() { FileAttributes::DIRECTORY } else { FileAttributes::empty() };
    let all = stored | kind;
    if all.is_empty() { FileAttributes::NORMAL } else { all }
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
    in_blocks(attributes.allocated_bytes.max(attributes.size))
}

fn time(timestamp: Timestamp) -> FileTime {
    FileTime::from_unix(timestamp.seconds, timestamp.nanoseconds)
}

/// Set and taken by a control code only.
pub(crate) const SPARSE: u32 = 0x200;
/// READONLY, HIDDEN, SYSTEM, ARCHIVE, OFFLINE, NOT_CONTENT_INDEXED.
const STORED: u32 = 0x3027;
const BLOCK_BYTES: u64 = 4096;
