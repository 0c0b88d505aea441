//! Byte-range locks of one inode, as POSIX and NLM know them (Open Group C702, `fcntl`): an owner's locks never
//! conflict with each other; locking again converts, locks that touch become one, unlocking the middle leaves two.

mod mandatory;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use mandatory::MandatoryLock;
pub(crate) use mandatory::MandatoryLocks;
use vfs::{LockKind, LockOwner, LockRange, Timestamp};

/// The bytes of a lock, first and last included: the last byte of all is `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: u64,
    last: u64,
}

/// A lock of a span of bytes: held, or wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeLock {
    /// Whose it is.
    pub owner: LockOwner,
    /// Which bytes.
    pub span: Span,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Since when; locks that become one keep the earliest time.
    pub since: Timestamp,
}

/// All granted locks of one inode, by first byte. No two exclude each other; those of one owner neither overlap nor
/// touch with the same kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteRangeLocks {
    held: Vec<RangeLock>,
    /// For each lock the last byte that it or one before it covers: rises, so that what overlaps is found by halving.
    reach: Vec<u64>,
}

/// Why a lock is not granted, or a range not given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// This lock of another owner is in the way: of several the one with the lowest first byte.
    Conflict(RangeLock),
    /// It would leave more than [`LOCKS_MAX`] locks.
    TooMany,
}

/// What a change puts in place of the locks of a window; made and applied without anything between.
#[derive(Debug)]
pub(crate) struct Plan {
    window: Range<usize>,
    next: Vec<RangeLock>,
}

impl Span {
    /// The span of a range; `None` when it reaches beyond the last byte of all. Length 0 reaches to that byte.
    #[must_use]
    pub fn new(range: LockRange) -> Option<Self> {
        let last = match range.length {
            0 => u64::MAX,
            length => range.offset.checked_add(length - 1)?,
        };
        Some(Self { first: range.offset, last })
    }

    /// The range as protocols show it: length 0 when it reaches to the last byte of all.
    #[must_use]
    pub fn range(self) -> LockRange {
        let length = if self.last == u64::MAX { 0 } else { self.last - self.first + 1 };
        LockRange { offset: self.first, length }
    }

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Overlaps, or begins at the byte after the other's last.
    fn touches(self, other: Self) -> bool {
        self.first <= other.last.saturating_add(1) && other.first <= self.last.saturating_add(1)
    }

    fn union(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// The span with the byte in front and the one behind, where there are such.
    fn with_neighbours(self) -> Self {
        Self { first: self.first.saturating_sub(1), last: self.last.saturating_add(1) }
    }

    /// What is left of it without the other: in front and behind.
    fn without(self, other: Self) -> impl Iterator<Item = Self> {
        let front = other.first.checked_sub(1).filter(|&last| self.first <= last);
        let behind = other.last.checked_add(1).filter(|&first| first <= self.last);
        let front = front.map(|last| Self { first: self.first, last: last.min(self.last) });
        let behind = behind.map(|first| Self { first: first.max(self.first), last: self.last });
        front.into_iter().chain(behind)
    }
}

impl RangeLock {
    /// Whether the two cannot be held at the same time.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        let is_exclusive = self.kind == LockKind::Exclusive || other.kind == LockKind::Exclusive;
        is_exclusive && self.span.overlaps(other.span) && self.owner != other.owner
    }

    /// Whether it is the same request: owner, bytes and kind.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.span == other.span && self.kind == other.kind && self.owner == other.owner
    }
}

impl ByteRangeLocks {
    /// The lock of another owner that is in the way of this one, the lowest if there are several.
    #[must_use]
    pub fn conflict(&self, wanted: &RangeLock) -> Option<&RangeLock> {
        self.in_the_way(wanted).next()
    }

    /// Grants a lock. What the owner holds of these bytes is converted to the new kind, up or down, at once.
    ///
    /// Errors, in order: `Conflict`, `TooMany`; what is held stays.
    pub fn lock(&mut self, wanted: &RangeLock) -> Result<(), LockRefusal> {
        let plan = self.plan_lock(wanted)?;
        self.apply(plan);
        Ok(())
    }

    /// Gives a range back; bytes of it that the owner does not hold are no error.
    ///
    /// Errors: `TooMany` (the middle of a lock leaves two); what is held stays.
    pub fn unlock(&mut self, owner: &LockOwner, span: Span) -> Result<(), LockRefusal> {
        let plan = self.plan_unlock(owner, span)?;
        self.apply(plan);
        Ok(())
    }

