//! Who changed what, or would have: one line for each, on stable storage before the answer goes out.

use admin_api::{Problem, ZONES_PATH};
use axum::http::{Extensions, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::access::{Caller, Origin};
use crate::problem::Refused;

/// The audit log. The roof implements it.
pub trait AuditLog: Send + Sync {
    /// Adds a line, which has no end of line yet. A durable one survives a power cut once this returns.
    ///
    /// Errors: it could not be written, why.
    fn record(&self, line: String, is_durable: bool) -> BoxFuture<'_, Result<(), String>>;

    /// Sees a request through to its end, though its client goes away: what it changes is to be recorded.
    fn see_through(&self, request: BoxFuture<'static, ()>);
}

/// A request that is to be recorded, whatever it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    method: Method,
    uri: Uri,
    time: String,
    origin: Origin,
}

/// What a change came to, for the log: handlers put it among the extensions of their answer.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// The keys that differ.
    pub(crate) keys: Vec<String>,
    /// Whether it was made, or only asked for.
    pub(crate) is_applied: bool,
}

/// One line. `docs/operations.md` tells operators of it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: &'a str,
    /// `null`: nobody that is known.
    who: Option<&'a str>,
    role: Option<&'static str>,
    from: String,
    method: &'a str,
    path: String,
    zone: Option<String>,
    outcome: &'static str,
    status: u16,
    keys: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Whether requests like this change something, or would.
pub(crate) fn is_order(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl Order {
    pub(crate) fn new(method: &Method, uri: &Uri, (time, origin): (String, Origin)) -> Self {
        Self { method: method.clone(), uri: uri.clone(), time, origin }
    }

    /// The answer, once it is recorded; that it is not, where it could not be.
    pub(crate) async fn record(&self, log: &dyn AuditLog, caller: Option<&Caller>, answer: Response) -> Response {
        let (status, told) = (answer.status(), answer.extensions());
        if told.get().is_some_and(|came: &Came| !came.is_applied) {
            return answer;
        }
        let line = serde_json::to_string(&self.line(caller, (status, told))).unwrap_or_default();
        // Strangers are recorded too, but do not make the disk work.
        match log.record(line.clone(), caller.is_some()).await {
            Ok(()) => answer,
            Err(error) => {
                tracing::error!(%error, line, "a change could not be written to the audit log");
                let what = if status.is_success() { "was made" } else { "was not made" };
                let detail =
                    format!("the change {what}, but could not be recorded in the audit log: see the gateway's log");
                Refused(Problem::new(500, "Internal Server Error", detail)).into_response()
            }
        }
    }

    fn line<'a>(&'a self, caller: Option<&'a Caller>, (status, told): (StatusCode, &Extensions)) -> Line<'a> {
        let mut keys = told.get().map(|came: &Came| came.keys.clone()).unwrap_or_default();
        keys.truncate(KEYS_MAX);
        Line {
            time: &self.time,
            who: caller.map(|caller| caller.who.as_str()),
            role: caller.map(|caller| caller.role.word()),
            from: self.origin.to_string(),
            method: self.method.as_str(),
            path: short(self.uri.path_and_query().map_or("", |path| path.as_str())),
            zone: self.zone(),
            outcome: outcome(status),
            status: status.as_u16(),
            keys,
            reason: told.get().map(|problem: &Problem| short(&problem.detail)),
        }
    }

    fn zone(&self) -> Option<String> {
        let below = self.uri.path().strip_prefix(ZONES_PATH)?.strip_prefix('/')?;
        below.split('/').next().map(short)
    }
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..300 => "done",
        504 => "under way",
        500.. => "failed",
        _ => "refused",
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

/// Keys of a change that are recorded.
const KEYS_MAX: usize = 200;
/// Characters of a path or reason that are recorded.
const TEXT_MAX: usize = 1024;
