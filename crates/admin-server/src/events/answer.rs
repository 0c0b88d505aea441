//! `GET /v1/zones/NAME/events`.

use std::sync::Arc;

use admin_api::{ZoneEvents, ZoneEventsQuery};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};

use super::EventsAsked;
use crate::access::Caller;
use crate::documents::{missing, named};
use crate::lists::zone_served;
use crate::problem::Refused;
use crate::routes::EVENTS_ROUTE;
use crate::snapshots::answer::problem;
use crate::window::Desk;

/// What clients of a zone did.
#[utoipa::path(get, path = EVENTS_ROUTE, operation_id = "events",
    summary = "What clients of a zone did, as far as `[audit]` of its file has it recorded; newest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ZoneEventsQuery,
    ),
    responses((status = 200, body = ZoneEvents)))]
pub(crate) async fn events(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ZoneEventsQuery>, QueryRejection>,
) -> Result<Json<ZoneEvents>, Refused> {
    let name = named(path, &caller)?;
    let bad = |detail| problem(400, "Bad Request", detail);
    let Query(query) = query.map_err(|wrong| bad(wrong.body_text()))?;
    let asked = EventsAsked::parse(query).map_err(bad)?;
    zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let events = desk.events.events(&name, asked).await;
    let events = events.map_err(|reason| {
        tracing::error!(zone = name, reason, "what was recorded is not shown");
        problem(500, "Internal Server Error", reason)
    })?;
    Ok(Json(events))
}
