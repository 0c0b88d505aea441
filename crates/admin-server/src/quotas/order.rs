//! `PUT` and `DELETE /v1/zones/NAME/quotas/directory?path=`.

use std::sync::Arc;

use admin_api::{Quota, QuotaEvery, QuotaSettings};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use vfs::{FsError, QuotaDomain, QuotaGuard, SetQuotaRequest};
use zones::document::changes;

use super::answer::{Place, Which, failed, find, none, problem, shown, tag_of, text_of};
use super::settings::{parse, told};
use crate::access::Caller;
use crate::audit::Came;
use crate::documents::{Preconditions, named};
use crate::problem::Refused;
use crate::routes::QUOTA_ROUTE;
use crate::window::Desk;

/// Makes a quota what is sent.
#[utoipa::path(put, path = QUOTA_ROUTE, operation_id = "quota_set", summary = "Makes a quota what is sent.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("path" = String, Query, description = "The directory, below the base of the zone", pattern = "^/"),
        ("user" = Option<String>, Query, description = "A user, by name or number, whose limits are meant"),
        ("group" = Option<String>, Query, description = "A group, by name or number, whose limits are meant"),
        ("every" = Option<QuotaEvery>, Query, description = "The limits of each user, or each group, without its own"),
        ("force" = Option<bool>, Query, description = "Also on the base of the zone"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
        ("If-None-Match" = Option<String>, Header, description = "*: only if there is no quota"),
    ),
    request_body = QuotaSettings,
    responses(
        (status = 200, description = "Done", body = Quota, headers(("ETag" = String))),
        (status = 201, description = "Made anew", body = Quota, headers(("ETag" = String))),
    ))]
pub(crate) async fn put(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    (path, which): (Result<Path<String>, PathRejection>, Result<Query<Which>, QueryRejection>),
    headers: HeaderMap,
    body: Result<Json<QuotaSettings>, JsonRejection>,
) -> Result<Response, Refused> {
    let zone = named(path, &caller)?;
    caller.must_be_cluster_admin("sets a quota").map_err(Refused)?;
    let Json(wanted) = body.map_err(|wrong| problem(wrong.status().as_u16(), "Bad Request", wrong.body_text()))?;
    let settings = parse(&wanted).map_err(Refused)?;
    let (place, force) = find(&desk, zone, which).await?;
    let guard = meant(&headers, &place)?;
    if place.path == "/" && !force {
        let detail = "this would limit the whole zone; say force=true if that is meant".to_owned();
        return Err(problem(422, "Unprocessable Content", detail));
    }
    if place.domain != QuotaDomain::Directory && settings.container {
        let detail = "only the limit of a directory is shown as its size: container is for those".to_owned();
        return Err(problem(422, "Unprocessable Content", detail));
    }
    set(&desk, &place, Some(settings), guard).await?;
    let status = if own(&place).is_none() { StatusCode::CREATED } else { StatusCode::OK };
    let quotas = desk.quotas.below(place.zone.root()).await.map_err(failed)?;
    let is_it = |quota: &&vfs::Quota| quota.directory == place.directory && quota.domain == place.domain;
    let quota = quotas.iter().find(is_it).ok_or_else(|| none(&place.path))?;
    let came = came(own(&place).map(|before| &before.settings), Some(&settings));
    Ok((status, Extension(came), [(header::ETAG, tag_of(quota))], Json(shown(&place.zone, quota))).into_response())
}

/// Takes a quota away.
#[utoipa::path(delete, path = QUOTA_ROUTE, operation_id = "quota_delete", summary = "Takes a quota away.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("path" = String, Query, description = "The directory, below the base of the zone", pattern = "^/"),
        ("user" = Option<String>, Query, description = "A user, by name or number, whose limits are meant"),
        ("group" = Option<String>, Query, description = "A group, by name or number, whose limits are meant"),
        ("every" = Option<QuotaEvery>, Query, description = "The limits of each user, or each group, without its own"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
    ),
    responses((status = 204, description = "Done")))]
pub(crate) async fn delete(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let zone = named(path, &caller)?;
    caller.must_be_cluster_admin("takes a quota away").map_err(Refused)?;
    let (place, _) = find(&desk, zone, which).await?;
    let guard = meant(&headers, &place)?;
    set(&desk, &place, None, guard).await?;
    let came = came(own(&place).map(|before| &before.settings), None);
    Ok((StatusCode::NO_CONTENT, Extension(came)).into_response())
}

/// What was set. Limits for every user or group are no limits of one.
fn own(place: &Place) -> Option<&vfs::Quota> {
    place.current.as_ref().filter(|quota| !quota.is_linked)
}

/// Which limits differ, for the audit log.
fn came(old: Option<&vfs::QuotaSettings>, new: Option<&vfs::QuotaSettings>) -> Came {
    let limits = |settings: Option<&vfs::QuotaSettings>| {
        let told = settings.and_then(|settings| serde_json::to_value(told(settings)).ok());
        told.and_then(|told| told.as_object().cloned()).unwrap_or_default()
    };
    let keys = changes(&limits(old), &limits(new)).into_iter().map(|change| change.key).collect();
    Came { keys, is_applied: true }
}

/// The state that a change is meant for, as the house checks it once more.
///
/// Errors: 412.
fn meant(headers: &HeaderMap, place: &Place) -> Result<QuotaGuard, Refused> {
    let preconditions = Preconditions::of(headers);
    let text = own(place).map(text_of);
    preconditions.check_of("quota", text.as_deref()).map_err(Refused)?;
    Ok(match own(place) {
        _ if preconditions.are_none() => QuotaGuard::Any,
        None => QuotaGuard::Absent,
        Some(quota) => QuotaGuard::Is(quota.settings),
    })
}

async fn set(
    desk: &Desk,
    place: &Place,
    settings: Option<vfs::QuotaSettings>,
    guard: QuotaGuard,
) -> Result<(), Refused> {
    let request = SetQuotaRequest { directory: place.directory, domain: place.domain.clone(), settings, guard };
    desk.quotas.set(request).await.map_err(|error| match error {
        FsError::NotSync => {
            problem(412, "Precondition Failed", "nothing was changed: the quota was changed meanwhile".to_owned())
        }
        FsError::NotFound => none(&place.path),
        other => failed(other),
    })
}
