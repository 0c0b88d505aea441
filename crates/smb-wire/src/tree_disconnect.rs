//! TREE_DISCONNECT.

use crate::codec::layout;

layout! {
    /// `SMB2 TREE_DISCONNECT Request` (MS-SMB2 2.2.11).
    pub struct TreeDisconnectRequest [size 4] {
        [reserved 2]
    }
}

layout! {
    /// `SMB2 TREE_DISCONNECT Response` (MS-SMB2 2.2.12).
    pub struct TreeDisconnectResponse [size 4] {
        [reserved 2]
    }
}
