//! What can be asked, and where.

use std::sync::Arc;

use admin_api::{
    EXPORTS_PATH, HEALTH_PATH, Health, JOBS_PATH, LOCKS_PATH, METRICS_PATH, OPENAPI_PATH, Page, Problem, SESSIONS_PATH,
    SHARES_PATH, STATUS_PATH, Status, ZONES_PATH,
};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json, Router, middleware};
use serde::Serialize;

use crate::access::{Caller, Gate, admit, only_cluster_admins};
use crate::page::Asked;
use crate::problem::Refused;
use crate::serve::Scope;
use crate::window::Desk;
use crate::{changes, clones, documents, events, lists, metrics, notifications, quotas, reverts, snapshots, status};

/// Everything that may be asked in a scope.
pub(crate) fn router(desk: Arc<Desk>, scope: Scope) -> Router {
    let monitoring = Router::new().route(HEALTH_PATH, get(health)).route(METRICS_PATH, get(figures));
    let router = match scope {
        Scope::Monitoring => monitoring,
        Scope::Everything | Scope::Tokens => {
            let cluster = monitoring.route(STATUS_PATH, get(state)).route(JOBS_PATH, list(lists::jobs));
            of_zones().merge(cluster.route_layer(middleware::from_fn(only_cluster_admins)))
        }
    };
    let gate = Gate { desk: Arc::clone(&desk), scope };
    let router = router.fallback(unknown).method_not_allowed_fallback(not_allowed).with_state(desk);
    router.layer(middleware::from_fn_with_state(gate, admit))
}

/// What each role may ask. Every handler here sees to it that nobody learns of another zone than their own.
fn of_zones() -> Router<Arc<Desk>> {
    Router::new()
        .route(OPENAPI_PATH, get(openapi))
        .route(SESSIONS_PATH, list(lists::sessions))
        .route(LOCKS_PATH, list(lists::locks))
        .route(EXPORTS_PATH, list(lists::exports))
        .route(SHARES_PATH, list(lists::shares))
        .route(ZONES_PATH, list(lists::zones))
        .route(QUOTAS_ROUTE, get(quotas::list))
        .route(QUOTA_REPORT_ROUTE, get(quotas::report))
        .route(QUOTA_ROUTE, get(quotas::show).put(quotas::put).delete(quotas::delete))
        .route(SNAPSHOTS_ROUTE, get(snapshots::list))
        .route(SNAPSHOT_ROUTE, get(snapshots::show).put(snapshots::put).delete(snapshots::delete))
        .route(CHANGES_ROUTE, get(changes::changes))
        .route(CHANGED_RANGES_ROUTE, get(changes::ranges))
        .route(REVERT_BEGIN_ROUTE, post(reverts::begin))
        .route(REVERTS_ROUTE, get(reverts::list))
        .route(REVERT_ROUTE, get(reverts::show).delete(reverts::cancel))
        .route(SCHEDULES_ROUTE, get(snapshots::schedules))
        .route(CLONES_ROUTE, get(clones::list))
        .route(CLONE_ROUTE, get(clones::show).put(clones::put).delete(clones::delete))
        .route(EVENTS_ROUTE, get(events::answer::events))
        .route(NOTIFICATIONS_ROUTE, get(notifications::answer::list))
        .route(ZONE_ROUTE, get(documents::show).put(documents::put).delete(documents::delete))
}

#[utoipa::path(get, path = HEALTH_PATH, summary = "Whether everything is served that is configured.",
    responses((status = 200, body = Health), (status = 503, description = "Something is not served", body = Health)))]
pub(crate) async fn health(State(desk): State<Arc<Desk>>) -> Response {
    let health = desk.health();
    let status = if health.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

#[utoipa::path(get, path = METRICS_PATH, summary = "Figures in the text format of Prometheus.",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn figures(State(desk): State<Arc<Desk>>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render(&desk)).into_response()
}

#[utoipa::path(get, path = STATUS_PATH, summary = "How the gateway is doing: what wants attention first.",
    responses((status = 200, body = Status)))]
pub(crate) async fn state(State(desk): State<Arc<Desk>>) -> Json<Status> {
    Json(status::status(&desk))
}

