//! Quotas: limits on what lies below a directory, and what is used of them.

use crate::{InodeId, Name, Principal, Timestamp};

/// What a quota limits below its directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QuotaDomain {
    /// Everything.
    Directory,
    /// What a user owns.
    User(Principal),
    /// What a group owns.
    Group(Principal),
    /// What any user owns, each by itself, who has no limits of their own.
    EveryUser,
    /// What any group owns, each by itself, that has no limits of its own.
    EveryGroup,
}

/// What of a file counts against limits on bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuotaBasis {
    /// Lengths of files and symbolic links, and of extended attributes: what applications see.
    #[default]
    Application,
    /// Allocated blocks times 4096.
    Logical,
    /// What the allocated blocks take in the store.
    Physical,
}

/// Three limits of one counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuotaLimits {
    /// Never exceeded, but by what a removed home link leaves to another directory.
    pub hard: Option<u64>,
    /// Exceeded for the time of grace only.
    pub soft: Option<u64>,
    /// Reported when exceeded.
    pub advisory: Option<u64>,
}

/// What somebody wants of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuotaSettings {
    /// What counts against `bytes`.
    pub basis: QuotaBasis,
    /// Limits on bytes.
    pub bytes: QuotaLimits,
    /// Limits on inodes, the directory itself included.
    pub inodes: QuotaLimits,
    /// How long a soft limit may be exceeded, in seconds.
    pub grace_seconds: u64,
    /// Whether the limits bind, or are only reported.
    pub enforced: bool,
    /// Whether the directory looks as large as its limit to clients that ask for its size.
    pub container: bool,
}

/// What is used, by every way of counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuotaUsage {
    /// Inodes.
    pub inodes: u64,
    /// As [`QuotaBasis::Application`] counts; what is acknowledged and not on stable storage yet counts.
    pub application_bytes: u64,
    /// As [`QuotaBasis::Logical`] counts; of what is not on stable storage yet at most this counts.
    pub logical_bytes: u64,
    /// As [`QuotaBasis::Physical`] counts; as above.
    pub physical_bytes: u64,
}

/// A quota as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The directory.
    pub directory: InodeId,
    /// Its path below the directory that was asked about, or below the root of its shard when it was just set.
    pub path: Vec<Name>,
    /// What is limited below it.
    pub domain: QuotaDomain,
    /// The limits.
    pub settings: QuotaSettings,
    /// What is used.
    pub usage: QuotaUsage,
    /// Since when the soft limit on bytes is exceeded.
    pub bytes_since: Option<Timestamp>,
    /// Since when the soft limit on inodes is exceeded.
    pub inodes_since: Option<Timestamp>,
    /// Whether all that counts is counted: until then what was there before the first quota of an owner was set at the
    /// directory is missing in part.
    pub is_ready: bool,
    /// Whether the limits are those for every user or group, which this one has for want of their own.
    pub is_linked: bool,
}

/// The quota that somebody knows and means to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaGuard {
    /// Whatever it is.
    #[default]
    Any,
    /// There is none.
    Absent,
    /// It is like this.
    Is(QuotaSettings),
}

/// Sets or removes a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetQuotaRequest {
    /// The directory.
    pub directory: InodeId,
    /// What is limited below it.
    pub domain: QuotaDomain,
    /// The quota afterwards; `None` removes it.
    pub settings: Option<QuotaSettings>,
    /// What it must be before.
    pub guard: QuotaGuard,
}

/// A quota that has refused something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRefused {
    /// The directory.
    pub directory: InodeId,
    /// What is limited below it.
    pub domain: QuotaDomain,
    /// How often since it was last asked.
    pub times: u64,
}

/// Asks for the limits of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerQuotasRequest {
    /// Where.
    pub inode: InodeId,
    /// A user or a group.
    pub domain: QuotaDomain,
}

impl QuotaUsage {
    /// What counts against limits on bytes.
    #[must_use]
    pub fn bytes(&self, basis: QuotaBasis) -> u64 {
        match basis {
            QuotaBasis::Application => self.application_bytes,
            QuotaBasis::Logical => self.logical_bytes,
            QuotaBasis::Physical => self.physical_bytes,
        }
    }
}

impl QuotaLimits {
    /// The one that binds: hard, or else soft.
    #[must_use]
    pub fn shown(&self) -> Option<u64> {
        self.hard.or(self.soft)
    }

    /// Whether they contradict each other: advisory up to soft up to hard.
    #[must_use]
    pub fn are_ordered(&self) -> bool {
        let below = |low: Option<u64>, high: Option<u64>| !matches!((low, high), (Some(low), Some(high)) if low > high);
        below(self.soft, self.hard) && below(self.advisory, self.hard) && below(self.advisory, self.soft)
    }
}

impl QuotaSettings {
    /// Whether they can be kept: limits in order, and grace where a soft limit is.
    #[must_use]
    pub fn are_valid(&self) -> bool {
        let has_soft = self.bytes.soft.is_some() || self.inodes.soft.is_some();
        self.bytes.are_ordered() && self.inodes.are_ordered() && (!has_soft || self.grace_seconds > 0)
    }
}
