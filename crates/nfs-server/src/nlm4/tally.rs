//! How much of something bounded each client and each zone has.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use admission::client_network;
use vfs::ZoneId;

/// How much each client (as [`client_network`] tells them apart, in its zone) and each zone has.
#[derive(Debug)]
pub(crate) struct Tally {
    limits: Limits,
    of_client: HashMap<(ZoneId, IpAddr), usize>,
    of_zone: HashMap<ZoneId, usize>,
}

/// The most that each may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) per_client: usize,
    pub(crate) per_zone: usize,
}

impl Tally {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, of_client: HashMap::new(), of_zone: HashMap::new() }
    }

    /// Whether a client may have one more.
    pub(crate) fn has_room(&self, zone: ZoneId, client: IpAddr) -> bool {
        let of_client = self.of_client.get(&(zone, client_network(client))).copied().unwrap_or(0);
        let of_zone = self.of_zone.get(&zone).copied().unwrap_or(0);
        of_client < self.limits.per_client && of_zone < self.limits.per_zone
    }

    /// What all have.
    #[cfg(test)]
    pub(super) fn total(&self) -> usize {
        self.of_zone.values().sum()
    }

    /// A client has one more.
    pub(crate) fn add(&mut self, zone: ZoneId, client: IpAddr) {
        *self.of_client.entry((zone, client_network(client))).or_default() += 1;
        *self.of_zone.entry(zone).or_default() += 1;
    }

    /// A client has one less.
    pub(crate) fn subtract(&mut self, zone: ZoneId, client: IpAddr) {
        subtract(&mut self.of_client, (zone, client_network(client)));
        subtract(&mut self.of_zone, zone);
    }
}

fn subtract<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    let left = counts.get(&key).map_or(0, |count| count.saturating_sub(1));
    if left == 0 {
        counts.remove(&key);
    } else {
        counts.insert(key, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_zones_have_so_much_each() {
        let mut tally = Tally::new(Limits { per_client: 2, per_zone: 3 });
        let [a, b, c]: [IpAddr; 3] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse().unwrap());
        tally.add(ZoneId(1), a);
        tally.add(ZoneId(1), b);
        assert!(!tally.has_room(ZoneId(1), a) && !tally.has_room(ZoneId(1), b), "one network");
        assert!(tally.has_room(ZoneId(1), c) && tally.has_room(ZoneId(2), a));
        tally.add(ZoneId(1), c);
        assert!(!tally.has_room(ZoneId(1), c), "the zone has all of its share");
        tally.subtract(ZoneId(1), b);
        assert!(tally.has_room(ZoneId(1), a) && tally.has_room(ZoneId(1), c));
        tally.subtract(ZoneId(1), a);
        tally.subtract(ZoneId(1), c);
        assert!(tally.of_client.is_empty() && tally.of_zone.is_empty(), "nothing is left behind");
    }
}
