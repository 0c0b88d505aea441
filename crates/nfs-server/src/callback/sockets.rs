//! Calls over real sockets.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nfs_wire::rpc::{RecordLimits, RecordReader, record_marker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::Instant;

use super::{Network, Route, Transport, Unanswered};

/// Sockets of the runtime that polls the calls. Streams are kept open for a while and used again.
#[derive(Debug)]
pub(crate) struct Sockets {
    began: Instant,
    idle: Mutex<HashMap<Ends, Idle>>,
}

/// Where a stream begins and ends.
type Ends = (IpAddr, SocketAddr);

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl Default for Sockets {
    fn default() -> Self {
        Self { began: Instant::now(), idle: Mutex::default() }
    }
}

impl Network for Sockets {
    async fn exchange(&self, route: Route, call: Bytes) -> Result<Bytes, Unanswered> {
        let sent = AtomicBool::new(false);
        let exchange = async {
            match route.transport {
                Transport::Tcp => self.over_tcp(route, &call, &sent).await,
                Transport::Udp => over_udp(route, &call, &sent).await,
            }
        };
        let outcome = tokio::time::timeout(route.patience, exchange).await;
        outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
            tracing::debug!(?route, %error, "a call was not answered");
            Unanswered { may_have_arrived: sent.load(Ordering::Relaxed) }
        })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Sockets {
    async fn over_tcp(&self, route: Route, call: &Bytes, sent: &AtomicBool) -> io::Result<Bytes> {
        let mut stream = match self.idle_stream(route) {
            Some(stream) => stream,
            None => connect(route).await?,
        };
        sent.store(true, Ordering::Relaxed);
        let reply = converse(&mut stream, call).await?;
        self.keep(route, stream);
        Ok(reply)
    }

    /// A stream that is still open and has nothing to say.
    fn idle_stream(&self, route: Route) -> Option<TcpStream> {
        let Idle { stream, since } = self.idle().remove(&(route.from, route.to))?;
        let is_quiet = matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        (is_quiet && since.elapsed() < IDLE_TIME).then_some(stream)
    }

    fn keep(&self, route: Route, stream: TcpStream) {
        let mut idle = self.idle();
        idle.retain(|_, kept| kept.since.elapsed() < IDLE_TIME);
        if idle.len() < IDLE_MAX {
            idle.insert((route.from, route.to), Idle { stream, since: Instant::now() });
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Ends, Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a call as a record and waits for the record that answers it.
pub(super) async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), call: &Bytes) -> io::Result<Bytes> {
    stream.write_all(&[&record_marker(call.len())[..], call].concat()).await?;
    let mut input = BytesMut::new();
    let limits = RecordLimits { record_max_bytes: REPLY_BYTES_MAX, fragments_max: FRAGMENTS_MAX };
    let mut records = RecordReader::new(limits);
    loop {
        let next = records.next_record(&mut input).map_err(|_| io::ErrorKind::InvalidData)?;
        match next {
            Some(reply) if answers(&reply, call) => return Ok(reply),
            Some(_) => {}
            None if stream.read_buf(&mut input).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    }
}

async fn connect(route: Route) -> io::Result<TcpStream> {
    match connect_from(Some(route.from), route.to).await {
        Err(error) if is_about_our_address(&error) => {
            tracing::debug!(from = %route.from, to = %route.to, %error, "calling from any address instead");
            connect_from(None, route.to).await
        }
        other => other,
    }
}

async fn connect_from(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn over_udp(route: Route, call: &Bytes, sent: &AtomicBool) -> io::Result<Bytes> {
    let socket = match udp_socket(route.from, route.to).await {
        Err(error) if is_about_our_address(&error) => udp_socket(unspecified(route.to), route.to).await?,
        other => other?,
    };
    sent.store(true, Ordering::Relaxed);
    socket.send(call).await?;
    let mut buffer = vec![0; REPLY_BYTES_MAX];
    loop {
        // The socket is connected: only the one that was called is heard.
        let length = socket.recv(&mut buffer).await?;
        let reply = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
        if answers(&reply, call) {
            return Ok(reply);
        }
    }
}

async fn udp_socket(from: IpAddr, to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

fn unspecified(to: SocketAddr) -> IpAddr {
    match to {
        SocketAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// Whether it is the address of the zone that cannot be called from: addresses are translated on the way.
fn is_about_our_address(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
    )
}

/// Whether a message has the xid of a call.
fn answers(reply: &[u8], call: &[u8]) -> bool {
    reply.first_chunk::<4>().is_some_and(|xid| call.first_chunk() == Some(xid))
}

/// Longest reply in bytes.
const REPLY_BYTES_MAX: usize = 4096;
const FRAGMENTS_MAX: usize = 8;
/// Streams kept open for the next call.
const IDLE_MAX: usize = 256;
const IDLE_TIME: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use nfs_wire::nlm4::Null;
    use nfs_wire::rpc::{OpaqueAuth, ReplyHeader, call_message};
    use nfs_wire::xdr::to_bytes;
    use tokio::net::TcpListener;

    use super::*;

    const XID: u32 = 7;

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs") })
    }

    fn route(transport: Transport, to: SocketAddr) -> Route {
        Route { transport, from: "127.0.0.1".parse().unwrap(), to, patience: Duration::from_secs(50) }
    }

    fn call() -> Bytes {
        call_message::<Null>(XID, OpaqueAuth::none(), &())
    }

    fn reply(xid: u32) -> Vec<u8> {
        to_bytes(&ReplyHeader::success(xid)).to_vec()
    }

    /// Takes a connection, answers so many calls, and closes it.
    async fn answer_calls(listener: &TcpListener, calls: usize) {
        let (mut stream, peer) = listener.accept().await.unwrap();
        assert!(peer.ip().is_loopback());
        for _ in 0..calls {
            let mut received = vec![0; 4 + call().len()];
            stream.read_exact(&mut received).await.unwrap();
            assert_eq!(received[4..], call());
            // A late answer to another call comes first.
            let replies = [XID - 1, XID].map(|xid| [&record_marker(reply(xid).len())[..], &reply(xid)].concat());
            stream.write_all(&replies.concat()).await.unwrap();
        }
    }

    #[test]
    fn a_stream_is_used_again_while_it_is_open() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (sockets, route) = (Sockets::default(), route(Transport::Tcp, listener.local_addr().unwrap()));
            // Each ends with a stream that the server closed.
            let serve = async {
                answer_calls(&listener, 2).await;
                answer_calls(&listener, 1).await;
            };
            let ask = async {
                for _ in 0..3 {
                    assert_eq!(sockets.exchange(route, call()).await.unwrap(), reply(XID));
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(serve, ask);
        });
    }

    #[test]
    fn datagrams_of_others_are_no_answer() {
        run(async {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let (sockets, route) = (Sockets::default(), route(Transport::Udp, server.local_addr().unwrap()));
            let serve = async {
                let (length, peer) = server.recv_from(&mut [0; 512]).await.unwrap();
                assert_eq!(length, call().len());
                let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                stranger.send_to(&[&reply(XID)[..], b"forged"].concat(), peer).await.unwrap();
                server.send_to(&reply(XID + 1), peer).await.unwrap();
                server.send_to(&reply(XID), peer).await.unwrap();
            };
            let (answer, ()) = tokio::join!(sockets.exchange(route, call()), serve);
            assert_eq!(answer.unwrap(), reply(XID));
        });
    }

    #[test]
    fn a_call_that_was_not_sent_did_not_arrive() {
        run(async {
            let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let answer = Sockets::default().exchange(route(Transport::Tcp, closed), call()).await;
            assert_eq!(answer, Err(Unanswered { may_have_arrived: false }));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let route =
                Route { patience: Duration::from_millis(1), ..route(Transport::Tcp, listener.local_addr().unwrap()) };
            let _sent_or_not = Sockets::default().exchange(route, call()).await.unwrap_err();
        });
    }

    #[test]
    fn another_address_is_taken_where_the_zones_cannot_be() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // RFC 5737: no machine has it.
            let from = "192.0.2.77".parse().unwrap();
            let route = Route { from, ..route(Transport::Tcp, listener.local_addr().unwrap()) };
            assert!(connect(route).await.is_ok());
        });
    }
}
