//! Single cases, and random histories against an oracle of bytes.

use proptest::prelude::*;
use vfs::OpenId;

use super::*;

fn owner(number: u64) -> LockOwner {
    LockOwner::Open(OpenId(number))
}

fn span(offset: u64, length: u64) -> Span {
    Span::new(LockRange { offset, length }).unwrap()
}

fn lock(number: u64, span: Span, kind: LockKind) -> RangeLock {
    RangeLock { owner: owner(number), span, kind, since: Timestamp::default() }
}

fn ranges(locks: &ByteRangeLocks) -> Vec<(u64, u64, LockKind)> {
    locks.held().iter().map(|held| (held.span.range().offset, held.span.range().length, held.kind)).collect()
}

use LockKind::{Exclusive, Shared};

#[test]
fn spans_reach_the_last_byte_and_not_beyond() {
    let new = |offset, length| Span::new(LockRange { offset, length });
    assert_eq!(new(0, 0).unwrap().range(), LockRange { offset: 0, length: 0 });
    assert_eq!(new(u64::MAX, 1).unwrap().range(), LockRange { offset: u64::MAX, length: 0 });
    assert_eq!(new(5, u64::MAX - 4).unwrap().last, u64::MAX);
    assert_eq!(new(5, u64::MAX - 3), None);
    assert_eq!(new(u64::MAX, 2), None);
    assert_eq!(new(u64::MAX, 0).unwrap().last, u64::MAX);
}

#[test]
fn locks_split_merge_and_convert() {
    let mut locks = ByteRangeLocks::default();
    let me = owner(1);
    locks.lock(&lock(1, span(0, 100), Exclusive)).unwrap();
    locks.lock(&lock(1, span(40, 20), Shared)).unwrap();
    assert_eq!(ranges(&locks), [(0, 40, Exclusive), (40, 20, Shared), (60, 40, Exclusive)]);
    locks.unlock(&me, span(10, 5)).unwrap();
    assert_eq!(ranges(&locks)[..2], [(0, 10, Exclusive), (15, 25, Exclusive)]);
    locks.lock(&lock(1, span(10, 50), Exclusive)).unwrap();
    assert_eq!(ranges(&locks), [(0, 100, Exclusive)], "upgraded, and one again");
    locks.unlock(&me, span(50, 0)).unwrap();
    assert_eq!(ranges(&locks), [(0, 50, Exclusive)]);
    locks.unlock(&me, span(0, 0)).unwrap();
    assert!(locks.held().is_empty());
}

#[test]
fn the_lowest_lock_in_the_way_is_named() {
    let mut locks = ByteRangeLocks::default();
    locks.lock(&lock(1, span(100, 10), Shared)).unwrap();
    locks.lock(&lock(2, span(50, 10), Shared)).unwrap();
    locks.lock(&lock(3, span(0, 200), Shared)).unwrap();
    let conflict = locks.conflict(&lock(3, span(0, 0), Exclusive)).unwrap();
    assert_eq!((&conflict.owner, conflict.span), (&owner(2), span(50, 10)));
    assert!(matches!(locks.lock(&lock(3, span(0, 0), Exclusive)), Err(LockRefusal::Conflict(_))));
    assert_eq!(locks.held().len(), 3, "a refused upgrade keeps what was held");
    locks.release(|other| *other != owner(3));
    locks.lock(&lock(3, span(0, 0), Exclusive)).unwrap();
    assert_eq!(ranges(&locks), [(0, 0, Exclusive)]);
}

#[test]
fn the_number_of_locks_is_bounded() {
    let mut locks = ByteRangeLocks::default();
    (0..LOCKS_MAX as u64).for_each(|index| locks.lock(&lock(1, span(index * 10, 5), Shared)).unwrap());
    assert_eq!(locks.lock(&lock(1, span(7, 1), Shared)), Err(LockRefusal::TooMany));
    assert_eq!(locks.unlock(&owner(1), span(12, 1)), Err(LockRefusal::TooMany));
    locks.unlock(&owner(1), span(10, 5)).unwrap();
    locks.lock(&lock(1, span(7, 1), Shared)).unwrap();
    assert_eq!(locks.held().len(), LOCKS_MAX);
}

/// What every byte of a small file is to every owner.
#[derive(Debug, Default)]
struct Oracle {
    bytes: [[Option<LockKind>; BYTES]; OWNERS],
}

impl Oracle {
    fn is_refused(&self, owner: usize, span: (usize, usize), kind: LockKind) -> bool {
        let others = self.bytes.iter().enumerate().filter(|(other, _)| *other != owner);
        let mut theirs = others.flat_map(|(_, bytes)| &bytes[span.0..span.1]).flatten();
        theirs.any(|held| *held == Exclusive || kind == Exclusive)
    }

    fn set(&mut self, owner: usize, span: (usize, usize), kind: Option<LockKind>) {
        self.bytes[owner][span.0..span.1].fill(kind);
    }

    /// The longest runs of bytes with one kind, by owner.
    fn runs(&self) -> Vec<(u64, u64, u64, LockKind)> {
        let owners = self.bytes.iter().enumerate();
        owners.flat_map(|(owner, bytes)| runs_of(bytes).map(move |run| (owner as u64, run.0, run.1, run.2))).collect()
    }
}

fn runs_of(bytes: &[Option<LockKind>; BYTES]) -> impl Iterator<Item = (u64, u64, LockKind)> {
    let starts = (0..BYTES).filter(|&at| at == 0 || bytes[at - 1] != bytes[at]);
    starts.filter_map(|at| {
        let length = bytes[at..].iter().take_while(|kind| **kind == bytes[at]).count();
        let shown = if at + length == BYTES { 0 } else { length as u64 };
        Some((START + at as u64, shown, bytes[at]?))
    })
}

/// The oracle's bytes are the last of all, so that every step also tests the far end.
const START: u64 = u64::MAX - BYTES as u64 + 1;
const BYTES: usize = 24;
const OWNERS: usize = 3;

proptest! {
    #[test]
    fn every_history_agrees_with_the_oracle(
        steps in prop::collection::vec((0..OWNERS, 0..BYTES, 0..=BYTES, 0..3_u8), 1..60),
    ) {
        let mut locks = ByteRangeLocks::default();
        let mut oracle = Oracle::default();
        for (who, from, length, action) in steps {
            let to = if length == 0 { BYTES } else { (from + length).min(BYTES) };
            let asked = if length == 0 { 0 } else { (to - from) as u64 };
            let range = Span::new(LockRange { offset: START + from as u64, length: asked }).unwrap();
            let me = owner(who as u64);
            let kind = match action { 0 => None, 1 => Some(Shared), _ => Some(Exclusive) };
            let result = match kind {
                Some(kind) => locks.lock(&lock(who as u64, range, kind)),
                None => locks.unlock(&me, range),
            };
            let refused = kind.is_some_and(|kind| oracle.is_refused(who, (from, to), kind));
            prop_assert_eq!(result.is_err(), refused);
            if !refused {
                oracle.set(who, (from, to), kind);
            }
            let mut held: Vec<_> = locks.held().iter().map(|held| {
                let LockOwner::Open(OpenId(number)) = held.owner else { panic!("not an open") };
                (number, held.span.range().offset, held.span.range().length, held.kind)
            }).collect();
            held.sort_by_key(|lock| (lock.0, lock.1));
            prop_assert_eq!(held, oracle.runs());
            let reach = locks.held().iter().scan(0, |top, held| { *top = held.span.last.max(*top); Some(*top) });
            prop_assert_eq!(&locks.reach, &reach.collect::<Vec<_>>());
        }
    }
}
