//! What nearly every answer tells of a file.

use crate::codec::{flags, layout};
use crate::dtyp::FileTime;

flags! {
    /// `FileAttributes` (MS-FSCC 2.6).
    pub struct FileAttributes(u32) {
        READONLY = 0x0000_0001 "FILE_ATTRIBUTE_READONLY",
        HIDDEN = 0x0000_0002 "FILE_ATTRIBUTE_HIDDEN",
        SYSTEM = 0x0000_0004 "FILE_ATTRIBUTE_SYSTEM",
        DIRECTORY = 0x0000_0010 "FILE_ATTRIBUTE_DIRECTORY",
        ARCHIVE = 0x0000_0020 "FILE_ATTRIBUTE_ARCHIVE",
        /// None of the others; only alone.
        NORMAL = 0x0000_0080 "FILE_ATTRIBUTE_NORMAL",
        TEMPORARY = 0x0000_0100 "FILE_ATTRIBUTE_TEMPORARY",
        SPARSE_FILE = 0x0000_0200 "FILE_ATTRIBUTE_SPARSE_FILE",
        REPARSE_POINT = 0x0000_0400 "FILE_ATTRIBUTE_REPARSE_POINT",
        COMPRESSED = 0x0000_0800 "FILE_ATTRIBUTE_COMPRESSED",
        OFFLINE = 0x0000_1000 "FILE_ATTRIBUTE_OFFLINE",
        NOT_CONTENT_INDEXED = 0x0000_2000 "FILE_ATTRIBUTE_NOT_CONTENT_INDEXED",
        ENCRYPTED = 0x0000_4000 "FILE_ATTRIBUTE_ENCRYPTED",
        INTEGRITY_STREAM = 0x0000_8000 "FILE_ATTRIBUTE_INTEGRITY_STREAM",
        NO_SCRUB_DATA = 0x0002_0000 "FILE_ATTRIBUTE_NO_SCRUB_DATA",
        RECALL_ON_OPEN = 0x0004_0000 "FILE_ATTRIBUTE_RECALL_ON_OPEN",
        PINNED = 0x0008_0000 "FILE_ATTRIBUTE_PINNED",
        UNPINNED = 0x0010_0000 "FILE_ATTRIBUTE_UNPINNED",
        RECALL_ON_DATA_ACCESS = 0x0040_0000 "FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS",
    }
}

layout! {
    /// The four times, in the order in which they always stand.
    pub struct FileTimes {
        pub creation: FileTime = "CreationTime",
        pub last_access: FileTime = "LastAccessTime",
        pub last_write: FileTime = "LastWriteTime",
        /// Of anything, attributes included.
        pub change: FileTime = "ChangeTime",
    }
}

layout! {
    /// What CREATE and CLOSE tell of a file, and, with four bytes behind it, `FileNetworkOpenInformation` (MS-FSCC 2.4.34).
    pub struct NetworkOpen {
        pub times: FileTimes = "Times",
        /// In bytes.
        pub allocation_size: u64 = "AllocationSize",
        /// In bytes.
        pub end_of_file: u64 = "EndOfFile",
        pub attributes: FileAttributes = "FileAttributes",
    }
}
