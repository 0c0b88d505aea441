//! SETATTR (RFC 1813 3.3.2).

use super::{FileHandle, Nfstime3, Reply3, Sattr3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `SETATTR3args`.
    pub struct SetattrArgs {
        /// The object.
        pub object: FileHandle,
        /// What to set.
        pub new_attributes: Sattr3,
        /// `sattrguard3`: the ctime the object must have, or NFS3ERR_NOT_SYNC.
        pub guard: Option<Nfstime3>,
    }
}

/// `SETATTR3res`: `obj_wcc` either way (`SETATTR3resok`, `SETATTR3resfail`).
pub type SetattrResult = Reply3<WccData, WccData>;
