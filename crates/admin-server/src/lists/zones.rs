//! `/v1/zones`: zones served, and those that are not though they are configured.

use admin_api::{List, Page, Problem, ZONES_PATH, Zone};
use zones::ZoneDefinition;

use crate::figures::Condition;
use crate::page::Asked;
use crate::window::Desk;

/// Zones by name.
#[utoipa::path(get, path = ZONES_PATH, params(Page), summary = "Zones served, and those that are not though they are configured, by name.",
    responses((status = 200, body = List<Zone>)))]
pub(crate) fn zones(desk: &Desk, asked: &Asked) -> Result<List<Zone>, Problem> {
    let conditions = desk.sources.conditions();
    let served = desk.sources.figures().zones;
    let mut all: Vec<_> = served
        .iter()
        .map(|figures| {
            let exports = exports_left_out(&conditions, figures.zone.name());
            shown(figures.zone.definition(), (true, exports), figures.connections)
        })
        .collect();
    all.extend(conditions.iter().filter_map(|condition| match condition {
        Condition::ZoneNotServed { zone, reason } => Some(shown(zone, (false, vec![reason.clone()]), 0)),
        _ => None,
    }));
    all.retain(|zone| asked.is_about(Some(&zone.name)));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let total = all.len() as u64;
    Ok(asked.cut(all, Some(total)))
}

fn shown(zone: &ZoneDefinition, (served, reasons): (bool, Vec<String>), connections: u64) -> Zone {
    Zone {
        name: zone.name().to_owned(),
        served,
        reasons,
        base: zone.base_path(),
        addresses: zone.addresses().iter().map(ToString::to_string).collect(),
        exports: if served { zone.exports().len() as u64 } else { 0 },
        connections,
        file: zone.file().display().to_string(),
    }
}

fn exports_left_out(conditions: &[Condition], name: &str) -> Vec<String> {
    let left_out = conditions.iter().filter_map(|condition| match condition {
        Condition::ExportNotServed { zone, export, reason } if zone == name => Some(format!("{export}: {reason}")),
        _ => None,
    });
    left_out.collect()
}
