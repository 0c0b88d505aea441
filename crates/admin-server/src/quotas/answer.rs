//! `GET /v1/zones/NAME/quotas` and below.

use std::sync::Arc;

use admin_api::{List, Page, Problem, Quota, QuotaEvery, QuotaSettings, QuotaUsage, rfc3339};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use vfs::{FsError, InodeId, Name, QuotaDomain, Timestamp};
use zones::Zone;

use super::owner::{Whose, told_owner};
use super::settings::told;
use crate::access::Caller;
use crate::documents::{Preconditions, etag, missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::{QUOTA_ROUTE, QUOTAS_ROUTE};
use crate::window::Desk;

/// Which quota of a zone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// The directory, below the base of the zone.
    path: String,
    /// Also on the base itself.
    #[serde(default)]
    pub(super) force: bool,
    /// A user, by name or number.
    user: Option<String>,
    /// A group, by name or number.
    group: Option<String>,
    /// Each user, or each group, by itself.
    every: Option<QuotaEvery>,
}

/// A quota that is asked about, found.
pub(super) struct Place {
    pub(super) zone: Arc<Zone>,
    pub(super) path: String,
    pub(super) directory: InodeId,
    pub(super) domain: QuotaDomain,
    pub(super) current: Option<vfs::Quota>,
}

/// The quotas of a zone, by path.
#[utoipa::path(get, path = QUOTAS_ROUTE, operation_id = "quotas", summary = "The quotas of a zone, by path.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<Quota>)))]
pub(crate) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<Quota>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| bad(wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let quotas = desk.quotas.below(zone.root()).await.map_err(failed)?;
    let mut all: Vec<_> = quotas.iter().map(|quota| shown(&zone, quota)).collect();
    all.sort_by(|one, other| (&one.path, one.kind, &one.owner).cmp(&(&other.path, other.kind, &other.owner)));
    let total = all.len() as u64;
    Ok(Json(asked.cut(all, Some(total))))
}

/// One quota.
#[utoipa::path(get, path = QUOTA_ROUTE, operation_id = "quota_show", summary = "The quota of a directory, and what is used.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("path" = String, Query, description = "The directory, below the base of the zone", pattern = "^/"),
        ("user" = Option<String>, Query, description = "A user, by name or number, whose limits are meant"),
        ("group" = Option<String>, Query, description = "A group, by name or number, whose limits are meant"),
        ("every" = Option<QuotaEvery>, Query, description = "The limits of each user, or each group, without its own"),
        ("If-None-Match" = Option<String>, Header, description = "ETags of what is known already"),
    ),
    responses(
        (status = 200, body = Quota, headers(("ETag" = String, description = "Of the limits, not of what is used"))),
        (status = 304, description = "As known"),
    ))]
pub(crate) async fn show(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (place, _) = find(&desk, named(path, &caller)?, which).await?;
    let quota = place.current.as_ref().ok_or_else(|| none(&place.path))?;
    let tag = tag_of(quota);
    let head = [(header::ETAG, tag.clone())];
    if Preconditions::of(&headers).has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, Json(shown(&place.zone, quota))).into_response())
}

/// The directory that is asked about, and its quota; whether `force` was said.
///
/// Errors, in order: 400 (no path), 404 (zone), 400, 422 (whose), 404 (directory), 409 (no directory), 503.
pub(super) async fn find(
    desk: &Desk,
    zone: String,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<(Place, bool), Refused> {
    let Query(Which { path, force, user, group, every }) = which.map_err(|wrong| bad(wrong.body_text()))?;
    let names = names_of(&path)?;
    let served = zone_served(desk, &zone).ok_or_else(|| Refused(missing(&zone)))?;
    let domain = Whose { user, group, every }.domain(&served)?;
    let root = served.root();
    let directory = desk.quotas.directory(root, names).await.map_err(|error| match error {
        FsError::NotFound => problem(404, "Not Found", format!("there is no {}", path.escape_default())),
        FsError::NotDirectory => problem(409, "Conflict", format!("{} is no directory", path.escape_default())),
        other => failed(other),
    })?;
    let quotas = desk.quotas.below(root).await.map_err(failed)?;
    let is_it = |quota: &vfs::Quota| quota.directory == directory && quota.domain == domain;
    let current = quotas.into_iter().find(is_it);
    Ok((Place { zone: served, path, directory, domain, current }, force))
}

/// The entity tag of a quota: of its limits, not of what is used.
pub(super) fn tag_of(quota: &vfs::Quota) -> String {
    etag(&text_of(quota))
}

/// The limits as a text.
pub(super) fn text_of(quota: &vfs::Quota) -> String {
    serde_json::to_string(&told(&quota.settings)).unwrap_or_default()
}

/// A quota as it is told.
#[must_use]
pub fn shown(zone: &Zone, quota: &vfs::Quota) -> Quota {
    let (kind, owner, owner_name) = told_owner(zone, &quota.domain);
    let usage = quota.usage;
    let time = |time: Option<Timestamp>| time.map(|time| rfc3339(time.seconds));
    let QuotaSettings { basis, bytes, inodes, grace_seconds, enforced, container } = told(&quota.settings);
    Quota {
        zone: zone.name().to_owned(),
        path: path_of(&quota.path),
        kind,
        owner,
        owner_name,
        linked: quota.is_linked,
        ready: quota.is_ready,
        basis,
        bytes,
        inodes,
        grace_seconds,
        enforced,
        container,
        usage: QuotaUsage {
            bytes: usage.bytes(quota.settings.basis),
            inodes: usage.inodes,
            application_bytes: usage.application_bytes,
            logical_bytes: usage.logical_bytes,
            physical_bytes: usage.physical_bytes,
        },
        bytes_exceeded_since: time(quota.bytes_since),
        inodes_exceeded_since: time(quota.inodes_since),
    }
}

/// The answer for a quota that is not there.
pub(super) fn none(path: &str) -> Refused {
    problem(404, "Not Found", format!("{} has no quota; see the zone's /quotas", path.escape_default()))
}

/// The answer when the house could not.
pub(super) fn failed(error: FsError) -> Refused {
    let detail = match error {
        FsError::NotSupported => return problem(501, "Not Implemented", "this gateway keeps no quotas".to_owned()),
        FsError::StaleHandle | FsError::NotFound => {
            return problem(409, "Conflict", "the directory went meanwhile".to_owned());
        }
        FsError::NoSpace => "there are too many quotas, or there is no room".to_owned(),
        _ => "the store does not answer now: try again".to_owned(),
    };
    problem(503, "Service Unavailable", detail)
}

pub(super) fn problem(status: u16, title: &str, detail: String) -> Refused {
    Refused(Problem::new(status, title, detail))
}

pub(super) fn bad(detail: String) -> Refused {
    problem(400, "Bad Request", detail)
}

fn names_of(path: &str) -> Result<Vec<Name>, Refused> {
    let below = path
        .strip_prefix('/')
        .ok_or_else(|| bad(format!("path: \"{}\" does not begin with \"/\"", path.escape_default())))?;
    if below.is_empty() {
        return Ok(Vec::new());
    }
    let name = |name: &str| {
        Name::try_from(name)
            .map_err(|_| bad(format!("path: \"{}\" has a component that is no name", path.escape_default())))
    };
    below.split('/').map(name).collect()
}

fn path_of(names: &[Name]) -> String {
    if names.is_empty() {
        return "/".to_owned();
    }
    names.iter().map(|name| format!("/{}", String::from_utf8_lossy(name.as_bytes()))).collect()
}
