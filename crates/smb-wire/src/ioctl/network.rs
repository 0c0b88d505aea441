//! `FSCTL_QUERY_NETWORK_INTERFACE_INFO`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::codec::{DecodeError, Decoder, Encode, Encoder, flags};
use crate::info::Entry;

const INTERNETWORK: u16 = 0x0002;
const INTERNETWORK_V6: u16 = 0x0017;
const ADDRESS_BYTES: usize = 128;

flags! {
    /// `Capability` (MS-SMB2 2.2.32.5).
    pub struct InterfaceCapabilities(u32) {
        RSS_CAPABLE = 1 "RSS_CAPABLE",
        RDMA_CAPABLE = 2 "RDMA_CAPABLE",
    }
}

/// `SockAddr_Storage` (MS-SMB2 2.2.32.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketAddress {
    /// `SOCKADDR_IN` or `SOCKADDR_IN6`, without port, flow and scope, which are zero.
    Ip(IpAddr),
    /// Another family, which is ignored.
    Other(u16),
}

/// `NETWORK_INTERFACE_INFO Response` (MS-SMB2 2.2.32.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `IfIndex`.
    pub index: u32,
    /// `Capability`.
    pub capabilities: InterfaceCapabilities,
    /// `LinkSpeed` in bits a second.
    pub link_speed: u64,
    /// `SockAddr_Storage`.
    pub address: SocketAddress,
}

impl<'a> Entry<'a> for NetworkInterface {
    const ALIGNMENT: usize = 8;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let index = decoder.read("IfIndex")?;
        let capabilities = decoder.read("Capability")?;
        decoder.skip(4)?;
        let link_speed = decoder.read("LinkSpeed")?;
        let mut storage = Decoder::new(decoder.take(ADDRESS_BYTES, "SockAddr_Storage")?);
        let family: u16 = storage.read("Family")?;
        storage.skip(2)?;
        let address = match family {
            INTERNETWORK => SocketAddress::Ip(Ipv4Addr::from(storage.array::<4>("IPv4Address")?).into()),
            INTERNETWORK_V6 => {
                storage.skip(4)?;
                SocketAddress::Ip(Ipv6Addr::from(storage.array::<16>("IPv6Address")?).into())
            }
            other => SocketAddress::Other(other),
        };
        Ok(Self { index, capabilities, link_speed, address })
    }
}

impl Encode for NetworkInterface {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.index);
        encoder.put(self.capabilities);
        encoder.put_zeros(4);
        encoder.put(self.link_speed);
        let start = encoder.offset();
        match self.address {
            SocketAddress::Ip(IpAddr::V4(address)) => {
                encoder.put(INTERNETWORK);
                encoder.put_zeros(2);
                encoder.put(address.octets());
            }
            SocketAddress::Ip(IpAddr::V6(address)) => {
                encoder.put(INTERNETWORK_V6);
                encoder.put_zeros(6);
                encoder.put(address.octets());
            }
            SocketAddress::Other(family) => encoder.put(family),
        }
        encoder.put_zeros(ADDRESS_BYTES + start - encoder.offset());
    }
}
