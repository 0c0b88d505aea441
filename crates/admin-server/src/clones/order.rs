//! `PUT` and `DELETE /v1/zones/NAME/clones/CLONE`.

use std::sync::Arc;

use admin_api::{CloneSettings, CloneShown};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{CloneTree, FsError, InodeId, MakeCloneRequest, Name};

use super::answer::{Place, find, none, shown, tag_of, text_of};
use crate::access::Caller;
use crate::audit::Came;
use crate::documents::Preconditions;
use crate::problem::Refused;
use crate::routes::CLONE_ROUTE;
use crate::snapshots::answer::{failed, problem};
use crate::snapshots::order::names_of;
use crate::window::Desk;

/// Makes a clone.
#[utoipa::path(put, path = CLONE_ROUTE, operation_id = "clone_make",
    summary = "Makes a writable clone of a directory of a snapshot; it costs the same however much is below.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("clone" = String, Path, description = "The clone"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
        ("If-None-Match" = Option<String>, Header, description = "*: only if there is none of this name"),
    ),
    request_body = CloneSettings,
    responses(
        (status = 200, description = "It is there as it is to be", body = CloneShown, headers(("ETag" = String))),
        (status = 201, description = "Made", body = CloneShown, headers(("ETag" = String))),
    ))]
pub(crate) async fn put(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Result<Json<CloneSettings>, JsonRejection>,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path)?;
    let Json(wanted) = body.map_err(|wrong| problem(wrong.status().as_u16(), "Bad Request", wrong.body_text()))?;
    let current = known(&desk, &place).await?;
    meant(&headers, current.as_ref())?;
    let (status, keys, told) = match current {
        None => {
            let made = make(&desk, &place, &wanted).await?;
            (StatusCode::CREATED, KEYS.to_vec(), shown(&desk, &place.zone, &made).await?)
        }
        Some(current) if (&current.snapshot, &current.path) == (&wanted.snapshot, &wanted.path) => {
            (StatusCode::OK, Vec::new(), current)
        }
        Some(current) => {
            let detail = format!(
                "the clone was made of snapshot {} and hangs at {}: delete it, or choose another name",
                current.snapshot, current.path
            );
            return Err(problem(409, "Conflict", detail));
        }
    };
    let came = Came { keys: keys.into_iter().map(str::to_owned).collect(), is_applied: true };
    Ok((status, Extension(came), [(header::ETAG, tag_of(&told))], Json(told)).into_response())
}

/// Deletes a clone.
#[utoipa::path(delete, path = CLONE_ROUTE, operation_id = "clone_delete",
    summary = "Deletes a writable clone with its snapshots: nobody sees it any more, and its space comes back in the background.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("clone" = String, Path, description = "The clone"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
    ),
    responses((status = 204, description = "Done")))]
pub(crate) async fn delete(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path)?;
    meant(&headers, known(&desk, &place).await?.as_ref())?;
    let current = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let deleted = desk.snapshots.delete_clone(place.zone.root(), current.tree).await;
    deleted.map_err(|error| match error {
        FsError::NotFound => none(&place.name),
        FsError::NotEmpty => problem(409, "Conflict", "another clone hangs in it: delete that first".to_owned()),
        FsError::NotPermitted => {
            let detail = "a snapshot of it is locked: unlock that first (a cluster admin can)";
            problem(409, "Conflict", detail.to_owned())
        }
        FsError::Delay => {
            let detail =
                "it is being deleted, but what users and groups own above it is being counted: it goes when they are";
            problem(503, "Service Unavailable", detail.to_owned())
        }
        other => failed(other),
    })?;
    let came = Came { keys: vec!["clone".to_owned()], is_applied: true };
    Ok((StatusCode::NO_CONTENT, Extension(came)).into_response())
}

async fn make(desk: &Desk, place: &Place, wanted: &CloneSettings) -> Result<CloneTree, Refused> {
    let root = place.zone.root();
    let all = desk.snapshots.all(root).map_err(failed)?;
    let is_it = |name: &Name| name.as_bytes() == wanted.snapshot.as_bytes();
    let snapshot = all.into_iter().find(|snapshot| !snapshot.is_going && is_it(&snapshot.name)).ok_or_else(|| {
        let detail = format!("there is no snapshot {}; see the zone's /snapshots", wanted.snapshot.escape_default());
        problem(404, "Not Found", detail)
    })?;
    let source = directory(desk, snapshot.root, (&wanted.directory, names_of(&wanted.directory, "directory")?)).await?;
    let mut names = names_of(&wanted.path, "path")?;
    let entry = names.pop().ok_or_else(|| {
        let detail = "path: \"/\" is the base of the zone: a clone needs a name below it, such as /projects/test";
        problem(422, "Unprocessable Content", detail.to_owned())
    })?;
    let parent = directory(desk, root, (&wanted.path, names)).await?;
    let request = MakeCloneRequest { source, parent, entry, name: place.name.clone() };
    desk.snapshots.make_clone(request).await.map_err(|error| match error {
        FsError::Exists => {
            let detail = format!("{} is there already, or is no name that can be given", wanted.path.escape_default());
            problem(409, "Conflict", detail)
        }
        FsError::NotFound => problem(404, "Not Found", "the snapshot went meanwhile".to_owned()),
        FsError::CrossDevice => {
            problem(409, "Conflict", "the snapshot and the path are of different file systems".to_owned())
        }
        FsError::TooManyLinks => {
            problem(409, "Conflict", "clones may be made one of the other 8 times, and a zone may have 4096".to_owned())
        }
        FsError::TooDeep => problem(409, "Conflict", "the directories would be more than 512 deep".to_owned()),
        FsError::QuotaExceeded => problem(409, "Conflict", "a quota above the path leaves no room".to_owned()),
        other => failed(other),
    })
}

async fn directory(desk: &Desk, root: InodeId, (path, names): (&str, Vec<Name>)) -> Result<InodeId, Refused> {
    desk.quotas.directory(root, names).await.map_err(|error| match error {
        FsError::NotFound => problem(404, "Not Found", format!("there is no directory for {}", path.escape_default())),
        FsError::NotDirectory => {
            problem(409, "Conflict", format!("{} does not lead through directories", path.escape_default()))
        }
        other => failed(other),
    })
}

/// The clone as it is told now, if it is there.
async fn known(desk: &Desk, place: &Place) -> Result<Option<CloneShown>, Refused> {
    match &place.current {
        Some(current) => shown(desk, &place.zone, current).await.map(Some),
        None => Ok(None),
    }
}

/// Errors: 412.
fn meant(headers: &HeaderMap, current: Option<&CloneShown>) -> Result<(), Refused> {
    let text = current.map(text_of);
    Preconditions::of(headers).check_of("clone", text.as_deref()).map_err(Refused)
}

/// What can be set.
const KEYS: [&str; 3] = ["snapshot", "directory", "path"];
