//! `/v1/sessions`: open connections, oldest first.

use std::sync::Arc;

use admin_api::{List, Page, Problem, SESSIONS_PATH, Session, rfc3339};
use vfs::{SessionId, Timestamp};
use zones::Zone;

use super::{name_of, seconds, served};
use crate::figures::SessionFigures;
use crate::page::Asked;
use crate::window::Desk;

/// Connections behind the one that the cursor names.
#[utoipa::path(get, path = SESSIONS_PATH, params(Page), summary = "Open connections, oldest first; of SMB each user that has logged on.",
    responses((status = 200, body = List<Session>)))]
pub(crate) fn sessions(desk: &Desk, asked: &Asked) -> Result<List<Session>, Problem> {
    let (zones, now) = (served(desk), desk.sources.now().0);
    let mut found = match &asked.zone {
        None => desk.sources.sessions(SessionId(asked.cursor), asked.limit.saturating_add(1)),
        Some(_) => of_zone(desk, asked, &zones),
    };
    let has_more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| has_more).map(|last| last.session.0.to_string());
    let items = found.into_iter().map(|figures| {
        let zone = figures.zone.and_then(|id| name_of(&zones, id));
        session(figures, zone, now)
    });
    let items: Vec<_> = items.collect();
    let total = match asked.zone {
        None => Some(desk.sources.figures().connections.open),
        Some(_) => asked.is_all(next.as_deref()).then_some(items.len() as u64),
    };
    Ok(List { items, next, total })
}

/// Those of one zone behind the cursor, up to one more than are asked for: all connections are looked through, which are as
/// many as a gateway takes.
fn of_zone(desk: &Desk, asked: &Asked, zones: &[Arc<Zone>]) -> Vec<SessionFigures> {
    let (mut found, mut after) = (Vec::new(), SessionId(asked.cursor));
    while found.len() <= asked.limit {
        let looked_at = desk.sources.sessions(after, LOOK);
        let Some(last) = looked_at.last() else { break };
        after = last.session;
        let is_asked_for =
            |figures: &SessionFigures| asked.is_about(figures.zone.and_then(|id| name_of(zones, id)).as_deref());
        found.extend(looked_at.into_iter().filter(is_asked_for));
    }
    found.truncate(asked.limit.saturating_add(1));
    found
}

fn session(figures: SessionFigures, zone: Option<String>, now: Timestamp) -> Session {
    let SessionFigures { calls, in_flight, bytes_in, bytes_out, mut mounts, user, opens, .. } = figures;
    mounts.truncate(MOUNTS_MAX);
    Session {
        id: figures.session.0,
        zone,
        protocol: figures.protocol.to_owned(),
        user,
        client: figures.client.to_string(),
        server: figures.local.to_string(),
        since: rfc3339(figures.since.seconds),
        age_s: seconds(figures.since, now),
        idle_ms: u64::try_from(figures.idle.as_millis()).unwrap_or(u64::MAX),
        calls,
        in_flight,
        bytes_in,
        bytes_out,
        mounts,
        opens,
    }
}

/// Connections looked at together.
const LOOK: usize = 1000;
/// Mounts told of one connection.
const MOUNTS_MAX: usize = 16;
