//! CANCEL, which has no response.

use crate::codec::layout;

layout! {
    /// `SMB2 CANCEL Request` (MS-SMB2 2.2.30): the header says what is cancelled.
    pub struct CancelRequest [size 4] {
        [reserved 2]
    }
}
