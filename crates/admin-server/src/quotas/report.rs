//! How full the quotas of a zone are.

use std::cmp::Reverse;

use admin_api::{QuotaReport, QuotaState, ReportedQuota, rfc3339};
use vfs::{Quota, QuotaLimits, Timestamp};
use zones::Zone;

use super::answer::shown;

/// The quotas of a zone as they stand at a moment, the fullest first, at most [`QuotaReport::ITEMS_MAX`].
#[must_use]
pub fn quota_report(zone: &Zone, quotas: &[Quota], now: Timestamp) -> QuotaReport {
    let mut items: Vec<_> = quotas.iter().map(|quota| reported(zone, quota, now)).collect();
    items.sort_by(|(fill, one), (other_fill, other)| {
        let place = |one: &ReportedQuota| (one.quota.path.clone(), one.quota.kind, one.quota.owner.clone());
        Reverse(fill).cmp(&Reverse(other_fill)).then_with(|| place(one).cmp(&place(other)))
    });
    let items = items.into_iter().map(|(_, one)| one).take(QuotaReport::ITEMS_MAX).collect();
    QuotaReport { zone: zone.name().to_owned(), made: rfc3339(now.seconds), total: quotas.len() as u64, items }
}

/// With what it is sorted by.
fn reported(zone: &Zone, quota: &Quota, now: Timestamp) -> (u128, ReportedQuota) {
    let (settings, usage) = (&quota.settings, &quota.usage);
    let grace = |since: Timestamp| settings.grace_seconds.saturating_sub(passed(since, now));
    let of = |limits: &QuotaLimits, used: u64, since: Option<Timestamp>| {
        let limit = limits.shown().or(limits.advisory);
        (limit.map(|limit| fill(used, limit)), state(limits, used, since.map(grace)))
    };
    let (bytes, bytes_state) = of(&settings.bytes, usage.bytes(settings.basis), quota.bytes_since);
    let (inodes, inodes_state) = of(&settings.inodes, usage.inodes, quota.inodes_since);
    let percent = |fill: Option<u128>| fill.map(|fill| u64::try_from(fill * 100 / WHOLE).unwrap_or(u64::MAX));
    let reported = ReportedQuota {
        quota: shown(zone, quota),
        state: bytes_state.max(inodes_state),
        bytes_percent: percent(bytes),
        inodes_percent: percent(inodes),
        grace_left_seconds: [quota.bytes_since, quota.inodes_since].into_iter().flatten().map(grace).min(),
    };
    (bytes.max(inodes).unwrap_or(0), reported)
}

fn state(limits: &QuotaLimits, used: u64, grace_left: Option<u64>) -> QuotaState {
    let is_above = |limit: Option<u64>| limit.is_some_and(|limit| used > limit);
    match grace_left {
        _ if limits.hard.is_some_and(|hard| used >= hard) => QuotaState::Full,
        Some(0) if is_above(limits.soft) => QuotaState::Expired,
        _ if is_above(limits.soft) => QuotaState::Soft,
        _ if is_above(limits.advisory) => QuotaState::Advisory,
        _ => QuotaState::Ok,
    }
}

fn passed(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.seconds.saturating_sub(since.seconds)).unwrap_or(0)
}

/// What of a limit is used, in parts of [`WHOLE`]. Anything fills a limit of nothing.
fn fill(used: u64, limit: u64) -> u128 {
    match (used, limit) {
        (0, 0) => WHOLE,
        (used, limit) => u128::from(used) * WHOLE / u128::from(limit.max(1)),
    }
}

const WHOLE: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_stands_where_its_usage_is_among_its_limits() {
        let limits = QuotaLimits { hard: Some(100), soft: Some(50), advisory: Some(20) };
        for (used, grace_left, expected) in [
            (20, None, QuotaState::Ok),
            (21, None, QuotaState::Advisory),
            (50, None, QuotaState::Advisory),
            (51, Some(7), QuotaState::Soft),
            (51, None, QuotaState::Soft),
            (51, Some(0), QuotaState::Expired),
            (99, Some(7), QuotaState::Soft),
            (100, Some(0), QuotaState::Full),
            (101, None, QuotaState::Full),
        ] {
            assert_eq!(state(&limits, used, grace_left), expected, "{used} {grace_left:?}");
        }
        assert_eq!(state(&QuotaLimits::default(), u64::MAX, None), QuotaState::Ok);
        assert_eq!(
            [(0, 0), (1, 0), (1, 2), (0, 9)].map(|(used, limit)| fill(used, limit)),
            [WHOLE, WHOLE, WHOLE / 2, 0]
        );
        assert!(fill(u64::MAX, 1) > fill(1, 1));
    }
}
