//! The clients that are remembered, and how many there may be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use meta::keys::Key;
use meta::{Version, keys};
use vfs::{ClientId, LockClient, ShardId};

/// A client that is remembered.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) client: LockClient,
    /// Where its records stand, all alike: in the shard of the root that it came to first, and in each in which it takes
    /// locks. Several only where zones overlap.
    pub(super) shards: BTreeSet<ShardId>,
    /// The change that wrote its records last.
    pub(super) version: Version,
    /// When it last asked for something in this life, or was seen to hold something, on the monotonic clock.
    pub(super) used: Option<Duration>,
}

/// All that are remembered, counted by shard and by source, and found by address.
#[derive(Debug, Default)]
pub(super) struct Roster {
    clients: BTreeMap<ClientId, Remembered>,
    by_address: BTreeMap<IpAddr, BTreeSet<ClientId>>,
    by_shard: BTreeMap<ShardId, usize>,
    by_source: BTreeMap<Place, usize>,
}

/// A shard, and where a client of it is: what counts as one machine.
type Place = (ShardId, IpAddr);

impl Remembered {
    /// The keys of its records.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.shards.iter().map(|shard| keys::nlm_client(*shard, self.client.id))
    }

    /// Whether the records say all that is to be said; when it took its first lock is what it said first.
    pub(super) fn is_current(&self, shard: ShardId, client: &LockClient) -> bool {
        self.shards.contains(&shard) && *client == LockClient { since: client.since, ..self.client.clone() }
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let source = source(self.client.address);
        self.shards.iter().map(move |shard| (*shard, source))
    }
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn contains(&self, client: ClientId) -> bool {
        self.clients.contains_key(&client)
    }

    pub(super) fn find(&self, client: ClientId) -> Option<&Remembered> {
        self.clients.get(&client)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Remembered> {
        self.clients.values()
    }

    /// Those at this address.
    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = &Remembered> {
        self.by_address.get(&address).into_iter().flatten().filter_map(|client| self.find(*client))
    }

    /// Takes note that a client is there now; gives it, if it is known.
    pub(super) fn touch(&mut self, client: ClientId, now: Duration) -> Option<&Remembered> {
        let found = self.clients.get_mut(&client)?;
        found.used = Some(now);
        Some(found)
    }

    /// When a client was there last: now, if that was not known.
    pub(super) fn used_since(&mut self, client: ClientId, now: Duration) -> Duration {
        self.clients.get_mut(&client).map_or(now, |found| *found.used.get_or_insert(now))
    }

    /// All records are written by this change, or one before.
    pub(super) fn written(&mut self, version: Version) {
        self.clients.values_mut().for_each(|known| known.version = version);
    }

    /// Whether there is room for what a client is to become: in the house, in each shard that is new to it, and for its
    /// source there.
    pub(super) fn has_room_for(&self, next: &Remembered) -> bool {
        let known = self.find(next.client.id);
        let is_counted = |place: &Place| known.is_some_and(|known| known.places().any(|counted| counted == *place));
        let is_free = |place: Place| {
            let (of_shard, of_source) = (self.by_shard.get(&place.0), self.by_source.get(&place));
            of_shard.is_none_or(|many| *many < SHARD_CLIENTS_MAX)
                && of_source.is_none_or(|many| *many < SOURCE_CLIENTS_MAX)
        };
        let is_in = known.is_some() || self.len() < CLIENTS_MAX;
        is_in && next.places().filter(|place| !is_counted(place)).all(is_free)
    }

    /// Puts a client in, in place of what was known of it.
    pub(super) fn insert(&mut self, next: Remembered) {
        self.remove(next.client.id);
        for place in next.places() {
            *self.by_shard.entry(place.0).or_default() += 1;
            *self.by_source.entry(place).or_default() += 1;
        }
        self.by_address.entry(next.client.address).or_default().insert(next.client.id);
        self.clients.insert(next.client.id, next);
    }

    pub(super) fn remove(&mut self, client: ClientId) -> Option<Remembered> {
        let removed = self.clients.remove(&client)?;
        for place in removed.places() {
            lower(&mut self.by_shard, place.0);
            lower(&mut self.by_source, place);
        }
        if let Some(there) = self.by_address.get_mut(&removed.client.address) {
            there.remove(&client);
            if there.is_empty() {
                self.by_address.remove(&removed.client.address);
            }
        }
        Some(removed)
    }
}

fn lower<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let Some(many) = counts.get_mut(&key) else { return };
    *many = many.saturating_sub(1);
    if *many == 0 {
        counts.remove(&key);
    }
}

/// One machine: an IPv4 address, or a /64 of IPv6, whose addresses one machine may have all.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// Most clients that are remembered.
pub(super) const CLIENTS_MAX: usize = 65_536;
/// Most of them in one shard: half of them, so that one tenant cannot use up all.
pub(super) const SHARD_CLIENTS_MAX: usize = CLIENTS_MAX / 2;
/// Most of them in one shard from one source: the name that a client gives itself is free text.
pub(super) const SOURCE_CLIENTS_MAX: usize = 1024;
