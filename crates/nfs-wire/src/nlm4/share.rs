//! SHARE and UNSHARE: DOS shares (RFC 1813 6.1.5, 6.3.20, 6.3.21).

use super::{CallerName, Netobj, Nlm4Stats};
use crate::xdr::{xdr_enum, xdr_struct};

xdr_enum! {
    /// `fsh4_mode`: what others may not do meanwhile.
    pub enum Fsh4Mode: "fsh4_mode" {
        /// Deny none.
        DenyNone = 0 "fsm_DN",
        /// Deny read.
        DenyRead = 1 "fsm_DR",
        /// Deny write.
        DenyWrite = 2 "fsm_DW",
        /// Deny read and write.
        DenyReadWrite = 3 "fsm_DRW",
    }
}

xdr_enum! {
    /// `fsh4_access`: what the file is opened for.
    pub enum Fsh4Access: "fsh4_access" {
        /// Nothing.
        None = 0 "fsa_NONE",
        /// Read.
        Read = 1 "fsa_R",
        /// Write.
        Write = 2 "fsa_W",
        /// Read and write.
        ReadWrite = 3 "fsa_RW",
    }
}

xdr_struct! {
    /// `nlm4_share`: how one owner has a file open.
    pub struct Nlm4Share {
        /// `caller_name`: the host.
        pub caller_name: CallerName,
        /// `fh`: the file's NFS handle.
        pub fh: Netobj,
        /// `oh`: the owner, opaque; unique on the host.
        pub oh: Netobj,
        /// What is denied to others.
        pub mode: Fsh4Mode,
        /// What the owner does itself.
        pub access: Fsh4Access,
    }
}

xdr_struct! {
    /// `nlm4_shareargs`.
    pub struct ShareArgs {
        /// Comes back in the result.
        pub cookie: Netobj,
        /// The share.
        pub share: Nlm4Share,
        /// Whether the share was held before the server restarted.
        pub reclaim: bool,
    }
}

xdr_struct! {
    /// `nlm4_shareres`.
    pub struct ShareResult {
        /// Cookie of the call.
        pub cookie: Netobj,
        /// `stat`.
        pub status: Nlm4Stats,
        /// `sequence`: of no use any more; 0. The bits of an `int32`.
        pub sequence: u32,
    }
}
