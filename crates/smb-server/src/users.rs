//! Who may come in, as the zones know it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use security::Step;
use vfs::{Credentials, Timestamp};
use zones::Zone;

/// Knows how the users of a zone prove who they are, and who they are then.
pub trait Users: fmt::Debug + Send + Sync + 'static {
    /// A new exchange of tokens with a client of the zone, which has this address.
    /// Who is known already may prove to be nobody, also where no share takes such.
    fn exchange(&self, zone: &Arc<Zone>, from: IpAddr, asked: Asked) -> Box<dyn Exchange>;

    /// What the answer to NEGOTIATE says of the mechanisms (MS-SPNG 2.2.1 `NegTokenInit2`).
    fn hint(&self) -> Vec<u8>;

    /// Who a user runs as that proved its name, at a client; `None` when the zone has no such user (any more).
    fn credentials(&self, zone: &Zone, from: IpAddr, user: &str) -> Option<Credentials>;
}

/// What an exchange begins with.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Random, and new for each.
    pub challenge: [u8; 8],
    /// Somebody who is known proves it again.
    pub is_known: bool,
}

/// An exchange of tokens on the accepting side.
pub trait Exchange: fmt::Debug + Send {
    /// Takes the next token of the client.
    fn step(&mut self, token: &[u8], now: Timestamp) -> Step;

    /// The name that the client said, for the record of who was refused; `None` as long as it said none.
    fn claimed(&self) -> Option<String> {
        None
    }
}
