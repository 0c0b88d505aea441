//! LOGOFF.

use crate::codec::layout;

layout! {
    /// `SMB2 LOGOFF Request` (MS-SMB2 2.2.7).
    pub struct LogoffRequest [size 4] {
        [reserved 2]
    }
}

layout! {
    /// `SMB2 LOGOFF Response` (MS-SMB2 2.2.8).
    pub struct LogoffResponse [size 4] {
        [reserved 2]
    }
}
