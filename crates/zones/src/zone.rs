//! One access zone: as configured, and as served.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vfs::{InodeId, Name, SnapshotAccess, ZoneId};

use crate::Refusal;
use crate::accounts::Accounts;
use crate::audit::{AuditRules, Trail};
use crate::error::ConfigError;
use crate::export::{Export, ExportId};
use crate::groups::{GroupCache, GroupProvider, Lifetimes, LocalProvider};
use crate::notification::Notification;
use crate::path::{parse_asked, spell};
use crate::report::ReportSchedule;
use crate::schedule::SnapshotSchedule;
use crate::share::Share;
use crate::stable_id::stable_id;

/// A zone as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDefinition {
    pub(crate) file: PathBuf,
    pub(crate) id: ZoneId,
    pub(crate) name: String,
    pub(crate) base: Vec<Name>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) force_overlap: bool,
    pub(crate) identities: Identities,
    /// How the directories `.snapshot` are met.
    pub(crate) snapshots: SnapshotAccess,
    pub(crate) schedules: Vec<SnapshotSchedule>,
    pub(crate) notifications: Vec<Notification>,
    pub(crate) reports: Vec<ReportSchedule>,
    /// What is recorded of what clients do; `None`: nothing.
    pub(crate) audit: Option<AuditRules>,
    /// Paths that may be mounted in place of others.
    pub(crate) aliases: Vec<Alias>,
    pub(crate) exports: Vec<Arc<Export>>,
    pub(crate) shares: Vec<Arc<Share>>,
    pub(crate) warnings: Vec<ConfigError>,
}

/// Who is known in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identities {
    pub(crate) accounts: Arc<Accounts>,
    /// Groups come from the provider, not from the client.
    pub(crate) resolve_groups: bool,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) files: IdentityFiles,
}

/// Where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdentityFiles {
    pub(crate) users: Option<PathBuf>,
    pub(crate) groups: Option<PathBuf>,
    pub(crate) passwords: Option<PathBuf>,
}

/// A path that stands for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) from: Vec<Name>,
    pub(crate) to: Vec<Name>,
}

/// A zone that is served: its definition and where its base directory is.
#[derive(Debug)]
pub struct Zone {
    definition: ZoneDefinition,
    root: InodeId,
    groups: GroupCache,
    trail: Option<Trail>,
}

/// What a client asked to mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTarget {
    /// The export that serves this client.
    pub export: Arc<Export>,
    /// Directories below the export's root; empty is the root itself.
    pub below: Vec<Name>,
}

impl ZoneDefinition {
    /// The number of a zone with this name; the same at every start.
    pub(crate) fn id_of(name: &str) -> ZoneId {
        ZoneId(stable_id(&[name.as_bytes()]))
    }

    /// Number, made from the name.
    #[must_use]
    pub fn id(&self) -> ZoneId {
        self.id
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that describes it.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Base directory in the one namespace; empty is its root.
    #[must_use]
    pub fn base(&self) -> &[Name] {
        &self.base
    }

    /// Base directory as text, for people.
    #[must_use]
    pub fn base_path(&self) -> String {
        String::from_utf8_lossy(&spell(&self.base)).into_owned()
    }

    /// The local addresses at which its clients arrive; never empty.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Its exports, in the order of the file.
    #[must_use]
    pub fn exports(&self) -> &[Arc<Export>] {
        &self.exports
    }

    /// Its shares, in the order of the file.
    #[must_use]
    pub fn shares(&self) -> &[Arc<Share>] {
        &self.shares
    }

    /// How the directories `.snapshot` are met.
    #[must_use]
    pub fn snapshots(&self) -> SnapshotAccess {
        self.snapshots
    }

    /// When snapshots are taken by themselves.
    #[must_use]
    pub fn schedules(&self) -> &[SnapshotSchedule] {
        &self.schedules
    }

    /// Who is told when a quota fills.
    #[must_use]
    pub fn notifications(&self) -> &[Notification] {
        &self.notifications
    }

    /// Reports of quotas that are made by themselves.
    #[must_use]
    pub fn reports(&self) -> &[ReportSchedule] {
        &self.reports
    }

    /// What is recorded of what clients do; `None`: nothing.
    #[must_use]
    pub fn audit(&self) -> Option<&AuditRules> {
        self.audit.as_ref()
    }

    /// The zone with only those shares that `is_kept` says.
    #[must_use]
    pub fn retain_shares(mut self, is_kept: impl Fn(&Share) -> bool) -> Self {
        self.shares.retain(|share| is_kept(share));
        self
    }

    /// What is not as it should be in its file but refuses nothing: host names that could not be resolved and are
    /// ignored.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigError] {
        &self.warnings
    }

    /// The zone with only those exports that `is_kept` says.
    #[must_use]
    pub fn retain_exports(mut self, is_kept: impl Fn(&Export) -> bool) -> Self {
        self.exports.retain(|export| is_kept(export));
        self
    }
}