/// Answers with one page of a list.
fn list<T: Serialize + Send + 'static>(
    page: fn(&Desk, &Asked) -> Result<admin_api::List<T>, Problem>,
) -> MethodRouter<Arc<Desk>> {
    type Queried = Result<Query<Page>, QueryRejection>;
    get(move |State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>, query: Queried| async move {
        let Query(asked) = query.map_err(|wrong| Refused(Problem::new(400, "Bad Request", wrong.body_text())))?;
        let listed = Asked::parse(asked, &caller).and_then(|asked| page(&desk, &asked));
        listed.map(Json).map_err(Refused)
    })
}

#[utoipa::path(get, path = OPENAPI_PATH, summary = "This description.",
    responses((status = 200, content_type = "application/json")))]
pub(crate) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(crate::openapi::document())
}

async fn unknown(uri: Uri) -> Refused {
    let detail = format!(
        "there is no {}; see /v1/status, /v1/sessions, /v1/locks, /v1/jobs, /v1/exports, /v1/shares, /v1/zones, /v1/zones/NAME, \
         /v1/zones/NAME/quotas, /v1/zones/NAME/snapshots, /v1/zones/NAME/schedules, /v1/zones/NAME/reverts, /v1/zones/NAME/clones, /v1/zones/NAME/events, /v1/zones/NAME/notifications, and /openapi.json for all of it",
        uri.path()
    );
    Refused(Problem::new(404, "Not Found", detail))
}

async fn not_allowed() -> Refused {
    Refused(Problem::new(
        405,
        "Method Not Allowed",
        "only /v1/zones/NAME, /v1/zones/NAME/quotas/directory, /v1/zones/NAME/snapshots/SNAPSHOT and /v1/zones/NAME/clones/CLONE can be changed, by PUT and DELETE; a revert is begun by POST and given up by DELETE; else GET and HEAD",
    ))
}

/// One zone, below [`ZONES_PATH`].
pub(crate) const ZONE_ROUTE: &str = "/v1/zones/{name}";
/// What was recorded of what its clients did.
pub(crate) const EVENTS_ROUTE: &str = "/v1/zones/{name}/events";
/// What was told of its quotas.
pub(crate) const NOTIFICATIONS_ROUTE: &str = "/v1/zones/{name}/notifications";
/// Its quotas, and one of them by `?path=`.
pub(crate) const QUOTAS_ROUTE: &str = "/v1/zones/{name}/quotas";
pub(crate) const QUOTA_ROUTE: &str = "/v1/zones/{name}/quotas/directory";
/// How full they are.
pub(crate) const QUOTA_REPORT_ROUTE: &str = "/v1/zones/{name}/quotas/report";
/// Its snapshots, and one of them.
pub(crate) const SNAPSHOTS_ROUTE: &str = "/v1/zones/{name}/snapshots";
pub(crate) const SNAPSHOT_ROUTE: &str = "/v1/zones/{name}/snapshots/{snapshot}";
/// What differs between one and a younger one, and in which ranges of a file.
pub(crate) const CHANGES_ROUTE: &str = "/v1/zones/{name}/snapshots/{snapshot}/changes";
pub(crate) const CHANGED_RANGES_ROUTE: &str = "/v1/zones/{name}/snapshots/{snapshot}/changes/ranges";
/// Making a directory again what a snapshot shows, and what goes on of that.
pub(crate) const REVERT_BEGIN_ROUTE: &str = "/v1/zones/{name}/snapshots/{snapshot}/revert";
pub(crate) const REVERTS_ROUTE: &str = "/v1/zones/{name}/reverts";
pub(crate) const REVERT_ROUTE: &str = "/v1/zones/{name}/reverts/{revert}";
/// Its schedules of snapshots.
pub(crate) const SCHEDULES_ROUTE: &str = "/v1/zones/{name}/schedules";
/// Its clones, and one of them.
pub(crate) const CLONES_ROUTE: &str = "/v1/zones/{name}/clones";
pub(crate) const CLONE_ROUTE: &str = "/v1/zones/{name}/clones/{clone}";
