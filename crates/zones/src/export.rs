//! One exported path and the rules under which clients reach it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use vfs::{Flavor, Name};

use crate::ClientAccess;
use crate::client::{ClientLists, Closeness};
use crate::mapping::Mapping;
use crate::path::spell;
use crate::presentation::{FileIds, Presentation, Sizes};
use crate::stable_id::stable_id;

/// Names an exported path of a zone; made from the zone's name and the path, so that it stays the same over restarts
/// and reloads. File handles carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExportId(pub u32);

/// One exported path with its rules. Two exports may name one path for different clients: they share the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    id: ExportId,
    components: Vec<Name>,
    path: Vec<u8>,
    /// Shared by the paths of one `[[export]]`: its lists may be long.
    options: Arc<Options>,
}

/// All that an `[[export]]` says of each of its paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) rules: Rules,
    pub(crate) mappings: Mappings,
    pub(crate) presentation: Presentation,
}

/// What an `[[export]]` says of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) lists: ClientLists,
    pub(crate) read_only: bool,
    pub(crate) all_dirs: bool,
    pub(crate) flavors: Vec<Flavor>,
}

/// What an `[[export]]` says of users; `None` is `"off"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mappings {
    pub(crate) root: Option<Mapping>,
    pub(crate) non_root: Option<Mapping>,
    pub(crate) all: Option<Mapping>,
    /// Users are looked up in the zone.
    pub(crate) lookup: bool,
    /// Who users become that the zone does not know; only with `lookup`.
    pub(crate) failure: Option<Mapping>,
    /// Who callers become that do not say who they are.
    pub(crate) anonymous: Mapping,
}

impl Export {
    pub(crate) fn new(zone: &str, components: Vec<Name>, options: Arc<Options>) -> Self {
        let path = spell(&components);
        let id = ExportId(stable_id(&[zone.as_bytes(), &path]));
        Self { id, components, path, options }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.options.rules
    }

    pub(crate) fn mappings(&self) -> &Mappings {
        &self.options.mappings
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ExportId {
        self.id
    }

    /// The path as clients mount it, below the base of the zone: `/projects`; `/` is the base itself.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The components of the path; the walk from the zone's root leads to the export's root.
    #[must_use]
    pub fn components(&self) -> &[Name] {
        &self.components
    }

    /// Whether directories below may be mounted too.
    #[must_use]
    pub fn all_dirs(&self) -> bool {
        self.options.rules.all_dirs
    }

    /// The security flavors it accepts, in the order in which MOUNT lists them; never empty.
    #[must_use]
    pub fn flavors(&self) -> &[Flavor] {
        &self.options.rules.flavors
    }

    /// The clients it names, as written (netgroups as `@name`), each once, for MOUNT EXPORT (RFC 1813 5.2.5); none
    /// means everyone.
    pub fn named_clients(&self) -> impl Iterator<Item = &str> {
        let mut told = HashSet::new();
        let written = self.options.rules.lists.all().into_iter().flat_map(|list| list.written());
        written.map(String::as_str).filter(move |client| told.insert(*client))
    }

    /// What it is for, in the words of whoever configured it; empty when nobody said.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.options.presentation.description
    }

    /// Sizes that it advises.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.options.presentation.sizes
    }

    /// How wide the file numbers are that its clients see.
    #[must_use]
    pub fn file_ids(&self) -> FileIds {
        self.options.presentation.file_ids
    }

    /// Whether FSINFO says that clients may set times to the server's (`FSF3_CANSETTIME`).
    #[must_use]
    pub fn can_set_time(&self) -> bool {
        self.options.presentation.can_set_time
    }

    /// What this client may do; `None` when it is not let in. No client named in any of the four lists: everyone is
    /// let in, else only those named. The read-only list goes before the read-write list, and that before
    /// `read_only`; root clients are told apart from all of these.
    #[must_use]
    pub fn access(&self, client: IpAddr) -> Option<ClientAccess> {
        self.options.rules.lists.access(self.options.rules.read_only, client)
    }

    /// How closely it names this client; of several exports of one path the closest is the client's.
    pub(crate) fn closeness(&self, client: IpAddr) -> Option<Closeness> {
        self.options.rules.lists.closeness(client)
    }

    /// Clients that this export and another of the same path would serve equally.
    pub(crate) fn ambiguity(&self, other: &Self) -> Option<String> {
        self.options.rules.lists.ambiguity(&other.options.rules.lists)
    }
}
