//! Version 2: users and groups.

use super::{QuotaPath, QuotaResult};
use crate::rpc::{RQUOTA_PROGRAM, procedures};
use crate::xdr::xdr_struct;

/// `RQUOTA_USRQUOTA`.
pub const USER: u32 = 0;
/// `RQUOTA_GRPQUOTA`.
pub const GROUP: u32 = 1;

xdr_struct! {
    /// `ext_getquota_args`.
    pub struct GetquotaArgs {
        /// `gqa_pathp`.
        pub path: QuotaPath,
        /// `gqa_type`: [`USER`] or [`GROUP`].
        pub kind: u32,
        /// `gqa_id`: uid or gid.
        pub id: u32,
    }
}

procedures! {
    /// Names of the rquota 2 procedures by number.
    RQUOTA_PROGRAM, 2, PROCEDURE_NAMES {
        /// RQUOTAPROC_NULL.
        Null = 0 "NULL"(()) -> ();
        /// RQUOTAPROC_GETQUOTA: of whoever, bound or not.
        Getquota = 1 "GETQUOTA"(GetquotaArgs) -> QuotaResult;
        /// RQUOTAPROC_GETACTIVEQUOTA: only of those who are bound.
        Getactivequota = 2 "GETACTIVEQUOTA"(GetquotaArgs) -> QuotaResult;
    }
}
