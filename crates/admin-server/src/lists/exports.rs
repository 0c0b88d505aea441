//! `/v1/exports`: what is exported to whom.

use admin_api::{EXPORTS_PATH, Export, List, Page, Problem};

use super::asked_for;
use crate::page::Asked;
use crate::window::Desk;

/// Exports of all zones, by zone, in the order of their files.
#[utoipa::path(get, path = EXPORTS_PATH, params(Page), summary = "What is exported to whom, by zone.",
    responses((status = 200, body = List<Export>)))]
pub(crate) fn exports(desk: &Desk, asked: &Asked) -> Result<List<Export>, Problem> {
    let zones = asked_for(desk, asked);
    let total = zones.iter().map(|zone| zone.exports().len() as u64).sum();
    let all = zones.iter().flat_map(|zone| zone.exports().iter().map(move |export| shown(zone.name(), export)));
    Ok(asked.cut(all, Some(total)))
}

fn shown(zone: &str, export: &zones::Export) -> Export {
    Export {
        zone: zone.to_owned(),
        path: String::from_utf8_lossy(export.path()).into_owned(),
        id: export.id().0,
        clients: export.named_clients().map(str::to_owned).collect(),
        options: options(export),
    }
}

/// `key=value` of what differs from the path and from nothing said.
fn options(export: &zones::Export) -> Vec<String> {
    let is_told = |key: &str, value: &str| !TOLD_APART.contains(&key) && !NOTHING_SAID.contains(&value);
    let options = export.effective_options().into_iter().filter(|(key, value)| is_told(key, value));
    options.map(|(key, value)| format!("{key}={value}")).collect()
}

/// Options with a field of their own.
const TOLD_APART: [&str; 2] = ["path", "clients"];
const NOTHING_SAID: [&str; 3] = ["", "none", "gateway"];
