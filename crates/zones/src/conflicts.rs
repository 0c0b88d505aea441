//! What zone files must not say to each other.

use std::collections::HashMap;

use crate::error::ConfigError;
use crate::zone::ZoneDefinition;

/// Every contradiction between zones: names and numbers, addresses, bases, numbers of exports.
pub(crate) fn find_conflicts(zones: &[ZoneDefinition]) -> Vec<ConfigError> {
    let mut found = Vec::new();
    for (index, zone) in zones.iter().enumerate() {
        let earlier = zones.get(..index).unwrap_or_default();
        found.extend(earlier.iter().flat_map(|other| find_between(other, zone)));
    }
    found.extend(find_shared_addresses(zones));
    found.extend(find_equal_exports(zones));
    found
}

fn find_between(first: &ZoneDefinition, second: &ZoneDefinition) -> Vec<ConfigError> {
    let mut found = Vec::new();
    let first_file = first.file.display();
    if first.name == second.name {
        found.push(about(second, "name", format!("\"{}\" is also the name of the zone in {first_file}", second.name)));
    } else if first.id == second.id {
        let reason = format!("\"{}\" gives the same zone number as \"{}\": rename one", second.name, first.name);
        found.push(about(second, "name", reason));
    }
    found.extend(find_overlap(first, second));
    found
}

/// The zone whose base lies at or in the other's must say `force_overlap`; of two with one base either may.
fn find_overlap(first: &ZoneDefinition, second: &ZoneDefinition) -> Option<ConfigError> {
    let (inner, outer) = match (second.base.starts_with(&first.base), first.base.starts_with(&second.base)) {
        (true, true) if first.force_overlap => return None,
        (true, _) => (second, first),
        (false, true) => (first, second),
        (false, false) => return None,
    };
    let reason = format!(
        "\"{}\" lies in \"{}\", the base of zone \"{}\" ({}): move it, or set force_overlap = true here if both zones \
         shall reach the same files",
        inner.base_path(),
        outer.base_path(),
        outer.name,
        outer.file.display()
    );
    (!inner.force_overlap).then(|| about(inner, "base", reason))
}

fn find_shared_addresses(zones: &[ZoneDefinition]) -> Vec<ConfigError> {
    let mut owners = HashMap::new();
    let mut found = Vec::new();
    for zone in zones {
        for address in &zone.addresses {
            let Some(owner) = owners.insert(*address, zone) else { continue };
            let reason = format!(
                "{address} is also an address of zone \"{}\" ({}): each address belongs to one zone",
                owner.name,
                owner.file.display()
            );
            found.push(about(zone, "addresses", reason));
        }
    }
    found
}

/// Exports of two zones with one number: a file handle would not tell them apart. Within a zone the parser sees it; of
/// zones with one name it is the name that is wrong.
fn find_equal_exports(zones: &[ZoneDefinition]) -> Vec<ConfigError> {
    let mut owners = HashMap::new();
    let mut found = Vec::new();
    for (zone, export) in zones.iter().flat_map(|zone| zone.exports.iter().map(move |export| (zone, export))) {
        let (owner, first) = *owners.entry(export.id()).or_insert((zone, export));
        if owner.name == zone.name {
            continue;
        }
        let reason = format!(
            "\"{}\" gives the same export number as \"{}\" of zone \"{}\" ({}): export another path, or rename the zone",
            String::from_utf8_lossy(export.path()),
            String::from_utf8_lossy(first.path()),
            owner.name,
            owner.file.display()
        );
        found.push(about(zone, "export.paths", reason));
    }
    found
}

fn about(zone: &ZoneDefinition, key: &str, reason: String) -> ConfigError {
    ConfigError::about(&zone.file, key, reason)
}
