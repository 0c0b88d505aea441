//! The operator's window: health, metrics and lists over HTTP, on a Unix socket, for monitoring on a TCP port, and on another
//! for who has a token.
//!
//! What is shown comes through [`Sources`], what is changed goes through [`ZoneDocuments`] and [`QuotaStore`]; the roof implements both. Answers are put
//! together on the runtime that serves them, which is not one that serves tenants. Nothing here makes a thread, a
//! runtime or a task: [`Window`] gives out futures, and the roof runs them.

mod access;
mod audit;
mod changes;
mod clones;
mod concerns;
mod documents;
mod events;
mod figures;
mod history;
mod lists;
mod metrics;
mod notifications;
mod openapi;
mod page;
mod problem;
mod quotas;
mod reverts;
mod routes;
mod serve;
mod snapshots;
mod status;
#[cfg(test)]
mod tests;
mod window;

pub use access::{Origin, Token, TokenFile, TokenHash, TokenMistake, is_token_name};
pub use audit::AuditLog;
pub use documents::{Changed, Decide, Decision, Fault, ZoneChange, ZoneDocuments};
pub use events::{EventStore, EventsAsked, EventsFrom, EventsPlace};
pub use figures::{
    About, Condition, ConnectionFigures, EventFigures, Figures, Latency, NotificationFigures, OperationFigures,
    ProcessFigures, ReplyFigures, SessionFigures, ShareFigures, Sources, Traffic, ZoneFigures,
};
pub use notifications::NotificationStore;
pub use quotas::{QuotaStore, quota_report, quota_report_csv, quota_report_html, quota_shown};
pub use serve::{Listener, Scope};
pub use snapshots::SnapshotStore;
pub use window::{Window, WindowParts};
