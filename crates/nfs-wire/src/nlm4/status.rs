//! `nlm4_stats`.

use crate::xdr::xdr_enum;

xdr_enum! {
    /// `nlm4_stats` (RFC 1813 6.1.1).
    pub enum Nlm4Stats: "nlm4_stats" {
        /// Done.
        Granted = 0 "NLM4_GRANTED",
        /// A conflicting lock or share is held.
        Denied = 1 "NLM4_DENIED",
        /// The server has no room for another lock.
        DeniedNolocks = 2 "NLM4_DENIED_NOLOCKS",
        /// Not yet: GRANTED will be called.
        Blocked = 3 "NLM4_BLOCKED",
        /// The server waits for reclaims after a restart.
        DeniedGracePeriod = 4 "NLM4_DENIED_GRACE_PERIOD",
        /// Waiting would never end.
        Deadlck = 5 "NLM4_DEADLCK",
        /// A read-only file system.
        Rofs = 6 "NLM4_ROFS",
        /// The handle's object is gone, or the handle is malformed.
        StaleFh = 7 "NLM4_STALE_FH",
        /// Offset or length cannot be expressed.
        Fbig = 8 "NLM4_FBIG",
        /// Any other failure; trying again does not help.
        Failed = 9 "NLM4_FAILED",
    }
}
