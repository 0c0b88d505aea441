//! Who asks for locks: clients and their owners.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admission::client_network;
use bytes::{BufMut, Bytes, BytesMut};
use nfs_wire::nlm4::Netobj;
use vfs::{ClientId, LockClient, LockOwner, ZoneId};

/// The number of a client, the same at every start: names of clients mean nothing outside their address, and addresses
/// nothing outside their zone. Keyed, so that nobody finds two names with one number.
pub(super) fn client_id(key: &[u8; 32], (zone, address, name): (ZoneId, IpAddr, &[u8])) -> ClientId {
    let address = match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&zone.0.to_be_bytes()).update(&address.octets()).update(name);
    ClientId(hasher.finalize().as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
}

/// An owner at a client: process and opaque bytes.
pub(crate) fn owner(client: ClientId, svid: u32, oh: &[u8]) -> LockOwner {
    let mut owner = BytesMut::with_capacity(4 + oh.len());
    owner.put_u32(svid);
    owner.put_slice(oh);
    LockOwner::Nlm { client, owner: owner.freeze() }
}

/// The process and opaque bytes of an owner; nothing of one that is no owner of ours.
pub(crate) fn parts(owner: &LockOwner) -> (u32, Netobj) {
    let LockOwner::Nlm { owner, .. } = owner else { return (0, Netobj::default()) };
    let svid = owner.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let oh = owner.get(4..).map(Bytes::copy_from_slice).unwrap_or_default();
    (svid, Netobj::new(oh).unwrap_or_default())
}

/// How many clients each address and zone has brought, so that no tenant fills the house's table of clients with names
/// that it makes up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_zone: Mutex<HashMap<ZoneId, OfZone>>,
}

#[derive(Debug, Default)]
struct OfZone {
    names: HashMap<IpAddr, HashSet<ClientId>>,
    /// When the clients that the house forgot were last taken out.
    cleaned: Option<Duration>,
}

impl Names {
    /// Whether there is room for a client; it has its place from then on. When there is none, those that the house has
    /// forgotten since make some: `remembered` says who is left, asked at most once a second. `now` is on the monotonic
    /// clock.
    pub(crate) fn admit(
        &self,
        (zone, address, client): (ZoneId, IpAddr, ClientId),
        now: Duration,
        remembered: impl FnOnce() -> Vec<LockClient>,
    ) -> bool {
        let mut by_zone = self.by_zone();
        let of_zone = by_zone.entry(zone).or_default();
        let network = client_network(address);
        if of_zone.insert(network, client) {
            return true;
        }
        if of_zone.cleaned.is_some_and(|cleaned| now < cleaned + CLEAN_INTERVAL) {
            return false;
        }
        of_zone.cleaned = Some(now);
        of_zone.keep(&remembered().iter().map(|client| client.id).collect());
        of_zone.insert(network, client)
    }

    /// Gives the place of a client back.
    pub(crate) fn forget(&self, zone: ZoneId, address: IpAddr, client: ClientId) {
        let mut by_zone = self.by_zone();
        let Some(of_zone) = by_zone.get_mut(&zone) else { return };
        let network = client_network(address);
        if let Some(names) = of_zone.names.get_mut(&network) {
            names.remove(&client);
            if names.is_empty() {
                of_zone.names.remove(&network);
            }
        }
    }

    fn by_zone(&self) -> MutexGuard<'_, HashMap<ZoneId, OfZone>> {
        self.by_zone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfZone {
    fn insert(&mut self, network: IpAddr, client: ClientId) -> bool {
        if self.names.len() >= ADDRESSES_PER_ZONE_MAX && !self.names.contains_key(&network) {
            return false;
        }
        let names = self.names.entry(network).or_default();
        names.contains(&client) || (names.len() < NAMES_PER_CLIENT_MAX && names.insert(client))
    }

    fn keep(&mut self, remembered: &HashSet<ClientId>) {
        self.names.retain(|_, names| {
            names.retain(|client| remembered.contains(client));
            !names.is_empty()
        });
    }
}

/// Networks of clients with locks, for each zone.
const ADDRESSES_PER_ZONE_MAX: usize = 4096;
/// Names that one client (an IPv4 address, a /64 of IPv6) may take.
const NAMES_PER_CLIENT_MAX: usize = 64;
const CLEAN_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn zone_address_and_name_make_a_client() {
        let first = client_id(&KEY, (ZoneId(1), address("192.0.2.1"), b"vm"));
        assert_eq!(first, client_id(&KEY, (ZoneId(1), address("::ffff:192.0.2.1"), b"vm")));
        for other in [
            client_id(&KEY, (ZoneId(2), address("192.0.2.1"), b"vm")),
            client_id(&KEY, (ZoneId(1), address("192.0.2.2"), b"vm")),
            client_id(&KEY, (ZoneId(1), address("192.0.2.1"), b"vm2")),
            client_id(&[8; 32], (ZoneId(1), address("192.0.2.1"), b"vm")),
        ] {
            assert_ne!(first, other);
        }
        // It is kept with the store: another number would be another client.
        assert_eq!(first, ClientId(4_617_915_665_017_228_833));
    }

    #[test]
    fn owners_come_apart_again() {
        let (svid, oh) = parts(&owner(ClientId(1), 0xffff_fffe, b"12@vm"));
        assert_eq!((svid, &oh[..]), (0xffff_fffe, &b"12@vm"[..]));
        assert_ne!(owner(ClientId(1), 1, b"x"), owner(ClientId(2), 1, b"x"));
        assert_eq!(parts(&LockOwner::Open(vfs::OpenId(1))), (0, Netobj::default()));
    }

    #[test]
    fn an_address_makes_up_so_many_names_only() {
        let names = Names::default();
        let admit = |at: &str, client| {
            let client = (ZoneId(1), address(at), ClientId(client));
            names.admit(client, Duration::ZERO, || (0..NAMES_PER_CLIENT_MAX as u64).map(remembered).collect())
        };
        for client in 0..NAMES_PER_CLIENT_MAX as u64 {
            assert!(admit("192.0.2.1", client));
        }
        assert!(!admit("192.0.2.1", 1000) && admit("192.0.2.1", 5) && admit("192.0.2.2", 1000));
        names.forget(ZoneId(1), address("192.0.2.1"), ClientId(5));
        assert!(admit("192.0.2.1", 1000));
        assert!(names.admit((ZoneId(2), address("192.0.2.1"), ClientId(1001)), Duration::ZERO, Vec::new));
        assert!(!admit("192.0.2.1", 2000));
        // The house has forgotten all but one.
        let late = |client| {
            let client = (ZoneId(1), address("192.0.2.1"), ClientId(client));
            names.admit(client, Duration::from_secs(1), || vec![remembered(1000)])
        };
        assert!((2000..2063).all(late) && !late(3000));
    }

    fn remembered(id: u64) -> LockClient {
        let (address, since) = (address("192.0.2.1"), vfs::Timestamp::default());
        LockClient { id: ClientId(id), name: Bytes::new(), address, server: address, state: 0, since }
    }
}
