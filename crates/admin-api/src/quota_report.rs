//! What is used of the quotas of a zone, the fullest first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Quota;

/// The quotas of a zone at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaReport {
    /// The zone.
    pub zone: String,
    /// When it was made.
    pub made: String,
    /// How many quotas there are; more than are listed only if these are [`QuotaReport::ITEMS_MAX`].
    pub total: u64,
    /// The fullest first: by the part of the limit that is used, of bytes or of inodes, whichever is more.
    pub items: Vec<ReportedQuota>,
}

impl QuotaReport {
    /// Most quotas that are listed.
    pub const ITEMS_MAX: usize = 65_536;
}

/// A quota in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportedQuota {
    /// The quota.
    #[serde(flatten)]
    pub quota: Quota,
    /// How it stands.
    pub state: QuotaState,
    /// Bytes that are used, in per cent of the hard limit, or else of the soft, or else of the advisory one.
    pub bytes_percent: Option<u64>,
    /// The same of inodes.
    pub inodes_percent: Option<u64>,
    /// How long the soft limit that is exceeded may still be, in seconds; 0: not any more.
    pub grace_left_seconds: Option<u64>,
}

/// How a quota stands, of bytes or inodes, whichever is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaState {
    /// Below all limits.
    Ok,
    /// Above the advisory limit.
    Advisory,
    /// Above the soft limit, within its grace.
    Soft,
    /// Above the soft limit, and its grace is over: nothing more fits where limits bind.
    Expired,
    /// At the hard limit or above it.
    Full,
}

impl QuotaState {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advisory => "advisory",
            Self::Soft => "soft",
            Self::Expired => "expired",
            Self::Full => "full",
        }
    }
}
