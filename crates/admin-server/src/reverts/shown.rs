//! `GET /v1/zones/NAME/reverts`, and below it GET and DELETE of one.

use std::sync::Arc;

use admin_api::{LeftOut, LeftOutReason, List, Page, Revert, RevertState, rfc3339};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::FsError;
use zones::Zone;

use crate::access::Caller;
use crate::audit::Came;
use crate::documents::{missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::{REVERT_ROUTE, REVERTS_ROUTE};
use crate::snapshots::answer::{failed, path_of, path_text, problem, text};
use crate::window::Desk;

/// The reverts of a zone.
#[utoipa::path(get, path = REVERTS_ROUTE, operation_id = "reverts",
    summary = "The reverts of a zone that go on, and the last ones that ended; oldest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<Revert>)))]
pub(crate) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<Revert>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let all = desk.snapshots.reverts(zone.root()).map_err(failed)?;
    let total = all.len() as u64;
    let List { items, next, total } = asked.cut(all, Some(total));
    let mut shown = Vec::with_capacity(items.len());
    for revert in &items {
        shown.push(told(&desk, &zone, revert).await?);
    }
    Ok(Json(List { items: shown, next, total }))
}

/// One of them.
#[utoipa::path(get, path = REVERT_ROUTE, operation_id = "revert_show", summary = "How far a revert is.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("revert" = String, Path, description = "Its number", pattern = "^[0-9]{1,19}$"),
    ),
    responses((status = 200, body = Revert)))]
pub(crate) async fn show(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Revert>, Refused> {
    let (zone, revert) = find(&desk, &caller, path)?;
    Ok(Json(told(&desk, &zone, &revert).await?))
}

/// Gives one up.
#[utoipa::path(delete, path = REVERT_ROUTE, operation_id = "revert_cancel",
    summary = "Gives up a revert that goes on: what it has done stays.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("revert" = String, Path, description = "Its number", pattern = "^[0-9]{1,19}$"),
    ),
    responses((status = 204, description = "Done")))]
pub(crate) async fn cancel(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Refused> {
    let (zone, revert) = find(&desk, &caller, path)?;
    desk.snapshots.cancel_revert(zone.root(), revert.id).await.map_err(|error| match error {
        FsError::NotFound => problem(409, "Conflict", "it has ended".to_owned()),
        other => failed(other),
    })?;
    let came = Came { keys: vec!["revert".to_owned()], is_applied: true };
    Ok((StatusCode::NO_CONTENT, Extension(came)).into_response())
}

/// Errors, in order: 400, 404 (zone, revert).
fn find(
    desk: &Desk,
    caller: &Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<(Arc<Zone>, vfs::Revert), Refused> {
    let (zone, revert) = match path {
        Ok(Path((zone, revert))) => (Ok(Path(zone)), revert),
        Err(wrong) => (Err(wrong), String::new()),
    };
    let zone = named(zone, caller)?;
    let zone = zone_served(desk, &zone).ok_or_else(|| Refused(missing(&zone)))?;
    let all = desk.snapshots.reverts(zone.root()).map_err(failed)?;
    let id: Option<u64> = revert.parse().ok();
    let found = all.into_iter().find(|revert| Some(revert.id) == id);
    let none = || {
        let detail = format!("there is no revert {}; see the zone's /reverts", revert.escape_default());
        problem(404, "Not Found", detail)
    };
    Ok((zone, found.ok_or_else(none)?))
}

/// As it is told.
///
/// Errors: 503.
pub(super) async fn told(desk: &Desk, zone: &Zone, revert: &vfs::Revert) -> Result<Revert, Refused> {
    let snapshots = desk.snapshots.all(zone.root()).map_err(failed)?;
    let snapshot = snapshots.iter().find(|snapshot| snapshot.root.tree == revert.past.tree);
    Ok(Revert {
        zone: zone.name().to_owned(),
        id: revert.id,
        path: path_of(desk, revert.directory).await?,
        snapshot: snapshot.map(|snapshot| text(&snapshot.name)).unwrap_or_default(),
        kept_as: None,
        state: state(revert.state),
        started: rfc3339(revert.started.seconds),
        ended: revert.ended.map(|ended| rfc3339(ended.seconds)),
        changes: revert.changes,
        left_out: revert.left_out.iter().map(left_out).collect(),
    })
}

fn state(state: vfs::RevertState) -> RevertState {
    match state {
        vfs::RevertState::Names => RevertState::Names,
        vfs::RevertState::Contents => RevertState::Contents,
        vfs::RevertState::Waiting => RevertState::Waiting,
        vfs::RevertState::Done => RevertState::Done,
        vfs::RevertState::Failed => RevertState::Failed,
        vfs::RevertState::Cancelled => RevertState::Cancelled,
    }
}

fn left_out(one: &vfs::LeftOut) -> LeftOut {
    let reason = match one.error {
        FsError::ShareConflict | FsError::LockConflict | FsError::Breaking(_) | FsError::Delay => LeftOutReason::InUse,
        FsError::QuotaExceeded => LeftOutReason::Quota,
        FsError::NoSpace => LeftOutReason::Full,
        FsError::NotPermitted => LeftOutReason::Hangs,
        _ => LeftOutReason::Other,
    };
    LeftOut { path: path_text(&one.path), reason }
}
