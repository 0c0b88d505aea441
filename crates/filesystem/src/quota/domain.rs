//! One quota in memory: its limits, what is used, and whether more fits.

use meta::records::{OwnerUsageRecord, QuotaRecord, UsageRecord};
use vfs::{QuotaLimits, QuotaUsage, Timestamp};

use super::Held;

/// A quota that stands in the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    /// As it is to be stored.
    pub(crate) record: QuotaRecord,
    /// As it is stored.
    pub(crate) stored: QuotaRecord,
    /// What changes that are submitted have counted.
    pub(crate) used: QuotaUsage,
}

/// The most that may be used while nobody has to look closer; `None`: they always have to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most(Option<QuotaUsage>);

impl Most {
    /// Whether this is no more.
    pub(crate) fn covers(&self, usage: &QuotaUsage) -> bool {
        self.0.is_some_and(|most| {
            usage.inodes <= most.inodes
                && usage.application_bytes <= most.application_bytes
                && usage.logical_bytes <= most.logical_bytes
                && usage.physical_bytes <= most.physical_bytes
        })
    }
}

impl Domain {
    pub(crate) fn new(record: QuotaRecord, used: QuotaUsage) -> Self {
        Self { record, stored: record, used }
    }

    /// Whether it has a soft limit.
    pub(crate) fn has_soft(&self) -> bool {
        let QuotaRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } = &self.record;
        [inodes, application_bytes, logical_bytes, physical_bytes].iter().any(|limits| limits.soft.is_some())
    }

    /// Whether a soft limit is exceeded.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.record.soft_since.is_some() || self.record.inodes_since.is_some()
    }

    /// What has to be done so that the store says what is to be stored: `Some(None)` to remove it. Of those without limits
    /// of their own only since when they exceed those for all is kept.
    pub(crate) fn unstored(&self) -> Option<Option<QuotaRecord>> {
        let was_exceeded = self.stored.soft_since.is_some() || self.stored.inodes_since.is_some();
        match (self.record.linked, self.record == self.stored) {
            (_, true) => None,
            (true, false) if !self.is_exceeded() => was_exceeded.then_some(None),
            (_, false) => Some(Some(self.record)),
        }
    }

    /// Whether nothing but what is used of it changes.
    pub(crate) fn is_plain(&self) -> bool {
        !self.is_exceeded() && !self.has_soft()
    }

    /// The most that may be used while nothing but that changes: no limit is exceeded then.
    pub(crate) fn most(&self) -> Most {
        let QuotaRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } = &self.record;
        let most = |limits: &QuotaLimits| match limits.soft {
            Some(_) => None,
            None => Some(limits.hard.unwrap_or(u64::MAX)),
        };
        let usage = || {
            Some(QuotaUsage {
                inodes: most(inodes)?,
                application_bytes: most(application_bytes)?,
                logical_bytes: most(logical_bytes)?,
                physical_bytes: most(physical_bytes)?,
            })
        };
        Most(usage().filter(|_| !self.is_exceeded()))
    }

    /// Whether it forbids that usage grows from `before` to `after`. What shrinks or stays is always allowed.
    pub(crate) fn forbids(&self, (before, after): (&QuotaUsage, &QuotaUsage), now: Timestamp) -> bool {
        self.record.enforced
            && counters(&self.record, before).zip(counters(&self.record, after)).any(
                |(before, (limits, since, after))| {
                    after > before.2
                        && bound(limits, since, (self.record.grace_seconds, now)).is_some_and(|max| after > max)
                },
            )
    }

    /// What may be reserved without anything being forbidden: nothing where soft limits have to be looked at.
    pub(crate) fn room(&self) -> Held {
        let QuotaRecord { application_bytes, logical_bytes, physical_bytes, .. } = &self.record;
        let room = |limits: &QuotaLimits, used: u64| match (limits.soft, limits.hard) {
            (Some(_), _) => 0,
            (None, Some(hard)) => hard.saturating_sub(used),
            (None, None) => u64::MAX,
        };
        let blocks = room(logical_bytes, self.used.logical_bytes).min(room(physical_bytes, self.used.physical_bytes));
        Held {
            application_bytes: room(application_bytes, self.used.application_bytes),
            blocks: blocks / crate::file::BLOCK_BYTES,
        }
    }

    /// Takes note of soft limits that are exceeded from now on, or are no more.
    pub(crate) fn note(&mut self, usage: &QuotaUsage, now: Timestamp) {
        let settings = self.record.settings();
        let is_above = |limits: QuotaLimits, used| limits.soft.is_some_and(|soft| used > soft);
        let since = |old: Option<Timestamp>, is_above: bool| is_above.then(|| old.unwrap_or(now));
        self.record.soft_since = since(self.record.soft_since, is_above(settings.bytes, usage.bytes(settings.basis)));
        self.record.inodes_since = since(self.record.inodes_since, is_above(settings.inodes, usage.inodes));
    }
}

