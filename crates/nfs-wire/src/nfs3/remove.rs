//! REMOVE (RFC 1813 3.3.12).

use super::{DirOpArgs, Reply3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `REMOVE3args`.
    pub struct RemoveArgs {
        /// Directory and name.
        pub object: DirOpArgs,
    }
}

/// `REMOVE3res`: `dir_wcc` either way (`REMOVE3resok`, `REMOVE3resfail`).
pub type RemoveResult = Reply3<WccData, WccData>;
