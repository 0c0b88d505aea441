//! Which connections are let in: shares of zones and clients, and who makes room.
//!
//! A client is known within its zone only: networks of different tenants may have the same addresses.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pages::Pool;
use tokio::sync::Notify;
use tokio::time::Instant;
use vfs::ZoneId;

use crate::{HeldBytes, Threads, Who, client_network};

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFigures {
    /// Open now.
    pub open: usize,
    /// Accepted since the start.
    pub accepted: u64,
    /// Refused since the start: too many, or no zone has the local address.
    pub refused: u64,
    /// Idle connections that were closed since the start to make room for a new one of the same client.
    pub displaced: u64,
}

/// How many connections a door lets in, and how much they may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once.
    pub connections_max: usize,
    /// Of them at the addresses of one zone.
    pub per_zone_max: usize,
    /// Of them from one client of a zone: an IPv4 address, or a /64 of IPv6. When there are as many, one that has been
    /// idle for 10 s makes room for a new one of the same client.
    pub per_client_max: usize,
    /// Bytes that all connections may hold. The connections of one zone may hold its equal part of these bytes, at most
    /// 1 GiB and at least what four connections may; those of one client a quarter of that, at least what one may.
    pub bytes_max: usize,
    /// Bytes that one connection may hold.
    pub connection_bytes_max: usize,
}

/// All connections of the door.
#[derive(Debug)]
pub struct Connections {
    started: Instant,
    held: Arc<HeldBytes>,
    pool: Pool,
    threads: Arc<Threads>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    figures: ConnectionFigures,
    sequence: u64,
    zones: HashMap<ZoneId, OfZone>,
    clients: HashMap<Who, OfClient>,
}

#[derive(Debug)]
struct OfZone {
    open: usize,
    held: Arc<HeldBytes>,
}

#[derive(Debug)]
struct OfClient {
    held: Arc<HeldBytes>,
    /// Oldest first.
    seats: BTreeMap<u64, Arc<Seat>>,
    /// Nobody can be asked to leave before.
    look_again_ms: u64,
}

/// What the door and one of its connections tell each other.
#[derive(Debug, Default)]
pub struct Seat {
    /// Since when the connection has nothing to do, in milliseconds since the start of the door; [`BUSY`] if it has.
    idle_since_ms: AtomicU64,
    is_asked_to_leave: AtomicBool,
    leave: Notify,
}

/// A place among the open connections; given back when dropped.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    who: Who,
    held: Arc<HeldBytes>,
    seat: Arc<Seat>,
    /// `None`: it is not counted.
    number: Option<u64>,
}

impl Connections {
    /// None yet. Doors with the same `threads` take turns with each other.
    #[must_use]
    pub fn new(held_bytes_max: usize, pool: Pool, threads: Arc<Threads>) -> Self {
        let held = Arc::new(HeldBytes::new(held_bytes_max));
        Self { started: Instant::now(), held, pool, threads, counted: Mutex::default() }
    }

    /// A place for a new connection, if there is one. When there is none, a connection of the same client that has been
    /// idle for long makes room: clients that were restarted leave dead ones behind.
    pub fn enter(
        connections: &Arc<Self>,
        (zone, peer): (ZoneId, IpAddr),
        limits: &Limits,
        zones: usize,
    ) -> Option<Place> {
        let who = (zone, client_network(peer));
        let now_ms = connections.now_ms();
        let mut counted = connections.counted();
        let mut is_let_in = counted.has_room(who, limits);
        if !is_let_in && counted.displace(who, now_ms) {
            is_let_in = counted.has_room(who, limits);
        }
        if !is_let_in {
            tracing::debug!(%peer, open = counted.figures.open, "too many connections");
            return None;
        }
        let held_limits = HeldLimits::of(limits, zones);
        let seat = Arc::new(Seat { idle_since_ms: AtomicU64::new(now_ms), ..Seat::default() });
        let (number, held) = counted.add(who, (&connections.held, held_limits), &seat);
        Some(Place { connections: Arc::clone(connections), who, held, seat, number: Some(number) })
    }

    /// A place that counts for nobody, and whose bytes count for all.
    pub fn beside(connections: &Arc<Self>, (zone, peer): (ZoneId, IpAddr)) -> Place {
        let (who, held) = ((zone, client_network(peer)), Arc::clone(&connections.held));
        Place { connections: Arc::clone(connections), who, held, seat: Arc::default(), number: None }
    }

    /// One was not let in.
    pub fn refuse(&self) {
        self.counted().figures.refused += 1;
    }

    /// How many there are.
    pub fn figures(&self) -> ConnectionFigures {
        self.counted().figures
    }

    /// How many a zone has.
    pub fn of_zone(&self, zone: ZoneId) -> usize {
        self.counted().zones.get(&zone).map_or(0, |zone| zone.open)
    }

