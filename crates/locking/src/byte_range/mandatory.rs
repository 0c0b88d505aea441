//! Byte-range locks of opens, as SMB knows them (MS-FSA 2.1.4.10, 2.1.5.8): each is held by itself and given back as it
//! was taken, and reads and writes of others are bound by them.

use vfs::{LockKind, LockOwner, LockRange, OpenId, Timestamp};

use super::{RangeLock, Span};

/// A lock of an open. Length 0 is no byte at all: such a lock is in the way of what has its place within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MandatoryLock {
    /// Whose it is.
    pub open: OpenId,
    /// Which bytes.
    pub range: LockRange,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Since when.
    pub since: Timestamp,
}

/// The locks of all opens of one inode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MandatoryLocks {
    held: Vec<MandatoryLock>,
}

impl MandatoryLock {
    /// Whether its range ends within the bytes that a file can have.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.range.length == 0 || self.range.offset.checked_add(self.range.length - 1).is_some()
    }

    /// As others see it who know no such locks; `None` when it covers no byte.
    pub(crate) fn as_range_lock(&self) -> Option<RangeLock> {
        let last = self.range.offset.checked_add(self.range.length.checked_sub(1)?)?;
        let span = Span { first: self.range.offset, last };
        Some(RangeLock { owner: LockOwner::Open(self.open), span, kind: self.kind, since: self.since })
    }

    /// Whether one that is held stands in the way of one that is wanted. An open may share what it holds exclusively,
    /// but not the other way round.
    fn refuses(&self, wanted: &Self) -> bool {
        let are_shared = self.kind == LockKind::Shared && wanted.kind == LockKind::Shared;
        let is_own = self.kind == LockKind::Exclusive && wanted.kind == LockKind::Shared && self.open == wanted.open;
        !are_shared && !is_own && overlap(self.range, wanted.range)
    }
}

impl MandatoryLocks {
    /// Whether another stands in the way.
    pub(crate) fn refuses(&self, wanted: &MandatoryLock) -> bool {
        self.held.iter().any(|held| held.refuses(wanted))
    }

    /// Takes a lock that nothing refuses; `false` when there are too many.
    pub(crate) fn hold(&mut self, lock: MandatoryLock) -> bool {
        let fits = self.held.len() < MANDATORY_MAX;
        if fits {
            self.held.push(lock);
        }
        fits
    }

    /// Gives a lock back, of exactly this range, an exclusive one first; `false` when there is none.
    pub(crate) fn release(&mut self, open: OpenId, range: LockRange) -> bool {
        let is_meant = |held: &MandatoryLock| held.open == open && held.range == range;
        let exclusive = self.held.iter().position(|held| is_meant(held) && held.kind == LockKind::Exclusive);
        let found = exclusive.or_else(|| self.held.iter().position(is_meant));
        found.map(|index| self.held.remove(index)).is_some()
    }

    /// Gives back all that the opens hold that are meant; these.
    pub(crate) fn release_all(&mut self, is_meant: impl Fn(&LockOwner) -> bool) -> Vec<MandatoryLock> {
        let (gone, kept) = self.held.drain(..).partition(|held| is_meant(&LockOwner::Open(held.open)));
        self.held = kept;
        gone
    }

    /// Whether bytes may not be read, or written, by an operation through this open, or without one: exclusive locks of
    /// others bind both, shared ones bind all who write.
    pub(crate) fn denies(&self, range: LockRange, is_write: bool, own: Option<OpenId>) -> bool {
        let is_bound = |held: &MandatoryLock| match held.kind {
            LockKind::Exclusive => Some(held.open) != own,
            LockKind::Shared => is_write,
        };
        range.length != 0 && self.held.iter().any(|held| is_bound(held) && overlap(held.range, range))
    }

    /// The first that stands in the way of a lock of the network lock manager.
    pub(crate) fn in_the_way(&self, wanted: &RangeLock) -> Option<RangeLock> {
        self.held.iter().filter_map(MandatoryLock::as_range_lock).find(|held| held.excludes(wanted))
    }

