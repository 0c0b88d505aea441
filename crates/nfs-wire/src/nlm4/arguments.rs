//! Arguments of the lock procedures (RFC 1813 6.3).

use super::{Netobj, Nlm4Lock};
use crate::xdr::{Opaque, xdr_struct};

/// `LM_MAXNAMELEN`: `LM_MAXSTRLEN` + 1.
const NOTIFY_NAME_MAX_BYTES: usize = super::CALLER_NAME_MAX_BYTES + 1;

xdr_struct! {
    /// `nlm4_testargs`: of TEST, and of GRANTED, where the lock is the one now held.
    pub struct TestArgs {
        /// Comes back in the result.
        pub cookie: Netobj,
        /// Whether a write lock is meant.
        pub exclusive: bool,
        /// `alock`.
        pub lock: Nlm4Lock,
    }
}

xdr_struct! {
    /// `nlm4_lockargs`: of LOCK and NM_LOCK.
    pub struct LockArgs {
        /// Comes back in the result.
        pub cookie: Netobj,
        /// Whether to wait for a conflicting lock; the answer is then `NLM4_BLOCKED`.
        pub block: bool,
        /// Whether a write lock is wanted.
        pub exclusive: bool,
        /// `alock`.
        pub lock: Nlm4Lock,
        /// Whether the lock was held before the server restarted.
        pub reclaim: bool,
        /// `state`: the state number of the client's status monitor; the bits of an `int32`.
        pub state: u32,
    }
}

xdr_struct! {
    /// `nlm4_cancargs`: of CANCEL; the values of the LOCK call that waits.
    pub struct CancelArgs {
        /// Comes back in the result.
        pub cookie: Netobj,
        /// `block` of the LOCK call.
        pub block: bool,
        /// `exclusive` of the LOCK call.
        pub exclusive: bool,
        /// `alock` of the LOCK call.
        pub lock: Nlm4Lock,
    }
}

xdr_struct! {
    /// `nlm4_unlockargs`: of UNLOCK.
    pub struct UnlockArgs {
        /// Comes back in the result.
        pub cookie: Netobj,
        /// `alock`: the range to free; it need not be one that was locked as a whole.
        pub lock: Nlm4Lock,
    }
}

xdr_struct! {
    /// `nlm4_notify`: of FREE_ALL.
    pub struct NotifyArgs {
        /// The host whose locks and shares go.
        pub name: Opaque<NOTIFY_NAME_MAX_BYTES>,
        /// Its new state number; the bits of an `int32`. Unused.
        pub state: u32,
    }
}
