//! `GET /v1/zones/NAME/quotas/report`.

use std::sync::Arc;

use admin_api::QuotaReport;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{bad, failed};
use super::{quota_report, quota_report_csv, quota_report_html};
use crate::access::Caller;
use crate::documents::{missing, named};
use crate::lists::zone_served;
use crate::problem::Refused;
use crate::routes::QUOTA_REPORT_ROUTE;
use crate::window::Desk;

/// How it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Instead of what is accepted.
    format: Option<ReportFormat>,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReportFormat {
    /// For programs.
    Json,
    /// For spreadsheets (RFC 4180).
    Csv,
    /// A page for people, without scripts and without anything from elsewhere.
    Html,
}

/// How full the quotas of a zone are.
#[utoipa::path(get, path = QUOTA_REPORT_ROUTE, operation_id = "quota_report",
    summary = "How full the quotas of a zone are, the fullest first.",
    params(
        ("name" = String, Path, description = "The zone", pattern = "^[A-Za-z0-9_.-]{1,64}$"),
        ("format" = Option<ReportFormat>, Query, description = "What it is written as, whatever is accepted"),
        ("Accept" = Option<String>, Header, description = "Without a format: the first of application/json, text/csv and \
            text/html that is named; JSON if none is"),
    ),
    responses((status = 200, content((QuotaReport = "application/json"), (String = "text/csv"), (String = "text/html")))))]
pub(crate) async fn report(
    (State(desk), Extension(caller)): (State<Arc<Desk>>, Extension<Caller>),
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let name = named(path, &caller)?;
    let Query(asked) = query.map_err(|wrong| bad(wrong.body_text()))?;
    let zone = zone_served(&desk, &name).ok_or_else(|| Refused(missing(&name)))?;
    let quotas = desk.quotas.below(zone.root()).await.map_err(failed)?;
    let report = quota_report(&zone, &quotas, desk.sources.now().0);
    Ok(written(&report, asked.format.unwrap_or_else(|| accepted(&headers))))
}

fn written(report: &QuotaReport, format: ReportFormat) -> Response {
    // What is in it changes all the time, and belongs to a tenant.
    let head = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    match format {
        ReportFormat::Json => (head, Json(report)).into_response(),
        ReportFormat::Csv => {
            let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
            (head, kind, quota_report_csv(report)).into_response()
        }
        ReportFormat::Html => {
            let kind = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
            ];
            (head, kind, quota_report_html(report)).into_response()
        }
    }
}

fn accepted(headers: &HeaderMap) -> ReportFormat {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds = accepted.flat_map(|value| value.split(',')).map(|kind| kind.split(';').next().unwrap_or_default());
    let known = kinds.filter_map(|kind| match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" => Some(ReportFormat::Json),
        "text/csv" => Some(ReportFormat::Csv),
        "text/html" => Some(ReportFormat::Html),
        _ => None,
    });
    known.into_iter().next().unwrap_or(ReportFormat::Json)
}
