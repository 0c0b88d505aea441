//! The sockets of zones' addresses.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use nfs_server::{Role, Server};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::task::JoinSet;
use vfs::Vfs;

use crate::conditions::Conditions;
use crate::runtime::LeastLoaded;
use crate::settings::Ports;

/// What listens on each zone's addresses. Belongs to the runtime that it is used on.
#[derive(Debug)]
pub(crate) struct Listeners<V> {
    server: Server<V>,
    seats: LeastLoaded,
    ports: Ports,
    conditions: Arc<Conditions>,
    open: HashMap<IpAddr, JoinSet<()>>,
}

/// Sockets of one address that do not answer yet.
#[derive(Debug)]
pub(crate) struct Bound {
    address: IpAddr,
    nfs: (TcpListener, UdpSocket),
    portmap: Option<(TcpListener, UdpSocket)>,
}

impl<V: Vfs> Listeners<V> {
    /// Nothing listens yet.
    pub(crate) fn new(server: Server<V>, (seats, ports): (LeastLoaded, Ports), conditions: Arc<Conditions>) -> Self {
        Self { server, seats, ports, conditions, open: HashMap::new() }
    }

    /// Takes the sockets of those addresses that are not served yet; all of them, or none.
    pub(crate) fn bind(&self, addresses: &[IpAddr]) -> Result<Vec<Bound>> {
        let missing = addresses.iter().filter(|address| !self.open.contains_key(address));
        missing.map(|address| Bound::new(*address, self.ports)).collect()
    }

    /// Answers on these sockets from now on.
    pub(crate) fn serve(&mut self, bound: Vec<Bound>) {
        for Bound { address, nfs, portmap } in bound {
            let mut tasks = JoinSet::new();
            let sockets = [Some((nfs, Role::Nfs)), portmap.map(|portmap| (portmap, Role::Portmap))];
            for ((stream, datagrams), role) in sockets.into_iter().flatten() {
                tasks.spawn(accept(self.server.clone(), stream, role, self.seats.clone()));
                tasks.spawn(answer((self.server.clone(), role), datagrams, Arc::clone(&self.conditions)));
            }
            tracing::info!(%address, port = self.ports.nfs, portmap = self.ports.portmap, "listening");
            self.open.insert(address, tasks);
        }
    }

    /// Closes the sockets of all other addresses; when this returns, they are closed.
    pub(crate) async fn keep(&mut self, addresses: &[IpAddr]) {
        let is_gone = |address: &IpAddr, _: &mut JoinSet<()>| !addresses.contains(address);
        let gone: Vec<_> = self.open.extract_if(is_gone).collect();
        for (address, mut tasks) in gone {
            tasks.shutdown().await;
            self.conditions.forget_listeners(address);
            tracing::info!(%address, "no longer listening");
        }
    }
}

impl Bound {
    fn new(address: IpAddr, ports: Ports) -> Result<Self> {
        let both = |port, section| -> Result<_> {
            let datagrams = hear(address, port, section)?;
            Ok((listen(address, port, section)?, datagrams))
        };
        let portmap = ports.portmap.map(|port| both(port, "portmap")).transpose()?;
        Ok(Self { address, nfs: both(ports.nfs, "nfs")?, portmap })
    }
}

async fn accept<V: Vfs>(server: Server<V>, listener: TcpListener, role: Role, seats: LeastLoaded) {
    server.serve_tcp(listener, role, &seats).await;
}

async fn answer<V: Vfs>((server, role): (Server<V>, Role), socket: UdpSocket, conditions: Arc<Conditions>) {
    let at = socket.local_addr();
    if let Err(error) = server.serve_udp(socket, role).await {
        tracing::error!(%error, ?role, "datagrams are not answered any more");
        if let Ok(at) = at {
            conditions.lose_listener(at, format!("datagrams are not answered any more ({error})"));
        }
    }
}

fn hear(address: IpAddr, port: u16, section: &str) -> Result<UdpSocket> {
    let at = SocketAddr::new(address, port);
    let bound = std::net::UdpSocket::bind(at).and_then(|socket| {
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    });
    bound.map_err(|error| refusal(at, section, "UDP", error))
}

fn listen(address: IpAddr, port: u16, section: &str) -> Result<TcpListener> {
    let at = SocketAddr::new(address, port);
    let bind = || -> io::Result<TcpListener> {
        let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|error| refusal(at, section, "TCP", error))
}

fn refusal(at: SocketAddr, section: &str, protocol: &str, error: io::Error) -> anyhow::Error {
    let advice = advice(at, section, protocol, &error);
    anyhow::Error::new(error).context(advice)
}

/// What to do about a socket that cannot be had.
fn advice(at: SocketAddr, section: &str, protocol: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another server (berth, knfsd, rpcbind) uses it, see `ss -lnp`: stop that one, or set another port in \
             [{section}]"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("no interface of this machine has {}: add the address, or take it from its zone", at.ip())
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 want CAP_NET_BIND_SERVICE: grant it, or set another port in [{section}]")
        }
        _ => "the system refuses".to_owned(),
    };
    format!("cannot listen on {at} ({protocol}): {advice}")
}

/// Connections that the kernel completes before they are accepted.
const BACKLOG: u32 = 1024;
