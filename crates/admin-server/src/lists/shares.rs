//! `/v1/shares`: what is shared with clients of SMB.

use admin_api::{List, Page, Problem, SHARES_PATH, Share};

use super::asked_for;
use crate::page::Asked;
use crate::window::Desk;

/// Shares of all zones, by zone, in the order of their files.
#[utoipa::path(get, path = SHARES_PATH, params(Page), summary = "What is shared with clients of SMB, by zone.",
    responses((status = 200, body = List<Share>)))]
pub(crate) fn shares(desk: &Desk, asked: &Asked) -> Result<List<Share>, Problem> {
    let zones = asked_for(desk, asked);
    let total = zones.iter().map(|zone| zone.shares().len() as u64).sum();
    let all = zones.iter().flat_map(|zone| zone.shares().iter().map(move |share| shown(zone.name(), share)));
    Ok(asked.cut(all, Some(total)))
}

fn shown(zone: &str, share: &zones::Share) -> Share {
    Share {
        zone: zone.to_owned(),
        name: share.name().to_owned(),
        path: String::from_utf8_lossy(&share.path()).into_owned(),
        description: share.description().to_owned(),
        read_only: share.is_read_only(),
        guests: share.takes_guests(),
        browsable: share.is_browsable(),
        encrypted: share.must_encrypt(),
    }
}
