//! Which clients an export lets in, and how.

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
    pub(crate) clients: Vec<ClientMatch>,
    pub(crate) read_only: Vec<ClientMatch>,
    pub(crate) read_write: Vec<ClientMatch>,
    pub(crate) root: Vec<ClientMatch>,
}

/// One entry of a client list: as written, and the networks it stands for (a host is a network of one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientMatch {
    pub(crate) written: String,
    pub(crate) networks: Vec<IpNet>,
}

/// How closely an export names a client: the length of the longest prefix that does. Everyone is the loosest.
pub(crate) type Closeness = u8;

impl ClientLists {
    /// Whether no client is named in any list, so that the export is for everyone.
    pub(crate) fn is_for_everyone(&self) -> bool {
        self.all().next().is_none()
    }

    /// How closely this client is named; `None` when it is not let in.
    pub(crate) fn closeness(&self, client: IpAddr) -> Option<Closeness> {
        if self.is_for_everyone() {
            return Some(0);
        }
        // A network of prefix 0 names its clients and is closer than naming nobody.
        closest(self.all(), client).map(|prefix| prefix.saturating_add(1))
    }

    /// What this client may do, when it is let in: the read-only list goes before the read-write list, and that before
    /// `read_only`, which decides for all others. The root list stands apart.
    pub(crate) fn access(&self, read_only: bool, client: IpAddr) -> Option<ClientAccess> {
        self.closeness(client)?;
        let is_in = |list: &[ClientMatch]| closest(list.iter(), client).is_some();
        let read_only = is_in(&self.read_only) || (!is_in(&self.read_write) && read_only);
        Some(ClientAccess { read_only, root: is_in(&self.root) })
    }

    /// A network that both lists name, or that neither names anyone: a client there would fit both equally.
    pub(crate) fn ambiguity(&self, other: &Self) -> Option<String> {
        if self.is_for_everyone() && other.is_for_everyone() {
            return Some("every client".to_owned());
        }
        let mine = self.all().flat_map(|entry| &entry.networks);
        let is_shared = |network: &&IpNet| other.all().any(|entry| entry.networks.contains(network));
        mine.into_iter().find(is_shared).map(ToString::to_string)
    }

    /// Every entry of every list.
    pub(crate) fn all(&self) -> impl Iterator<Item = &ClientMatch> {
        [&self.clients, &self.read_only, &self.read_write, &self.root].into_iter().flatten()
    }
}

fn closest<'a>(list: impl Iterator<Item = &'a ClientMatch>, client: IpAddr) -> Option<Closeness> {
    let client = client.to_canonical();
    let networks = list.flat_map(|entry| &entry.networks).filter(|network| network.contains(&client));
    networks.map(IpNet::prefix_len).max()
}
