//! ECHO.

use crate::codec::layout;

layout! {
    /// `SMB2 ECHO Request` (MS-SMB2 2.2.28).
    pub struct EchoRequest [size 4] {
        [reserved 2]
    }
}

layout! {
    /// `SMB2 ECHO Response` (MS-SMB2 2.2.29).
    pub struct EchoResponse [size 4] {
        [reserved 2]
    }
}
