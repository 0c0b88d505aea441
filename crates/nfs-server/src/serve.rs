//! The door as `berth` composes it: listeners and connections.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use admission::{ACCEPT_PAUSE, ConnectionFigures, Connections, Place, Spawner, Threads, prepare_stream, stopped};
use bytes::Bytes;
use pages::Pool;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use vfs::{Clock, SessionId, Vfs, ZoneId};
use zones::Registry;

use crate::callback::{Peers, Sockets};
use crate::caller::{Caller, Role};
use crate::connection::{Calls, serve};
use crate::dispatch::handle;
use crate::door::Door;
use crate::handle::HandleKeys;
use crate::metrics::{OperationFigures, ReplyCacheFigures, ShareFigures};
use crate::nfs3::reply_bytes_max;
use crate::nlm4::deliver_grants;
use crate::nsm::send_notices;
use crate::sessions::{Session, SessionFigures};
use crate::settings::Settings;

/// The NFS door. Clones are the same door.
pub struct Server<V> {
    pub(crate) door: Arc<Door<V>>,
    connections: Arc<Connections>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// What the door needs.
pub struct ServerParts<V> {
    /// The house.
    pub vfs: Arc<V>,
    /// The zones served, by local address.
    pub registry: Arc<Registry>,
    /// The secrets that seal file handles, from the superblock.
    pub handle_keys: HandleKeys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Limits and ports.
    pub settings: Settings,
    /// Where the blocks come from that large WRITEs are received into. The house keeps them while they are dirty.
    pub pool: Pool,
    /// The turns on the threads that serve, shared with other doors.
    pub threads: Arc<Threads>,
    /// Becomes true when the house stops: nothing is accepted any more, and calls begun are finished within
    /// [`crate::ConnectionSettings::stop_timeout`].
    pub stop: watch::Receiver<bool>,
}

/// What was done for a zone since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneFigures {
    /// By operation, those that were called.
    pub operations: Vec<OperationFigures>,
    /// Its reply cache.
    pub replies: ReplyCacheFigures,
    /// Connections open now.
    pub connections: usize,
    /// Mounts that clients told of.
    pub mounts: usize,
}

impl<V: Vfs> Server<V> {
    /// A door that serves nothing yet.
    #[must_use]
    pub fn new(parts: ServerParts<V>) -> Self {
        let ServerParts { vfs, registry, handle_keys, clock, settings, pool, threads, stop } = parts;
        let connections = Arc::new(Connections::new(settings.bytes_in_flight_max, pool, threads));
        let door = Arc::new(Door::new(vfs, registry, (handle_keys, clock), settings));
        Self { door, connections, stop }
    }

