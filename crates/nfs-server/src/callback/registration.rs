//! The rpcbind of this machine, where it and not the house is the port mapper: our programs are registered with it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use nfs_wire::portmap::rpcbind::{BindString, Binding, v4};
use nfs_wire::portmap::{PORTMAP_PORT, PROTOCOL_TCP, format_universal_address};
use nfs_wire::rpc::{OpaqueAuth, Procedure, call_message, program_name, reply_result};
use tokio::net::{TcpStream, UnixStream};
use vfs::Vfs;

use super::sockets::converse;
use crate::portmap::SERVED;
use crate::serve::Server;

/// Where the rpcbind of this machine is asked: at its socket, and where there is none over TCP. Over TCP most refuse
/// whatever is not asked by root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpcbind {
    /// Its socket.
    pub socket: PathBuf,
    /// Its address.
    pub address: SocketAddr,
}

/// What was registered.
#[derive(Debug)]
pub struct Registration {
    rpcbind: Rpcbind,
    bindings: Vec<Binding>,
}

impl Default for Rpcbind {
    fn default() -> Self {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORTMAP_PORT);
        Self { socket: PathBuf::from("/run/rpcbind.sock"), address }
    }
}

impl<V: Vfs> Server<V> {
    /// Registers NFS, MOUNT, NLM and NSM, at the addresses of all zones, for the address families that zones have now.
    /// What could not be registered is in the log, with what to do.
    pub async fn register(&self, rpcbind: Rpcbind) -> Registration {
        let addresses = self.door.registry.addresses();
        let families = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let families =
            families.into_iter().filter(|any: &IpAddr| addresses.iter().any(|at| at.is_ipv4() == any.is_ipv4()));
        let port = self.door.settings.nfs_port;
        let mut bindings = Vec::new();
        for binding in families.flat_map(|any| SERVED.map(|served| binding(served, SocketAddr::new(any, port)))) {
            match rpcbind.ask::<v4::Set>(&binding).await {
                Ok(true) => bindings.push(binding),
                Ok(false) => tracing::error!(
                    program = %Named(&binding),
                    "rpcbind has it registered for another server (rpc.statd, knfsd?): stop that one, look with `rpcinfo`, \
                     and start again"
                ),
                Err(error) => {
                    tracing::error!(
                        %error, socket = %rpcbind.socket.display(),
                        "rpcbind does not answer, clients find no services: start it before the gateway \
                         (systemctl start rpcbind), or set a port in [portmap] and leave out `register`"
                    );
                    break;
                }
            }
        }
        tracing::info!(registered = bindings.len(), "registered with rpcbind");
        Registration { rpcbind, bindings }
    }
}

impl Registration {
    /// Takes back what was registered.
    pub async fn undo(self) {
        for binding in &self.bindings {
            match self.rpcbind.ask::<v4::Unset>(binding).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(program = %Named(binding), "rpcbind did not take a registration back"),
                Err(error) => {
                    tracing::warn!(%error, "rpcbind does not answer; registrations stay");
                    break;
                }
            }
        }
    }

    /// How many programs and versions are registered, each transport by itself.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether nothing is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }
}

impl Rpcbind {
    async fn ask<P: Procedure<Args = Binding, Result = bool>>(&self, binding: &Binding) -> io::Result<bool> {
        let call = call_message::<P>(XID, OpaqueAuth::none(), binding);
        let exchange = async {
            match UnixStream::connect(&self.socket).await {
                Ok(mut stream) => converse(&mut stream, &call).await,
                Err(_) => converse(&mut TcpStream::connect(self.address).await?, &call).await,
            }
        };
        let reply = tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| io::ErrorKind::TimedOut)??;
        reply_result::<P>(XID, reply).map_err(io::Error::other)
    }
}

fn binding((program, version, protocol): (u32, u32, u32), at: SocketAddr) -> Binding {
    let netid = match (protocol == PROTOCOL_TCP, at.is_ipv4()) {
        (true, true) => "tcp",
        (false, true) => "udp",
        (true, false) => "tcp6",
        (false, false) => "udp6",
    };
    let address = BindString::new(format_universal_address(at).into_bytes()).unwrap_or_default();
    Binding { program, version, netid: BindString::from_static(netid), address, owner: BindString::default() }
}

/// A binding for people: `nlm 4 udp`.
struct Named<'a>(&'a Binding);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding { program, version, netid, .. } = self.0;
        write!(formatter, "{} ({program}) {version} {}", program_name(*program), netid.escape_ascii())
    }
}

