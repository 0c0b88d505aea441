//! What a security mechanism is to the one who runs it: tokens in, tokens out, and in the end somebody with a key.
//!
//! NTLM is one, SPNEGO is one that runs others, Kerberos will be one. None of them does I/O, reads a clock or makes random
//! numbers; whoever runs one hands these in.

use std::fmt;

use vfs::{Identity, Timestamp};

use crate::secret::Key;

/// What a token came to.
#[derive(Debug)]
pub enum Step {
    /// Not done: the answer to send, and to wait for the next token.
    Continue(Vec<u8>),
    /// Done.
    Done(Established),
    /// Over. No token is taken after it.
    Failed(Failure),
}

/// Somebody proved who they are, or was let in without.
#[derive(Debug)]
pub struct Established {
    /// Who.
    pub who: Who,
    /// What keys are made of: 16 bytes with NTLM. Empty when there is none (a guest), so that nothing can be signed.
    pub session_key: Key,
    /// The last answer to send; may be empty.
    pub token: Vec<u8>,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user who proved it; names as the client wrote them.
    User {
        /// Name of the user.
        name: String,
        /// Domain, or whatever the client has in its place; may be empty.
        domain: String,
    },
    /// A user that nobody knows, let in as a guest without any proof. The name is only a claim.
    Guest {
        /// The claimed name.
        name: String,
    },
    /// Nobody said who they are.
    Anonymous,
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A token that cannot be read, or that does not belong here.
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// The client offers no mechanism that is spoken here.
    #[error("no common mechanism")]
    NoCommonMechanism,
    /// The client will not do what is demanded: NTLMv2 with extended session security and 128 bits.
    #[error("the client is too weak: {0}")]
    TooWeak(&'static str),
    /// Not let in. Whether user, password or account were at fault is told to nobody.
    #[error("logon failure")]
    LogonFailure,
}

/// A mechanism on the accepting side.
pub trait Mechanism: fmt::Debug + Send {
    /// Its object identifiers in SPNEGO, DER without tag and length, the one to answer with first.
    fn oids(&self) -> &'static [&'static [u8]];

    /// Takes the next token of the client. Bounded: it keeps no more of a token than it says, and takes no tokens after
    /// `Done` or `Failed` (`Malformed`).
    fn step(&mut self, token: &[u8], now: Timestamp) -> Step;

    /// A code over `message` that the client can verify; `None` before the end of the exchange or without a key.
    fn message_code(&self, message: &[u8]) -> Option<Vec<u8>>;

    /// Whether `code` is the client's over `message`, compared in constant time; `false` before the end of the exchange
    /// or without a key.
    fn verify_message_code(&self, message: &[u8], code: &[u8]) -> bool;
}

impl Established {
    /// Who it is to the rest of the house. A guest is anonymous there: nothing was proved.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match &self.who {
            Who::User { name, domain } => Identity::User { name: name.clone(), domain: domain.clone() },
            Who::Guest { .. } | Who::Anonymous => Identity::Anonymous,
        }
    }
}
