//! Types of the admin HTTP API, shared by server and command line. Everything is JSON; absent is `null`.
//!
//! Times are UTC as RFC 3339 writes them, beside the age in seconds; bytes, seconds and microseconds say so in the name.

mod change;
mod clone;
mod event;
mod health;
mod job;
mod list;
mod lock;
mod notification;
mod plan;
mod problem;
mod quota;
mod quota_report;
mod revert;
mod role;
mod schedule;
mod session;
mod snapshot;
mod status;
mod time;
mod zone;

pub use change::{
    ChangedEntry, ChangedPart, ChangedRange, ChangedRanges, ChangesPage, EntryChange, EntryKind, RangesPage,
};
pub use clone::{CloneSettings, CloneShown};
pub use event::{ZoneEvent, ZoneEvents, ZoneEventsQuery};
pub use health::{Health, HealthStatus};
pub use job::{Job, JobState};
pub use list::{LIMIT_DEFAULT, LIMIT_MAX, List, Page};
pub use lock::{Lock, LockHolder, LockKind, LockState};
pub use notification::Notification;
pub use plan::{KeyChange, ZoneDocument, ZonePlan};
pub use problem::{Mistake, PROBLEM_TYPE, Problem};
pub use quota::{Quota, QuotaBasis, QuotaEvery, QuotaKind, QuotaLimits, QuotaSettings, QuotaUsage};
pub use quota_report::{QuotaReport, QuotaState, ReportedQuota};
pub use revert::{LeftOut, LeftOutReason, Revert, RevertSettings, RevertState};
pub use role::Role;
pub use schedule::Schedule;
pub use session::Session;
pub use snapshot::{Snapshot, SnapshotSettings};
pub use status::{
    CacheStatus, Concern, ConnectionStatus, Fill, GraceStatus, LockStatus, LogStatus, ProcessStatus, Severity,
    SpaceStatus, Status, ZoneStatus,
};
pub use time::{parse_rfc3339, rfc3339};
pub use zone::{Export, Share, Zone};

/// Whether the gateway serves: [`Health`] with 200 or 503.
pub const HEALTH_PATH: &str = "/healthz";
/// Figures in the text format of Prometheus.
pub const METRICS_PATH: &str = "/metrics";
/// How the gateway is doing: [`Status`].
pub const STATUS_PATH: &str = "/v1/status";
/// Open connections: [`List`] of [`Session`], oldest first.
pub const SESSIONS_PATH: &str = "/v1/sessions";
/// Locks held and waited for: [`List`] of [`Lock`], those of one file together.
pub const LOCKS_PATH: &str = "/v1/locks";
/// What is done behind what clients ask for: [`List`] of [`Job`].
pub const JOBS_PATH: &str = "/v1/jobs";
/// Exports served: [`List`] of [`Export`].
pub const EXPORTS_PATH: &str = "/v1/exports";
/// Shares served: [`List`] of [`Share`].
pub const SHARES_PATH: &str = "/v1/shares";
/// This API as OpenAPI 3.1.
pub const OPENAPI_PATH: &str = "/openapi.json";
/// The media type of a zone file.
pub const TOML_TYPE: &str = "application/toml";
/// Zones served, and those that are not though they are configured: [`List`] of [`Zone`]. Below it, each zone by its name:
/// GET gives its file as JSON with the keys of the file (or as it stands, for who accepts [`TOML_TYPE`]), PUT makes it what
/// is sent in either form, DELETE takes it away; the latter two answer a [`ZonePlan`] and with `?dry_run=true` do no more.
pub const ZONES_PATH: &str = "/v1/zones";
/// Below a zone: its quotas, [`List`] of [`Quota`] by path. Below it, by kind, the one of a directory (`/directory?path=/projects`): GET gives a
/// [`Quota`], PUT makes it the [`QuotaSettings`] that are sent (on the zone's base only with `force=true`), DELETE takes it away.
pub const QUOTAS_BELOW: &str = "/quotas";
/// Below a zone that records what its clients do: that, [`ZoneEvents`], newest first.
pub const EVENTS_BELOW: &str = "/events";
/// Below a zone: what was told of its quotas, [`List`] of [`Notification`], newest first.
pub const NOTIFICATIONS_BELOW: &str = "/notifications";
/// Below these: how full they are, a [`QuotaReport`] (`?format=csv` and `html`, or by `Accept`: the same for spreadsheets and people).
pub const REPORT_BELOW: &str = "/report";
/// Below a zone: its snapshots, [`List`] of [`Snapshot`], oldest first. Below it, by its name, one of them: GET gives a [`Snapshot`], PUT takes one
/// as the [`SnapshotSettings`] say that are sent, or changes it to these, DELETE deletes it.
pub const SNAPSHOTS_BELOW: &str = "/snapshots";
/// Below a snapshot: what differs of a directory between it and a younger one, [`List`] of [`ChangedEntry`] in no order, asked
/// for by a [`ChangesPage`].
pub const CHANGES_BELOW: &str = "/changes";
/// Below that: [`ChangedRanges`] of one file, asked for by a [`RangesPage`].
pub const RANGES_BELOW: &str = "/ranges";
/// Below a snapshot: POST makes a directory again what it shows, as [`RevertSettings`] say, and answers a [`Revert`].
pub const REVERT_BELOW: &str = "/revert";
/// Below a zone: its reverts, [`List`] of [`Revert`] by age. Below it, by its number, one of them: GET gives a [`Revert`],
/// DELETE gives it up.
pub const REVERTS_BELOW: &str = "/reverts";
/// Below a zone: [`List`] of [`Schedule`], in the order of its file.
pub const SCHEDULES_BELOW: &str = "/schedules";
/// Below a zone: its writable clones, [`List`] of [`CloneShown`] by age. Below it, by its name, one of them: GET gives a [`CloneShown`], PUT makes
/// one as the [`CloneSettings`] say, DELETE deletes it.
pub const CLONES_BELOW: &str = "/clones";