impl Zone {
    /// A zone whose base directory is `root`. Its users are those of its own files.
    #[must_use]
    pub fn new(definition: ZoneDefinition, root: InodeId) -> Self {
        let provider = LocalProvider(Arc::clone(&definition.identities.accounts));
        Self::with_provider(definition, root, Arc::new(provider))
    }

    /// A zone that asks this provider for the groups of its users.
    #[must_use]
    pub fn with_provider(definition: ZoneDefinition, root: InodeId, provider: Arc<dyn GroupProvider>) -> Self {
        let groups = GroupCache::new(provider, definition.identities.lifetimes);
        let trail = definition.audit.map(|rules| Trail::new(rules, Arc::default()));
        Self { definition, root, groups, trail }
    }

    /// The zone that comes in place of another: what is recorded of it goes where that of the other went.
    #[must_use]
    pub(crate) fn in_place_of(self, other: &Self) -> Self {
        let mailbox = other.trail.as_ref().map(|trail| Arc::clone(trail.mailbox())).unwrap_or_default();
        let trail = self.definition.audit.map(|rules| Trail::new(rules, mailbox));
        Self { trail, ..self }
    }

    /// As configured.
    #[must_use]
    pub fn definition(&self) -> &ZoneDefinition {
        &self.definition
    }

    /// Number, made from the name: the same at every start.
    #[must_use]
    pub fn id(&self) -> ZoneId {
        self.definition.id
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Its base directory: nothing of this zone lies outside.
    #[must_use]
    pub fn root(&self) -> InodeId {
        self.root
    }

    /// Where doors put what is recorded of what they do; `None`: nothing is.
    #[must_use]
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_ref()
    }

    /// Its exports, in the order of the file.
    #[must_use]
    pub fn exports(&self) -> &[Arc<Export>] {
        &self.definition.exports
    }

    /// Its shares, in the order of the file.
    #[must_use]
    pub fn shares(&self) -> &[Arc<Share>] {
        &self.definition.shares
    }

    /// The share of this name, in any case.
    #[must_use]
    pub fn share(&self, name: &str) -> Option<&Arc<Share>> {
        self.shares().iter().find(|share| share.is_named(name))
    }

    /// The export of a file handle, as far as it serves this client. Of several with this id the one that names the
    /// client most closely is its own.
    ///
    /// Errors, in order: `NoSuchExport`, `ClientNotNamed`.
    pub fn export(&self, id: ExportId, client: IpAddr) -> Result<&Arc<Export>, Refusal> {
        self.closest(|export| export.id() == id, client)
    }

    /// The export that serves this client at a path it asks to mount: the longest exported path that leads there. The
    /// path is taken below the base of the zone; `..` leads nowhere. An alias that leads there, and is longer than every
    /// such exported path, is replaced by what it stands for.
    ///
    /// Errors, in order: `NoSuchExport`, `NotMountable` (below an export without `all_dirs`), `ClientNotNamed`.
    pub fn export_for_path(&self, path: &[u8], client: IpAddr) -> Result<MountTarget, Refusal> {
        let asked = self.without_alias(parse_asked(path).ok_or(Refusal::NoSuchExport)?);
        let leading = self.exports().iter().filter(|export| asked.starts_with(export.components()));
        let longest = leading.max_by_key(|export| export.components().len()).ok_or(Refusal::NoSuchExport)?;
        let below = asked.get(longest.components().len()..).unwrap_or_default().to_vec();
        let is_same_path = |export: &Export| export.id() == longest.id();
        if !below.is_empty() && !self.exports().iter().any(|export| is_same_path(export) && export.all_dirs()) {
            return Err(Refusal::NotMountable);
        }
        let export = self.closest(is_same_path, client)?;
        if !below.is_empty() && !export.all_dirs() {
            return Err(Refusal::NotMountable);
        }
        Ok(MountTarget { export: Arc::clone(export), below })
    }

    pub(crate) fn resolves_groups(&self) -> bool {
        self.definition.identities.resolve_groups
    }

    pub(crate) fn groups(&self) -> &GroupCache {
        &self.groups
    }

    fn without_alias(&self, asked: Vec<Name>) -> Vec<Name> {
        let leading = self.definition.aliases.iter().filter(|alias| asked.starts_with(&alias.from));
        let Some(alias) = leading.max_by_key(|alias| alias.from.len()) else { return asked };
        let is_longer = |export: &&Arc<Export>| export.components().len() > alias.from.len();
        if self.exports().iter().filter(is_longer).any(|export| asked.starts_with(export.components())) {
            return asked;
        }
        let below = asked.get(alias.from.len()..).unwrap_or_default();
        [&alias.to, below].concat()
    }

    fn closest(&self, is_meant: impl Fn(&Export) -> bool, client: IpAddr) -> Result<&Arc<Export>, Refusal> {
        let meant: Vec<_> = self.exports().iter().filter(|export| is_meant(export)).collect();
        if meant.is_empty() {
            return Err(Refusal::NoSuchExport);
        }
        let serving = meant.into_iter().filter_map(|export| Some((export.closeness(client)?, export)));
        serving.max_by_key(|(closeness, _)| *closeness).map(|(_, export)| export).ok_or(Refusal::ClientNotNamed)
    }
}