/// What binds now: the hard limit, and the soft one after its grace.
fn bound(limits: QuotaLimits, since: Option<Timestamp>, (grace, now): (u64, Timestamp)) -> Option<u64> {
    let is_over = since.is_some_and(|since| now.seconds.saturating_sub(since.seconds) >= grace.cast_signed());
    match limits.soft.filter(|_| is_over) {
        Some(soft) => Some(limits.hard.map_or(soft, |hard| hard.min(soft))),
        None => limits.hard,
    }
}

/// Each counter with its limits.
fn counters(record: &QuotaRecord, usage: &QuotaUsage) -> impl Iterator<Item = (QuotaLimits, Option<Timestamp>, u64)> {
    let bytes = record.soft_since;
    [
        (record.inodes, record.inodes_since, usage.inodes),
        (record.application_bytes, bytes, usage.application_bytes),
        (record.logical_bytes, bytes, usage.logical_bytes),
        (record.physical_bytes, bytes, usage.physical_bytes),
    ]
    .into_iter()
}

/// What a directory's counters say.
pub(crate) fn used(usage: &UsageRecord) -> QuotaUsage {
    let UsageRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } = *usage;
    QuotaUsage { inodes, application_bytes, logical_bytes, physical_bytes }
}

/// What an owner's counters say.
pub(crate) fn used_by(usage: Option<&OwnerUsageRecord>) -> QuotaUsage {
    let OwnerUsageRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } =
        usage.copied().unwrap_or_default();
    QuotaUsage { inodes, application_bytes, logical_bytes, physical_bytes }
}

/// With what is reserved.
pub(crate) fn with(used: &QuotaUsage, held: Held) -> QuotaUsage {
    let blocks = held.blocks * crate::file::BLOCK_BYTES;
    QuotaUsage {
        inodes: used.inodes,
        application_bytes: used.application_bytes.saturating_add(held.application_bytes),
        logical_bytes: used.logical_bytes.saturating_add(blocks),
        physical_bytes: used.physical_bytes.saturating_add(blocks),
    }
}

#[cfg(test)]
mod tests {
    use vfs::QuotaSettings;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp { seconds, nanoseconds: 0 }
    }

    fn bytes(application_bytes: u64) -> QuotaUsage {
        QuotaUsage { application_bytes, ..QuotaUsage::default() }
    }

    fn domain(hard: Option<u64>, soft: Option<u64>) -> Domain {
        let bytes = QuotaLimits { hard, soft, advisory: None };
        let settings = QuotaSettings { bytes, grace_seconds: 10, enforced: true, ..QuotaSettings::default() };
        Domain::new(QuotaRecord::new(&settings), QuotaUsage::default())
    }

    #[test]
    fn the_last_byte_fits_and_the_next_does_not() {
        let domain = domain(Some(100), None);
        assert!(!domain.forbids((&bytes(0), &bytes(100)), at(0)));
        assert!(domain.forbids((&bytes(100), &bytes(101)), at(0)));
        assert!(!domain.forbids((&bytes(300), &bytes(200)), at(0)), "less is always allowed");
    }

    #[test]
    fn a_soft_limit_binds_when_its_grace_is_over() {
        let mut domain = domain(Some(100), Some(50));
        domain.note(&bytes(60), at(5));
        domain.note(&bytes(70), at(9));
        assert_eq!(domain.record.soft_since, Some(at(5)));
        assert!(!domain.forbids((&bytes(70), &bytes(71)), at(14)));
        assert!(domain.forbids((&bytes(70), &bytes(71)), at(15)));
        domain.note(&bytes(50), at(16));
        assert_eq!(domain.record.soft_since, None, "the soft limit itself may be used");
        assert!(!domain.forbids((&bytes(50), &bytes(71)), at(17)), "a new time of grace begins");
    }
}