    /// Accepts connections and hands them to `spawner` until the house stops. Connections that are open then go on
    /// until their calls are answered.
    pub async fn serve_tcp(&self, listener: TcpListener, role: Role, spawner: &impl Spawner) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(self.stop.clone()) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => self.take(accepted, role, spawner),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection until it ends. `stream` is any stream of bytes; `local` picks the zone. The limits on the
    /// number of connections do not apply.
    pub async fn serve_connection<S>(&self, stream: S, (local, peer): (SocketAddr, SocketAddr), role: Role)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Some(zone) = self.door.registry.zone_for(local.ip()) else { return };
        let place = Connections::beside(&self.connections, (zone.id(), peer.ip()));
        self.serve_at(place, stream, (local, peer, role)).await;
    }

    /// Tells clients that locks they waited for are granted, and those of the last life that the house restarted; until
    /// the house stops. Run it once, when the zones are served, on a runtime with I/O and time.
    pub async fn serve_locks(&self) {
        let door = &*self.door;
        let sockets = Sockets::default();
        let peers = Peers::new(&sockets, &*door.clock);
        let serve = async { tokio::join!(deliver_grants(door, &peers), send_notices(door, &peers)) };
        tokio::select! {
            biased;
            () = stopped(self.stop.clone()) => {}
            ((), ()) = serve => {}
        }
    }

    /// What was done for a zone that is served; nothing for another.
    #[must_use]
    pub fn figures(&self, zone: ZoneId) -> ZoneFigures {
        if self.door.registry.zone(zone).is_none() {
            return ZoneFigures::default();
        }
        let state = self.door.zone_state(zone);
        let (hits, misses) = state.metrics.admissions();
        let (bytes, bytes_max) = (state.replies.bytes() as u64, self.door.settings.reply_cache_bytes_max as u64);
        ZoneFigures {
            operations: state.metrics.figures(),
            replies: ReplyCacheFigures { bytes, bytes_max, hits, misses },
            connections: self.connections.of_zone(zone),
            mounts: state.mounts.len(),
        }
    }

    /// What was done for a zone that is served, by share and operation; those that were called.
    #[must_use]
    pub fn shares(&self, zone: ZoneId) -> Vec<ShareFigures> {
        let served = self.door.registry.zone(zone);
        served.map(|zone| self.door.zone_state(zone.id()).metrics.shares()).unwrap_or_default()
    }

    /// Open connections behind this one, oldest first, at most `max`.
    #[must_use]
    pub fn sessions(&self, after: SessionId, max: usize) -> Vec<SessionFigures> {
        let now = self.door.clock.monotonic();
        let figures = |(id, session): (SessionId, Session)| {
            let zone = self.door.registry.zone_for(session.local.ip()).map(|zone| zone.id());
            let client = session.client.ip().to_canonical();
            let mounts = zone.map(|zone| self.door.zone_state(zone).mounts.of_client(client));
            session.figures(id, (zone, mounts.unwrap_or_default()), now)
        };
        self.door.open_sessions.after(after, max).into_iter().map(figures).collect()
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> ConnectionFigures {
        self.connections.figures()
    }

    fn take(&self, (stream, peer): (TcpStream, SocketAddr), role: Role, spawner: &impl Spawner) {
        let Some((stream, local, place)) = self.prepare(stream, peer) else {
            self.connections.refuse();
            return;
        };
        let server = self.clone();
        spawner.spawn(Box::pin(async move {
            // The stream belongs to the runtime that polls this, not to the one that accepted it.
            match TcpStream::from_std(stream) {
                Ok(stream) => server.serve_at(place, stream, (local, peer, role)).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
        }));
    }

    async fn serve_at<S>(&self, place: Place, stream: S, (local, peer, role): (SocketAddr, SocketAddr, Role))
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let caller = Caller::new(role, local, peer, self.door.next_session());
        let (door, caller, seat) = (&*self.door, &caller, place.seat());
        let _listed = door.open_sessions.enter(caller, peer, (door.clock.now(), door.clock.monotonic()));
        let reply_bytes_max = if role == Role::Nfs { reply_bytes_max } else { |_: &Bytes| 0 };
        let begin = |record: Bytes| handle(door, caller, record);
        let stop = async {
            tokio::select! {
                () = stopped(self.stop.clone()) => {}
                () = seat.asked_to_leave() => {}
            }
        };
        let calls = Calls { begin, reply_bytes_max, place: &place };
        let ended = serve(stream, calls, &door.settings.connection, stop).await;
        tracing::debug!(session = caller.session.0, %peer, reason = %ended, "connection ended");
    }

    /// Checks a new connection and sets its options; `None` when it is not wanted.
    fn prepare(&self, stream: TcpStream, peer: SocketAddr) -> Option<(std::net::TcpStream, SocketAddr, Place)> {
        let local = stream.local_addr().ok()?;
        let Some(zone) = self.door.registry.zone_for(local.ip()) else {
            tracing::debug!(%local, %peer, "no zone has this address");
            return None;
        };
        let zones = self.door.registry.count();
        let place = Connections::enter(&self.connections, (zone.id(), peer.ip()), &self.door.settings.limits(), zones)?;
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
