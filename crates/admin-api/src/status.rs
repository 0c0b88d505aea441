//! How the gateway is doing: what an administrator wants at night, worst first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HealthStatus;

/// How the gateway is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Whether everything is served.
    pub status: HealthStatus,
    /// What wants attention, worst first; at most 32.
    pub concerns: Vec<Concern>,
    /// Version of the gateway.
    pub version: String,
    /// The folder of its store.
    pub data: String,
    /// The folder of the metadata log; `null` in that of the store.
    pub log_folder: Option<String>,
    /// The time.
    pub now: String,
    /// When the process started.
    pub started: String,
    /// How long ago that is.
    pub uptime_s: u64,
    /// Time that rates and percentiles are about: the last seconds, up to 10. 0 right after the start.
    pub window_ms: u64,
    /// Each zone served, in the order of their names; at most 1000.
    pub zones: Vec<ZoneStatus>,
    /// Zones served in all.
    pub zones_total: u64,
    /// Connections of all zones.
    pub connections: ConnectionStatus,
    /// Data that is written and not on stable storage yet.
    pub dirty: Fill,
    /// The metadata log.
    pub log: LogStatus,
    /// The store.
    pub space: SpaceStatus,
    /// Locks of all zones.
    pub locks: LockStatus,
    /// Each cache.
    pub caches: Vec<CacheStatus>,
    /// Times that the store was reloaded after a failure since the start.
    pub reloads: u64,
    /// The process.
    pub process: ProcessStatus,
}

/// Something that wants attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Concern {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// How bad it is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is not served.
    Critical,
    /// Clients feel it, or will soon.
    Warning,
    /// Worth knowing.
    Note,
}

/// One zone. Rates are of the last seconds ([`Status::window_ms`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneStatus {
    /// Its name.
    pub name: String,
    /// The addresses at which its clients arrive.
    pub addresses: Vec<String>,
    /// Exported paths.
    pub exports: u64,
    /// Connections open now.
    pub connections: u64,
    /// Calls begun and not answered.
    pub in_flight: u64,
    /// Calls answered.
    pub requests_per_s: f64,
    /// Of them with an error of any kind; "no such file" is one.
    pub errors_per_s: f64,
    /// Of these because the gateway could not: I/O errors, no space, overload.
    pub faults_per_s: f64,
    /// Bytes of calls.
    pub bytes_in_per_s: f64,
    /// Bytes of replies.
    pub bytes_out_per_s: f64,
    /// Half of the calls took at most this, estimated from a histogram; `null` without calls.
    pub latency_p50_us: Option<u64>,
    /// 99 of 100 calls took at most this.
    pub latency_p99_us: Option<u64>,
}

/// Connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionStatus {
    /// Open now.
    pub open: u64,
    /// Most at once.
    pub max: u64,
    /// Accepted since the start.
    pub accepted: u64,
    /// Refused since the start.
    pub refused: u64,
}

/// How full something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fill {
    /// Held now.
    pub bytes: u64,
    /// Most; 0 when not known.
    pub bytes_max: u64,
}

/// The metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// Bytes that hold what is nowhere else yet.
    pub used: Fill,
    /// Groups of changes made durable, of the last seconds.
    pub groups_per_s: f64,
    /// Changes in them.
    pub changes_per_s: f64,
}

/// The store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceStatus {
    /// What the file system of the store has in all; 0 when not known.
    pub total_bytes: u64,
    /// What can still be stored.
    pub free_bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Those of which a quarter or less is live, at the last look.
    #[serde(default)]
    pub sparse_segments: u64,
    /// Those emptied by moving what was live elsewhere, since the start.
    #[serde(default)]
    pub evacuated_segments: u64,
}

/// Locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockStatus {
    /// Byte-range locks held.
    pub held: u64,
    /// Requests that wait.
    pub waiting: u64,
    /// DOS shares held.
    pub shares: u64,
    /// Clients that may hold locks.
    pub clients: u64,
    /// The grace period after a restart; `null` when it is over.
    pub grace: Option<GraceStatus>,
}

/// The grace period: only locks held before the restart may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GraceStatus {
    /// How long it lasts at most.
    pub left_s: u64,
    /// Clients that may take locks again.
    pub clients: u64,
}

/// One cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheStatus {
    /// What it holds.
    pub name: String,
    /// Entries held.
    pub entries: u64,
    /// Most entries; 0 when bytes bound it.
    pub entries_max: u64,
    /// Bytes held; 0 when entries are counted.
    pub bytes: u64,
    /// Most bytes; 0 when entries bound it.
    pub bytes_max: u64,
    /// Share of look-ups of the last seconds that found what they wanted; `null` without look-ups.
    pub hit_ratio: Option<f64>,
}

/// The process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessStatus {
    /// Its number.
    pub id: u32,
    /// Memory in use.
    pub memory_bytes: u64,
    /// Cores kept busy, of the last seconds.
    pub cores: f64,
    /// Files, sockets and the like that are open.
    pub open_files: u64,
    /// Most of them.
    pub open_files_max: u64,
}
