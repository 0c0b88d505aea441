//! `/v1/sessions`: open connections, oldest first.

use admin_api::{List, Problem, Session, rfc3339};
use vfs::{SessionId, Timestamp};

use super::{name_of, seconds, served};
use crate::figures::SessionFigures;
use crate::page::Asked;
use crate::window::Desk;

/// Connections behind the one that the cursor names.
pub(crate) fn sessions(desk: &Desk, asked: Asked) -> Result<List<Session>, Problem> {
    let (zones, now) = (served(desk), desk.sources.now().0);
    let mut found = desk.sources.sessions(SessionId(asked.cursor), asked.limit.saturating_add(1));
    let has_more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| has_more).map(|last| last.session.0.to_string());
    let items = found.into_iter().map(|figures| {
        let zone = figures.zone.and_then(|id| name_of(&zones, id));
        session(figures, zone, now)
    });
    Ok(List { items: items.collect(), next, total: Some(desk.sources.figures().connections.open) })
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

/// Mounts told of one connection.
const MOUNTS_MAX: usize = 16;
