//! The network lock manager, version 4 (Open Group C702 chapter 14; RFC 1813 6): byte-range locks and DOS shares.
//!
//! Every `_MSG` procedure carries the arguments of its plain procedure and answers nothing; the result comes as the
//! arguments of a `_RES` call back. Clients serve GRANTED, so a lock server is a client of it.

mod arguments;
mod lock;
mod procedures;
mod results;
mod share;
mod status;

pub use arguments::{CancelArgs, LockArgs, NotifyArgs, TestArgs, UnlockArgs};
pub use lock::{CALLER_NAME_MAX_BYTES, CallerName, NETOBJ_MAX_BYTES, Netobj, Nlm4Holder, Nlm4Lock};
pub use procedures::*;
pub use results::{StatusResult, TestReply, TestResult};
pub use share::{Fsh4Access, Fsh4Mode, Nlm4Share, ShareArgs, ShareResult};
pub use status::Nlm4Stats;
