//! `GET /v1/zones/NAME/notifications`.

use std::sync::Arc;

use admin_api::{List, Notification, Page};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};

use crate::access::Caller;
use crate::documents::{missing, named};
use crate::lists::zone_served;
use crate::page::Asked;
use crate::problem::Refused;
use crate::routes::NOTIFICATIONS_ROUTE;
use crate::snapshots::answer::problem;
use crate::window::Desk;

/// What was told of the quotas of a zone.
#[utoipa::path(get, path = NOTIFICATIONS_ROUTE, operation_id = "notifications",
    summary = "What was told of the quotas of a zone, by which way, and whether it arrived: the last thousand, newest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        Page,
    ),
    responses((status = 200, body = List<Notification>)))]
pub(crate) async fn list(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<List<Notification>>, Refused> {
    let name = named(path, &caller)?;
    let Query(page) = query.map_err(|wrong| problem(400, "Bad Request", wrong.body_text()))?;
    let asked = Asked::parse(page, &caller).map_err(Refused)?;
    zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let all = desk.notifications.notifications(&name).await;
    let all = all.map_err(|reason| {
        tracing::error!(zone = name, reason, "what was sent is not shown");
        problem(500, "Internal Server Error", reason)
    })?;
    let total = all.len() as u64;
    Ok(Json(asked.cut(all, Some(total))))
}
