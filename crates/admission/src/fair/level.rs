//! Shares of a thread among equals: among its zones, or among the clients of one zone.
//!
//! Start-time fair queueing. Each has a virtual time: what it has cost so far. Who waits with the least goes first. Who
//! comes back after a pause starts where the one stands who has had least: time that was not used is not saved up.

use std::collections::{BTreeMap, BTreeSet};

/// The shares of equals, named by `K`.
#[derive(Debug)]
pub(super) struct Level<K> {
    shares: BTreeMap<K, Share>,
    /// Those with connections that wait, by virtual time.
    waiting: BTreeSet<(u64, K)>,
    /// Who was away starts here: the least virtual time of those who want to go on; it only rises.
    floor_ns: u64,
    /// Of those who were given turns in the present round, the least virtual time after them: they may come back.
    granted_ns: u64,
    served_last: Option<K>,
    /// What it has cost since another was served.
    alone_ns: u64,
}

#[derive(Debug, Default)]
struct Share {
    members: usize,
    virtual_ns: u64,
    is_waiting: bool,
    /// The round that `spent_ns` belongs to.
    round: u64,
    spent_ns: u64,
}

impl<K> Default for Level<K> {
    fn default() -> Self {
        let (shares, waiting) = (BTreeMap::new(), BTreeSet::new());
        Self { shares, waiting, floor_ns: 0, granted_ns: u64::MAX, served_last: None, alone_ns: ALONE_AFTER_NS }
    }
}

impl<K: Copy + Ord> Level<K> {
    /// One member more. A name that was not known starts where the others stand.
    pub(super) fn join(&mut self, key: K) {
        if self.shares.len() >= SHARES_KEPT_MAX {
            self.shares.retain(|_, share| share.members > 0);
        }
        let floor_ns = self.floor_ns;
        let new = || Share { virtual_ns: floor_ns, ..Share::default() };
        self.shares.entry(key).or_insert_with(new).members += 1;
    }

    /// One member less. Who has none is kept as long as it has had more than the others: closing connections and
    /// opening new ones pays no debt.
    pub(super) fn leave(&mut self, key: K) {
        let Some(share) = self.shares.get_mut(&key) else { return };
        share.members = share.members.saturating_sub(1);
        if share.members == 0 && !share.is_waiting && share.virtual_ns <= self.floor_ns {
            self.shares.remove(&key);
        }
    }

    /// Whether nobody is known here.
    pub(super) fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Whether several were served lately: then each gets small slices, so that none waits long for the others.
    pub(super) fn is_contended(&self) -> bool {
        self.alone_ns < ALONE_AFTER_NS
    }

    /// Whether this one may go on at once, without waiting for its turn: it has not had its slice of this round, and
    /// nobody wants to go on who has had a slice less.
    pub(super) fn allows(&mut self, key: K, round: u64) -> bool {
        let slice_ns = if self.is_contended() { SLICE_NS } else { SLICE_ALONE_NS };
        let (floor_ns, least_ns) = (self.floor_ns, self.least_ns());
        let Some(share) = self.shares.get_mut(&key) else { return true };
        share.catch_up(floor_ns);
        let spent_ns = if share.round == round { share.spent_ns } else { 0 };
        spent_ns < slice_ns && share.virtual_ns <= least_ns.saturating_add(SLICE_NS)
    }

    /// Service begins at once.
    pub(super) fn begin(&mut self, key: K) {
        let began_ns = self.shares.get(&key).map_or(0, |share| share.virtual_ns);
        self.floor_ns = self.floor_ns.max(began_ns.min(self.least_ns()));
    }

    /// Service is promised that will cost about so much.
    pub(super) fn grant(&mut self, key: K, expected_ns: u64) {
        self.begin(key);
        let mut after_ns = u64::MAX;
        self.change(key, |share| {
            share.virtual_ns += expected_ns;
            after_ns = share.virtual_ns;
        });
        self.granted_ns = self.granted_ns.min(after_ns);
    }

    /// A new round.
    pub(super) fn next_round(&mut self) {
        self.granted_ns = u64::MAX;
    }

    /// Service ended that cost so much, and was expected to cost so much.
    pub(super) fn end(&mut self, key: K, round: u64, (cost_ns, expected_ns): (u64, u64)) {
        self.change(key, |share| {
            share.virtual_ns = (share.virtual_ns + cost_ns).saturating_sub(expected_ns);
            let spent_ns = if share.round == round { share.spent_ns } else { 0 };
            (share.round, share.spent_ns) = (round, spent_ns + cost_ns);
        });
        if self.served_last == Some(key) {
            self.alone_ns = self.alone_ns.saturating_add(cost_ns);
        } else {
            self.alone_ns = if self.served_last.is_some() { 0 } else { self.alone_ns };
            self.served_last = Some(key);
        }
    }

    /// This one has connections that wait.
    pub(super) fn wait(&mut self, key: K) {
        let floor_ns = self.floor_ns;
        let Some(share) = self.shares.get_mut(&key) else { return };
        share.catch_up(floor_ns);
        if !std::mem::replace(&mut share.is_waiting, true) {
            self.waiting.insert((share.virtual_ns, key));
        }
    }

    /// It has none any more.
    pub(super) fn rest(&mut self, key: K) {
        let Some(share) = self.shares.get_mut(&key) else { return };
        if std::mem::replace(&mut share.is_waiting, false) {
            self.waiting.remove(&(share.virtual_ns, key));
        }
    }

    /// Who waits and has had least; nobody, when someone was given a turn in this round who has had a slice less: if that
    /// one comes back, it is first in the next round.
    pub(super) fn next(&self) -> Option<K> {
        let (virtual_ns, key) = self.waiting.first()?;
        (*virtual_ns <= self.granted_ns.saturating_add(SLICE_NS)).then_some(*key)
    }

    /// Least virtual time of those who wait, and of those who may come back in this round.
    fn least_ns(&self) -> u64 {
        self.waiting.first().map_or(u64::MAX, |(virtual_ns, _)| *virtual_ns).min(self.granted_ns)
    }

    fn change(&mut self, key: K, change: impl FnOnce(&mut Share)) {
        let Some(share) = self.shares.get_mut(&key) else { return };
        let before_ns = share.virtual_ns;
        change(share);
        if share.is_waiting && share.virtual_ns != before_ns {
            self.waiting.remove(&(before_ns, key));
            self.waiting.insert((share.virtual_ns, key));
        }
    }
}

impl Share {
    fn catch_up(&mut self, floor_ns: u64) {
        if !self.is_waiting {
            self.virtual_ns = self.virtual_ns.max(floor_ns);
        }
    }
}

/// What one of several may cost before the next has its turn.
pub(super) const SLICE_NS: u64 = 16_000;
/// The same for one who is alone: as long as a newcomer waits, once.
pub(super) const SLICE_ALONE_NS: u64 = 2_000_000;
/// Who has had so much since another was served counts as alone.
const ALONE_AFTER_NS: u64 = 20_000_000;
/// Above it, those without members are forgotten whatever they have had.
const SHARES_KEPT_MAX: usize = 16_384;
