//! `GET /v1/zones/NAME/clones` and below.

use std::sync::Arc;

use admin_api::{CloneShown, List, Page, rfc3339};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{CloneTree, Name};
use zones::Zone;

use crate::access::Caller;
use crate::documents::{Preconditions, etag, missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::{CLONE_ROUTE, CLONES_ROUTE};
use crate::snapshots::answer::{failed, name_of, path_of, problem, text};
use crate::window::Desk;

/// A clone that is asked about, found.
pub(super) struct Place {
    pub(super) zone: Arc<Zone>,
    pub(super) name: Name,
    pub(super) current: Option<CloneTree>,
}

/// The clones of a zone.
#[utoipa::path(get, path = CLONES_ROUTE, operation_id = "clones", summary = "The writable clones of a zone, oldest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<CloneShown>)))]
pub(crate) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<CloneShown>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let all = desk.snapshots.clones(zone.root()).map_err(failed)?;
    let total = all.len() as u64;
    let List { items, next, total } = asked.cut(all, Some(total));
    let mut told = Vec::with_capacity(items.len());
    for clone in &items {
        told.push(shown(&desk, &zone, clone).await?);
    }
    Ok(Json(List { items: told, next, total }))
}

/// One clone.
#[utoipa::path(get, path = CLONE_ROUTE, operation_id = "clone_show", summary = "A writable clone.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("clone" = String, Path, description = "The clone"),
        ("If-None-Match" = Option<String>, Header, description = "ETags of what is known already"),
    ),
    responses(
        (status = 200, body = CloneShown, headers(("ETag" = String))),
        (status = 304, description = "As known"),
    ))]
pub(crate) async fn show(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path)?;
    let clone = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let shown = shown(&desk, &place.zone, clone).await?;
    let tag = tag_of(&shown);
    let head = [(header::ETAG, tag.clone())];
    if Preconditions::of(&headers).has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, Json(shown)).into_response())
}

/// The clone that is asked about, if it is there and not going.
///
/// Errors, in order: 400, 404 (zone), 422 (the name of no clone), 503.
pub(super) fn find(
    desk: &Desk,
    caller: &Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Place, Refused> {
    let (zone, clone) = match path {
        Ok(Path((zone, clone))) => (Ok(Path(zone)), clone),
        Err(wrong) => (Err(wrong), String::new()),
    };
    let zone = named(zone, caller)?;
    let zone = zone_served(desk, &zone).ok_or_else(|| Refused(missing(&zone)))?;
    let name = name_of(&clone, "clone")?;
    let all = desk.snapshots.clones(zone.root()).map_err(failed)?;
    let current = all.into_iter().find(|clone| !clone.is_going && clone.name == name);
    Ok(Place { zone, name, current })
}

/// As it is told.
///
/// Errors: 503.
pub(super) async fn shown(desk: &Desk, zone: &Zone, clone: &CloneTree) -> Result<CloneShown, Refused> {
    let snapshots = desk.snapshots.all(zone.root()).map_err(failed)?;
    let snapshot = snapshots.iter().find(|snapshot| snapshot.root.tree == clone.origin.tree);
    Ok(CloneShown {
        zone: zone.name().to_owned(),
        name: text(&clone.name),
        path: path_of(desk, clone.root).await?,
        snapshot: snapshot.map(|snapshot| text(&snapshot.name)).unwrap_or_default(),
        directory: path_of(desk, clone.origin).await?,
        created: rfc3339(clone.created.seconds),
        deleting: clone.is_going,
    })
}

/// The entity tag of a clone.
pub(super) fn tag_of(clone: &CloneShown) -> String {
    etag(&text_of(clone))
}

/// What it is, as a text.
pub(super) fn text_of(clone: &CloneShown) -> String {
    serde_json::to_string(clone).unwrap_or_default()
}

/// The answer for a clone that is not there.
pub(super) fn none(name: &Name) -> Refused {
    let detail = format!("there is no clone {}; see the zone's /clones", name.as_bytes().escape_ascii());
    problem(404, "Not Found", detail)
}