/// Each call has a stream of its own.
const XID: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;
    use std::sync::Arc;

    use nfs_wire::rpc::{CallHeader, ReplyHeader, record_marker};
    use nfs_wire::xdr::{Decode, Decoder, to_bytes};
    use testkit::{ManualClock, ReferenceFilesystem};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;
    use vfs::{InodeId, ShardId};
    use zones::Registry;

    use super::*;
    use crate::handle::HandleKeys;
    use crate::serve::ServerParts;
    use crate::settings::Settings;

    fn server(addresses: &str) -> Server<ReferenceFilesystem> {
        let text = format!("name = \"a\"\nbase = \"/a\"\naddresses = [{addresses}]\n[[export]]\npaths = [\"/x\"]\n");
        let zone = zones::parse(Path::new("a.toml"), &text, &zones::system_resolver).unwrap();
        let registry = Registry::new();
        registry.install(vec![(zone, InodeId::root_of(ShardId(1)))]);
        let clock = Arc::new(ManualClock::standing());
        Server::new(ServerParts {
            vfs: Arc::new(ReferenceFilesystem::new(clock.clone())),
            registry: Arc::new(registry),
            handle_keys: HandleKeys::new(&[(1, [7; 32])]).unwrap(),
            clock,
            settings: Settings { nfs_port: 2049, ..Settings::default() },
            pool: pages::Pool::new(pages::PoolSettings::default()),
            threads: Arc::default(),
            stop: tokio::sync::watch::channel(false).1,
        })
    }

    /// An rpcbind that knows NSM over UDP of another already.
    async fn serve(listener: UnixListener, known: &std::sync::Mutex<HashSet<String>>) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = stream.read_u32().await.unwrap() & 0x7fff_ffff;
            let mut call = vec![0; length as usize];
            stream.read_exact(&mut call).await.unwrap();
            let mut decoder = Decoder::new(call.into());
            let header = CallHeader::decode_call(&mut decoder).unwrap();
            let binding = Binding::decode(&mut decoder).unwrap();
            let name = format!("{} at {}", Named(&binding), binding.address.escape_ascii());
            let is_done = match header.procedure {
                _ if name.starts_with("nsm (100024) 1 udp at") => false,
                v4::Set::NUMBER => known.lock().unwrap().insert(name),
                v4::Unset::NUMBER => known.lock().unwrap().remove(&name),
                other => panic!("{other}"),
            };
            let reply = [to_bytes(&ReplyHeader::success(header.xid)), to_bytes(&is_done)].concat();
            stream.write_all(&[&record_marker(reply.len())[..], &reply].concat()).await.unwrap();
        }
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs") })
    }

    #[test]
    fn programs_are_registered_and_taken_back() {
        run(async {
            let folder = std::env::temp_dir().join(format!("berth-rpcbind-{}", std::process::id()));
            drop(std::fs::remove_file(&folder));
            let listener = UnixListener::bind(&folder).unwrap();
            let known = std::sync::Mutex::<HashSet<String>>::default();
            let rpcbind = Rpcbind { socket: folder.clone(), ..Rpcbind::default() };
            let test = async {
                let registration = server("\"127.0.0.1\", \"::1\"").register(rpcbind.clone()).await;
                assert_eq!(registration.len(), 2 * SERVED.len() - 1);
                let names = known.lock().unwrap().clone();
                assert!(names.contains("nfs (100003) 3 tcp at 0.0.0.0.8.1"), "{names:?}");
                assert!(names.contains("nlm (100021) 4 udp6 at ::.8.1"), "{names:?}");
                assert!(!names.iter().any(|name| name.starts_with("nfs (100003) 3 udp")));
                registration.undo().await;
                assert!(known.lock().unwrap().is_empty());
                let registration = server("\"127.0.0.1\"").register(rpcbind).await;
                assert_eq!(registration.len(), SERVED.len() - 1, "of the families that zones have");
            };
            tokio::select! {
                () = test => {}
                () = serve(listener, &known) => {}
            }
            std::fs::remove_file(folder).unwrap();
        });
    }

    #[test]
    fn without_rpcbind_nothing_is_registered() {
        run(async {
            let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let rpcbind = Rpcbind { socket: "/nowhere/rpcbind.sock".into(), address };
            let registration = server("\"127.0.0.1\"").register(rpcbind).await;
            assert!(registration.is_empty());
            registration.undo().await;
        });
    }
}
