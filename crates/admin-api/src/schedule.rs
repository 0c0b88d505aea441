//! Snapshots that a zone has taken by themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A schedule of the zone file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// Its zone.
    pub zone: String,
    /// The directory, below the base of the zone.
    pub path: String,
    /// How often, in seconds.
    pub every_seconds: u64,
    /// How long each is kept, in seconds; `null`: until somebody deletes it.
    pub keep_seconds: Option<u64>,
    /// When the last was due.
    pub last: String,
    /// Whether it is there; it may have been deleted since, or the gateway may not have been there then.
    pub last_is_there: bool,
    /// When the next is due.
    pub next: String,
    /// What it will be called; `null` where that is no name.
    pub next_name: Option<String>,
}
