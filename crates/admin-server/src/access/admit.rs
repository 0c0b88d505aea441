//! Nobody is answered before it is known who they are.

use std::sync::Arc;

use admin_api::{Problem, rfc3339};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::caller::{Caller, Origin};
use super::token::{Token, find};
use crate::audit::{Order, is_order};
use crate::problem::Refused;
use crate::serve::Scope;
use crate::window::Desk;

/// What a listener asks of who comes.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) desk: Arc<Desk>,
    pub(crate) scope: Scope,
}

/// Finds out who asks: the handlers behind find them among the extensions of the request.
///
/// Errors, in order: 401 (no token, or none that opens anything), 503 (the file of tokens is wrong), 403 (an auditor
/// would change something).
pub(crate) async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let origin = request.extensions().get().copied().unwrap_or(Origin::Local { uid: None });
    let log = gate.desk.audit.clone().filter(|_| is_order(request.method()) && gate.scope != Scope::Monitoring);
    let now = rfc3339(gate.desk.sources.now().0.seconds);
    let order = Order::new(request.method(), request.uri(), (now, origin));
    let caller = match gate.scope {
        Scope::Everything | Scope::Monitoring => Ok(Caller::owner(origin)),
        Scope::Tokens => shown(request.headers(), &gate.desk, origin).await,
    };
    let allowed = caller.as_ref().map_err(Clone::clone).and_then(|caller| caller.may_ask(request.method()));
    let caller = caller.ok();
    if let Err(problem) = allowed {
        let refused = refusal(problem, request.headers());
        let Some(log) = log else { return refused };
        return order.record(&*log, caller.as_ref(), refused).await;
    }
    if let Some(caller) = caller.clone() {
        request.extensions_mut().insert(caller);
    }
    let Some(log) = log else { return next.run(request).await };
    let (answer, answered) = oneshot::channel();
    let recorder = Arc::clone(&log);
    log.see_through(Box::pin(async move {
        let made = next.run(request).await;
        // Nobody waits any more: it is recorded all the same.
        drop(answer.send(order.record(&*recorder, caller.as_ref(), made).await));
    }));
    let stopped = |_| Refused(Problem::new(503, "Service Unavailable", "the gateway stops")).into_response();
    answered.await.unwrap_or_else(stopped)
}

/// Lets only cluster admins through.
///
/// Errors: 403.
pub(crate) async fn only_cluster_admins(
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    caller.must_be_cluster_admin("is about the whole gateway").map_err(Refused)?;
    Ok(next.run(request).await)
}

async fn shown(headers: &HeaderMap, desk: &Desk, origin: Origin) -> Result<Caller, Problem> {
    let shown = bearer(headers).ok_or_else(|| {
        unauthorized("say who you are by `Authorization: Bearer TOKEN`; `berth token add` gives one out")
    })?;
    let wrong = |reason: String| {
        tracing::error!(%reason, "nobody is admitted by a token: the file of tokens is wrong");
        Problem::new(503, "Service Unavailable", "the tokens of this gateway cannot be read: see its log")
    };
    let text = match &desk.tokens {
        Some(file) => file.read().await.map_err(wrong)?,
        None => String::new(),
    };
    let tokens = Token::parse_file(&text).map_err(|mistake| wrong(mistake.to_string()))?;
    let now_s = u64::try_from(desk.sources.now().0.seconds).unwrap_or(0);
    // One that has expired is not told apart: it may have been found somewhere.
    let found = find(tokens, shown).filter(|token| !token.is_expired(now_s));
    let Token { name, role, zone, .. } = found.ok_or_else(|| unauthorized("this token opens nothing (any more)"))?;
    Ok(Caller::with_token(name, (role, zone), origin))
}

/// The token of a request that has one (RFC 6750 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(401, "Unauthorized", detail)
}

fn refusal(problem: Problem, headers: &HeaderMap) -> Response {
    let challenge = match (problem.status, bearer(headers)) {
        (401, None) => Some("Bearer realm=\"berth\""),
        (401, Some(_)) => Some("Bearer realm=\"berth\", error=\"invalid_token\""),
        _ => None,
    };
    let mut response = Refused(problem).into_response();
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}
