//! ACCESS (RFC 1813 3.3.4).

use super::{FileHandle, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

/// Bits of `access` in arguments and results.
pub mod access_rights {
    /// `ACCESS3_READ`: read a file or list a directory.
    pub const READ: u32 = 0x0001;
    /// `ACCESS3_LOOKUP`: look up a name in a directory.
    pub const LOOKUP: u32 = 0x0002;
    /// `ACCESS3_MODIFY`: rewrite existing data or entries.
    pub const MODIFY: u32 = 0x0004;
    /// `ACCESS3_EXTEND`: write new data or entries.
    pub const EXTEND: u32 = 0x0008;
    /// `ACCESS3_DELETE`: delete an entry of a directory.
    pub const DELETE: u32 = 0x0010;
    /// `ACCESS3_EXECUTE`: execute a file.
    pub const EXECUTE: u32 = 0x0020;
}

xdr_struct! {
    /// `ACCESS3args`.
    pub struct AccessArgs {
        /// The object.
        pub object: FileHandle,
        /// Bits of [`access_rights`] to check.
        pub access: u32,
    }
}

xdr_struct! {
    /// `ACCESS3resok`.
    #[derive(Copy)]
    pub struct AccessOk {
        /// Attributes of the object.
        pub obj_attributes: PostOpAttr,
        /// The bits that are allowed.
        pub access: u32,
    }
}

/// `ACCESS3res`; a failure tells `obj_attributes` (`ACCESS3resfail`).
pub type AccessResult = Reply3<AccessOk, PostOpAttr>;
