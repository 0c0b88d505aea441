//! RMDIR (RFC 1813 3.3.13).

use super::{DirOpArgs, Reply3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `RMDIR3args`.
    pub struct RmdirArgs {
        /// Parent and name.
        pub object: DirOpArgs,
    }
}

/// `RMDIR3res`: `dir_wcc` either way (`RMDIR3resok`, `RMDIR3resfail`).
pub type RmdirResult = Reply3<WccData, WccData>;
