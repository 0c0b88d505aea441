//! What is asked, and how it is refused.

use std::sync::Arc;

use admin_api::{ChangedEntry, ChangedRanges, ChangesPage, LIMIT_DEFAULT, LIMIT_MAX, List, RangesPage};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use vfs::{ChangedRangesRequest, ChangesRequest, FsError, InodeId, Snapshot, TreeId};

use super::told::{cursor_of, entry, ranges_told, text_of};
use crate::access::Caller;
use crate::problem::Refused;
use crate::routes::{CHANGED_RANGES_ROUTE, CHANGES_ROUTE};
use crate::snapshots::answer::{Place, failed, find, name_of, none, problem};
use crate::snapshots::order::names_of;
use crate::window::Desk;

/// What differs of a directory.
#[utoipa::path(get, path = CHANGES_ROUTE, operation_id = "snapshot_changes",
    summary = "What differs of a directory between a snapshot and a younger one, or now.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The older snapshot"),
        ChangesPage,
    ),
    responses((status = 200, body = List<ChangedEntry>)))]
pub(crate) async fn changes(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<ChangesPage>, QueryRejection>,
) -> Result<Json<List<ChangedEntry>>, Refused> {
    let place = find(&desk, &caller, path).await?;
    let Query(asked) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let limit = limit(asked.limit)?;
    let after = asked.cursor.as_deref().map(cursor_of).transpose()?;
    let older = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let to = younger(&desk, &place, asked.to.as_deref())?;
    let directory = asked.directory.as_deref().unwrap_or("/");
    let from = inode(&desk, older, ("directory", directory)).await?;
    let request = ChangesRequest { from, to, after, limit };
    let told = desk.snapshots.changes(request).await.map_err(|error| refused(error, directory))?;
    let next = told.next.as_ref().map(text_of);
    Ok(Json(List { items: told.entries.iter().map(entry).collect(), next, total: None }))
}

/// In which ranges a file differs.
#[utoipa::path(get, path = CHANGED_RANGES_ROUTE, operation_id = "snapshot_changed_ranges",
    summary = "In which ranges a file differs between a snapshot and a younger one, or now.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("snapshot" = String, Path, description = "The older snapshot"),
        RangesPage,
    ),
    responses((status = 200, body = ChangedRanges)))]
pub(crate) async fn ranges(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<RangesPage>, QueryRejection>,
) -> Result<Json<ChangedRanges>, Refused> {
    let place = find(&desk, &caller, path).await?;
    let Query(asked) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let limit = limit(asked.limit)?;
    let offset = asked.cursor.as_deref().map_or(Ok(0), |text| text.parse().map_err(|_| no_cursor()))?;
    let older = place.current.as_ref().ok_or_else(|| none(&place.name))?;
    let to = younger(&desk, &place, asked.to.as_deref())?;
    let from = inode(&desk, older, ("file", &asked.file)).await?;
    let request = ChangedRangesRequest { from, to, offset, limit };
    let told = desk.snapshots.changed_ranges(request).await.map_err(|error| refused(error, &asked.file))?;
    Ok(Json(ranges_told(&told)))
}

fn limit(asked: Option<usize>) -> Result<usize, Refused> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(problem(400, "Bad Request", format!("limit: {limit} is out of range: allowed are 1 to {LIMIT_MAX}")))
}

/// The tree of the younger snapshot.
///
/// Errors: 404, 422.
fn younger(desk: &Desk, place: &Place, to: Option<&str>) -> Result<Option<TreeId>, Refused> {
    let Some(to) = to else { return Ok(None) };
    let name = name_of(to, "snapshot")?;
    let all = desk.snapshots.all(place.zone.root()).map_err(failed)?;
    let found = all.into_iter().find(|snapshot| !snapshot.is_going && snapshot.name == name);
    found.map(|snapshot| Some(snapshot.root.tree)).ok_or_else(|| none(&name))
}

/// What a path leads to in a snapshot.
///
/// Errors: 404, 409, 422.
async fn inode(desk: &Desk, older: &Snapshot, (key, path): (&str, &str)) -> Result<InodeId, Refused> {
    let names = names_of(path, key)?;
    desk.snapshots.inode(older.root, names).await.map_err(|error| match error {
        FsError::NotFound => {
            let detail = format!("{key}: there was no {} when the snapshot was taken", path.escape_default());
            problem(404, "Not Found", detail)
        }
        FsError::NotDirectory => {
            problem(409, "Conflict", format!("{key}: {} does not lead through directories", path.escape_default()))
        }
        other => failed(other),
    })
}

fn refused(error: FsError, path: &str) -> Refused {
    let path = path.escape_default();
    match error {
        FsError::BadCookie => no_cursor(),
        FsError::NotDirectory => problem(409, "Conflict", format!("directory: {path} is no directory")),
        FsError::WrongType => problem(409, "Conflict", format!("file: {path} is no file")),
        FsError::InvalidArgument => {
            let detail = "to: it must be younger than the snapshot and of the same tree: not one of a clone of it";
            problem(409, "Conflict", detail.to_owned())
        }
        FsError::StaleHandle => {
            let detail = format!("{path} is not there any more in the younger state, or a snapshot went meanwhile");
            problem(409, "Conflict", detail)
        }
        other => failed(other),
    }
}

fn no_cursor() -> Refused {
    problem(400, "Bad Request", "cursor: it is no `next` of a page of this list".to_owned())
}
