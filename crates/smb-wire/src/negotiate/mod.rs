//! NEGOTIATE, and the words that SESSION_SETUP and VALIDATE_NEGOTIATE_INFO share with it.

mod contexts;
mod request;
mod response;

pub use contexts::{
    Cipher, CompressionAlgorithm, CompressionFlags, ContextType, HashAlgorithm, NegotiateContext, NegotiateContexts,
    RdmaTransform, SigningAlgorithm, TransportFlags,
};
pub use request::NegotiateRequest;
pub use response::NegotiateResponse;

use crate::codec::{codes, flags};

codes! {
    /// `Dialects` and `DialectRevision` (MS-SMB2 2.2.3, 2.2.4).
    pub struct Dialect(u16) {
        SMB_2_0_2 = 0x0202 "SMB 2.0.2",
        SMB_2_1 = 0x0210 "SMB 2.1",
        /// In the response to an SMB1 NEGOTIATE: an SMB2 one is to follow.
        WILDCARD = 0x02ff "SMB 2.???",
        SMB_3_0 = 0x0300 "SMB 3.0",
        SMB_3_0_2 = 0x0302 "SMB 3.0.2",
        SMB_3_1_1 = 0x0311 "SMB 3.1.1",
    }
}

flags! {
    /// `SecurityMode` (MS-SMB2 2.2.3), in 16 bits; SESSION_SETUP has it in eight.
    pub struct SecurityMode(u16) {
        SIGNING_ENABLED = 1 "SMB2_NEGOTIATE_SIGNING_ENABLED",
        SIGNING_REQUIRED = 2 "SMB2_NEGOTIATE_SIGNING_REQUIRED",
    }
}

flags! {
    /// `Capabilities` (MS-SMB2 2.2.3).
    pub struct Capabilities(u32) {
        DFS = 0x01 "SMB2_GLOBAL_CAP_DFS",
        LEASING = 0x02 "SMB2_GLOBAL_CAP_LEASING",
        LARGE_MTU = 0x04 "SMB2_GLOBAL_CAP_LARGE_MTU",
        MULTI_CHANNEL = 0x08 "SMB2_GLOBAL_CAP_MULTI_CHANNEL",
        PERSISTENT_HANDLES = 0x10 "SMB2_GLOBAL_CAP_PERSISTENT_HANDLES",
        DIRECTORY_LEASING = 0x20 "SMB2_GLOBAL_CAP_DIRECTORY_LEASING",
        ENCRYPTION = 0x40 "SMB2_GLOBAL_CAP_ENCRYPTION",
        NOTIFICATIONS = 0x80 "SMB2_GLOBAL_CAP_NOTIFICATIONS",
    }
}
