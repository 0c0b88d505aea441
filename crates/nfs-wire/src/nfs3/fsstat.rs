//! FSSTAT (RFC 1813 3.3.18).

use super::{FileHandle, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `FSSTAT3args`.
    pub struct FsstatArgs {
        /// Any object of the file system.
        pub fsroot: FileHandle,
    }
}

xdr_struct! {
    /// `FSSTAT3resok`.
    #[derive(Copy)]
    pub struct FsstatOk {
        /// Attributes of the object.
        pub obj_attributes: PostOpAttr,
        /// Size of the file system in bytes.
        pub tbytes: u64,
        /// Free bytes.
        pub fbytes: u64,
        /// Free bytes for the caller.
        pub abytes: u64,
        /// File slots.
        pub tfiles: u64,
        /// Free file slots.
        pub ffiles: u64,
        /// Free file slots for the caller.
        pub afiles: u64,
        /// Seconds for which this is expected not to change; 0 for a changing file system.
        pub invarsec: u32,
    }
}

/// `FSSTAT3res`; a failure tells `obj_attributes` (`FSSTAT3resfail`).
pub type FsstatResult = Reply3<FsstatOk, PostOpAttr>;
