//! Clients as servers: where their lock manager or status monitor listens, and how much is asked of them at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::client_network;
use bytes::Bytes;
use nfs_wire::portmap::rpcbind::{BindString, Binding, v4};
use nfs_wire::portmap::{
    Getport, Mapping, PORTMAP_PORT, PROTOCOL_TCP, PROTOCOL_UDP, format_universal_address, parse_universal_address,
};
use nfs_wire::rpc::{AuthSys, OpaqueAuth, Procedure, ReplyError, call_message, reply_result};
use nfs_wire::xdr::Opaque;
use tokio::sync::Semaphore;
use vfs::Clock;

use super::{Network, Route, Transport, Unanswered};

/// The clients that are called, by the address of the house that they know. What one tenant's clients hold up is held up
/// for that tenant only, and equal addresses in the networks of two tenants are two clients.
pub(crate) struct Peers<'a, N> {
    pub(crate) network: &'a N,
    clock: &'a dyn Clock,
    homes: Mutex<HashMap<IpAddr, Arc<Home>>>,
    xids: Xids,
}

/// From which address of the house to which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
}

/// A result, and whether an earlier transmission of the same call may have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer<T> {
    pub(crate) result: T,
    pub(crate) is_repeated: bool,
}

/// An address of the house.
#[derive(Debug)]
struct Home {
    /// Calls at once.
    slots: Semaphore,
    /// By [`client_network`].
    peers: Mutex<HashMap<IpAddr, Arc<Peer>>>,
}

/// What counts as one client.
#[derive(Debug)]
struct Peer {
    /// Calls at once.
    slots: Semaphore,
    /// Oldest first.
    ports: Mutex<Vec<KnownPort>>,
}

#[derive(Clone, Copy, Debug)]
struct KnownPort {
    client: IpAddr,
    service: Service,
    port: u16,
    until: Duration,
}

/// Where a call goes, and how long it may take.
struct Destination<'a> {
    peer: &'a Peer,
    line: Line,
    service: Service,
    port: u16,
    patience: Duration,
}

/// A program over a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Service {
    program: u32,
    version: u32,
    transport: Transport,
}

/// Numbers of calls that cannot be guessed from outside.
#[derive(Debug, Default)]
struct Xids {
    hasher: RandomState,
    count: AtomicU32,
}

impl<'a, N: Network> Peers<'a, N> {
    pub(crate) fn new(network: &'a N, clock: &'a dyn Clock) -> Self {
        Self { network, clock, homes: Mutex::default(), xids: Xids::default() }
    }

    /// Calls a procedure of a client over the first of the transports that works. Waits while too many calls are under
    /// way, to this client or from this address of the house.
    ///
    /// Errors: too many clients are waited for already; nobody answers.
    pub(crate) async fn call<P>(
        &self,
        line: Line,
        order: [Transport; 2],
        args: &P::Args,
    ) -> Result<Answer<P::Result>, Unanswered>
    where
        P: Procedure<Args: Sync, Result: Send>,
    {
        let (home, peer) = self.ends(line)?;
        let _turn = peer.slots.acquire().await;
        let _slot = home.slots.acquire().await;
        let mut may_have_arrived = false;
        for transport in order {
            let service = Service { program: P::PROGRAM, version: P::VERSION, transport };
            let Ok(port) = self.port(&peer, line, service).await else { break };
            let Some(port) = port else { continue };
            let destination = Destination { peer: &peer, line, service, port, patience: patience(transport) };
            match self.attempt::<P>(&destination, args).await {
                Ok(result) => return Ok(Answer { result, is_repeated: may_have_arrived }),
                Err(unanswered) => may_have_arrived |= unanswered.may_have_arrived,
            }
        }
        Err(Unanswered { may_have_arrived })
    }

