//! EXPORT (RFC 1813 5.2.5): what `showmount -e` shows.

use nfs_wire::mount::{DirPath, EXPORTS_MAX, Export as WireExport, Exports, GROUPS_MAX, Group, HostName, MNTNAMLEN};
use zones::{Export, Zone};

/// The exports of a zone with the clients they name; none means everyone.
pub(super) fn exports(zone: &Zone) -> Exports {
    zone.exports().iter().filter_map(|export| wire_export(export)).take(EXPORTS_MAX).collect()
}

fn wire_export(export: &Export) -> Option<WireExport> {
    let name = |client: &str| HostName::new(client.as_bytes().get(..MNTNAMLEN).unwrap_or(client.as_bytes()).to_vec());
    let groups = export.named_clients().filter_map(|client| name(client).ok()).map(|name| Group { name });
    Some(WireExport { dir: DirPath::new(export.path().to_vec()).ok()?, groups: groups.take(GROUPS_MAX).collect() })
}
