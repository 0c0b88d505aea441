//! What clients hold for an open.

use crate::codec::layout;

layout! {
    /// `SMB2_FILEID` (MS-SMB2 2.2.14.1).
    #[derive(Hash)]
    pub struct FileId {
        /// The same before and after a reconnect.
        pub persistent: u64 = "Persistent",
        /// Of this connection.
        pub volatile: u64 = "Volatile",
    }
}

impl FileId {
    /// In a related element: the open of the element in front of it (MS-SMB2 3.3.5.2.7.2).
    pub const RELATED: Self = Self { persistent: u64::MAX, volatile: u64::MAX };
}
