//! What counts as one client.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client where clients get shares: an IPv4 address, or a /64 of IPv6, whose addresses one machine
/// takes as it likes.
#[must_use]
pub fn client_network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}
