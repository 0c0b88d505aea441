//! MKDIR (RFC 1813 3.3.9).

use super::{DirOpArgs, NewObjectOk, Reply3, Sattr3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `MKDIR3args`.
    pub struct MkdirArgs {
        /// `where`: parent and name.
        pub place: DirOpArgs,
        /// First attributes.
        pub attributes: Sattr3,
    }
}

/// `MKDIR3res`; a failure tells `dir_wcc` (`MKDIR3resfail`).
pub type MkdirResult = Reply3<NewObjectOk, WccData>;
