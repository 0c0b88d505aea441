//! The `[[export]]` tables of a zone file, and its aliases.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use vfs::{Flavor, Name};

use super::Reader;
use super::clients::Unresolvable;
use crate::accounts::Accounts;
use crate::client::ClientLists;
use crate::export::{Export, Mappings, Options, Rules};
use crate::mapping::Mapping;
use crate::path::{parse_configured, spell};
use crate::settings::{ExportTable, MapSetting, Texts, ZoneFile};
use crate::zone::Alias;

/// An export and the place in the file that its path stands at.
pub(super) struct Placed {
    key: String,
    span: Range<usize>,
    pub(super) export: Export,
}

/// What exports are made from, beside their tables.
pub(super) struct Surroundings<'a> {
    pub(super) zone: &'a str,
    pub(super) accounts: &'a Accounts,
    pub(super) has_users: bool,
}

impl Reader<'_> {
    pub(super) fn all_exports(&mut self, around: &Surroundings<'_>, tables: &[ExportTable]) -> Vec<Placed> {
        let mut placed = Vec::new();
        let shared = shared_paths(tables);
        for (index, table) in tables.iter().enumerate() {
            let key = format!("export[{index}]");
            let has_twin = paths(table).any(|path| shared.contains(&path));
            let rules = self.rules(&key, table, has_twin);
            placed.extend(self.exports(around, (&key, rules), table));
        }
        self.refuse_twins(&placed);
        placed
    }

    pub(super) fn aliases(&mut self, written: &ZoneFile, placed: &[Placed]) -> Vec<Alias> {
        let mut aliases = Vec::new();
        for (from, to) in &written.aliases {
            let key = format!("aliases.\"{}\"", from.get_ref().escape_default());
            let (Some(from_path), Some(to_path)) = (self.path(&key, from), self.path(&key, to)) else { continue };
            let exports = || placed.iter().map(|placed| &placed.export);
            if exports().any(|export| export.components() == from_path) {
                self.findings.add(from.span(), &key, "this path is exported itself");
            }
            if !exports().any(|export| to_path.starts_with(export.components())) {
                let reason = format!("\"{}\" lies in no exported path", String::from_utf8_lossy(&spell(&to_path)));
                self.findings.add(to.span(), &key, reason);
            }
            aliases.push(Alias { from: from_path, to: to_path });
        }
        aliases
    }

    fn exports(&mut self, around: &Surroundings<'_>, (key, rules): (&str, Rules), table: &ExportTable) -> Vec<Placed> {
        let options = Arc::new(Options {
            rules,
            mappings: self.mappings(around, key, table),
            presentation: self.presentation(key, table),
        });
        if table.paths.get_ref().is_empty() {
            self.findings.add(table.paths.span(), format!("{key}.paths"), "empty: an export has at least one path");
        }
        let mut placed = Vec::new();
        for (index, path) in table.paths.get_ref().iter().enumerate() {
            let key = format!("{key}.paths[{index}]");
            let Some(components) = self.path(&key, path) else { continue };
            let export = Export::new(around.zone, components, Arc::clone(&options));
            placed.push(Placed { key, span: path.span(), export });
        }
        placed
    }

    /// `has_twin`: another export has a path of this one.
    fn rules(&mut self, key: &str, table: &ExportTable, has_twin: bool) -> Rules {
        let (others, restricting) = match (table.ignore_unresolvable_hosts, has_twin) {
            (false, _) => (Unresolvable::Refused, Unresolvable::Refused),
            (true, false) => (Unresolvable::Ignored, Unresolvable::NeverIgnored(COULD_WRITE)),
            (true, true) => (Unresolvable::NeverIgnored(HAS_TWIN), Unresolvable::NeverIgnored(COULD_WRITE)),
        };
        let lists = ClientLists {
            clients: self.clients(&format!("{key}.clients"), &table.clients, others),
            read_only: self.clients(&format!("{key}.read_only_clients"), &table.read_only_clients, restricting),
            read_write: self.clients(&format!("{key}.read_write_clients"), &table.read_write_clients, others),
            root: self.clients(&format!("{key}.root_clients"), &table.root_clients, others),
        };
        let flavors = self.flavors(&format!("{key}.security"), table.security.as_ref());
        Rules { lists, read_only: table.read_only, all_dirs: table.all_dirs, flavors }
    }

    fn mappings(&mut self, around: &Surroundings<'_>, key: &str, table: &ExportTable) -> Mappings {
        let mut map = |name: &str, written: &Option<Spanned<MapSetting>>, unset: Option<Mapping>| {
            self.mapping(around, &format!("{key}.{name}"), (written.as_ref(), unset))
        };
        let nobody = || Some(Mapping::ANONYMOUS);
        let mappings = Mappings {
            root: map("map_root", &table.map_root, nobody()),
            non_root: map("map_non_root", &table.map_non_root, None),
            all: map("map_all", &table.map_all, None),
            lookup: table.lookup.as_ref().is_some_and(|lookup| *lookup.get_ref()),
            failure: map("map_failure", &table.map_failure, None),
            anonymous: map("anonymous", &table.anonymous, nobody()).unwrap_or(Mapping::ANONYMOUS),
        };
        if let Some(written) = table.anonymous.as_ref().filter(|written| *written.get_ref() == MapSetting::Off) {
            let reason = "callers who do not say who they are must be somebody; security decides whether they get in";
            self.findings.add(written.span(), format!("{key}.anonymous"), reason);
        }
        if let Some(lookup) = table.lookup.as_ref().filter(|_| mappings.lookup && !around.has_users) {
            let reason = "the zone knows no users: set users_file too";
            self.findings.add(lookup.span(), format!("{key}.lookup"), reason);
        }
        if let Some(written) = table.map_failure.as_ref().filter(|_| mappings.failure.is_some() && !mappings.lookup) {
            let reason = "without lookup = true nobody is looked up, so nobody becomes this user";
            self.findings.add(written.span(), format!("{key}.map_failure"), reason);
        }
        mappings
    }

    fn mapping(
        &mut self,
        around: &Surroundings<'_>,
        key: &str,
        (written, unset): (Option<&Spanned<MapSetting>>, Option<Mapping>),
    ) -> Option<Mapping> {
        let Some(written) = written else { return unset };
        match Mapping::parse(written.get_ref(), around.accounts) {
            Ok(mapping) => mapping,
            // Whose names are wrong in their own file are not called unknown here.
            Err(_) if self.is_named_file_wrong => unset,
            Err(reason) => {
                self.findings.add(written.span(), key, reason);
                unset
            }
        }
    }

    fn flavors(&mut self, key: &str, written: Option<&Texts>) -> Vec<Flavor> {
        let Some(written) = written else { return vec![Flavor::Sys] };
        if written.get_ref().is_empty() {
            self.findings.add(written.span(), key, "empty: allowed are \"sys\" and \"none\"");
        }
        let mut flavors = Vec::new();
        for (index, text) in written.get_ref().iter().enumerate() {
            let key = format!("{key}[{index}]");
            match parse_flavor(text.get_ref()) {
                Ok(flavor) if flavors.contains(&flavor) => self.findings.add(text.span(), key, "named twice"),
                Ok(flavor) => flavors.push(flavor),
                Err(reason) => self.findings.add(text.span(), key, reason),
            }
        }
        flavors
    }

    /// Refuses two exports of one path that would serve some client equally, and two paths with one number.
    fn refuse_twins(&mut self, placed: &[Placed]) {
        let mut by_id: HashMap<_, Vec<&Placed>> = HashMap::new();
        for second in placed {
            let earlier = by_id.entry(second.export.id()).or_default();
            for first in earlier.iter() {
                if let Some(reason) = twin_fault(first, second) {
                    self.findings.add(second.span.clone(), &second.key, reason);
                }
            }
            earlier.push(second);
        }
    }
}