    /// All of them.
    pub(crate) fn held(&self) -> &[MandatoryLock] {
        &self.held
    }
}

/// Whether two ranges meet. One without bytes meets a range that begins before it and ends behind it.
fn overlap(one: LockRange, other: LockRange) -> bool {
    if one.length != 0 && one == other {
        return true;
    }
    let end = |range: LockRange| u128::from(range.offset) + u128::from(range.length);
    u128::from(one.offset) < end(other) && u128::from(other.offset) < end(one)
}

/// Most locks of all opens of one inode.
pub(crate) const MANDATORY_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(open: u64, offset: u64, length: u64, kind: LockKind) -> MandatoryLock {
        let range = LockRange { offset, length };
        MandatoryLock { open: OpenId(open), range, kind, since: Timestamp::default() }
    }

    fn take(locks: &mut MandatoryLocks, wanted: MandatoryLock) -> bool {
        !locks.refuses(&wanted) && locks.hold(wanted)
    }

    #[test]
    fn an_open_is_in_its_own_way() {
        let mut locks = MandatoryLocks::default();
        assert!(take(&mut locks, lock(1, 0, 10, LockKind::Exclusive)));
        assert!(!take(&mut locks, lock(1, 5, 10, LockKind::Exclusive)));
        assert!(take(&mut locks, lock(1, 5, 10, LockKind::Shared)), "but may share what it holds");
        assert!(!take(&mut locks, lock(2, 5, 10, LockKind::Shared)));
        assert!(!take(&mut locks, lock(1, 12, 1, LockKind::Exclusive)), "and not take what it shares");
        assert!(take(&mut locks, lock(2, 12, 3, LockKind::Shared)));
        assert!(!locks.release(OpenId(1), LockRange { offset: 0, length: 5 }), "as it was taken");
        assert!(locks.release(OpenId(1), LockRange { offset: 0, length: 10 }));
        assert!(!locks.release(OpenId(1), LockRange { offset: 0, length: 10 }));
    }

    #[test]
    fn ranges_without_bytes_are_met_within_others() {
        let range = |offset, length| LockRange { offset, length };
        assert!(overlap(range(10, 0), range(5, 10)));
        for (one, other) in [((10, 0), (10, 10)), ((10, 0), (0, 10)), ((10, 0), (10, 0)), ((0, 5), (5, 5))] {
            assert!(!overlap(range(one.0, one.1), range(other.0, other.1)), "{one:?} {other:?}");
            assert!(!overlap(range(other.0, other.1), range(one.0, one.1)), "{other:?} {one:?}");
        }
        assert!(!overlap(range(u64::MAX, 1), range(0, u64::MAX)));
        assert!(overlap(range(u64::MAX, 1), range(u64::MAX, 1)));
        assert!(
            !lock(1, u64::MAX, 2, LockKind::Shared).is_valid() && lock(1, u64::MAX, 1, LockKind::Shared).is_valid()
        );
    }

    #[test]
    fn reads_and_writes_are_bound() {
        let mut locks = MandatoryLocks::default();
        assert!(take(&mut locks, lock(1, 0, 10, LockKind::Exclusive)));
        assert!(take(&mut locks, lock(1, 20, 10, LockKind::Shared)));
        let denies = |offset, is_write, own: Option<u64>| {
            locks.denies(LockRange { offset, length: 1 }, is_write, own.map(OpenId))
        };
        for (offset, is_write, own, expected) in [
            (5, false, Some(1), false),
            (5, true, Some(1), false),
            (5, false, Some(2), true),
            (5, false, None, true),
            (10, true, None, false),
            (25, false, None, false),
            (25, true, Some(2), true),
            (25, true, Some(1), true),
        ] {
            assert_eq!(denies(offset, is_write, own), expected, "{offset} {is_write} {own:?}");
        }
        assert!(!locks.denies(LockRange { offset: 5, length: 0 }, true, None));
    }
}
