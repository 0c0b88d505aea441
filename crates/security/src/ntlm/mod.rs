//! NTLMv2 (MS-NLMP). The accepting side: NEGOTIATE in, CHALLENGE out, AUTHENTICATE in; and the asking one, for clients of our
//! own.
//!
//! LM, NTLMv1 and sessions without extended security or with less than 128 bits are refused. Messages are decoded over
//! borrowed bytes; of a client's messages only the first is kept, until the last has come.

mod acceptor;
mod flags;
mod hash;
mod initiator;
mod message;
mod session;
mod target_info;
#[cfg(test)]
mod tests;

pub use acceptor::OID;
pub use acceptor::{Acceptor, Account, Accounts, Settings};
pub use flags::Flags;
pub use hash::NtHash;
pub use initiator::{Chosen, Initiator, Proved};
pub use message::{Authenticate, MessageError, Negotiate, NtResponse, is_message};
pub use target_info::{AvPair, AvPairs, TargetNames};
