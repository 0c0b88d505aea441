//! Sockets with a chosen source address, and enough of them.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// Connects from this address of the machine: servers tell clients apart by it.
pub fn connect_from(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&address.into(), ANSWER_LIMIT)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(ANSWER_LIMIT))?;
    Ok(socket.into())
}

/// Lets this process have as many open files as the system allows, and says how many that is.
pub fn raise_file_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

const ANSWER_LIMIT: Duration = Duration::from_secs(60);
