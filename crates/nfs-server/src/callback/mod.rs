//! Calls that the house makes: to the lock managers, status monitors and port mappers of clients, and to the port mapper
//! of this machine.

mod peers;
mod registration;
mod sockets;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

#[cfg(test)]
pub(crate) use self::peers::{CALLS_PER_HOME_MAX, CALLS_PER_PEER_MAX, PEERS_MAX};
pub(crate) use self::peers::{Line, Peers};
pub use self::registration::{Registration, Rpcbind};
pub(crate) use self::sockets::Sockets;

/// How a call travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// The way of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) transport: Transport,
    /// The address to call from: the one that the client knows the house by.
    pub(crate) from: IpAddr,
    pub(crate) to: SocketAddr,
    /// How long the whole of it may take.
    pub(crate) patience: Duration,
}

/// Nobody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no answer")]
pub(crate) struct Unanswered {
    /// The call may have been done all the same; if not, it was certainly not.
    pub(crate) may_have_arrived: bool,
}

/// The outside: sockets and time. Tests have one of their own.
pub(crate) trait Network: Send + Sync {
    /// Sends a call and waits for the message with the same xid from the place it was sent to.
    fn exchange(&self, route: Route, call: Bytes) -> impl Future<Output = Result<Bytes, Unanswered>> + Send;

    /// Time since some start.
    fn now(&self) -> Duration;

    /// Waits.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;
}
