//! EXPORT (RFC 1813 5.2.5): what `showmount -e` shows.

use std::collections::{BTreeMap, BTreeSet};

use nfs_wire::mount::{DirPath, EXPORTS_MAX, Export as WireExport, Exports, GROUPS_MAX, Group, HostName, MNTNAMLEN};
use zones::{Export, Zone};

/// The exported paths of a zone, each once, sorted, with the clients they name (netgroups as `@name`); none means
/// everyone. Where several exports name one path, their clients are listed together.
pub(super) fn exports(zone: &Zone) -> Exports {
    let mut by_path: BTreeMap<&[u8], Vec<&Export>> = BTreeMap::new();
    for export in zone.exports() {
        by_path.entry(export.path()).or_default().push(export);
    }
    by_path.into_iter().filter_map(|(path, exports)| wire_export(path, &exports)).take(EXPORTS_MAX).collect()
}

fn wire_export(path: &[u8], exports: &[&Export]) -> Option<WireExport> {
    let is_for_everyone = exports.iter().any(|export| export.named_clients().next().is_none());
    let mut told = BTreeSet::new();
    let clients = exports.iter().filter(|_| !is_for_everyone).flat_map(|export| export.named_clients());
    let once = clients.filter(|client| told.insert(*client));
    let name = |client: &str| HostName::new(client.as_bytes().get(..MNTNAMLEN).unwrap_or(client.as_bytes()).to_vec());
    let groups = once.filter_map(|client| name(client).ok()).map(|name| Group { name });
    Some(WireExport { dir: DirPath::new(path.to_vec()).ok()?, groups: groups.take(GROUPS_MAX).collect() })
}
