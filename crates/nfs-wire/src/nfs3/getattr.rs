//! GETATTR (RFC 1813 3.3.1).

use super::{Fattr3, FileHandle, Reply3};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `GETATTR3args`.
    pub struct GetattrArgs {
        /// The object.
        pub object: FileHandle,
    }
}

xdr_struct! {
    /// `GETATTR3resok`.
    #[derive(Copy)]
    pub struct GetattrOk {
        /// Its attributes.
        pub obj_attributes: Fattr3,
    }
}

/// `GETATTR3res`; a failure has no body.
pub type GetattrResult = Reply3<GetattrOk, ()>;
