//! `GET /v1/zones/NAME`.

use std::sync::Arc;

use admin_api::{Problem, TOML_TYPE, ZoneDocument};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use zones::document::to_json;

use super::Fault;
use super::boundary::told;
use super::preconditions::{Preconditions, etag};
use crate::access::Caller;
use crate::problem::Refused;
use crate::routes::ZONE_ROUTE;
use crate::window::Desk;

/// The file of a zone, as JSON or as it stands.
#[utoipa::path(get, path = ZONE_ROUTE, operation_id = "zone_show", summary = "The file of a zone, as JSON or as it stands.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("If-None-Match" = Option<String>, Header, description = "ETags of what is known already"),
    ),
    responses(
        (status = 200, description = "Its keys, or its text for who accepts it", headers(("ETag" = String)),
            content((ZoneDocument = "application/json"), (String = "application/toml"))),
        (status = 304, description = "As known"),
    ))]
pub(crate) async fn show(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let name = named(path, &caller)?;
    let found = desk.documents.read(name.clone()).await;
    let found = found.map_err(|fault| Refused(told(fault, &caller, None)))?;
    let text = found.ok_or_else(|| Refused(missing(&name)))?.text;
    let tag = etag(&text);
    let shown = [(header::ETAG, tag.clone()), (header::VARY, "Accept".to_owned())];
    if Preconditions::of(&headers).has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, shown).into_response());
    }
    if accepts_toml(&headers) {
        return Ok((shown, [(header::CONTENT_TYPE, TOML_TYPE)], text).into_response());
    }
    let keys = to_json(&text).map_err(|error| Refused(Fault::Failed(error.to_string()).into()))?;
    Ok((shown, Json(keys)).into_response())
}

/// The name in the path. A zone that the caller does not see is as if it were not there.
pub(crate) fn named(path: Result<Path<String>, PathRejection>, caller: &Caller) -> Result<String, Refused> {
    let Path(name) = path.map_err(|wrong| Refused(Problem::new(400, "Bad Request", wrong.body_text())))?;
    if caller.sees(&name) { Ok(name) } else { Err(Refused(missing(&name))) }
}

pub(crate) fn missing(name: &str) -> Problem {
    Problem::new(404, "Not Found", format!("there is no zone \"{}\"; see /v1/zones", name.escape_default()))
}

fn accepts_toml(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).map(|kind| kind.split(';').next().unwrap_or_default());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case(TOML_TYPE))
}
