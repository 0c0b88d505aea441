//! The port mapper (RFC 1833): where the programs of a zone listen. It tells only of this house; SET and UNSET are
//! refused.

use std::net::{IpAddr, SocketAddr};

use nfs_wire::portmap::rpcbind::{AddressEntry, BindString, Binding, v3, v4};
use nfs_wire::portmap::{Dump, Getport, Mapping, MappingList, Null, PROTOCOL_TCP, PROTOCOL_UDP, Set, Unset};
use nfs_wire::portmap::{format_universal_address, parse_universal_address, rpcbind};
use nfs_wire::rpc::{
    AcceptStat, MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM, NSM_PROGRAM, PORTMAP_PROGRAM, Procedure, RQUOTA_PROGRAM,
    ReplyHeader,
};
use nfs_wire::xdr::{Decode, Decoder};
use vfs::Clock;

use crate::reply::Reply;
use crate::settings::Settings;

/// Versions served.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 2..=4;

/// What a portmap call may know: the address it came to, and the ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directory<'a> {
    pub(crate) local: IpAddr,
    pub(crate) settings: &'a Settings,
    pub(crate) clock: &'a dyn Clock,
    /// Lists are told. They are much longer than the question: whoever forges the address of a datagram could flood
    /// another with them.
    pub(crate) may_list: bool,
}

/// A service as the mapper tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Service {
    program: u32,
    version: u32,
    protocol: u32,
    port: u16,
}

/// Does a portmap or rpcbind call and returns its reply.
pub(crate) fn dispatch(directory: &Directory<'_>, (xid, version, procedure): (u32, u32, u32), args: Decoder) -> Reply {
    let reply = match version {
        2 => directory.version_2(xid, procedure, args),
        _ => directory.rpcbind(xid, (version, procedure), args),
    };
    reply.unwrap_or_else(|status| Reply::header_only(&ReplyHeader::accepted(xid, status)))
}

impl Directory<'_> {
    fn version_2(&self, xid: u32, procedure: u32, mut args: Decoder) -> Result<Reply, AcceptStat> {
        Ok(match procedure {
            Null::NUMBER => Reply::success(xid, &()),
            Set::NUMBER | Unset::NUMBER => {
                decode::<Mapping>(&mut args)?;
                Reply::success(xid, &false)
            }
            Getport::NUMBER => {
                let asked = decode::<Mapping>(&mut args)?;
                let is_same = |service: &Service| {
                    (service.program, service.protocol) == (asked.program, asked.protocol)
                        && service.version == asked.version
                };
                let port = self.services().find(is_same).map_or(0, |service| u32::from(service.port));
                Reply::success(xid, &port)
            }
            Dump::NUMBER => {
                let mappings = self.listed().map(|service| Mapping {
                    program: service.program,
                    version: service.version,
                    protocol: service.protocol,
                    port: u32::from(service.port),
                });
                Reply::success(xid, &mappings.collect::<MappingList>())
            }
            _ => return Err(AcceptStat::ProcUnavail),
        })
    }

    fn rpcbind(&self, xid: u32, (version, procedure): (u32, u32), mut args: Decoder) -> Result<Reply, AcceptStat> {
        let is_4 = version == v4::Null::VERSION;
        Ok(match procedure {
            v3::Null::NUMBER => Reply::success(xid, &()),
            v3::Set::NUMBER | v3::Unset::NUMBER => {
                decode::<Binding>(&mut args)?;
                Reply::success(xid, &false)
            }
            v3::Getaddr::NUMBER => Reply::success(xid, &self.address_of(&decode(&mut args)?, is_4)),
            v3::Dump::NUMBER => {
                let bindings = self.listed().map(|service| self.binding(service));
                Reply::success(xid, &bindings.collect::<rpcbind::BindingList>())
            }
            v3::Gettime::NUMBER => Reply::success(xid, &u32::try_from(self.clock.now().seconds).unwrap_or(0)),
            v4::Getversaddr::NUMBER if is_4 => Reply::success(xid, &self.address_of(&decode(&mut args)?, false)),
            v4::Getaddrlist::NUMBER if is_4 => {
                let asked = decode::<Binding>(&mut args)?;
                let is_same = |service: &Service| (service.program, service.version) == (asked.program, asked.version);
                let entries = self.listed().filter(is_same).map(|service| self.entry(service));
                Reply::success(xid, &entries.collect::<rpcbind::AddressList>())
            }
            _ => return Err(AcceptStat::ProcUnavail),
        })
    }

    /// The universal address of a program, or nothing. With `any_version` another version does when the one asked for
    /// is missing. A client says in `r_addr` at which address it found this mapper; that one works for it, also where
    /// addresses are translated on the way.
    fn address_of(&self, asked: &Binding, any_version: bool) -> BindString {
        let is_same = |service: &Service| {
            service.program == asked.program && self.netid(service.protocol).as_bytes() == &asked.netid[..]
        };
        let exact = self.services().filter(is_same).find(|service| service.version == asked.version);
        let found = exact.or_else(|| self.services().filter(is_same).find(|_| any_version));
        let host = self.host_asked_for(asked).unwrap_or(self.local);
        found.map(|service| universal(host, service.port)).unwrap_or_default()
    }

    fn binding(&self, service: Service) -> Binding {
        Binding {
            program: service.program,
            version: service.version,
            netid: BindString::from_static(self.netid(service.protocol)),
            address: universal(self.local, service.port),
            owner: BindString::from_static("superuser"),
        }
    }

    fn entry(&self, service: Service) -> AddressEntry {
        let is_stream = service.protocol == PROTOCOL_TCP;
        AddressEntry {
            address: universal(self.local, service.port),
            netid: BindString::from_static(self.netid(service.protocol)),
            semantics: if is_stream { STREAM_WITH_ORDERLY_RELEASE } else { DATAGRAMS },
            protocol_family: BindString::from_static(if self.local.is_ipv4() { "inet" } else { "inet6" }),
            protocol: BindString::from_static(if is_stream { "tcp" } else { "udp" }),
        }
    }

    fn host_asked_for(&self, asked: &Binding) -> Option<IpAddr> {
        let host = parse_universal_address(&asked.address)?.ip();
        let is_usable = host.is_ipv4() == self.local.is_ipv4() && !host.is_unspecified() && !host.is_multicast();
        is_usable.then_some(host)
    }

    fn netid(&self, protocol: u32) -> &'static str {
        match (protocol, self.local.is_ipv4()) {
            (PROTOCOL_TCP, true) => "tcp",
            (PROTOCOL_TCP, false) => "tcp6",
            (_, true) => "udp",
            (_, false) => "udp6",
        }
    }

    fn listed(&self) -> impl Iterator<Item = Service> {
        self.services().filter(|_| self.may_list)
    }

    fn services(&self) -> impl Iterator<Item = Service> {
        let service = |(program, version, protocol), port| Service { program, version, protocol, port };
        let mapper = VERSIONS.flat_map(|version| [PROTOCOL_TCP, PROTOCOL_UDP].map(|protocol| (version, protocol)));
        let mapper_port = self.settings.portmap_port;
        let mapper = mapper.map(move |(version, protocol)| service((PORTMAP_PROGRAM, version, protocol), mapper_port));
        let nfs_port = self.settings.nfs_port;
        mapper.chain(SERVED.into_iter().map(move |served| service(served, nfs_port)))
    }
}

