//! What a rule has to tell of the quotas as they are now.

use admin_api::rfc3339;
use admin_server::quota_shown;
use vfs::{Quota, QuotaLimits, QuotaRefused, Timestamp};
use zones::{Notification, Period, QuotaLimit, QuotaMoment, Zone};

use super::event::Event;
use super::memory::{Memory, Told, key};

/// A rule, and what it is held against.
pub(super) struct Seen<'a> {
    pub(super) zone: &'a Zone,
    pub(super) rule: &'a Notification,
    pub(super) quotas: &'a [Quota],
    pub(super) refused: &'a [QuotaRefused],
    pub(super) now: i64,
}

/// One counter of a quota.
struct Counter {
    name: &'static str,
    used: u64,
    limits: QuotaLimits,
    since: Option<Timestamp>,
}

impl Seen<'_> {
    /// What is to be told now. The memory says afterwards that it was.
    pub(super) fn judge(&self, memory: &mut Memory) -> Vec<Event> {
        let is_meant = |quota: &&Quota| self.rule.path().is_none_or(|path| path == quota.path);
        let quotas = self.quotas.iter().filter(is_meant);
        quotas.flat_map(|quota| self.judge_quota(quota, memory)).collect()
    }

    fn judge_quota(&self, quota: &Quota, memory: &mut Memory) -> Vec<Event> {
        if let QuotaMoment::Denied(holdoff) = self.rule.when() {
            return self.denied(quota, holdoff, memory).into_iter().collect();
        }
        let usage = &quota.usage;
        let bytes = usage.bytes(quota.settings.basis);
        let counters = [
            Counter { name: "bytes", used: bytes, limits: quota.settings.bytes, since: quota.bytes_since },
            Counter { name: "inodes", used: usage.inodes, limits: quota.settings.inodes, since: quota.inodes_since },
        ];
        let told = counters.iter().filter_map(|counter| {
            let key = key((self.zone.name(), &self.rule.label()), quota, counter.name);
            let (told, is_told) = self.judge_counter(quota, counter, memory.get(&key));
            memory.put(key, told).filter(|()| is_told).map(|()| self.event(quota, Some(counter.name), None))
        });
        told.collect()
    }

    /// What is known from now on, and whether it is told.
    fn judge_counter(&self, quota: &Quota, counter: &Counter, told: Option<Told>) -> (Option<Told>, bool) {
        let is_over = counter.exceeds(self.rule.limit());
        match self.rule.when() {
            QuotaMoment::Exceeded(holdoff) => exceeded(is_over, told, (holdoff, self.now)),
            QuotaMoment::Violated(period) => violated(is_over, told, (period, self.now)),
            QuotaMoment::Expired => {
                let since = counter.since.filter(|since| {
                    is_over && self.now.saturating_sub(since.seconds) >= quota.settings.grace_seconds.cast_signed()
                });
                let Some(since) = since else { return (None, false) };
                let is_known = told.is_some_and(|told| told.at == Some(since.seconds));
                (Some(Told { is_over: true, at: Some(since.seconds), times: 0 }), !is_known)
            }
            QuotaMoment::Denied(_) => (None, false),
        }
    }

    /// Which limit refuses is known from the quota: the soft one when its grace is over, else the hard one.
    fn denied(&self, quota: &Quota, holdoff: u64, memory: &mut Memory) -> Option<Event> {
        let grace = quota.settings.grace_seconds.cast_signed();
        let is_over = |since: &Timestamp| self.now.saturating_sub(since.seconds) >= grace;
        let by_soft = [quota.bytes_since, quota.inodes_since].iter().flatten().any(is_over);
        let is_ours = by_soft == (self.rule.limit() == QuotaLimit::Soft);
        let is_it = |one: &&QuotaRefused| one.directory == quota.directory && one.domain == quota.domain;
        let new = self.refused.iter().find(is_it).filter(|_| is_ours).map_or(0, |one| one.times);
        let key = key((self.zone.name(), &self.rule.label()), quota, "");
        let told = memory.get(&key).unwrap_or_default();
        let times = told.times.saturating_add(new);
        let is_held_off = told.is_held_off((holdoff, self.now));
        if times == 0 || is_held_off {
            let kept = Told { times, ..told };
            memory.put(key, Some(kept).filter(|_| is_held_off))?;
            return None;
        }
        memory.put(key, Some(Told { is_over: false, at: Some(self.now), times: 0 }))?;
        Some(self.event(quota, None, Some(times)))
    }

    fn event(&self, quota: &Quota, counter: Option<&'static str>, times: Option<u64>) -> Event {
        Event {
            id: random_id(),
            time: rfc3339(self.now),
            limit: self.rule.limit().name(),
            when: self.rule.when().name(),
            counter,
            times,
            quota: quota_shown(self.zone, quota),
        }
    }
}

/// Told once for each time that it is crossed. What is held off is told later, if it is exceeded still.
fn exceeded(is_over: bool, told: Option<Told>, (holdoff, now): (u64, i64)) -> (Option<Told>, bool) {
    let told = told.unwrap_or_default();
    let is_held_off = told.is_held_off((holdoff, now));
    match (is_over, told.is_over) {
        (true, true) => (Some(told), false),
        (true, false) if is_held_off => (Some(told), false),
        (true, false) => (Some(Told { is_over: true, at: Some(now), times: 0 }), true),
        (false, _) => (Some(Told { is_over: false, ..told }).filter(|_| is_held_off), false),
    }
}

/// Told at each moment that is due while it lasts; not at the last one before it began.
fn violated(is_over: bool, told: Option<Told>, (period, now): (Period, i64)) -> (Option<Told>, bool) {
    let due = period.last_due(now);
    let is_due = told.is_some_and(|told| told.at.is_some_and(|at| due > at));
    (Some(Told { is_over, at: Some(due), times: 0 }).filter(|_| is_over), is_over && is_due)
}

impl Counter {
    fn exceeds(&self, limit: QuotaLimit) -> bool {
        match limit {
            QuotaLimit::Advisory => self.limits.advisory.is_some_and(|limit| self.used > limit),
            QuotaLimit::Soft => self.limits.soft.is_some_and(|limit| self.used > limit),
            QuotaLimit::Hard => self.limits.hard.is_some_and(|limit| self.used >= limit),
        }
    }
}

/// Without randomness it is the same for all: only who sorts out what came twice would miss it.
fn random_id() -> String {
    let mut bytes = [0; 16];
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
