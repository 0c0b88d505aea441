//! Calls that come as datagrams: portmap, and MOUNT, NLM, NSM and rquota on the port of NFS. Their senders' addresses may be
//! forged, so each gets so many answers only, of so many bytes.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use admission::{ACCEPT_PAUSE, client_network, stopped};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use vfs::Vfs;

use crate::caller::{Caller, Role};
use crate::dispatch::handle;
use crate::door::Door;
use crate::reply::Outcome;
use crate::serve::Server;

/// Answers per source and second.
#[derive(Debug, Default)]
struct Rates {
    second: u64,
    /// By [`client_network`].
    units: HashMap<IpAddr, u32>,
    /// Of those for whom there is no place in the table, together.
    others: u32,
}

impl<V: Vfs> Server<V> {
    /// Answers the datagrams of a port until the house stops. The socket is bound to one address of a zone.
    ///
    /// # Errors
    /// When the socket does not tell its address.
    pub async fn serve_udp(&self, socket: UdpSocket, role: Role) -> io::Result<()> {
        let local = socket.local_addr()?;
        let door = &*self.door;
        let mut rates = Rates::default();
        let mut calls = FuturesUnordered::new();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let received = poll_fn(|cx| {
                while let Poll::Ready(Some((answer, peer))) = calls.poll_next_unpin(cx) {
                    send(&socket, &mut rates, door, (answer, peer));
                }
                if calls.len() >= CALLS_MAX { Poll::Pending } else { receive(&socket, &mut buffer, cx) }
            });
            let received = tokio::select! {
                biased;
                () = stopped(self.stop.clone()) => return Ok(()),
                received = received => received,
            };
            match received {
                Ok((record, peer)) if rates.admit(door.clock.monotonic(), peer.ip(), role) => {
                    calls.push(answer::<V>(door, record, (role, local, peer)));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "receive failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = (Option<Bytes>, SocketAddr)> + Send + 'a>>;

fn answer<V: Vfs>(door: &Door<V>, record: Bytes, ends: (Role, SocketAddr, SocketAddr)) -> Answering<'_> {
    Box::pin(async move {
        let (role, local, peer) = ends;
        let caller = Caller::of_datagram(role, local, peer, door.next_session());
        let reply = match handle(door, &caller, record).await {
            Outcome::Reply(reply) => Some(reply.into_datagram()),
            Outcome::Silence | Outcome::Close => None,
        };
        (reply, peer)
    })
}

fn send<V>(socket: &UdpSocket, rates: &mut Rates, door: &Door<V>, (answer, peer): (Option<Bytes>, SocketAddr)) {
    let Some(answer) = answer else { return };
    if answer.len() > REPLY_BYTES_MAX {
        tracing::debug!(%peer, bytes = answer.len(), "an answer is too long for a datagram");
        return;
    }
    rates.count(door.clock.monotonic(), peer.ip(), &answer);
    // A lost answer is asked for again.
    drop(socket.try_send_to(&answer, peer));
}

fn receive(socket: &UdpSocket, buffer: &mut [u8], cx: &mut Context<'_>) -> Poll<io::Result<(Bytes, SocketAddr)>> {
    let mut into = ReadBuf::new(buffer);
    match socket.poll_recv_from(cx, &mut into) {
        Poll::Ready(Ok(peer)) => Poll::Ready(Ok((Bytes::copy_from_slice(into.filled()), peer))),
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    }
}

impl Rates {
    /// Whether a source may be answered once more in this second.
    fn admit(&mut self, now: Duration, source: IpAddr, role: Role) -> bool {
        let most = match role {
            Role::Nfs => UNITS_OF_CLIENT_MAX,
            Role::Portmap => UNITS_OF_STRANGER_MAX,
        };
        let units = self.of(now, source);
        if *units >= most {
            return false;
        }
        *units += 1;
        true
    }

    /// Counts an answer: long ones more.
    fn count(&mut self, now: Duration, source: IpAddr, answer: &[u8]) {
        let units = self.of(now, source);
        *units = units.saturating_add(u32::try_from(answer.len() / UNIT_BYTES).unwrap_or(u32::MAX));
    }

    fn of(&mut self, now: Duration, source: IpAddr) -> &mut u32 {
        if self.second != now.as_secs() {
            *self = Self { second: now.as_secs(), ..Self::default() };
        }
        let source = client_network(source);
        if self.units.len() >= SOURCES_MAX && !self.units.contains_key(&source) {
            return &mut self.others;
        }
        self.units.entry(source).or_default()
    }
}

/// Longest call; what is longer is cut and does not decode.
const DATAGRAM_BYTES_MAX: usize = 8192;
/// Longest answer.
const REPLY_BYTES_MAX: usize = 8192;
/// Calls of one socket being done.
const CALLS_MAX: usize = 64;
/// Sources told apart in one second; further ones share one place.
const SOURCES_MAX: usize = 4096;
/// Answers to one source in one second on the port of NFS, where only clients are answered.
const UNITS_OF_CLIENT_MAX: u32 = 2000;
/// The same on the port of portmap, where everyone is.
const UNITS_OF_STRANGER_MAX: u32 = 100;
/// Bytes of an answer that count as one answer more.
const UNIT_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(rates: &mut Rates, now: Duration, source: &str) -> usize {
        let source = source.parse().unwrap();
        (0..1000).filter(|_| rates.admit(now, source, Role::Portmap)).count()
    }

    #[test]
    fn every_source_has_its_share_of_each_second() {
        let mut rates = Rates::default();
        assert_eq!(admitted(&mut rates, Duration::ZERO, "192.0.2.1"), 100);
        assert_eq!(admitted(&mut rates, Duration::ZERO, "192.0.2.2"), 100);
        assert_eq!(admitted(&mut rates, Duration::ZERO, "2001:db8::1"), 100);
        assert_eq!(admitted(&mut rates, Duration::ZERO, "2001:db8::2"), 0, "addresses of one /64 are one source");
        assert_eq!(admitted(&mut rates, Duration::from_secs(1), "192.0.2.1"), 100);
    }

    #[test]
    fn long_answers_count_more() {
        let mut rates = Rates::default();
        let source = "192.0.2.1".parse().unwrap();
        assert!(rates.admit(Duration::ZERO, source, Role::Portmap));
        rates.count(Duration::ZERO, source, &[0; 99 * UNIT_BYTES]);
        assert!(!rates.admit(Duration::ZERO, source, Role::Portmap));
    }

    #[test]
    fn more_sources_than_there_are_places_share_one() {
        let mut rates = Rates::default();
        for source in 0..u32::try_from(SOURCES_MAX).unwrap() {
            assert!(rates.admit(Duration::ZERO, IpAddr::V4(source.into()), Role::Portmap));
        }
        assert_eq!(admitted(&mut rates, Duration::ZERO, "192.0.2.1"), 100);
        assert_eq!(admitted(&mut rates, Duration::ZERO, "192.0.2.2"), 0);
        assert_eq!(admitted(&mut rates, Duration::ZERO, "0.0.0.1"), 99);
        assert_eq!(rates.units.len(), SOURCES_MAX);
    }
}
