//! The door as `berth` composes it: listeners and connections.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use admission::{
    ACCEPT_PAUSE, Connection, ConnectionFigures, Connections, Place, Spawner, Threads, client_id, prepare_stream,
    stopped,
};
use pages::Pool;
use smb_wire::dtyp::Guid;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use vfs::{Clock, SessionId, Timestamp, Vfs, ZoneId};
use zones::Registry;

use crate::app_instance::Applications;
use crate::connection::{Batch, Facts, Frames, Machine, Peer};
use crate::dispatch;
use crate::door::Door;
use crate::durable::{Claims, Parked};
use crate::metrics::{Metrics, OperationFigures};
use crate::session::Sessions;
use crate::settings::Settings;
use crate::users::Users;

/// The SMB door. Clones are the same door.
pub struct Server<V> {
    door: Arc<Door<V>>,
    connections: Arc<Connections>,
    stop: watch::Receiver<bool>,
}

/// What the door needs.
pub struct ServerParts<V> {
    /// The house.
    pub vfs: Arc<V>,
    /// The zones served, by local address.
    pub registry: Arc<Registry>,
    /// Who may come in.
    pub users: Arc<dyn Users>,
    /// Names this server to clients, the same at every start (`ServerGuid`).
    pub server_guid: [u8; 16],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fills bytes that nobody can guess.
    pub random: fn(&mut [u8]),
    /// Limits and rules.
    pub settings: Settings,
    /// Where blocks come from.
    pub pool: Pool,
    /// The turns on the threads that serve, shared with other doors.
    pub threads: Arc<Threads>,
    /// Becomes true when the house stops: nothing is accepted any more, and requests begun are finished within
    /// [`admission::ConnectionSettings::stop_timeout`].
    pub stop: watch::Receiver<bool>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFigures {
    /// Its number; later sessions have higher ones.
    pub session: SessionId,
    /// The zone.
    pub zone: ZoneId,
    /// The user; empty for an anonymous one.
    pub user: String,
    /// The client.
    pub client: SocketAddr,
    /// The address that the client came to.
    pub local: SocketAddr,
    /// When it was opened.
    pub since: Timestamp,
    /// How long ago the last request of its connection came.
    pub idle: Duration,
    /// Requests that its connection has answered.
    pub calls: u64,
    /// Requests of its connection begun and not answered.
    pub in_flight: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of answers.
    pub bytes_out: u64,
    /// Shares that it is connected to.
    pub shares: Vec<String>,
    /// What it has open.
    pub opens: usize,
}

impl<V: Vfs> Server<V> {
    /// A door that serves nothing yet.
    #[must_use]
    pub fn new(parts: ServerParts<V>) -> Self {
        let ServerParts { vfs, registry, users, server_guid, clock, random, settings, pool, threads, stop } = parts;
        let connections = Arc::new(Connections::new(settings.bytes_in_flight_max, pool, threads));
        let sessions = Sessions::default();
        let server_guid = Guid(server_guid);
        let metrics = Metrics::default();
        let (parked, claims, applications) = (Parked::default(), Claims::default(), Applications::default());
        let facts = Facts {
            settings,
            server_guid,
            registry,
            users,
            clock,
            random,
            sessions,
            parked,
            claims,
            applications,
            metrics,
        };
        let facts = Arc::new(facts);
        Self { door: Arc::new(Door { vfs, facts }), connections, stop }
    }

    /// Accepts connections and hands them to `spawner` until the house stops. Connections that are open then go on until
    /// their requests are answered.
    pub async fn serve_tcp(&self, listener: TcpListener, spawner: &impl Spawner) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(self.stop.clone()) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => self.take(accepted, spawner),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Ends what clients left open that lost their connection, once their time is over or others want it; until the house
    /// stops. Run it once, on a runtime with time.
    pub async fn serve_parked(&self) {
        self.door.attend_parked(self.stop.clone()).await;
    }

    /// Serves one connection until it ends. `stream` is any stream of bytes; `local` picks the zone. The limits on the
    /// number of connections do not apply.
    pub async fn serve_connection<S>(&self, stream: S, (local, peer): (SocketAddr, SocketAddr))
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Some(zone) = self.door.facts.registry.zone_for(local.ip()) else { return };
        let place = Connections::beside(&self.connections, (zone.id(), peer.ip()));
        self.serve_at(place, stream, (local, peer)).await;
    }