/// The paths that several tables have.
fn shared_paths(tables: &[ExportTable]) -> HashSet<Vec<Name>> {
    let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
    for table in tables {
        let of_table: HashSet<_> = paths(table).collect();
        shared.extend(of_table.intersection(&seen).cloned());
        seen.extend(of_table);
    }
    shared
}

/// The paths of a table that are paths.
fn paths(table: &ExportTable) -> impl Iterator<Item = Vec<Name>> {
    table.paths.get_ref().iter().filter_map(|path| parse_configured(path.get_ref()).ok())
}

fn twin_fault(first: &Placed, second: &Placed) -> Option<String> {
    let path = String::from_utf8_lossy(second.export.path());
    if first.export.path() != second.export.path() {
        let other = String::from_utf8_lossy(first.export.path());
        return Some(format!("\"{path}\" gives the same export number as \"{other}\": rename one"));
    }
    let clients = first.export.ambiguity(&second.export)?;
    Some(format!(
        "\"{path}\" is exported twice for {clients} (also by {}): name different clients, or merge the exports",
        first.key
    ))
}

/// Why hosts of a restricting list are never ignored.
const COULD_WRITE: &str = "the client could then write";
/// Why hosts of an export whose path another has too are never ignored.
const HAS_TWIN: &str = "another export has the same path, and the client could then get that one";

fn parse_flavor(text: &str) -> Result<Flavor, String> {
    match text {
        "sys" => Ok(Flavor::Sys),
        "none" => Ok(Flavor::None),
        other => Err(format!("unknown flavor \"{}\": allowed are \"sys\" and \"none\"", other.escape_default())),
    }
}
