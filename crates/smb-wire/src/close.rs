//! CLOSE.

use crate::FileId;
use crate::codec::{flags, layout};
use crate::info::NetworkOpen;

flags! {
    /// `Flags` (MS-SMB2 2.2.15, 2.2.16).
    pub struct CloseFlags(u16) {
        /// In a request: tell the attributes. In a response: here they are.
        POSTQUERY_ATTRIB = 1 "SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB",
    }
}

layout! {
    /// `SMB2 CLOSE Request` (MS-SMB2 2.2.15).
    pub struct CloseRequest [size 24] {
        pub flags: CloseFlags = "Flags",
        [reserved 4]
        pub file_id: FileId = "FileId",
    }
}

layout! {
    /// `SMB2 CLOSE Response` (MS-SMB2 2.2.16).
    pub struct CloseResponse [size 60] {
        pub flags: CloseFlags = "Flags",
        [reserved 4]
        /// Zero without [`CloseFlags::POSTQUERY_ATTRIB`].
        pub file: NetworkOpen = "CreationTime",
    }
}