    /// Sessions behind this one, oldest first, at most `max`.
    #[must_use]
    pub fn sessions(&self, after: SessionId, max: usize) -> Vec<SessionFigures> {
        let now = self.door.facts.clock.monotonic();
        let listed = self.door.facts.sessions.after(after.0, max);
        let figures = listed.into_iter().map(|listed| {
            let (calls, bytes_in, bytes_out) = listed.traffic.counts();
            SessionFigures {
                session: listed.session.session_id(),
                zone: listed.session.zone,
                user: listed.session.user.clone(),
                client: listed.client,
                local: listed.local,
                since: listed.session.since,
                idle: listed.traffic.idle(now),
                calls,
                in_flight: listed.traffic.in_flight(),
                bytes_in,
                bytes_out,
                shares: listed.session.shares(),
                opens: listed.session.opens.count(),
            }
        });
        figures.collect()
    }

    /// What was asked of the shares of a zone. What is asked before a share is connected to is not counted.
    #[must_use]
    pub fn operations(&self, zone: ZoneId) -> Vec<OperationFigures> {
        self.door.facts.metrics.figures(zone)
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> ConnectionFigures {
        self.connections.figures()
    }

    /// Opens that wait for clients that lost their connection.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.door.facts.parked.count()
    }

    /// How many connections a zone has.
    #[must_use]
    pub fn connections_of(&self, zone: ZoneId) -> usize {
        self.connections.of_zone(zone)
    }

    fn take(&self, (stream, peer): (TcpStream, SocketAddr), spawner: &impl Spawner) {
        let Some((stream, local, place)) = self.prepare(stream, peer) else {
            self.connections.refuse();
            return;
        };
        let server = self.clone();
        spawner.spawn(Box::pin(async move {
            // The stream belongs to the runtime that polls this, not to the one that accepted it.
            match TcpStream::from_std(stream) {
                Ok(stream) => server.serve_at(place, stream, (local, peer)).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
        }));
    }

    async fn serve_at<S>(&self, place: Place, stream: S, (local, socket): (SocketAddr, SocketAddr))
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let facts = &self.door.facts;
        let client = socket.ip().to_canonical();
        let peer = Arc::new(Peer {
            local,
            socket,
            client,
            client_id: client_id(client),
            traffic: Arc::default(),
            outbox: Arc::default(),
            waits: Arc::default(),
            is_unheard: AtomicBool::new(false),
            is_given_up: AtomicBool::new(false),
        });
        let machine = Machine::new(Arc::clone(facts), Arc::clone(&peer));
        let (door, caller) = (Arc::clone(&self.door), Arc::clone(&peer));
        let begin = move |batch: Batch| dispatch::run(Arc::clone(&door), Arc::clone(&caller), batch);
        let seat = place.seat();
        let stop = async {
            tokio::select! {
                () = stopped(self.stop.clone()) => {}
                () = seat.asked_to_leave() => {}
            }
        };
        let frames = Frames::new(machine, peer, place.pool(), begin);
        let mut connection = Connection::new((stream, frames), &place, &facts.settings.connection, stop);
        let ended = (&mut connection).await;
        let sessions = connection.into_protocol().take_sessions();
        tracing::debug!(peer = %socket, reason = %ended, sessions = sessions.len(), "connection ended");
        for session in sessions {
            self.door.lose(&session).await;
        }
    }

    /// Checks a new connection and sets its options; `None` when it is not wanted.
    fn prepare(&self, stream: TcpStream, peer: SocketAddr) -> Option<(std::net::TcpStream, SocketAddr, Place)> {
        let local = stream.local_addr().ok()?;
        let facts = &self.door.facts;
        let Some(zone) = facts.registry.zone_for(local.ip()) else {
            tracing::debug!(%local, %peer, "no zone has this address");
            return None;
        };
        let (limits, zones) = (facts.settings.limits(), facts.registry.count());
        let place = Connections::enter(&self.connections, (zone.id(), peer.ip()), &limits, zones)?;
        prepare_stream(&stream).ok()?;
        Some((stream.into_std().ok()?, local, place))
    }
}

impl<V> Clone for Server<V> {
    fn clone(&self) -> Self {
        let (door, connections) = (Arc::clone(&self.door), Arc::clone(&self.connections));
        Self { door, connections, stop: self.stop.clone() }
    }
}

impl<V> fmt::Debug for Server<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("door", &self.door).finish_non_exhaustive()
    }
}

impl<V> fmt::Debug for ServerParts<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerParts").field("settings", &self.settings).finish_non_exhaustive()
    }
}
