//! READLINK (RFC 1813 3.3.5).

use super::{FileHandle, NfsPath, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `READLINK3args`.
    pub struct ReadlinkArgs {
        /// The symbolic link.
        pub symlink: FileHandle,
    }
}

xdr_struct! {
    /// `READLINK3resok`.
    pub struct ReadlinkOk {
        /// Attributes of the link.
        pub symlink_attributes: PostOpAttr,
        /// Its text, as it was given to SYMLINK.
        pub data: NfsPath,
    }
}

/// `READLINK3res`; a failure tells `symlink_attributes` (`READLINK3resfail`).
pub type ReadlinkResult = Reply3<ReadlinkOk, PostOpAttr>;
