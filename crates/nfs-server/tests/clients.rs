//! The door on real sockets over the reference file system, with the clients of libnfs and, on request, the kernel's.

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::{Read, Write};
    use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
    use std::path::Path;
    use std::pin::Pin;
    use std::process::{Command, Output};
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use nfs_server::{HandleKeys, Role, Server, ServerParts, Settings};
    use testkit::{ReferenceFilesystem, block_on};
    use tokio::net::{TcpListener, UdpSocket};
    use tokio::sync::watch;
    use tokio::task::LocalSet;
    use vfs::{Admin, Clock, InodeId, OpContext, SetAttributes, ShardId, Timestamp, ZoneRootRequest};
    use zones::Registry;

    #[derive(Debug)]
    struct MachineClock;

    impl Clock for MachineClock {
        #[expect(clippy::disallowed_methods, reason = "clients compare with their own clocks")]
        fn now(&self) -> Timestamp {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            Timestamp { seconds: i64::try_from(now.as_secs()).unwrap(), nanoseconds: now.subsec_nanos() }
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// A door in a thread of its own, with the zone contoso on 127.0.0.1; stops when dropped.
    struct Gateway {
        port: u16,
        portmap_port: u16,
        stop: watch::Sender<bool>,
        thread: Option<thread::JoinHandle<()>>,
    }

    impl Gateway {
        fn start(nfs_port: u16, portmap_port: u16) -> Self {
            let settings = Settings { nfs_port, portmap_port, connections_per_client_max: 64, ..Settings::default() };
            Self::at(Ipv4Addr::LOCALHOST, settings)
        }

        fn at(address: Ipv4Addr, settings: Settings) -> Self {
            let (stop, stopped) = watch::channel(false);
            let (tell, told) = mpsc::channel();
            let thread = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                LocalSet::new().block_on(&runtime, serve((address, settings), stopped, tell));
            });
            let (port, portmap_port) = told.recv().unwrap();
            Self { port, portmap_port, stop, thread: Some(thread) }
        }

        fn url(&self, path: &str) -> String {
            format!("nfs://127.0.0.1/projects{path}?nfsport={0}&mountport={0}&version=3", self.port)
        }
    }

    impl Drop for Gateway {
        fn drop(&mut self) {
            self.stop.send_replace(true);
            self.thread.take().unwrap().join().unwrap();
        }
    }

    async fn serve(
        (address, settings): (Ipv4Addr, Settings),
        stop: watch::Receiver<bool>,
        tell: mpsc::Sender<(u16, u16)>,
    ) {
        let at = |port| SocketAddr::new(IpAddr::V4(address), port);
        let nfs = TcpListener::bind(at(settings.nfs_port)).await.unwrap();
        let portmap = TcpListener::bind(at(settings.portmap_port)).await.unwrap();
        let datagrams = UdpSocket::bind(portmap.local_addr().unwrap()).await.unwrap();
        let ports = (nfs.local_addr().unwrap().port(), portmap.local_addr().unwrap().port());
        let settings = Settings { nfs_port: ports.0, portmap_port: ports.1, ..settings };
        let vfs = Arc::new(ReferenceFilesystem::new(Arc::new(MachineClock)));
        let parts = ServerParts {
            registry: registry(&vfs),
            vfs,
            handle_keys: HandleKeys::new(&[(1, [3; 32])]).unwrap(),
            clock: Arc::new(MachineClock),
            settings,
            pool: pages::Pool::new(pages::PoolSettings::default()),
            threads: Arc::default(),
            stop,
        };
        let server = Server::new(parts);
        tell.send(ports).unwrap();
        let spawner = |connection: Pin<Box<dyn Future<Output = ()> + Send>>| drop(tokio::spawn(connection));
        let (_, _, datagrams) = tokio::join!(
            server.serve_tcp(nfs, Role::Nfs, &spawner),
            server.serve_tcp(portmap, Role::Portmap, &spawner),
            server.serve_udp(datagrams, Role::Portmap),
        );
        datagrams.unwrap();
    }

    fn registry(vfs: &ReferenceFilesystem) -> Arc<Registry> {
        let text = "name = \"contoso\"\nbase = \"/tenants/contoso\"\naddresses = [\"127.0.0.1\"]\n\
                    [[export]]\npaths = [\"/projects\"]\nmap_root = \"off\"\nall_dirs = true\n";
        let zone = zones::parse(Path::new("contoso.toml"), text, &zones::system_resolver).unwrap();
        let make = |base, mode| {
            let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
            let attributes = SetAttributes { mode: Some(mode), ..SetAttributes::default() };
            block_on(vfs.zone_root(&ctx, ZoneRootRequest { base, attributes })).unwrap().attributes.inode
        };
        let root = make(zone.base().to_vec(), 0o755);
        make([zone.base(), zone.exports()[0].components()].concat(), 0o1777);
        let registry = Registry::new();
        registry.install(vec![(zone, root)]);
        Arc::new(registry)
    }

    fn run(program: &str, arguments: &[&str]) -> Option<Output> {
        match Command::new(program).args(arguments).output() {
            Ok(output) => Some(output),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: {program} is not installed");
                None
            }
            Err(error) => panic!("{program}: {error}"),
        }
    }

    fn succeed(program: &str, arguments: &[&str]) -> Option<String> {
        let output = run(program, arguments)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
        Some(text(&output.stdout))
    }

    #[test]
    fn libnfs_copies_in_and_out() {
        let gateway = Gateway::start(0, 0);
        let Some(listing) = succeed("nfs-ls", &[&gateway.url("")]) else { return };
        assert!(!listing.contains("big"), "{listing}");
        let folder = std::env::temp_dir().join(format!("nfs-server-clients-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, copy) = (folder.join("source"), folder.join("copy"));
        let data: Vec<u8> = (0..5_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&source, &data).unwrap();
        succeed("nfs-cp", &[source.to_str().unwrap(), &gateway.url("/big")]);
        succeed("nfs-cp", &[&gateway.url("/big"), copy.to_str().unwrap()]);
        assert!(std::fs::read(&copy).unwrap() == data, "the copy differs");
        let listing = succeed("nfs-ls", &[&gateway.url("")]).unwrap();
        assert!(listing.contains("5000000") && listing.contains("big"), "{listing}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// A portmap DUMP (RFC 1833 3.2) without credentials.
    fn dump_call() -> Vec<u8> {
        [7_u32, 0, 2, 100_000, 2, 4, 0, 0, 0, 0].iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn the_port_mapper_answers_datagrams_and_streams() {
        let gateway = Gateway::start(0, 0);
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = ("127.0.0.1", gateway.portmap_port);
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut datagram = [0; 1500];
        let mut ask = |call: &[u8]| {
            socket.send_to(call, address).unwrap();
            let length = socket.recv(&mut datagram).unwrap();
            datagram[..length].to_vec()
        };
        // What is no call is not answered, and does not stop the mapper.
        socket.send_to(b"nonsense", address).unwrap();
        let by_datagram = ask(&dump_call());
        assert_eq!(by_datagram[..12], [0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0]);
        let nfs: Vec<u8> =
            [100_003_u32, 3, 6, u32::from(gateway.port)].iter().flat_map(|word| word.to_be_bytes()).collect();
        assert!(by_datagram.windows(16).any(|window| window == nfs));
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[&0x8000_0028_u32.to_be_bytes()[..], &dump_call()].concat()).unwrap();
        let mut by_stream = vec![0; 4 + by_datagram.len()];
        stream.read_exact(&mut by_stream).unwrap();
        assert_eq!(by_stream[4..], by_datagram);
    }

    fn is_closed(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // Closed, or reset.
        matches!(stream.read(&mut [0]), Ok(0) | Err(_))
    }

    #[test]
    fn an_address_without_a_zone_is_closed() {
        let gateway =
            Gateway::at(Ipv4Addr::new(127, 0, 0, 3), Settings { nfs_port: 0, portmap_port: 0, ..Settings::default() });
        assert!(is_closed(&mut TcpStream::connect(("127.0.0.3", gateway.port)).unwrap()));
    }

    #[test]
    fn connections_of_one_client_are_bounded() {
        let settings = Settings { nfs_port: 0, portmap_port: 0, connections_per_client_max: 2, ..Settings::default() };
        let gateway = Gateway::at(Ipv4Addr::LOCALHOST, settings);
        let connect = || TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
        let null: Vec<u8> =
            [0x8000_0028_u32, 7, 0, 2, 100_003, 3, 0, 0, 0, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
        let answers =
            |stream: &mut TcpStream| stream.write_all(&null).is_ok() && stream.read_exact(&mut [0; 28]).is_ok();
        let mut open = [connect(), connect()];
        assert!(open.iter_mut().all(answers));
        assert!(is_closed(&mut connect()));
        drop(open);
        // There is room again as soon as the door has seen them go.
        while !answers(&mut connect()) {}
    }

    /// Serves until the given number of seconds is over, for a client that is started by hand:
    /// `SERVE_SECONDS=60 cargo test -p nfs-server --test clients serve_by_hand -- --ignored`.
    #[test]
    #[ignore = "a server for clients that are started by hand"]
    fn serve_by_hand() {
        let seconds = std::env::var("SERVE_SECONDS").map_or(60, |text| text.parse().unwrap());
        let _gateway = Gateway::start(22_049, 20_111);
        thread::sleep(Duration::from_secs(seconds));
    }
}
