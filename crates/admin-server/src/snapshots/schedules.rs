//! `GET /v1/zones/NAME/schedules`.

use std::sync::Arc;

use admin_api::{List, Page, Schedule, rfc3339};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use vfs::{Name, Snapshot};
use zones::{SnapshotSchedule, Zone};

use super::answer::{failed, problem};
use crate::access::Caller;
use crate::documents::{missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::SCHEDULES_ROUTE;
use crate::window::Desk;

/// The schedules of a zone.
#[utoipa::path(get, path = SCHEDULES_ROUTE, operation_id = "schedules",
    summary = "Snapshots that the zone file has taken by themselves: when the last was due, and the next is.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<Schedule>)))]
pub(crate) async fn schedules(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<Schedule>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let snapshots = desk.snapshots.all(zone.root()).map_err(failed)?;
    let now = desk.sources.now().0.seconds;
    let all = zone.definition().schedules();
    let listed = all.iter().map(|schedule| shown(&zone, schedule, (&snapshots, now)));
    Ok(Json(asked.cut(listed, Some(all.len() as u64))))
}

fn shown(zone: &Zone, schedule: &SnapshotSchedule, (snapshots, now): (&[Snapshot], i64)) -> Schedule {
    let (last, next) = (schedule.last_due(now), schedule.next_due(now));
    let last_name = schedule.name_of(last);
    let is_last = |snapshot: &Snapshot| !snapshot.is_going && Some(&snapshot.name) == last_name.as_ref();
    let text = |name: Name| String::from_utf8_lossy(name.as_bytes()).into_owned();
    Schedule {
        zone: zone.name().to_owned(),
        path: schedule.path_text(),
        every_seconds: schedule.every_seconds(),
        keep_seconds: schedule.keep_seconds(),
        last: rfc3339(last),
        last_is_there: snapshots.iter().any(is_last),
        next: rfc3339(next),
        next_name: schedule.name_of(next).map(text),
    }
}
