//! Universal addresses (RFC 5665 5.2.3): `192.0.2.7.8.1` is port 2049 of 192.0.2.7.

use std::net::{IpAddr, SocketAddr};

/// The universal address of `address`. The scope of an IPv6 address is left out.
#[must_use]
pub fn format_universal_address(address: SocketAddr) -> String {
    let [high, low] = address.port().to_be_bytes();
    format!("{}.{high}.{low}", address.ip())
}

/// The address that a universal address of IPv4 or IPv6 names, or `None` if it is none.
#[must_use]
pub fn parse_universal_address(universal: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(universal).ok()?;
    let (rest, low) = text.rsplit_once('.')?;
    let (host, high) = rest.rsplit_once('.')?;
    let host: IpAddr = host.parse().ok()?;
    let port = u16::from_be_bytes([parse_octet(high)?, parse_octet(low)?]);
    Some(SocketAddr::new(host, port))
}

/// Digits only: `u8::from_str` would also take a sign.
fn parse_octet(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_both_ways() {
        for (address, universal) in [
            ("192.0.2.7:2049", "192.0.2.7.8.1"),
            ("0.0.0.0:111", "0.0.0.0.0.111"),
            ("[2001:db8::7]:2049", "2001:db8::7.8.1"),
            ("[::]:65535", "::.255.255"),
            ("[::ffff:192.0.2.7]:2049", "::ffff:192.0.2.7.8.1"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(format_universal_address(address), universal);
            assert_eq!(parse_universal_address(universal.as_bytes()), Some(address));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for universal in
            ["", ".", "192.0.2.7", "192.0.2.7.8", "192.0.2.7.256.1", "192.0.2.7.+8.1", "host.8.1", "1.2.3.4.5.6.7"]
        {
            assert_eq!(parse_universal_address(universal.as_bytes()), None, "{universal}");
        }
        assert_eq!(parse_universal_address(b"192.0.2.7.8.\xff"), None);
    }
}
