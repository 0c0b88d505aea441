//! SPNEGO (RFC 4178, MS-SPNG): picks a mechanism that both sides have, carries its tokens, and proves in the end that nobody
//! changed the list it was picked from.
//!
//! Clients that send NTLMSSP messages without SPNEGO around them are answered in the same way.

mod acceptor;
mod der;
#[cfg(test)]
mod tests;
mod token;

pub use acceptor::{Acceptor, hint};
pub use token::{InitialToken, NegotiationState, ResponseToken, TokenError};
