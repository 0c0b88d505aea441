//! LOOKUP (RFC 1813 3.3.3).

use super::{DirOpArgs, FileHandle, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `LOOKUP3args`.
    pub struct LookupArgs {
        /// Directory and name.
        pub what: DirOpArgs,
    }
}

xdr_struct! {
    /// `LOOKUP3resok`.
    pub struct LookupOk {
        /// The handle found.
        pub object: FileHandle,
        /// Its attributes.
        pub obj_attributes: PostOpAttr,
        /// Attributes of the directory.
        pub dir_attributes: PostOpAttr,
    }
}

/// `LOOKUP3res`; a failure tells `dir_attributes` (`LOOKUP3resfail`).
pub type LookupResult = Reply3<LookupOk, PostOpAttr>;
