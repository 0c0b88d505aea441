//! `POST /v1/zones/NAME/snapshots/SNAPSHOT/revert`.

use std::sync::Arc;

use admin_api::{Revert, RevertSettings, ZONES_PATH, rfc3339};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{FsError, InodeId, Name, TakeSnapshotRequest};

use super::shown::told;
use crate::access::Caller;
use crate::audit::Came;
use crate::problem::Refused;
use crate::routes::REVERT_BEGIN_ROUTE;
use crate::snapshots::answer::{failed, find, name_of, none, problem, text};
use crate::snapshots::order::names_of;
use crate::window::Desk;

/// Makes a directory again what a snapshot shows of it.
#[utoipa::path(post, path = REVERT_BEGIN_ROUTE, operation_id = "revert_begin",
    summary = "Makes a directory and all below it again what a snapshot shows, in the background.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The snapshot"),
    ),
    request_body = RevertSettings,
    responses((status = 202, description = "It goes on; Location tells how far it is", body = Revert, headers(("Location" = String)))))]
pub(crate) async fn begin(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    body: Result<Json<RevertSettings>, JsonRejection>,
) -> Result<Response, Refused> {
    let place = find(&desk, &caller, path).await?;
    let Json(wanted) = body.map_err(|wrong| problem(wrong.status().as_u16(), "Bad Request", wrong.body_text()))?;
    let snapshot = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let past = directory(&desk, snapshot.root, &wanted.directory).await?;
    let kept = keep(&desk, &wanted, past.in_tree(snapshot.of)).await?;
    let begun = desk.snapshots.revert(past).await.map_err(|error| refused(error, &wanted.directory, kept.as_ref()))?;
    let mut shown = told(&desk, &place.zone, &begun).await?;
    shown.kept_as = kept.as_ref().map(text);
    let location = format!("{ZONES_PATH}/{}{}/{}", shown.zone, admin_api::REVERTS_BELOW, shown.id);
    let came = Came { keys: vec!["directory".to_owned()], is_applied: true };
    Ok((StatusCode::ACCEPTED, Extension(came), [(header::LOCATION, location)], Json(shown)).into_response())
}

/// The directory in the snapshot.
async fn directory(desk: &Desk, root: InodeId, path: &str) -> Result<InodeId, Refused> {
    let names = names_of(path, "directory")?;
    desk.quotas.directory(root, names).await.map_err(|error| match error {
        FsError::NotFound => {
            let detail = format!("directory: there was no {} when the snapshot was taken", path.escape_default());
            problem(404, "Not Found", detail)
        }
        FsError::NotDirectory => {
            problem(409, "Conflict", format!("directory: {} is no directory", path.escape_default()))
        }
        other => failed(other),
    })
}

/// Takes a snapshot of what is there, unless nobody wants it.
async fn keep(desk: &Desk, wanted: &RevertSettings, directory: InodeId) -> Result<Option<Name>, Refused> {
    if !wanted.keep {
        if wanted.keep_as.is_some() {
            let detail = "keep_as: it names what `keep` says is not to be taken".to_owned();
            return Err(problem(422, "Unprocessable Content", detail));
        }
        return Ok(None);
    }
    let time = rfc3339(desk.sources.now().0.seconds).replace(':', ".");
    let name = wanted.keep_as.clone().unwrap_or_else(|| format!("before-revert-{time}"));
    let name = name_of(&name, "snapshot")?;
    let request = TakeSnapshotRequest { directory, name: name.clone(), expires: None };
    let taken = desk.snapshots.take(request).await.map_err(|error| match error {
        FsError::Exists => problem(409, "Conflict", "keep_as: another snapshot has that name already".to_owned()),
        FsError::StaleHandle => removed(&wanted.directory),
        other => failed(other),
    })?;
    Ok(Some(taken.name))
}

fn refused(error: FsError, path: &str, kept: Option<&Name>) -> Refused {
    let kept = kept.map(|name| format!(" (snapshot {} was taken)", name.as_bytes().escape_ascii())).unwrap_or_default();
    match error {
        FsError::Exists => {
            problem(409, "Conflict", format!("another revert goes on: see the zone's /reverts, or cancel it{kept}"))
        }
        FsError::StaleHandle => removed(path),
        other => failed(other),
    }
}

fn removed(path: &str) -> Refused {
    let detail = format!(
        "directory: {} was removed since: what it held can be copied from .snapshot, or made a clone",
        path.escape_default()
    );
    problem(409, "Conflict", detail)
}
