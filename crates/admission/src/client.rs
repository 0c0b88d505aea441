//! What counts as one client.

use std::net::{IpAddr, Ipv6Addr};

use vfs::ClientId;

/// What counts as one client where clients get shares: an IPv4 address, or a /64 of IPv6, whose addresses one machine
/// takes as it likes.
#[must_use]
pub fn client_network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// The number of a client: the same over all its connections and doors.
#[must_use]
pub fn client_id(client: IpAddr) -> ClientId {
    ClientId(match client {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let hash = blake3::hash(&address.octets());
            // The top bit keeps it apart from every IPv4 client.
            hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)) | 1 << 63
        }
    })
}
