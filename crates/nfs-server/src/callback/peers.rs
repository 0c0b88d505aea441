//! Clients as servers: where their lock manager or status monitor listens, and how much is asked of them at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// The clients that are called.
pub(crate) struct Peers<'a, N> {
    pub(crate) network: &'a N,
    clock: &'a dyn Clock,
    known: Mutex<HashMap<IpAddr, Arc<Peer>>>,
    /// Calls at once.
    slots: Semaphore,
    xids: Xids,
}

/// From which address of the house to which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Debug)]
struct Peer {
    /// Calls at once.
    slots: Semaphore,
    ports: Mutex<Vec<KnownPort>>,
}

#[derive(Clone, Copy, Debug)]
struct KnownPort {
    service: Service,
    port: u16,
    until: Duration,
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
        let (known, slots) = (Mutex::default(), Semaphore::new(CALLS_MAX));
        Self { network, clock, known, slots, xids: Xids::default() }
    }

    /// Calls a procedure of a client over the first of the transports that works. Waits while too many calls are under
    /// way, to this client or to all.
    pub(crate) async fn call<P>(
        &self,
        line: Line,
        order: [Transport; 2],
        args: &P::Args,
    ) -> Result<Answer<P::Result>, Unanswered>
    where
        P: Procedure<Args: Sync, Result: Send>,
    {
        let peer = self.peer(line.to);
        let _turn = peer.slots.acquire().await;
        let _slot = self.slots.acquire().await;
        let mut may_have_arrived = false;
        for transport in order {
            let service = Service { program: P::PROGRAM, version: P::VERSION, transport };
            let Ok(port) = self.port(&peer, line, service).await else { break };
            let Some(port) = port else { continue };
            let to = SocketAddr::new(line.to, port);
            let route = Route { transport, from: line.from, to, patience: patience(transport) };
            let xid = self.xids.next();
            match self.network.exchange(route, call_message::<P>(xid, credential(), args)).await {
                Ok(reply) => match reply_result::<P>(xid, reply) {
                    Ok(result) => return Ok(Answer { result, is_repeated: may_have_arrived }),
                    // It was not done.
                    Err(ReplyError::Refused(_)) => {}
                    Err(ReplyError::Malformed(_) | ReplyError::OtherCall { .. }) => may_have_arrived = true,
                },
                Err(unanswered) => may_have_arrived |= unanswered.may_have_arrived,
            }
            // It may have restarted and listen elsewhere now.
            peer.ports().retain(|known| known.service != service);
        }
        Err(Unanswered { may_have_arrived })
    }

    fn peer(&self, address: IpAddr) -> Arc<Peer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEERS_MAX && !known.contains_key(&address) {
            known.retain(|_, peer| Arc::strong_count(peer) > 1);
        }
        Arc::clone(known.entry(address).or_insert_with(|| {
            let (slots, ports) = (Semaphore::new(CALLS_PER_CLIENT_MAX), Mutex::default());
            Arc::new(Peer { slots, ports })
        }))
    }

    /// Where a service of a client listens; `None` when it has none.
    ///
    /// Errors: its port mapper does not answer.
    async fn port(&self, peer: &Peer, line: Line, service: Service) -> Result<Option<u16>, Unanswered> {
        let now = self.clock.monotonic();
        let is_fresh = |known: &&KnownPort| known.service == service && known.until > now;
        if let Some(known) = peer.ports().iter().find(is_fresh) {
            return Ok(Some(known.port));
        }
        let port = match self.ask_mapper(line, service, Transport::Udp).await {
            Ok(port) => port,
            Err(_) => self.ask_mapper(line, service, Transport::Tcp).await?,
        };
        if let Some(port) = port {
            let mut ports = peer.ports();
            ports.retain(|known| known.service != service);
            ports.push(KnownPort { service, port, until: now.saturating_add(PORT_TIME) });
        }
        Ok(port)
    }

    async fn ask_mapper(&self, line: Line, service: Service, transport: Transport) -> Result<Option<u16>, Unanswered> {
        let to = SocketAddr::new(line.to, PORTMAP_PORT);
        let route = Route { transport, from: line.from, to, patience: MAPPER_TIME };
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

impl Peer {
    fn ports(&self) -> std::sync::MutexGuard<'_, Vec<KnownPort>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
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

const fn patience(transport: Transport) -> Duration {
    match transport {
        Transport::Tcp => Duration::from_secs(5),
        Transport::Udp => Duration::from_secs(2),
    }
}

/// Calls to all clients at once.
const CALLS_MAX: usize = 256;
/// Calls to one client at once: one that is gone holds up no others.
const CALLS_PER_CLIENT_MAX: usize = 4;
/// Clients whose ports are remembered.
const PEERS_MAX: usize = 4096;
/// How long a port is believed.
const PORT_TIME: Duration = Duration::from_secs(60);
const MAPPER_TIME: Duration = Duration::from_secs(2);