    /// Milliseconds since the start, and at least 1.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(BUSY + 1)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn has_room(&self, who: Who, limits: &Limits) -> bool {
        let of_zone = self.zones.get(&who.0).map_or(0, |zone| zone.open);
        let of_client = self.clients.get(&who).map_or(0, |client| client.seats.len());
        self.figures.open < limits.connections_max && of_zone < limits.per_zone_max && of_client < limits.per_client_max
    }

    fn add(
        &mut self,
        who: Who,
        (all, limits): (&Arc<HeldBytes>, HeldLimits),
        seat: &Arc<Seat>,
    ) -> (u64, Arc<HeldBytes>) {
        self.figures.open += 1;
        self.figures.accepted += 1;
        self.sequence += 1;
        let new_zone = || OfZone { open: 0, held: Arc::new(HeldBytes::part_of(Arc::clone(all), limits.zone)) };
        let zone = self.zones.entry(who.0).or_insert_with(new_zone);
        zone.open += 1;
        zone.held.set_max(limits.zone);
        let new_client = || OfClient {
            held: Arc::new(HeldBytes::part_of(Arc::clone(&zone.held), limits.client)),
            seats: BTreeMap::new(),
            look_again_ms: 0,
        };
        let client = self.clients.entry(who).or_insert_with(new_client);
        client.held.set_max(limits.client);
        client.seats.insert(self.sequence, Arc::clone(seat));
        (self.sequence, Arc::clone(&client.held))
    }

    /// Asks the connection of this client to leave that has been idle for longest, of the oldest ones. Its place is free
    /// at once.
    fn displace(&mut self, who: Who, now_ms: u64) -> bool {
        let Some(client) = self.clients.get_mut(&who).filter(|client| client.look_again_ms <= now_ms) else {
            return false;
        };
        let idle_since = |seat: &Seat| Some(seat.idle_since_ms.load(Ordering::Relaxed)).filter(|since| *since != BUSY);
        let looked_at = client.seats.iter().take(LOOKED_AT_MAX);
        let longest = looked_at.filter_map(|(number, seat)| Some((idle_since(seat)?, *number))).min();
        let idle_ms = longest.map_or(0, |(since_ms, _)| now_ms.saturating_sub(since_ms));
        match longest {
            Some((_, number)) if idle_ms >= DISPLACED_AFTER_MS => {
                client.seats.get(&number).inspect(|seat| seat.ask_to_leave());
                self.figures.displaced += 1;
                self.remove(who, number);
                true
            }
            _ => {
                client.look_again_ms = now_ms + (DISPLACED_AFTER_MS - idle_ms).min(LOOK_AGAIN_MS);
                false
            }
        }
    }

    /// Forgets a connection; one that was asked to leave is forgotten already.
    fn remove(&mut self, who: Who, number: u64) {
        let Some(client) = self.clients.get_mut(&who) else { return };
        if client.seats.remove(&number).is_none() {
            return;
        }
        if client.seats.is_empty() {
            self.clients.remove(&who);
        }
        self.figures.open = self.figures.open.saturating_sub(1);
        let Some(zone) = self.zones.get_mut(&who.0) else { return };
        zone.open = zone.open.saturating_sub(1);
        if zone.open == 0 {
            self.zones.remove(&who.0);
        }
    }
}

/// Bytes that the connections of a zone and of a client may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldLimits {
    zone: usize,
    client: usize,
}

impl HeldLimits {
    /// A zone may hold its part of all, a client a quarter of that. Where many zones make the parts small, a zone may
    /// hold what four connections may, and a client what one connection may: then the bound of all comes first.
    fn of(limits: &Limits, zones: usize) -> Self {
        let all = limits.bytes_max;
        let least = limits.connection_bytes_max;
        let zone = (all / zones.max(1)).min(ZONE_BYTES_MAX).max(least.saturating_mul(4)).min(all);
        Self { zone, client: (zone / 4).max(least).min(all) }
    }
}

impl Seat {
    /// Resolves when the connection is to make room.
    pub async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether the connection is to make room.
    pub fn is_asked_to_leave(&self) -> bool {
        self.is_asked_to_leave.load(Ordering::Relaxed)
    }

    fn ask_to_leave(&self) {
        self.is_asked_to_leave.store(true, Ordering::Relaxed);
        self.leave.notify_one();
    }
}

impl Place {
    /// Whose it is.
    pub fn who(&self) -> Who {
        self.who
    }

    /// What the client's connections hold.
    pub fn held(&self) -> &HeldBytes {
        &self.held
    }

    /// Where the blocks come from that data is received into.
    pub fn pool(&self) -> &Pool {
        &self.connections.pool
    }

    /// The turns on this thread.
    pub fn threads(&self) -> &Threads {
        &self.connections.threads
    }

