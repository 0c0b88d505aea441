//! What was told of quotas.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::QuotaKind;

/// What became of one way of telling something: the log, a webhook, a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// When that was known.
    pub time: String,
    /// Its zone.
    pub zone: String,
    /// What was told has it everywhere.
    pub id: String,
    /// When it was seen.
    pub seen: String,
    /// The rule: `advisory`, `soft` or `hard`.
    pub limit: String,
    /// The rule: `exceeded`, `denied`, `violated` or `expired`.
    pub when: String,
    /// The directory of the quota, below the base of the zone.
    pub path: String,
    /// Whom it limits.
    pub kind: QuotaKind,
    /// The user or group, by name or number; `null` for all together.
    pub owner: Option<String>,
    /// `bytes` or `inodes`; `null` where something was denied.
    pub counter: Option<String>,
    /// How often something was denied.
    pub times: Option<u64>,
    /// `log`, `webhook` or `mail`.
    pub action: String,
    /// The URL, or the addresses and their relay; `null` for the log.
    pub to: Option<String>,
    /// Whether it arrived.
    pub is_sent: bool,
    /// Why not.
    pub reason: Option<String>,
}
