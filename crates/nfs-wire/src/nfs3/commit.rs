//! COMMIT (RFC 1813 3.3.21).

use super::{FileHandle, Reply3, Verifier, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `COMMIT3args`; offset 0 with count 0 is the whole file.
    pub struct CommitArgs {
        /// The file.
        pub file: FileHandle,
        /// First byte.
        pub offset: u64,
        /// Bytes, or 0 for all from `offset`.
        pub count: u32,
    }
}

xdr_struct! {
    /// `COMMIT3resok`.
    #[derive(Copy)]
    pub struct CommitOk {
        /// Attributes around the commit.
        pub file_wcc: WccData,
        /// `writeverf3`: if it differs from WRITE's, the client writes again.
        pub verf: Verifier,
    }
}

/// `COMMIT3res`; a failure tells `file_wcc` (`COMMIT3resfail`).
pub type CommitResult = Reply3<CommitOk, WccData>;
