//! The order of connections on one thread: zones share it equally, the clients of a zone share the zone's part, and the
//! connections of a client come one after the other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vfs::ZoneId;

use super::level::{Level, SLICE_ALONE_NS, SLICE_NS};

/// Whose connection it is: the zone it came to, and the client as [`crate::client_network`] tells them apart.
pub type Who = (ZoneId, IpAddr);

/// Connections that want to go on. `W` wakes one.
#[derive(Debug)]
pub(super) struct Queue<W> {
    round: u64,
    sequence: u64,
    zones: Level<ZoneId>,
    inside: BTreeMap<ZoneId, Inside<W>>,
    parked: usize,
    /// Connections that may go on and have not done so yet: by ticket, what their turn is expected to cost.
    granted: BTreeMap<Ticket, u64>,
}

/// The clients of one zone.
#[derive(Debug)]
struct Inside<W> {
    clients: Level<IpAddr>,
    /// First come, first served; by ticket. No longer than there are connections.
    parked: BTreeMap<IpAddr, BTreeMap<Ticket, W>>,
    /// What the last turn of each client cost.
    turns_ns: BTreeMap<IpAddr, u64>,
}

/// The place of one connection in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

impl<W> Default for Queue<W> {
    fn default() -> Self {
        let (zones, inside, granted) = (Level::default(), BTreeMap::new(), BTreeMap::new());
        Self { round: 0, sequence: 0, zones, inside, parked: 0, granted }
    }
}

impl<W> Queue<W> {
    /// One connection more.
    pub(super) fn join(&mut self, (zone, client): Who) {
        self.zones.join(zone);
        let new = || Inside { clients: Level::default(), parked: BTreeMap::new(), turns_ns: BTreeMap::new() };
        self.inside.entry(zone).or_insert_with(new).clients.join(client);
    }

    /// One connection less.
    pub(super) fn leave(&mut self, (zone, client): Who) {
        self.zones.leave(zone);
        let Some(inside) = self.inside.get_mut(&zone) else { return };
        inside.clients.leave(client);
        if !inside.parked.contains_key(&client) {
            inside.turns_ns.remove(&client);
        }
        if inside.clients.is_empty() {
            self.inside.remove(&zone);
        }
    }

    /// Whether connections wait.
    pub(super) fn has_parked(&self) -> bool {
        self.parked > 0
    }

    /// Whether turns should be short.
    pub(super) fn is_contended(&self, zone: ZoneId) -> bool {
        let is_contended = |inside: &Inside<W>| inside.clients.is_contended();
        self.zones.is_contended() || self.inside.get(&zone).is_some_and(is_contended)
    }

    /// Whether a connection that does not wait may go on at once. If so its turn has begun.
    pub(super) fn try_begin(&mut self, (zone, client): Who) -> bool {
        let Some(inside) = self.inside.get_mut(&zone) else { return true };
        let may_begin = !inside.parked.contains_key(&client)
            && self.zones.allows(zone, self.round)
            && inside.clients.allows(client, self.round);
        if may_begin {
            self.zones.begin(zone);
            inside.clients.begin(client);
        }
        may_begin
    }

    /// Takes up the turn that was granted, and returns what it was expected to cost; `None` when it was not granted.
    pub(super) fn begin_granted(&mut self, ticket: Ticket) -> Option<u64> {
        self.granted.remove(&ticket)
    }

    /// A turn has ended that cost so much, and was expected to cost so much.
    pub(super) fn end(&mut self, (zone, client): Who, (cost_ns, expected_ns): (u64, u64)) {
        self.zones.end(zone, self.round, (cost_ns, expected_ns));
        let Some(inside) = self.inside.get_mut(&zone) else { return };
        inside.clients.end(client, self.round, (cost_ns, expected_ns));
        inside.turns_ns.insert(client, cost_ns);
    }

    /// A connection waits for its turn.
    pub(super) fn park(&mut self, (zone, client): Who, waker: W) -> Option<Ticket> {
        let inside = self.inside.get_mut(&zone)?;
        self.sequence += 1;
        let ticket = Ticket(self.sequence);
        inside.parked.entry(client).or_default().insert(ticket, waker);
        inside.clients.wait(client);
        self.zones.wait(zone);
        self.parked += 1;
        Some(ticket)
    }

    /// What wakes a connection that waits.
    pub(super) fn waker(&mut self, (zone, client): Who, ticket: Ticket) -> Option<&mut W> {
        self.inside.get_mut(&zone)?.parked.get_mut(&client)?.get_mut(&ticket)
    }

    /// A connection waits no more.
    pub(super) fn unpark(&mut self, who: Who, ticket: Ticket) {
        if let Some(expected_ns) = self.granted.remove(&ticket) {
            self.end(who, (0, expected_ns));
        } else {
            drop(self.take(who, |_| Some(ticket)));
        }
    }

    /// Begins a round: everything that could go on has done so. Gives out turns for about one slice, to those who have
    /// had least; there is at least one when connections wait.
    pub(super) fn next_round(&mut self) -> Vec<W> {
        self.round += 1;
        self.zones.next_round();
        self.inside.values_mut().for_each(|inside| inside.clients.next_round());
        let (mut ready, mut granted_ns) = (Vec::new(), 0);
        while let Some((waker, expected_ns, is_contended)) = self.grant() {
            ready.push(waker);
            granted_ns += expected_ns;
            if granted_ns >= if is_contended { SLICE_NS } else { SLICE_ALONE_NS } {
                break;
            }
        }
        ready
    }

    fn grant(&mut self) -> Option<(W, u64, bool)> {
        let zone = self.zones.next()?;
        let inside = self.inside.get_mut(&zone)?;
        let client = inside.clients.next()?;
        let expected_ns = inside.turns_ns.get(&client).copied().unwrap_or(0).max(TURN_NS_MIN);
        self.zones.grant(zone, expected_ns);
        inside.clients.grant(client, expected_ns);
        let first = |parked: &BTreeMap<Ticket, W>| parked.keys().next().copied();
        let (ticket, waker) = self.take((zone, client), first)?;
        self.granted.insert(ticket, expected_ns);
        Some((waker, expected_ns, self.is_contended(zone)))
    }

    /// Takes one out of those who wait.
    fn take(
        &mut self,
        (zone, client): Who,
        which: impl FnOnce(&BTreeMap<Ticket, W>) -> Option<Ticket>,
    ) -> Option<(Ticket, W)> {
        let inside = self.inside.get_mut(&zone)?;
        let parked = inside.parked.get_mut(&client)?;
        let ticket = which(parked)?;
        let waker = parked.remove(&ticket)?;
        self.parked -= 1;
        if parked.is_empty() {
            inside.parked.remove(&client);
            inside.clients.rest(client);
        }
        if inside.parked.is_empty() {
            self.zones.rest(zone);
        }
        Some((ticket, waker))
    }
}

/// The least that a turn is taken to cost.
const TURN_NS_MIN: u64 = 4_000;
