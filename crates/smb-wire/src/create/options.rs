//! The numbers and bits of CREATE.

use crate::codec::{codes, flags};

codes! {
    /// `RequestedOplockLevel` and `OplockLevel` (MS-SMB2 2.2.13, 2.2.14).
    pub struct OplockLevel(u8) {
        NONE = 0 "SMB2_OPLOCK_LEVEL_NONE",
        II = 1 "SMB2_OPLOCK_LEVEL_II",
        EXCLUSIVE = 8 "SMB2_OPLOCK_LEVEL_EXCLUSIVE",
        BATCH = 9 "SMB2_OPLOCK_LEVEL_BATCH",
        /// The create context `RqLs` says more.
        LEASE = 0xff "SMB2_OPLOCK_LEVEL_LEASE",
    }
}

codes! {
    /// `ImpersonationLevel` (MS-SMB2 2.2.13).
    pub struct ImpersonationLevel(u32) {
        ANONYMOUS = 0 "Anonymous",
        IDENTIFICATION = 1 "Identification",
        IMPERSONATION = 2 "Impersonation",
        DELEGATE = 3 "Delegate",
    }
}

flags! {
    /// `ShareAccess` (MS-SMB2 2.2.13): what other opens may do meanwhile.
    pub struct ShareAccess(u32) {
        READ = 1 "FILE_SHARE_READ",
        WRITE = 2 "FILE_SHARE_WRITE",
        DELETE = 4 "FILE_SHARE_DELETE",
    }
}

codes! {
    /// `CreateDisposition` (MS-SMB2 2.2.13).
    pub struct CreateDisposition(u32) {
        SUPERSEDE = 0 "FILE_SUPERSEDE",
        OPEN = 1 "FILE_OPEN",
        CREATE = 2 "FILE_CREATE",
        OPEN_IF = 3 "FILE_OPEN_IF",
        OVERWRITE = 4 "FILE_OVERWRITE",
        OVERWRITE_IF = 5 "FILE_OVERWRITE_IF",
    }
}

flags! {
    /// `CreateOptions` (MS-SMB2 2.2.13).
    pub struct CreateOptions(u32) {
        DIRECTORY_FILE = 0x0000_0001 "FILE_DIRECTORY_FILE",
        WRITE_THROUGH = 0x0000_0002 "FILE_WRITE_THROUGH",
        SEQUENTIAL_ONLY = 0x0000_0004 "FILE_SEQUENTIAL_ONLY",
        NO_INTERMEDIATE_BUFFERING = 0x0000_0008 "FILE_NO_INTERMEDIATE_BUFFERING",
        SYNCHRONOUS_IO_ALERT = 0x0000_0010 "FILE_SYNCHRONOUS_IO_ALERT",
        SYNCHRONOUS_IO_NONALERT = 0x0000_0020 "FILE_SYNCHRONOUS_IO_NONALERT",
        NON_DIRECTORY_FILE = 0x0000_0040 "FILE_NON_DIRECTORY_FILE",
        COMPLETE_IF_OPLOCKED = 0x0000_0100 "FILE_COMPLETE_IF_OPLOCKED",
        NO_EA_KNOWLEDGE = 0x0000_0200 "FILE_NO_EA_KNOWLEDGE",
        OPEN_REMOTE_INSTANCE = 0x0000_0400 "FILE_OPEN_REMOTE_INSTANCE",
        RANDOM_ACCESS = 0x0000_0800 "FILE_RANDOM_ACCESS",
        DELETE_ON_CLOSE = 0x0000_1000 "FILE_DELETE_ON_CLOSE",
        OPEN_BY_FILE_ID = 0x0000_2000 "FILE_OPEN_BY_FILE_ID",
        OPEN_FOR_BACKUP_INTENT = 0x0000_4000 "FILE_OPEN_FOR_BACKUP_INTENT",
        NO_COMPRESSION = 0x0000_8000 "FILE_NO_COMPRESSION",
        OPEN_REQUIRING_OPLOCK = 0x0001_0000 "FILE_OPEN_REQUIRING_OPLOCK",
        DISALLOW_EXCLUSIVE = 0x0002_0000 "FILE_DISALLOW_EXCLUSIVE",
        RESERVE_OPFILTER = 0x0010_0000 "FILE_RESERVE_OPFILTER",
        OPEN_REPARSE_POINT = 0x0020_0000 "FILE_OPEN_REPARSE_POINT",
        OPEN_NO_RECALL = 0x0040_0000 "FILE_OPEN_NO_RECALL",
        OPEN_FOR_FREE_SPACE_QUERY = 0x0080_0000 "FILE_OPEN_FOR_FREE_SPACE_QUERY",
    }
}

codes! {
    /// `CreateAction` (MS-SMB2 2.2.14).
    pub struct CreateAction(u32) {
        SUPERSEDED = 0 "FILE_SUPERSEDED",
        OPENED = 1 "FILE_OPENED",
        CREATED = 2 "FILE_CREATED",
        OVERWRITTEN = 3 "FILE_OVERWRITTEN",
    }
}

flags! {
    /// `Flags` of the response (MS-SMB2 2.2.14).
    pub struct CreateResponseFlags(u8) {
        REPARSEPOINT = 1 "SMB2_CREATE_FLAG_REPARSEPOINT",
    }
}
