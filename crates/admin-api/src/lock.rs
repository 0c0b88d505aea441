//! Locks held and waited for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One entry of the lock table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// The zone; `null` when it is not served any more.
    pub zone: Option<String>,
    /// The client; `null` when the owner is not one of the network lock manager.
    pub client: Option<LockHolder>,
    /// The owner as the client names it (NLM: `oh`, as text or hexadecimal, and `svid` behind a #).
    pub owner: String,
    /// The export, when the zone has only one.
    pub export: Option<String>,
    /// Number of the file's inode, as clients see it.
    pub inode: u64,
    /// Held or waiting.
    pub state: LockState,
    /// What it does to others.
    pub kind: LockKind,
    /// First byte; 0 for a share.
    pub offset: u64,
    /// Bytes; `null` reaches to the end.
    pub length: Option<u64>,
    /// Since when.
    pub since: String,
    /// How long that is.
    pub age_s: u64,
}

/// A client of the network lock manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockHolder {
    /// The name that it gave itself.
    pub name: String,
    /// Where it is.
    pub address: String,
}

/// Held or waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockState {
    /// Held.
    Held,
    /// Waits for others.
    Waiting,
}

/// What a lock does to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// Others may read-lock too.
    Shared,
    /// Nobody else may lock.
    Exclusive,
    /// A DOS share of the whole file.
    Share,
}