    /// Gives back everything whose owner is meant: a client that is gone, an open that is closed.
    pub fn release(&mut self, is_meant: impl Fn(&LockOwner) -> bool) {
        self.held.retain(|held| !is_meant(&held.owner));
        self.reach.clear();
        let mut top = 0;
        self.reach.extend(self.held.iter().map(|held| {
            top = held.span.last.max(top);
            top
        }));
    }

    /// The locks, by first byte.
    #[must_use]
    pub fn held(&self) -> &[RangeLock] {
        &self.held
    }

    /// The locks of others that are in the way, by first byte.
    pub(crate) fn in_the_way(&self, wanted: &RangeLock) -> impl Iterator<Item = &RangeLock> {
        self.locks_in(&self.window(wanted.span)).iter().filter(move |held| held.excludes(wanted))
    }

    /// Whether an owner holds any of these bytes alone.
    pub(crate) fn is_exclusive_of(&self, owner: &LockOwner, span: Span) -> bool {
        let mut near = self.locks_in(&self.window(span)).iter();
        near.any(|held| held.kind == LockKind::Exclusive && held.span.overlaps(span) && held.owner == *owner)
    }

    /// What granting a lock would change.
    ///
    /// Errors, in order: `Conflict`, `TooMany`.
    pub(crate) fn plan_lock(&self, wanted: &RangeLock) -> Result<Plan, LockRefusal> {
        if let Some(other) = self.conflict(wanted) {
            return Err(LockRefusal::Conflict(other.clone()));
        }
        let window = self.window(wanted.span.with_neighbours());
        let mut next = Vec::with_capacity(window.len() + 2);
        let mut whole = wanted.clone();
        for held in self.locks_in(&window) {
            if held.owner == wanted.owner && held.kind == wanted.kind && held.span.touches(wanted.span) {
                whole.span = whole.span.union(held.span);
                whole.since = whole.since.min(held.since);
            } else {
                carve(held, (&wanted.owner, wanted.span), &mut next);
            }
        }
        next.push(whole);
        self.plan(window, next)
    }

    /// What giving a range back would change.
    ///
    /// Errors: `TooMany`.
    pub(crate) fn plan_unlock(&self, owner: &LockOwner, span: Span) -> Result<Plan, LockRefusal> {
        let window = self.window(span);
        let mut next = Vec::with_capacity(window.len() + 1);
        for held in self.locks_in(&window) {
            carve(held, (owner, span), &mut next);
        }
        self.plan(window, next)
    }

    /// Does what was planned; says by how many locks there are more.
    pub(crate) fn apply(&mut self, plan: Plan) -> i64 {
        let before = self.held.len();
        let (start, added) = (plan.window.start, plan.next.len());
        self.reach.splice(plan.window.clone(), std::iter::repeat_n(0, added));
        self.held.splice(plan.window, plan.next);
        let mut top = start.checked_sub(1).and_then(|index| self.reach.get(index)).copied().unwrap_or(0);
        // What stands behind begins after all bytes that changed, so it reaches as far as before.
        for (held, reach) in self.held.iter().zip(&mut self.reach).skip(start).take(added) {
            top = held.span.last.max(top);
            *reach = top;
        }
        i64::try_from(self.held.len()).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX)
    }

    /// Where all locks stand that may overlap a span. What a change of these bytes makes sorts in there.
    fn window(&self, span: Span) -> Range<usize> {
        let start = self.reach.partition_point(|reach| *reach < span.first);
        let end = self.held.partition_point(|held| held.span.first <= span.last);
        start..end.max(start)
    }

    fn locks_in(&self, window: &Range<usize>) -> &[RangeLock] {
        self.held.get(window.clone()).unwrap_or_default()
    }

    fn plan(&self, window: Range<usize>, mut next: Vec<RangeLock>) -> Result<Plan, LockRefusal> {
        let left = self.held.len() - window.len() + next.len();
        if left > LOCKS_MAX && left > self.held.len() {
            return Err(LockRefusal::TooMany);
        }
        next.sort_by_key(|held| held.span.first);
        Ok(Plan { window, next })
    }
}

/// Keeps a lock, without what this owner holds of these bytes.
fn carve(held: &RangeLock, (owner, span): (&LockOwner, Span), left: &mut Vec<RangeLock>) {
    if held.owner == *owner && held.span.overlaps(span) {
        left.extend(held.span.without(span).map(|span| RangeLock { span, ..held.clone() }));
    } else {
        left.push(held.clone());
    }
}

/// Most locks of one inode.
pub const LOCKS_MAX: usize = 8192;
