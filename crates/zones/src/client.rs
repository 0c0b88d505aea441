//! Which clients an export lets in, and how.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;

/// What a client may do on an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAccess {
    /// Changes are refused.
    pub read_only: bool,
    /// Its root stays root, whatever the mappings say.
    pub root: bool,
}

/// The four client lists of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientLists {
    pub(crate) clients: ClientList,
    pub(crate) read_only: ClientList,
    pub(crate) read_write: ClientList,
    pub(crate) root: ClientList,
}

/// One list: its entries as written, and all networks they stand for (a host is a network of one) by their prefix, so
/// that a netgroup of very many hosts is searched as fast as one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientList {
    written: Vec<String>,
    networks: BTreeMap<Closeness, HashSet<IpNet>>,
}

/// How closely an export names a client: the length of the longest prefix that does. Everyone is the loosest.
pub(crate) type Closeness = u8;

impl ClientLists {
    /// Whether no client is named in any list, so that the export is for everyone. An entry that stands for no address
    /// at all (an empty netgroup, a host name that was ignored) is named all the same.
    pub(crate) fn is_for_everyone(&self) -> bool {
        self.all().iter().all(|list| list.written.is_empty())
    }

    /// How closely this client is named; `None` when it is not let in.
    pub(crate) fn closeness(&self, client: IpAddr) -> Option<Closeness> {
        if self.is_for_everyone() {
            return Some(0);
        }
        // A network of prefix 0 names its clients and is closer than naming nobody.
        let closest = self.all().into_iter().filter_map(|list| list.closest(client)).max();
        closest.map(|prefix| prefix.saturating_add(1))
    }

    /// What this client may do, when it is let in: the read-only list goes before the read-write list, and that before
    /// `read_only`, which decides for all others. The root list stands apart.
    pub(crate) fn access(&self, read_only: bool, client: IpAddr) -> Option<ClientAccess> {
        self.closeness(client)?;
        let is_in = |list: &ClientList| list.closest(client).is_some();
        let read_only = is_in(&self.read_only) || (!is_in(&self.read_write) && read_only);
        Some(ClientAccess { read_only, root: is_in(&self.root) })
    }

    /// A network that both lists name, or that neither names anyone: a client there would fit both equally.
    pub(crate) fn ambiguity(&self, other: &Self) -> Option<String> {
        if self.is_for_everyone() && other.is_for_everyone() {
            return Some("every client".to_owned());
        }
        let mine = self.all().into_iter().flat_map(|list| list.networks.values().flatten());
        mine.filter(|network| other.all().iter().any(|list| list.names(network))).min().map(ToString::to_string)
    }

    /// Every list.
    pub(crate) fn all(&self) -> [&ClientList; 4] {
        [&self.clients, &self.read_only, &self.read_write, &self.root]
    }
}

impl ClientList {
    /// Adds an entry.
    pub(crate) fn add(&mut self, written: &str, networks: impl IntoIterator<Item = IpNet>) {
        self.written.push(written.to_owned());
        for network in networks {
            self.networks.entry(network.prefix_len()).or_default().insert(network);
        }
    }

    /// The entries as written.
    pub(crate) fn written(&self) -> &[String] {
        &self.written
    }

    fn closest(&self, client: IpAddr) -> Option<Closeness> {
        let client = client.to_canonical();
        let is_in = |(prefix, networks): &(&Closeness, &HashSet<IpNet>)| {
            IpNet::new(client, **prefix).is_ok_and(|network| networks.contains(&network.trunc()))
        };
        self.networks.iter().rev().find(is_in).map(|(prefix, _)| *prefix)
    }

    fn names(&self, network: &IpNet) -> bool {
        self.networks.get(&network.prefix_len()).is_some_and(|networks| networks.contains(network))
    }
}
