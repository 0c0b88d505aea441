//! The zones that are served now, swapped as a whole.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use vfs::{InodeId, ZoneId};

use crate::zone::{Zone, ZoneDefinition};

/// The zones that are served now. A reader sees one whole set; a reload puts the next in its place, and whoever holds
/// an `Arc<Zone>` finishes with the old one. Reading takes no lock.
#[derive(Debug, Default)]
pub struct Registry {
    current: ArcSwap<Served>,
    /// How many sets have been served.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Served {
    zones: Vec<Arc<Zone>>,
    by_address: HashMap<IpAddr, Arc<Zone>>,
}

impl Registry {
    /// A registry of no zones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves these zones, each with the inode of its base directory, instead of those served so far. The definitions
    /// come from one call of [`load`](crate::load), which has seen that no two of them share an address, name or id.
    pub fn install(&self, zones: Vec<(ZoneDefinition, InodeId)>) {
        self.serve(zones.into_iter().map(|(zone, root)| Zone::new(zone, root)).collect());
    }

    /// As [`Registry::install`], with zones that may have other providers of groups than their own files.
    pub fn serve(&self, zones: Vec<Zone>) {
        let before = self.zones();
        let zones = zones.into_iter().map(|zone| match before.iter().find(|before| before.id() == zone.id()) {
            Some(before) => zone.in_place_of(before),
            None => zone,
        });
        let zones: Vec<_> = zones.map(Arc::new).collect();
        let addresses = zones.iter().flat_map(|zone| zone.definition().addresses().iter().map(move |at| (*at, zone)));
        let by_address = addresses.map(|(address, zone)| (address, Arc::clone(zone))).collect();
        self.current.store(Arc::new(Served { zones, by_address }));
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// Another number for each set: what was found out before [`Registry::version`] was the same still holds.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The zone of a connection by its local address; `None` when no zone has it, and the connection is to be closed.
    #[must_use]
    pub fn zone_for(&self, local: IpAddr) -> Option<Arc<Zone>> {
        self.current.load().by_address.get(&local.to_canonical()).map(Arc::clone)
    }

    /// The zone of this number.
    #[must_use]
    pub fn zone(&self, id: ZoneId) -> Option<Arc<Zone>> {
        self.current.load().zones.iter().find(|zone| zone.id() == id).map(Arc::clone)
    }

    /// All zones served now, in the order of their files.
    #[must_use]
    pub fn zones(&self) -> Vec<Arc<Zone>> {
        self.current.load().zones.clone()
    }

    /// How many zones are served now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.current.load().zones.len()
    }

    /// All addresses that zones are served on, sorted.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<_> = self.current.load().by_address.keys().copied().collect();
        addresses.sort_unstable();
        addresses
    }
}