    /// Calls a procedure of a client once over UDP, and waits a moment only: most who are there answer at once.
    ///
    /// Errors: as [`Peers::call`].
    pub(crate) async fn call_quickly<P>(&self, line: Line, args: &P::Args) -> Result<P::Result, Unanswered>
    where
        P: Procedure<Args: Sync, Result: Send>,
    {
        let (home, peer) = self.ends(line)?;
        let _turn = peer.slots.acquire().await;
        let _slot = home.slots.acquire().await;
        let service = Service { program: P::PROGRAM, version: P::VERSION, transport: Transport::Udp };
        let port = match peer.known_port((line.to, service), self.clock.monotonic()) {
            Some(port) => Some(port),
            None => self.ask_mapper(line, service, (Transport::Udp, QUICK_TIME)).await?,
        };
        let Some(port) = port else { return Err(NOT_SENT) };
        self.learn(&peer, (line.to, service), port);
        self.attempt::<P>(&Destination { peer: &peer, line, service, port, patience: QUICK_TIME }, args).await
    }

    async fn attempt<P>(&self, destination: &Destination<'_>, args: &P::Args) -> Result<P::Result, Unanswered>
    where
        P: Procedure<Args: Sync, Result: Send>,
    {
        let &Destination { peer, line, service, port, patience } = destination;
        let route =
            Route { transport: service.transport, from: line.from, to: SocketAddr::new(line.to, port), patience };
        let xid = self.xids.next();
        let unanswered = match self.network.exchange(route, call_message::<P>(xid, credential(), args)).await {
            Ok(reply) => match reply_result::<P>(xid, reply) {
                Ok(result) => return Ok(result),
                // It was not done.
                Err(ReplyError::Refused(_)) => NOT_SENT,
                Err(ReplyError::Malformed(_) | ReplyError::OtherCall { .. }) => Unanswered { may_have_arrived: true },
            },
            Err(unanswered) => unanswered,
        };
        // It may have restarted and listen elsewhere now.
        peer.ports().retain(|known| !known.is_of((line.to, service)));
        Err(unanswered)
    }

    /// Both ends of a line; those that nobody uses make room for others.
    ///
    /// Errors: all are in use.
    fn ends(&self, line: Line) -> Result<(Arc<Home>, Arc<Peer>), Unanswered> {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        let home = entry(&mut homes, line.from, HOMES_MAX, Home::default).ok_or(NOT_SENT)?;
        let mut peers = home.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = entry(&mut peers, client_network(line.to), PEERS_MAX, Peer::default).ok_or(NOT_SENT)?;
        drop(peers);
        Ok((home, peer))
    }

    /// Where a service of a client listens; `None` when it has none.
    ///
    /// Errors: its port mapper does not answer.
    async fn port(&self, peer: &Peer, line: Line, service: Service) -> Result<Option<u16>, Unanswered> {
        if let Some(known) = peer.known_port((line.to, service), self.clock.monotonic()) {
            return Ok(Some(known));
        }
        let port = match self.ask_mapper(line, service, (Transport::Udp, MAPPER_TIME)).await {
            Ok(port) => port,
            Err(_) => self.ask_mapper(line, service, (Transport::Tcp, MAPPER_TIME)).await?,
        };
        if let Some(port) = port {
            self.learn(peer, (line.to, service), port);
        }
        Ok(port)
    }

    fn learn(&self, peer: &Peer, (client, service): (IpAddr, Service), port: u16) {
        let now = self.clock.monotonic();
        let mut ports = peer.ports();
        ports.retain(|known| !known.is_of((client, service)) && known.until > now);
        if ports.len() >= PORTS_MAX {
            ports.remove(0);
        }
        ports.push(KnownPort { client, service, port, until: now.saturating_add(PORT_TIME) });
    }

    async fn ask_mapper(
        &self,
        line: Line,
        service: Service,
        (transport, patience): (Transport, Duration),
    ) -> Result<Option<u16>, Unanswered> {
        let to = SocketAddr::new(line.to, PORTMAP_PORT);
        let route = Route { transport, from: line.from, to, patience };
        let xid = self.xids.next();
        let exchange = |call: Bytes| self.network.exchange(route, call);
        let port = if line.to.is_ipv4() {
            let reply = exchange(call_message::<Getport>(xid, OpaqueAuth::none(), &service.mapping())).await?;
            reply_result::<Getport>(xid, reply).ok().and_then(|port| u16::try_from(port).ok())
        } else {
            let call = call_message::<v4::Getaddr>(xid, OpaqueAuth::none(), &service.binding(to));
            let address = reply_result::<v4::Getaddr>(xid, exchange(call).await?).ok();
            address.and_then(|address| parse_universal_address(&address)).map(|address| address.port())
        };
        Ok(port.filter(|port| *port != 0))
    }
}

impl Default for Home {
    fn default() -> Self {
        Self { slots: Semaphore::new(CALLS_PER_HOME_MAX), peers: Mutex::default() }
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self { slots: Semaphore::new(CALLS_PER_PEER_MAX), ports: Mutex::default() }
    }
}

impl Peer {
    fn known_port(&self, of: (IpAddr, Service), now: Duration) -> Option<u16> {
        self.ports().iter().find(|known| known.is_of(of) && known.until > now).map(|known| known.port)
    }

