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
use zones::ZoneDefinition;

use crate::conditions::Conditions;
use crate::runtime::LeastLoaded;
use crate::settings::Ports;

/// What listens on each zone's addresses. Belongs to the runtime that it is used on.
#[derive(Debug)]
pub(crate) struct Listeners<V> {
    nfs: Server<V>,
    smb: smb_server::Server<V>,
    seats: LeastLoaded,
    ports: Ports,
    conditions: Arc<Conditions>,
    open: HashMap<Stand, JoinSet<()>>,
}

/// A door at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stand {
    /// NFS, MOUNT and the port mapper.
    Nfs(IpAddr),
    Smb(IpAddr),
}

/// Sockets of one door at one address that do not answer yet.
#[derive(Debug)]
pub(crate) enum Bound {
    Nfs { address: IpAddr, nfs: (TcpListener, UdpSocket), portmap: Option<(TcpListener, UdpSocket)> },
    Smb { address: IpAddr, listener: TcpListener },
}

impl Stand {
    /// The doors of a zone: NFS at each of its addresses, and SMB if it has shares.
    pub(crate) fn of(zone: &ZoneDefinition) -> impl Iterator<Item = Self> {
        let has_shares = !zone.shares().is_empty();
        let doors = move |address: &IpAddr| [Some(Self::Nfs(*address)), has_shares.then_some(Self::Smb(*address))];
        zone.addresses().iter().flat_map(doors).flatten()
    }
}

impl<V: Vfs> Listeners<V> {
    /// Nothing listens yet.
    pub(crate) fn new(
        (nfs, smb): (Server<V>, smb_server::Server<V>),
        (seats, ports): (LeastLoaded, Ports),
        conditions: Arc<Conditions>,
    ) -> Self {
        Self { nfs, smb, seats, ports, conditions, open: HashMap::new() }
    }

    /// Takes the sockets of what does not stand yet; all of them, or none.
    pub(crate) fn bind(&self, stands: &[Stand]) -> Result<Vec<Bound>> {
        let missing = stands.iter().filter(|stand| !self.open.contains_key(stand));
        missing.map(|stand| Bound::new(*stand, self.ports)).collect()
    }

    /// Answers on these sockets from now on.
    pub(crate) fn serve(&mut self, bound: Vec<Bound>) {
        for bound in bound {
            let mut tasks = JoinSet::new();
            let stand = match bound {
                Bound::Nfs { address, nfs, portmap } => {
                    let sockets = [Some((nfs, Role::Nfs)), portmap.map(|portmap| (portmap, Role::Portmap))];
                    for ((stream, datagrams), role) in sockets.into_iter().flatten() {
                        tasks.spawn(accept(self.nfs.clone(), stream, role, self.seats.clone()));
                        tasks.spawn(answer((self.nfs.clone(), role), datagrams, Arc::clone(&self.conditions)));
                    }
                    tracing::info!(%address, port = self.ports.nfs, portmap = self.ports.portmap, "listening");
                    Stand::Nfs(address)
                }
                Bound::Smb { address, listener } => {
                    tasks.spawn(accept_smb(self.smb.clone(), listener, self.seats.clone()));
                    tracing::info!(%address, port = self.ports.smb, "listening for SMB");
                    Stand::Smb(address)
                }
            };
            self.open.insert(stand, tasks);
        }
    }

    /// Closes all other sockets; when this returns, they are closed.
    pub(crate) async fn keep(&mut self, stands: &[Stand]) {
        let is_gone = |stand: &Stand, _: &mut JoinSet<()>| !stands.contains(stand);
        let gone: Vec<_> = self.open.extract_if(is_gone).collect();
        for (stand, mut tasks) in gone {
            tasks.shutdown().await;
            if let Stand::Nfs(address) = &stand {
                self.conditions.forget_listeners(*address);
            }
            tracing::info!(?stand, "no longer listening");
        }
    }
}

impl Bound {
    fn new(stand: Stand, ports: Ports) -> Result<Self> {
        let address = match stand {
            Stand::Nfs(address) => address,
            Stand::Smb(address) => return Ok(Self::Smb { address, listener: listen(address, ports.smb, "smb")? }),
        };
        let both = |port, section| -> Result<_> {
            let datagrams = hear(address, port, section)?;
            Ok((listen(address, port, section)?, datagrams))
        };
        let portmap = ports.portmap.map(|port| both(port, "portmap")).transpose()?;
        Ok(Self::Nfs { address, nfs: both(ports.nfs, "nfs")?, portmap })
    }
}

async fn accept<V: Vfs>(server: Server<V>, listener: TcpListener, role: Role, seats: LeastLoaded) {
    server.serve_tcp(listener, role, &seats).await;
}

async fn accept_smb<V: Vfs>(server: smb_server::Server<V>, listener: TcpListener, seats: LeastLoaded) {
    server.serve_tcp(listener, &seats).await;
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
            "another server (berth, knfsd, rpcbind, smbd) uses it, see `ss -lnp`: stop that one, or set another port in \
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
