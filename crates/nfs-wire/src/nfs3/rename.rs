//! RENAME (RFC 1813 3.3.14).

use super::{DirOpArgs, Reply3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `RENAME3args`.
    pub struct RenameArgs {
        /// The old directory and name.
        pub from: DirOpArgs,
        /// The new directory and name.
        pub to: DirOpArgs,
    }
}

xdr_struct! {
    /// `RENAME3resok` and `RENAME3resfail`, which are the same.
    #[derive(Copy, Default)]
    pub struct RenameBody {
        /// Attributes of the old directory around the change.
        pub fromdir_wcc: WccData,
        /// Attributes of the new directory around the change.
        pub todir_wcc: WccData,
    }
}

/// `RENAME3res`.
pub type RenameResult = Reply3<RenameBody, RenameBody>;