    /// What the door and the connection tell each other.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// The connection has had nothing to do since a moment, or has something to do.
    pub fn set_idle(&self, since: Option<Instant>) {
        let since_start = |at: Instant| at.saturating_duration_since(self.connections.started).as_millis();
        let ms = since.map_or(BUSY, |at| u64::try_from(since_start(at)).unwrap_or(u64::MAX).max(BUSY + 1));
        self.seat.idle_since_ms.store(ms, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.connections.counted().remove(self.who, number);
        }
    }
}

/// The time of a connection that has something to do.
const BUSY: u64 = 0;
/// Idle for so long, a connection makes room for a new one of its client.
const DISPLACED_AFTER_MS: u64 = 10_000;
/// Longest time until a full client's connections are looked at again.
const LOOK_AGAIN_MS: u64 = 1000;
/// Connections that are looked at for one that makes room, oldest first.
const LOOKED_AT_MAX: usize = 256;
/// Most that the connections of one zone may hold.
const ZONE_BYTES_MAX: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pages::PoolSettings;

    use super::*;

    const LIMITS: Limits = Limits {
        connections_max: 4,
        per_zone_max: 3,
        per_client_max: 2,
        bytes_max: 1 << 30,
        connection_bytes_max: 16 << 20,
    };

    fn new() -> Connections {
        Connections::new(usize::MAX, Pool::new(PoolSettings::default()), Arc::default())
    }

    #[test]
    fn each_zone_and_client_has_its_share_of_connections() {
        let connections = Arc::new(new());
        let enter =
            |zone, peer: &str| Connections::enter(&connections, (ZoneId(zone), peer.parse().unwrap()), &LIMITS, 2);
        let first = enter(1, "2001:db8::1").unwrap();
        let _second = enter(1, "2001:db8::ffff:2").unwrap();
        assert!(enter(1, "2001:db8::3").is_none(), "addresses of one /64 are one client");
        let third = enter(1, "2001:db8:0:1::1").unwrap();
        assert!(enter(1, "192.0.2.1").is_none(), "the zone has its share");
        let fourth = enter(2, "192.0.2.1").unwrap();
        assert!(enter(2, "192.0.2.2").is_none(), "there are no more");
        drop(fourth);
        assert!(enter(2, "192.0.2.2").is_some());
        drop((first, third));
        let _again = enter(1, "2001:db8::3").unwrap();
        let _same_address = enter(2, "2001:db8::3").expect("in another zone it is another client");
        assert_eq!(connections.figures().open, 3);
    }

    #[test]
    fn who_is_idle_for_long_makes_room_for_its_own_client_only() {
        let now = Instant::now();
        let long_ago = now.checked_sub(Duration::from_secs(11));
        let started = now.checked_sub(Duration::from_secs(60)).unwrap();
        let connections = Arc::new(Connections { started, ..new() });
        let enter = |peer: [u8; 4]| Connections::enter(&connections, (ZoneId(1), peer.into()), &LIMITS, 1);
        let look_again = || connections.counted().clients.values_mut().for_each(|client| client.look_again_ms = 0);
        let (mine, theirs) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let [old, busy] = [enter(mine).unwrap(), enter(mine).unwrap()];
        let other = enter(theirs).unwrap();
        busy.set_idle(None);
        assert!(enter(mine).is_none(), "nobody is idle for long");
        old.set_idle(long_ago);
        assert!(enter(mine).is_none(), "it was looked at a moment ago");
        look_again();
        assert!(enter([192, 0, 2, 3]).is_none(), "the zone is full, and a stranger makes no room");
        assert!(!old.seat().is_asked_to_leave());
        let new = enter(mine).expect("the old one makes room");
        assert!(old.seat().is_asked_to_leave() && !busy.seat().is_asked_to_leave());
        let figures = connections.figures();
        assert_eq!((figures.open, figures.displaced), (3, 1), "its place is free at once");
        drop(old);
        assert_eq!(connections.figures().open, 3, "and is not given back twice");
        other.set_idle(long_ago);
        look_again();
        assert!(enter(mine).is_none(), "one is busy, one is new, and the other is not its own");
        drop((busy, new, other));
        assert_eq!(connections.figures().open, 0);
        assert!(connections.counted().clients.is_empty() && connections.counted().zones.is_empty());
    }

    #[test]
    fn bytes_are_shared_by_zones_and_clients() {
        let settings = |all| Limits { bytes_max: all, ..LIMITS };
        let limits = |all: usize, zones| {
            let HeldLimits { zone, client } = HeldLimits::of(&settings(all << 20), zones);
            (zone >> 20, client >> 20)
        };
        assert_eq!(limits(8192, 2), (1024, 256));
        assert_eq!(limits(1024, 1), (1024, 256));
        assert_eq!(limits(1024, 4), (256, 64));
        assert_eq!(limits(1024, 1000), (64, 16), "no less than four connections and one");
        assert_eq!(limits(16, 2), (16, 16), "no more than all");
    }
}
