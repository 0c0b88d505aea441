//! FLUSH.

use crate::FileId;
use crate::codec::layout;

layout! {
    /// `SMB2 FLUSH Request` (MS-SMB2 2.2.17).
    pub struct FlushRequest [size 24] {
        [reserved 6]
        pub file_id: FileId = "FileId",
    }
}

layout! {
    /// `SMB2 FLUSH Response` (MS-SMB2 2.2.18).
    pub struct FlushResponse [size 4] {
        [reserved 2]
    }
}
