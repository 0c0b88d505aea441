//! `PUT` and `DELETE /v1/zones/NAME/snapshots/SNAPSHOT`.

use std::sync::Arc;

use admin_api::{Snapshot, SnapshotSettings, parse_rfc3339};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{ChangeSnapshotRequest, FsError, Name, TakeSnapshotRequest, Timestamp};

use super::answer::{Place, failed, find, name_of, none, problem, shown, tag_of, text_of};
use crate::access::Caller;
use crate::audit::Came;
use crate::documents::Preconditions;
use crate::problem::Refused;
use crate::routes::SNAPSHOT_ROUTE;
use crate::window::Desk;

/// Takes a snapshot, or makes one what is sent.
#[utoipa::path(put, path = SNAPSHOT_ROUTE, operation_id = "snapshot_set",
    summary = "Takes a snapshot, or changes its name, when it goes and whether it is locked.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The snapshot"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
        ("If-None-Match" = Option<String>, Header, description = "*: only if there is none of this name"),
    ),
    request_body = SnapshotSettings,
    responses(
        (status = 200, description = "Done", body = Snapshot, headers(("ETag" = String))),
        (status = 201, description = "Taken", body = Snapshot, headers(("ETag" = String))),
    ))]
pub(crate) async fn put(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Result<Json<SnapshotSettings>, JsonRejection>,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path).await?;
    let Json(wanted) = body.map_err(|wrong| problem(wrong.status().as_u16(), "Bad Request", wrong.body_text()))?;
    let expires = wanted.expires.as_deref().map(moment).transpose()?;
    let current = known(&desk, &place).await?;
    let name = wanted.name.as_deref().map(|name| name_of(name, "snapshot")).transpose()?;
    let name = name.filter(|name| *name != place.name);
    meant(&headers, current.as_ref())?;
    let (status, came, snapshot) = match current {
        None if name.is_some() => {
            let detail = "name: a snapshot is taken under the name of the address".to_owned();
            return Err(problem(422, "Unprocessable Content", detail));
        }
        None => (StatusCode::CREATED, TAKEN.to_vec(), take(&desk, &place, (&wanted, expires)).await?),
        Some(current) => {
            if current.path != wanted.path {
                let detail = format!("the snapshot stands on {}, which cannot be changed", current.path);
                return Err(problem(409, "Conflict", detail));
            }
            if current.locked && !wanted.locked {
                caller.must_be_cluster_admin("unlocks a snapshot").map_err(Refused)?;
            }
            let came = [current.expires != wanted.expires, current.locked != wanted.locked, name.is_some()];
            let came = KEYS.iter().zip([false].into_iter().chain(came)).filter(|(_, came)| *came).map(|(key, _)| *key);
            (StatusCode::OK, came.collect(), change(&desk, &place, (&wanted, expires, name)).await?)
        }
    };
    let told = shown(&desk, &place.zone, &snapshot).await?;
    let came = Came { keys: came.into_iter().map(str::to_owned).collect(), is_applied: true };
    Ok((status, Extension(came), [(header::ETAG, tag_of(&told))], Json(told)).into_response())
}

/// Deletes a snapshot.
#[utoipa::path(delete, path = SNAPSHOT_ROUTE, operation_id = "snapshot_delete",
    summary = "Deletes a snapshot: nobody sees it any more, and its space comes back in the background.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The snapshot"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
    ),
    responses((status = 204, description = "Done")))]
pub(crate) async fn delete(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path).await?;
    meant(&headers, known(&desk, &place).await?.as_ref())?;
    let current = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let deleted = desk.snapshots.delete(place.zone.root(), current.id).await;
    deleted.map_err(|error| refused(error, &place.name))?;
    let came = Came { keys: vec!["snapshot".to_owned()], is_applied: true };
    Ok((StatusCode::NO_CONTENT, Extension(came)).into_response())
}

async fn take(
    desk: &Desk,
    place: &Place,
    (wanted, expires): (&SnapshotSettings, Option<Timestamp>),
) -> Result<vfs::Snapshot, Refused> {
    let names = names_of(&wanted.path, "path")?;
    let root = place.zone.root();
    let directory = desk.quotas.directory(root, names).await.map_err(|error| match error {
        FsError::NotFound => problem(404, "Not Found", format!("there is no {}", wanted.path.escape_default())),
        FsError::NotDirectory => problem(409, "Conflict", format!("{} is no directory", wanted.path.escape_default())),
        other => failed(other),
    })?;
    let request = TakeSnapshotRequest { directory, name: place.name.clone(), expires };
    let taken = desk.snapshots.take(request).await.map_err(|error| refused(error, &place.name))?;
    if !wanted.locked {
        return Ok(taken);
    }
    let request = ChangeSnapshotRequest { within: root, id: taken.id, name: None, expires: None, locks: Some(1) };
    desk.snapshots.change(request).await.map_err(|error| refused(error, &place.name))
}

async fn change(
    desk: &Desk,
    place: &Place,
    (wanted, expires, name): (&SnapshotSettings, Option<Timestamp>, Option<Name>),
) -> Result<vfs::Snapshot, Refused> {
    let id = place.current.as_ref().map(|current| current.id).ok_or_else(|| none(&place.name))?;
    let locks = Some(u32::from(wanted.locked));
    let within = place.zone.root();
    let request = ChangeSnapshotRequest { within, id, name, expires: Some(expires), locks };
    desk.snapshots.change(request).await.map_err(|error| refused(error, &place.name))
}

/// The snapshot as it is told now, if it is there.
async fn known(desk: &Desk, place: &Place) -> Result<Option<Snapshot>, Refused> {
    match &place.current {
        Some(current) => shown(desk, &place.zone, current).await.map(Some),
        None => Ok(None),
    }
}

/// Errors: 412.
fn meant(headers: &HeaderMap, current: Option<&Snapshot>) -> Result<(), Refused> {
    let text = current.map(text_of);
    Preconditions::of(headers).check_of("snapshot", text.as_deref()).map_err(Refused)
}

fn refused(error: FsError, name: &Name) -> Refused {
    match error {
        FsError::Exists => problem(409, "Conflict", "another snapshot has that name already".to_owned()),
        FsError::NotFound => none(name),
        FsError::NotPermitted => {
            let detail =
                "the snapshot is locked: unlock it first (a cluster admin can); or a directory is being reverted to it"
                    .to_owned();
            problem(409, "Conflict", detail)
        }
        other => failed(other),
    }
}

fn moment(text: &str) -> Result<Timestamp, Refused> {
    let seconds = parse_rfc3339(text).ok_or_else(|| {
        let detail = format!("expires: \"{}\" is no time such as 2026-11-30T12:00:00Z", text.escape_default());
        problem(422, "Unprocessable Content", detail)
    })?;
    Ok(Timestamp { seconds, nanoseconds: 0 })
}

pub(crate) fn names_of(path: &str, key: &str) -> Result<Vec<Name>, Refused> {
    let wrong = || {
        let detail = format!("{key}: \"{}\" is no path such as /projects/a", path.escape_default());
        problem(422, "Unprocessable Content", detail)
    };
    let below = path.strip_prefix('/').ok_or_else(wrong)?;
    let names = below.split('/').filter(|_| !below.is_empty());
    names.map(|name| Name::try_from(name).map_err(|_| wrong())).collect()
}

/// What is set of one that is taken.
const TAKEN: [&str; 3] = ["path", "expires", "locked"];
/// What can be set.
const KEYS: [&str; 4] = ["path", "expires", "locked", "name"];
