//! A proxy that cuts the connections that go through it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on until it is told to cut.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Listens where the gateway's zone is, on a port of its own. It ends with the process.
    pub(super) fn to(gateway: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((gateway.ip(), 0))?;
        let proxy = Self { address: listener.local_addr()?, open: Arc::default() };
        let open = Arc::clone(&proxy.open);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(gateway) else { continue };
                for end in [&client, &server] {
                    drop(end.set_nodelay(true));
                }
                let ends = [client.try_clone(), server.try_clone()];
                open.lock().unwrap().extend(ends.into_iter().flatten());
                pass_on(&client, &server);
                pass_on(&server, &client);
            }
        });
        Ok(proxy)
    }

    /// Cuts all connections, with whatever is on its way.
    pub(super) fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            drop(end.shutdown(Shutdown::Both));
        }
    }
}

fn pass_on(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    thread::spawn(move || {
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    });
}
