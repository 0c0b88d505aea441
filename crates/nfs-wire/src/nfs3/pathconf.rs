//! PATHCONF (RFC 1813 3.3.20).

use super::{FileHandle, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `PATHCONF3args`.
    pub struct PathconfArgs {
        /// The object.
        pub object: FileHandle,
    }
}

xdr_struct! {
    /// `PATHCONF3resok`.
    #[derive(Copy)]
    pub struct PathconfOk {
        /// Attributes of the object.
        pub obj_attributes: PostOpAttr,
        /// Most hard links to an object.
        pub linkmax: u32,
        /// Longest name in bytes.
        pub name_max: u32,
        /// Longer names are refused, not cut.
        pub no_trunc: bool,
        /// Only a privileged user may give a file away.
        pub chown_restricted: bool,
        /// Names that differ in case only are the same.
        pub case_insensitive: bool,
        /// Names keep their case.
        pub case_preserving: bool,
    }
}

/// `PATHCONF3res`; a failure tells `obj_attributes` (`PATHCONF3resfail`).
pub type PathconfResult = Reply3<PathconfOk, PostOpAttr>;
