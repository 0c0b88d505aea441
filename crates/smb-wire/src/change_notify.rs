//! CHANGE_NOTIFY; the response is [`crate::OutputResponse`] with entries of [`crate::info::FileNotify`].

use crate::FileId;
use crate::codec::{flags, layout};

flags! {
    /// `Flags` (MS-SMB2 2.2.35).
    pub struct ChangeNotifyFlags(u16) {
        WATCH_TREE = 1 "SMB2_WATCH_TREE",
    }
}

flags! {
    /// `CompletionFilter` (MS-SMB2 2.2.35).
    pub struct CompletionFilter(u32) {
        FILE_NAME = 0x0001 "FILE_NOTIFY_CHANGE_FILE_NAME",
        DIR_NAME = 0x0002 "FILE_NOTIFY_CHANGE_DIR_NAME",
        ATTRIBUTES = 0x0004 "FILE_NOTIFY_CHANGE_ATTRIBUTES",
        SIZE = 0x0008 "FILE_NOTIFY_CHANGE_SIZE",
        LAST_WRITE = 0x0010 "FILE_NOTIFY_CHANGE_LAST_WRITE",
        LAST_ACCESS = 0x0020 "FILE_NOTIFY_CHANGE_LAST_ACCESS",
        CREATION = 0x0040 "FILE_NOTIFY_CHANGE_CREATION",
        EA = 0x0080 "FILE_NOTIFY_CHANGE_EA",
        SECURITY = 0x0100 "FILE_NOTIFY_CHANGE_SECURITY",
        STREAM_NAME = 0x0200 "FILE_NOTIFY_CHANGE_STREAM_NAME",
        STREAM_SIZE = 0x0400 "FILE_NOTIFY_CHANGE_STREAM_SIZE",
        STREAM_WRITE = 0x0800 "FILE_NOTIFY_CHANGE_STREAM_WRITE",
    }
}

layout! {
    /// `SMB2 CHANGE_NOTIFY Request` (MS-SMB2 2.2.35).
    pub struct ChangeNotifyRequest [size 32] {
        pub flags: ChangeNotifyFlags = "Flags",
        /// In bytes.
        pub output_length: u32 = "OutputBufferLength",
        pub file_id: FileId = "FileId",
        pub filter: CompletionFilter = "CompletionFilter",
        [reserved 4]
    }
}