/// What is served on the port of NFS: program, version, protocol. NFS itself is not served over UDP.
pub(crate) const SERVED: [(u32, u32, u32); 15] = [
    (NFS_PROGRAM, 3, PROTOCOL_TCP),
    (MOUNT_PROGRAM, 1, PROTOCOL_TCP),
    (MOUNT_PROGRAM, 2, PROTOCOL_TCP),
    (MOUNT_PROGRAM, 3, PROTOCOL_TCP),
    (MOUNT_PROGRAM, 1, PROTOCOL_UDP),
    (MOUNT_PROGRAM, 2, PROTOCOL_UDP),
    (MOUNT_PROGRAM, 3, PROTOCOL_UDP),
    (NLM_PROGRAM, 4, PROTOCOL_TCP),
    (NLM_PROGRAM, 4, PROTOCOL_UDP),
    (NSM_PROGRAM, 1, PROTOCOL_TCP),
    (NSM_PROGRAM, 1, PROTOCOL_UDP),
    (RQUOTA_PROGRAM, 1, PROTOCOL_TCP),
    (RQUOTA_PROGRAM, 2, PROTOCOL_TCP),
    (RQUOTA_PROGRAM, 1, PROTOCOL_UDP),
    (RQUOTA_PROGRAM, 2, PROTOCOL_UDP),
];

fn universal(host: IpAddr, port: u16) -> BindString {
    let address = format_universal_address(SocketAddr::new(host, port));
    BindString::new(address.into_bytes()).unwrap_or_default()
}

fn decode<T: Decode>(args: &mut Decoder) -> Result<T, AcceptStat> {
    T::decode(args).map_err(|_| AcceptStat::GarbageArgs)
}

/// `NC_TPI_CLTS` and `NC_TPI_COTS_ORD` (RFC 1833 2.1).
const DATAGRAMS: u32 = 1;
const STREAM_WITH_ORDERLY_RELEASE: u32 = 3;
