//! Version 1: users only.

use super::{QuotaPath, QuotaResult};
use crate::rpc::{RQUOTA_PROGRAM, procedures};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `getquota_args`.
    pub struct GetquotaArgs {
        /// `gqa_pathp`.
        pub path: QuotaPath,
        /// `gqa_uid`.
        pub uid: u32,
    }
}

procedures! {
    /// Names of the rquota 1 procedures by number.
    RQUOTA_PROGRAM, 1, PROCEDURE_NAMES {
        /// RQUOTAPROC_NULL.
        Null = 0 "NULL"(()) -> ();
        /// RQUOTAPROC_GETQUOTA: of whoever, bound or not.
        Getquota = 1 "GETQUOTA"(GetquotaArgs) -> QuotaResult;
        /// RQUOTAPROC_GETACTIVEQUOTA: only of those who are bound.
        Getactivequota = 2 "GETACTIVEQUOTA"(GetquotaArgs) -> QuotaResult;
    }
}
