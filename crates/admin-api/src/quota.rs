//! Quotas of a zone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A quota as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// Its zone.
    pub zone: String,
    /// The directory, below the base of the zone.
    pub path: String,
    /// What it limits.
    pub kind: QuotaKind,
    /// The user or group that it limits: its number, or its security identifier where it has none.
    pub owner: Option<String>,
    /// The name that the zone has for it.
    pub owner_name: Option<String>,
    /// Whether a user or group has these limits because it has none of its own: those for every one.
    pub linked: bool,
    /// Whether all is counted. What was there before the first quota of a user or group was set at the directory is counted in
    /// the background.
    pub ready: bool,
    /// What counts against `bytes`.
    pub basis: QuotaBasis,
    /// Limits on bytes.
    pub bytes: QuotaLimits,
    /// Limits on inodes, the directory itself included.
    pub inodes: QuotaLimits,
    /// How long a soft limit may be exceeded, in seconds.
    pub grace_seconds: u64,
    /// Whether the limits bind; otherwise they are only told.
    pub enforced: bool,
    /// Whether clients see the limit as the size of the file system.
    pub container: bool,
    /// What is used.
    pub usage: QuotaUsage,
    /// Since when the soft limit on bytes is exceeded.
    pub bytes_exceeded_since: Option<String>,
    /// Since when the soft limit on inodes is exceeded.
    pub inodes_exceeded_since: Option<String>,
}

impl Quota {
    /// What it is to be, as it is set.
    #[must_use]
    pub fn settings(&self) -> QuotaSettings {
        let Self { basis, bytes, inodes, grace_seconds, enforced, container, .. } = *self;
        QuotaSettings { basis, bytes, inodes, grace_seconds, enforced, container }
    }
}

/// What a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaKind {
    /// Everything below its directory.
    Directory,
    /// What a user owns there, whoever writes it.
    User,
    /// What a group owns there.
    Group,
    /// What any user owns there, each by itself, without limits of its own.
    EveryUser,
    /// What any group owns there, each by itself, without limits of its own.
    EveryGroup,
}

/// Those whose limits are set for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaEvery {
    /// Every user.
    User,
    /// Every group.
    Group,
}

/// What a quota is to be. What is not sent is as not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSettings {
    /// What counts against `bytes`.
    pub basis: QuotaBasis,
    /// Limits on bytes.
    pub bytes: QuotaLimits,
    /// Limits on inodes, the directory itself included.
    pub inodes: QuotaLimits,
    /// How long a soft limit may be exceeded, in seconds.
    pub grace_seconds: u64,
    /// Whether the limits bind; otherwise they are only told.
    pub enforced: bool,
    /// Whether clients see the limit as the size of the file system.
    pub container: bool,
}

/// What counts against limits on bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaBasis {
    /// Lengths of files, symbolic links and extended attributes.
    #[default]
    Application,
    /// Allocated blocks.
    Logical,
    /// What the blocks take in the store.
    Physical,
}

/// Limits of one counter; absent is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaLimits {
    /// Never exceeded.
    pub hard: Option<u64>,
    /// Exceeded for the time of grace only.
    pub soft: Option<u64>,
    /// Told when exceeded.
    pub advisory: Option<u64>,
}

/// What is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaUsage {
    /// What counts against the limits on bytes.
    pub bytes: u64,
    /// Inodes.
    pub inodes: u64,
    /// Lengths of files, symbolic links and extended attributes.
    pub application_bytes: u64,
    /// Allocated blocks; what is not on stable storage yet counts as if it lay in holes.
    pub logical_bytes: u64,
    /// What the blocks take in the store; as above.
    pub physical_bytes: u64,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            basis: QuotaBasis::default(),
            bytes: QuotaLimits::default(),
            inodes: QuotaLimits::default(),
            grace_seconds: 0,
            enforced: true,
            container: false,
        }
    }
}
