//! `Channel` of READ and WRITE.

use crate::codec::codes;

codes! {
    /// `Channel` (MS-SMB2 2.2.19, 2.2.21): where the data is if not in the message. Over TCP it is ignored.
    pub struct Channel(u32) {
        NONE = 0 "SMB2_CHANNEL_NONE",
        RDMA_V1 = 1 "SMB2_CHANNEL_RDMA_V1",
        RDMA_V1_INVALIDATE = 2 "SMB2_CHANNEL_RDMA_V1_INVALIDATE",
        RDMA_TRANSFORM = 3 "SMB2_CHANNEL_RDMA_TRANSFORM",
    }
}