    fn ports(&self) -> std::sync::MutexGuard<'_, Vec<KnownPort>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownPort {
    fn is_of(&self, (client, service): (IpAddr, Service)) -> bool {
        self.client == client && self.service == service
    }
}

impl Service {
    fn mapping(self) -> Mapping {
        let protocol = if self.transport == Transport::Tcp { PROTOCOL_TCP } else { PROTOCOL_UDP };
        Mapping { program: self.program, version: self.version, protocol, port: 0 }
    }

    /// Of an IPv6 client: version 2 of the mapper knows IPv4 only.
    fn binding(self, mapper: SocketAddr) -> Binding {
        let netid = if self.transport == Transport::Tcp { "tcp6" } else { "udp6" };
        let address = format_universal_address(mapper).into_bytes();
        Binding {
            program: self.program,
            version: self.version,
            netid: BindString::from_static(netid),
            address: BindString::new(address).unwrap_or_default(),
            owner: BindString::default(),
        }
    }
}

impl Xids {
    fn next(&self) -> u32 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, ..] = self.hasher.hash_one(count).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

fn credential() -> OpaqueAuth {
    let machine_name = Opaque::from_static("berth");
    OpaqueAuth::sys(&AuthSys { stamp: 0, machine_name, uid: 0, gid: 0, gids: std::iter::empty().collect() })
}

/// What stands under a key; when there is no room for it, all that are not in use go. `None` when all are.
fn entry<T>(
    known: &mut HashMap<IpAddr, Arc<T>>,
    key: IpAddr,
    most: usize,
    default: impl FnOnce() -> T,
) -> Option<Arc<T>> {
    if let Some(found) = known.get(&key) {
        return Some(Arc::clone(found));
    }
    if known.len() >= most {
        known.retain(|_, one| Arc::strong_count(one) > 1);
    }
    (known.len() < most).then(|| Arc::clone(known.entry(key).or_insert_with(|| Arc::new(default()))))
}

const fn patience(transport: Transport) -> Duration {
    match transport {
        Transport::Tcp => Duration::from_secs(5),
        Transport::Udp => Duration::from_secs(2),
    }
}

const NOT_SENT: Unanswered = Unanswered { may_have_arrived: false };

/// Calls at once from one address of the house: no tenant waits for the clients of another.
pub(crate) const CALLS_PER_HOME_MAX: usize = 32;
/// Calls at once to what counts as one client: one that is gone holds up few others.
pub(crate) const CALLS_PER_PEER_MAX: usize = 4;
/// Addresses of the house that calls are made from.
const HOMES_MAX: usize = 4096;
/// Clients of one address of the house that are called, wait for it or have their ports remembered.
pub(crate) const PEERS_MAX: usize = 4096;
/// Ports remembered for what counts as one client.
const PORTS_MAX: usize = 256;
/// How long a port is believed.
const PORT_TIME: Duration = Duration::from_secs(60);
const MAPPER_TIME: Duration = Duration::from_secs(2);
/// How long a quick call takes, and before it the question for its port.
const QUICK_TIME: Duration = Duration::from_millis(500);
