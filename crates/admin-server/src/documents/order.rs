//! `PUT` and `DELETE /v1/zones/NAME`.

use std::sync::Arc;
use std::time::Duration;

use admin_api::{KeyChange, Problem, ZONES_PATH, ZoneDocument, ZonePlan};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use zones::document::{Change, Document, changes, to_json};

use super::answer::{missing, named};
use super::boundary::{check, told};
use super::preconditions::{Preconditions, etag};
use super::wish::Wish;
use super::{Changed, Decision, ZoneChange};
use crate::access::Caller;
use crate::audit::Came;
use crate::figures::Condition;
use crate::problem::Refused;
use crate::routes::ZONE_ROUTE;
use crate::window::Desk;

/// How a change is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct How {
    dry_run: bool,
}

/// Makes a zone what is sent.
#[utoipa::path(put, path = ZONE_ROUTE, operation_id = "zone_apply", summary = "Makes a zone what is sent.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("dry_run" = Option<bool>, Query, description = "Only say what it would change"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
        ("If-None-Match" = Option<String>, Header, description = "*: only if there is no such zone"),
    ),
    request_body(content((ZoneDocument = "application/json"), (String = "application/toml"))),
    responses(
        (status = 200, description = "Done, or could be done", body = ZonePlan, headers(("ETag" = String))),
        (status = 201, description = "Made anew", body = ZonePlan, headers(("ETag" = String), ("Location" = String))),
    ))]
pub(crate) async fn put(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<String>, PathRejection>,
    how: Result<Query<How>, QueryRejection>,
    request: Request,
) -> Result<Response, Refused> {
    let (name, is_dry_run) = (named(path, &caller)?, is_dry_run(how)?);
    let (Parts { headers, .. }, body) = request.into_parts();
    let wish = Wish::read(&headers, body).await.map_err(Refused)?;
    let (meant, zone, asked_by) = (Preconditions::of(&headers), name.clone(), caller.clone());
    let decide = Box::new(move |current: Option<&Document>| {
        let current = current.map(|document| document.text.as_str());
        meant.check(current)?;
        let text = wish.text(current, &zone)?;
        check(&asked_by, current, &text)?;
        Ok(Decision { text: Some(text), is_dry_run })
    });
    make(&desk, &caller, ZoneChange { name, decide }).await
}

/// Takes a zone away; what it serves stays in the store.
#[utoipa::path(delete, path = ZONE_ROUTE, operation_id = "zone_delete",
    summary = "Takes a zone away; what it serves stays in the store.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("dry_run" = Option<bool>, Query, description = "Only say what it would change"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the state that this is meant for"),
    ),
    responses((status = 200, description = "Done, or could be done", body = ZonePlan)))]
pub(crate) async fn delete(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<String>, PathRejection>,
    how: Result<Query<How>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (name, is_dry_run) = (named(path, &caller)?, is_dry_run(how)?);
    caller.must_be_cluster_admin("takes a zone away").map_err(Refused)?;
    let (meant, zone) = (Preconditions::of(&headers), name.clone());
    let decide = Box::new(move |current: Option<&Document>| {
        let current = current.ok_or_else(|| missing(&zone))?;
        meant.check(Some(&current.text))?;
        Ok(Decision { text: None, is_dry_run })
    });
    make(&desk, &caller, ZoneChange { name, decide }).await
}

async fn make(desk: &Desk, caller: &Caller, change: ZoneChange) -> Result<Response, Refused> {
    let name = change.name.clone();
    let made = tokio::time::timeout(CHANGE_TIME, desk.documents.change(change)).await;
    let made = match made.map_err(|_| Refused(Problem::new(504, "Gateway Timeout", STILL_MADE)))? {
        Ok(made) => made,
        Err(fault) => {
            let file = desk.documents.read(name).await.ok().flatten().map(|document| document.file);
            return Err(Refused(told(fault, caller, file.as_deref())));
        }
    };
    let is_new = made.is_applied && made.old.is_none();
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let plan = plan(desk, &name, &made);
    let keys = plan.changes.iter().map(|change| change.key.clone()).collect();
    let mut response = (status, Json(plan)).into_response();
    response.extensions_mut().insert(Came { keys, is_applied: made.is_applied });
    if let Some(tag) = made.new.filter(|_| made.is_applied).and_then(|text| etag(&text).parse().ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if is_new && let Ok(location) = format!("{ZONES_PATH}/{name}").parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn is_dry_run(how: Result<Query<How>, QueryRejection>) -> Result<bool, Refused> {
    let Query(how) = how.map_err(|wrong| Refused(Problem::new(400, "Bad Request", wrong.body_text())))?;
    Ok(how.dry_run)
}

fn plan(desk: &Desk, name: &str, made: &Changed) -> ZonePlan {
    let keys = |text: &Option<String>| text.as_ref().and_then(|text| to_json(text).ok()).unwrap_or_default();
    let (old, new): (Map<String, Value>, Map<String, Value>) = (keys(&made.old), keys(&made.new));
    let shown = |Change { key, old, new }| KeyChange { key, old, new };
    let mut warnings = made.warnings.clone();
    if made.is_applied {
        warnings.extend(desk.sources.conditions().iter().filter(|one| is_about(one, name)).map(Condition::text));
    }
    ZonePlan {
        zone: name.to_owned(),
        applied: made.is_applied,
        changes: changes(&old, &new).into_iter().map(shown).collect(),
        warnings,
    }
}

fn is_about(condition: &Condition, name: &str) -> bool {
    match condition {
        Condition::ZoneNotServed { zone, .. } => zone.name() == name,
        Condition::ExportNotServed { zone, .. } | Condition::ShareNotServed { zone, .. } => zone == name,
        _ => false,
    }
}

/// How long a change is waited for: less than a request may take, so that the answer still goes out.
const CHANGE_TIME: Duration = Duration::from_secs(8);
const STILL_MADE: &str = "the change is still being made: get the zone again to see what it came to";
