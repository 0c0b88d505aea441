//! `GET /v1/zones/NAME/snapshots` and below.

use std::sync::Arc;

use admin_api::{List, Page, Problem, Snapshot, rfc3339};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{FsError, InodeId, Name};
use zones::Zone;

use crate::access::Caller;
use crate::documents::{Preconditions, etag, missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::{SNAPSHOT_ROUTE, SNAPSHOTS_ROUTE};
use crate::window::Desk;

/// A snapshot that is asked about, found.
pub(crate) struct Place {
    pub(crate) zone: Arc<Zone>,
    pub(crate) name: Name,
    pub(crate) current: Option<vfs::Snapshot>,
}

/// The snapshots of a zone, oldest first.
#[utoipa::path(get, path = SNAPSHOTS_ROUTE, operation_id = "snapshots", summary = "The snapshots of a zone, oldest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<Snapshot>)))]
pub(crate) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<Snapshot>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let all = desk.snapshots.all(zone.root()).map_err(failed)?;
    let total = all.len() as u64;
    let List { items, next, total } = asked.cut(all, Some(total));
    let mut told = Vec::with_capacity(items.len());
    for snapshot in &items {
        told.push(shown(&desk, &zone, snapshot).await?);
    }
    Ok(Json(List { items: told, next, total }))
}

/// One snapshot.
#[utoipa::path(get, path = SNAPSHOT_ROUTE, operation_id = "snapshot_show", summary = "A snapshot.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The snapshot"),
        ("If-None-Match" = Option<String>, Header, description = "ETags of what is known already"),
    ),
    responses(
        (status = 200, body = Snapshot, headers(("ETag" = String))),
        (status = 304, description = "As known"),
    ))]
pub(crate) async fn show(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path).await?;
    let snapshot = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let shown = shown(&desk, &place.zone, snapshot).await?;
    let tag = tag_of(&shown);
    let head = [(header::ETAG, tag.clone())];
    if Preconditions::of(&headers).has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, Json(shown)).into_response())
}

/// The snapshot that is asked about, if it is there and not going.
///
/// Errors, in order: 400, 404 (zone), 422 (the name of no snapshot), 503.
pub(crate) async fn find(
    desk: &Desk,
    caller: &Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Place, Refused> {
    let (zone, snapshot) = match path {
        Ok(Path((zone, snapshot))) => (Ok(Path(zone)), snapshot),
        Err(wrong) => (Err(wrong), String::new()),
    };
    let zone = named(zone, caller)?;
    let zone = zone_served(desk, &zone).ok_or_else(|| Refused(missing(&zone)))?;
    let name = name_of(&snapshot, "snapshot")?;
    let all = desk.snapshots.all(zone.root()).map_err(failed)?;
    let current = all.into_iter().find(|snapshot| !snapshot.is_going && snapshot.name == name);
    Ok(Place { zone, name, current })
}

/// The name of a snapshot, or of something like it.
///
/// Errors: 422.
pub(crate) fn name_of(text: &str, what: &str) -> Result<Name, Refused> {
    let is_plain = !text.chars().any(char::is_control) && text.len() <= NAME_BYTES_MAX;
    Name::try_from(text).ok().filter(|_| is_plain).ok_or_else(|| {
        let detail = format!(
            "\"{}\" is no name of a {what}: 1 to {NAME_BYTES_MAX} bytes without \"/\" and control characters, and not \".\" or \"..\"",
            text.escape_default()
        );
        problem(422, "Unprocessable Content", detail)
    })
}

/// As it is told. Of one that is going nobody knows any more where it stood.
///
/// Errors: 503.
pub(super) async fn shown(desk: &Desk, zone: &Zone, snapshot: &vfs::Snapshot) -> Result<Snapshot, Refused> {
    let path = path_of(desk, snapshot.root).await?;
    Ok(Snapshot {
        zone: zone.name().to_owned(),
        name: text(&snapshot.name),
        path: if path.is_empty() { "/".to_owned() } else { path },
        created: rfc3339(snapshot.created.seconds),
        expires: snapshot.expires.map(|expires| rfc3339(expires.seconds)),
        locked: snapshot.locks > 0,
        deleting: snapshot.is_going,
    })
}

/// Where a directory is or was, below the base of the zone; empty of what is gone.
///
/// Errors: 503.
pub(crate) async fn path_of(desk: &Desk, directory: InodeId) -> Result<String, Refused> {
    match desk.snapshots.path(directory).await {
        Err(FsError::StaleHandle) => Ok(String::new()),
        path => Ok(path_text(&path.map_err(failed)?)),
    }
}

/// Names that lead from a directory, as people write them.
pub(crate) fn path_text(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(text).collect();
    format!("/{}", names.join("/"))
}

/// A name for people.
pub(crate) fn text(name: &Name) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}

/// The entity tag of a snapshot: of what can be set.
pub(super) fn tag_of(snapshot: &Snapshot) -> String {
    etag(&text_of(snapshot))
}

/// What can be set, as a text.
pub(super) fn text_of(snapshot: &Snapshot) -> String {
    serde_json::to_string(&snapshot.settings()).unwrap_or_default()
}

/// The answer for a snapshot that is not there.
pub(crate) fn none(name: &Name) -> Refused {
    let detail = format!("there is no snapshot {}; see the zone's /snapshots", name.as_bytes().escape_ascii());
    problem(404, "Not Found", detail)
}

/// The answer when the house could not.
pub(crate) fn failed(error: FsError) -> Refused {
    let detail = match error {
        FsError::NotSupported => return problem(501, "Not Implemented", "this gateway takes no snapshots".to_owned()),
        FsError::StaleHandle => return problem(409, "Conflict", "the directory went meanwhile".to_owned()),
        FsError::NoSpace => "there are too many snapshots, or there is no room".to_owned(),
        _ => "the store does not answer now: try again".to_owned(),
    };
    problem(503, "Service Unavailable", detail)
}

pub(crate) fn problem(status: u16, title: &str, detail: String) -> Refused {
    Refused(Problem::new(status, title, detail))
}

const NAME_BYTES_MAX: usize = 255;
