//! SYMLINK (RFC 1813 3.3.10).

use super::{DirOpArgs, NewObjectOk, NfsPath, Reply3, Sattr3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `symlinkdata3`.
    pub struct SymlinkData {
        /// First attributes of the link.
        pub symlink_attributes: Sattr3,
        /// Its text.
        pub symlink_data: NfsPath,
    }
}

xdr_struct! {
    /// `SYMLINK3args`.
    pub struct SymlinkArgs {
        /// `where`: directory and name.
        pub place: DirOpArgs,
        /// The link.
        pub symlink: SymlinkData,
    }
}

/// `SYMLINK3res`; a failure tells `dir_wcc` (`SYMLINK3resfail`).
pub type SymlinkResult = Reply3<NewObjectOk, WccData>;
