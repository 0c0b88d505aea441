//! Entries of client lists: hosts, networks, netgroups.

use std::net::Ipv4Addr;
use std::ops::Range;

use ipnet::IpNet;

use super::Reader;
use crate::client::ClientList;
use crate::settings::Text;

/// How a list takes host names that cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolvable {
    /// They are wrong.
    Refused,
    /// They stand for nobody, with a warning.
    Ignored,
    /// They are wrong although the export ignores them elsewhere: the client would be let in more widely. Says why.
    NeverIgnored(&'static str),
}

/// Why a host stands for no address.
enum HostFault {
    /// It is no host at all.
    Wrong(String),
    /// It is well-formed, but nobody knows it now.
    Unresolved(String),
}

impl Reader<'_> {
    pub(super) fn clients(&mut self, key: &str, written: &[Text], unresolvable: Unresolvable) -> ClientList {
        let mut clients = ClientList::default();
        for (index, text) in written.iter().enumerate() {
            let key = format!("{key}[{index}]");
            let networks = self.client((&key, text.span()), text.get_ref(), unresolvable);
            clients.add(text.get_ref(), networks);
        }
        clients
    }

    /// The networks of an entry; what is wrong is noted.
    fn client(&mut self, place: (&str, Range<usize>), text: &str, unresolvable: Unresolvable) -> Vec<IpNet> {
        let Some(name) = text.strip_prefix('@') else {
            let found = self.host_networks(text);
            return self.noted(place, found, unresolvable);
        };
        let hosts = match self.netgroup_hosts(name) {
            Ok(hosts) => hosts,
            // Groups of a file that is wrong are not called missing here.
            Err(_) if self.is_named_file_wrong => return Vec::new(),
            Err(reason) => {
                self.findings.add(place.1, place.0, reason);
                return Vec::new();
            }
        };
        let (mut networks, mut faults) = (Vec::new(), Vec::new());
        for host in hosts {
            match self.host_networks(&host) {
                Ok(found) => networks.extend(found),
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(fault) = HostFault::of_netgroup(name, faults) {
            self.noted(place, Err(fault), unresolvable);
        }
        networks
    }

    fn noted(
        &mut self,
        (key, span): (&str, Range<usize>),
        found: Result<Vec<IpNet>, HostFault>,
        unresolvable: Unresolvable,
    ) -> Vec<IpNet> {
        let reason = match (found, unresolvable) {
            (Ok(networks), _) => return networks,
            (Err(HostFault::Unresolved(reason)), Unresolvable::Ignored) => {
                let warning = self.findings.warning(span, key, format!("{reason}; it is ignored"));
                self.warnings.push(warning);
                return Vec::new();
            }
            (Err(HostFault::Unresolved(reason)), Unresolvable::NeverIgnored(why)) => {
                format!("{reason}; ignore_unresolvable_hosts does not hold here, since {why}")
            }
            (Err(HostFault::Unresolved(reason)), Unresolvable::Refused) => {
                format!("{reason} (ignore_unresolvable_hosts = true would ignore it)")
            }
            (Err(HostFault::Wrong(reason)), _) => reason,
        };
        self.findings.add(span, key, reason);
        Vec::new()
    }

    fn netgroup_hosts(&self, name: &str) -> Result<Vec<String>, String> {
        let Some(netgroups) = &self.netgroups else {
            return Err(format!("\"@{}\" is a netgroup, but the zone has no netgroup_file", name.escape_default()));
        };
        Ok(netgroups.hosts(name)?.into_iter().map(str::to_owned).collect())
    }

    /// The networks of an address, a CIDR, or the addresses of a host name; a name is resolved once.
    fn host_networks(&mut self, text: &str) -> Result<Vec<IpNet>, HostFault> {
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Ok(vec![IpNet::from(address.to_canonical())]);
        }
        if text.contains('/') {
            return parse_network(text).map(|network| vec![network]).map_err(HostFault::Wrong);
        }
        if !is_host_name(text) {
            return Err(HostFault::Wrong(no_client(text)));
        }
        if let Some(known) = self.hosts.get(text) {
            return known.clone().map_err(HostFault::Unresolved);
        }
        let found = match (self.sources.resolve)(text) {
            Ok(addresses) if addresses.is_empty() => Err(format!("host name \"{text}\" has no address")),
            Ok(addresses) => Ok(addresses.into_iter().map(|address| IpNet::from(address.to_canonical())).collect()),
            Err(error) => Err(format!("host name \"{text}\" cannot be resolved: {error}")),
        };
        self.hosts.insert(text.to_owned(), found.clone());
        found.map_err(HostFault::Unresolved)
    }
}

impl HostFault {
    /// One fault for all of a netgroup: of those that are wrong, or else of those that are not resolved, the first.
    fn of_netgroup(name: &str, faults: Vec<Self>) -> Option<Self> {
        let (wrong, unresolved): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(|fault| matches!(fault, Self::Wrong(_)));
        let (told, others) = if wrong.is_empty() { (unresolved, 0) } else { (wrong, unresolved.len()) };
        let untold = (told.len() + others).saturating_sub(1);
        let more = if untold == 0 { String::new() } else { format!(" (and {untold} more of its hosts)") };
        Some(match told.into_iter().next()? {
            Self::Wrong(reason) => Self::Wrong(format!("netgroup \"{name}\": {reason}{more}")),
            Self::Unresolved(reason) => Self::Unresolved(format!("netgroup \"{name}\": {reason}{more}")),
        })
    }
}

fn no_client(text: &str) -> String {
    format!(
        "\"{}\" is no client: allowed are host names, IP addresses, CIDR networks and @netgroups (no wildcards; leave \
         all lists empty for everyone)",
        text.escape_default()
    )
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| format!("\"{}\" is no CIDR network", text.escape_default()))?;
    if network.trunc() != network {
        return Err(format!("\"{text}\" has address bits beyond its prefix; did you mean \"{}\"?", network.trunc()));
    }
    as_ipv4(network).ok_or_else(|| {
        format!("\"{text}\" spans IPv4 clients and others: name their network as IPv4 (\"0.0.0.0/0\" is all of them)")
    })
}

/// A network of mapped IPv4 addresses (RFC 4291 2.5.5.2) as that of IPv4, as clients are known by; `None` when it holds
/// all of them and more. `::/0` stands for the addresses of IPv6.
fn as_ipv4(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(wide) = network else { return Some(network) };
    match (wide.addr().to_ipv4_mapped(), wide.prefix_len().checked_sub(MAPPED_PREFIX)) {
        (Some(address), Some(prefix)) => IpNet::new(address.into(), prefix).ok(),
        _ if wide.prefix_len() > 0 && wide.contains(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()) => None,
        _ => Some(network),
    }
}

/// RFC 1123 2.1: letters, digits, hyphens and dots; not digits alone, which would be a mistyped address.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_legal = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_legal && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= HOST_NAME_BYTES_MAX
        && text.split('.').all(is_label)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Bits that all mapped IPv4 addresses have in common.
const MAPPED_PREFIX: u8 = 96;
/// Longest host name (RFC 1035 2.3.4).
const HOST_NAME_BYTES_MAX: usize = 253;
