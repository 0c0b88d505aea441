//! Random histories on the table and on the oracle, answer by answer and lock by lock.
//!
//! `BERTH_LOCK_STEPS` steps in all from the seed `BERTH_LOCK_FIRST_SEED` on, one seed for each history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use LockKind::{Exclusive, Shared};
use testkit::Random;
use vfs::limits::MAILBOX_EVENTS_MAX;
use vfs::{ClientId, Event, LockKind, LockOwner, LockState, LockedWhat, Mailbox, ShareMode, Timestamp, ZoneId};

use super::oracle::{Answer, CELLS, Cells, MIDDLE, Oracle, Wanted};
use super::{file, owner};
use crate::{HeldShare, LockTable, Locked, RangeLock, Refusal, ShareReservation, Span};

#[test]
fn every_history_agrees_with_the_oracle() {
    let steps = number("BERTH_LOCK_STEPS", 40_000);
    let first = number("BERTH_LOCK_FIRST_SEED", 1);
    let mut seen = BTreeMap::new();
    for seed in first..first + steps.div_ceil(STEPS) {
        History::new(seed).run(&mut seen);
    }
    for what in ["Granted", "Queued", "Held", "Deadlock", "told", "unheard", "cancelled", "shared", "share refused"] {
        assert!(seen.get(what).is_some_and(|times| *times > steps / 1000), "{what} happened too seldom: {seen:?}");
    }
}

struct History {
    seed: u64,
    random: Random,
    table: LockTable,
    oracle: Oracle,
    mailbox: Arc<Mailbox>,
    full: Arc<Mailbox>,
}

type Seen = BTreeMap<&'static str, u64>;

impl History {
    fn new(seed: u64) -> Self {
        let full = Arc::new(Mailbox::default());
        while full.put(Event::ZoneClosed(ZoneId(0))) {}
        assert_eq!(full.take(Waker::noop()).0.len(), MAILBOX_EVENTS_MAX);
        while full.put(Event::ZoneClosed(ZoneId(0))) {}
        let (table, oracle, random) = (LockTable::new(), Oracle::new(FILES), Random::new(seed));
        Self { seed, random, table, oracle, mailbox: Arc::default(), full }
    }

    fn run(&mut self, seen: &mut Seen) {
        for step in 0..STEPS {
            let before = format!("seed {} step {step}", self.seed);
            self.step(&before, seen);
            self.compare_told(&before, seen);
            if step % COMPARED_EVERY == 0 {
                self.compare(&before);
            }
        }
        (0..OWNERS as u64 / 2).for_each(|client| self.table.free_client(ClientId(client)));
        assert!(self.table.is_empty(), "seed {}", self.seed);
    }

    fn step(&mut self, at: &str, seen: &mut Seen) {
        let place = self.below(FILES);
        let wanted = self.wanted(place);
        match self.below(100) {
            0..50 => self.lock(at, (place, wanted), seen),
            50..78 => {
                self.oracle.unlock(place, &wanted);
                self.table.unlock(inode(place), &owner(wanted.who as u64), span(wanted.cells)).unwrap();
            }
            78..85 => {
                let waited = self.oracle.cancel(place, &wanted);
                assert_eq!(self.table.cancel(inode(place), &range_lock(&wanted)), waited, "{at}: {wanted:?}");
                *seen.entry("cancelled").or_default() += u64::from(waited);
            }
            85..90 => {
                let conflict = self.table.conflict(inode(place), &range_lock(&wanted));
                assert_eq!(conflict.is_none(), self.oracle.test(place, &wanted), "{at}: {wanted:?}");
                assert!(conflict.is_none_or(|held| held.excludes(&range_lock(&wanted))), "{at}");
            }
            90..96 => self.share(at, (place, wanted.who), seen),
            96..98 => {
                self.oracle.files[place].shares.remove(&wanted.who);
                self.table.unshare(inode(place), &owner(wanted.who as u64));
            }
            _ => {
                let client = wanted.who / 2;
                self.oracle.free(|who| who / 2 == client);
                self.table.free_client(ClientId(client as u64));
            }
        }
    }

    fn lock(&mut self, at: &str, (place, wanted): (usize, Wanted), seen: &mut Seen) {
        // Short queues: the oracle is slow, and long ones show nothing else.
        let is_full = self.oracle.files[place].queue.len() >= QUEUE_MAX;
        let wait = (!is_full && self.below(5) > 0).then(|| self.below(20) == 0);
        let mailbox = wait.map(|is_full| if is_full { &self.full } else { &self.mailbox });
        let answer = match self.table.lock(inode(place), &range_lock(&wanted), mailbox) {
            Ok(Locked::Granted) => Answer::Granted,
            Ok(Locked::Queued) => Answer::Queued,
            Err(Refusal::Held(_)) => Answer::Held,
            Err(Refusal::Deadlock) => Answer::Deadlock,
            Err(other) => panic!("{at}: {other:?}"),
        };
        let expected = self.oracle.lock(place, wanted, wait);
        assert_eq!(answer, expected, "{at}: {wanted:?} wait {wait:?}\n{:#?}", self.oracle);
        *seen.entry(name(answer)).or_default() += 1;
    }

    fn share(&mut self, at: &str, (place, who): (usize, usize), seen: &mut Seen) {
        let bits = (self.random.below(4), self.random.below(4));
        let reservation = ShareReservation::of_share(share_mode(bits.0), share_mode(bits.1));
        let wanted = HeldShare { owner: owner(who as u64), reservation, since: Timestamp::default() };
        let granted = self.oracle.share(place, who, bits);
        let answer = self.table.share(inode(place), wanted);
        assert_eq!(answer.is_ok(), granted, "{at}: {bits:?} {answer:?}");
        *seen.entry(if granted { "shared" } else { "share refused" }).or_default() += 1;
    }

    /// A request: often one that waits, so that it is cancelled or repeated.
    fn wanted(&mut self, place: usize) -> Wanted {
        let waiting = self.oracle.files[place].queue.len();
        if waiting > 0 && self.random.chance(15) {
            let index = self.below(waiting);
            return self.oracle.files[place].queue[index].0;
        }
        let (one, other) = (self.below(CELLS), self.below(CELLS));
        let kind = if self.random.chance(50) { Exclusive } else { Shared };
        Wanted { who: self.below(OWNERS), cells: (one.min(other), one.max(other)), kind }
    }

    fn compare(&self, at: &str) {
        let expected = self.expected();
        let mut held = Vec::new();
        let (mut waiting, mut shares) = (Vec::new(), Vec::new());
        for entry in self.table.entries(usize::MAX) {
            let (place, who) = (place_of(entry.inode), who_of(&entry.owner));
            match (entry.what, entry.state) {
                (LockedWhat::Range(range, kind), LockState::Held) => {
                    held.push((place, who, range.offset, range.length, kind == Shared))
                }
                (LockedWhat::Range(range, kind), LockState::Waiting) => {
                    waiting.push((place, who, range.offset, range.length, kind == Shared));
                }
                (LockedWhat::Share { access, deny }, _) => {
                    shares.push((place, who, (access.read, access.write), (deny.read, deny.write)))
                }
            }
        }
        let figures = self.table.figures();
        let counted = (figures.held, figures.waiting, figures.shares);
        assert_eq!(counted, (held.len() as u64, waiting.len() as u64, shares.len() as u64), "{at}");
        held.sort_unstable();
        // The order of those who wait at one file is part of it.
        waiting.sort_by_key(|entry| entry.0);
        shares.sort_unstable();
        assert_eq!((held, waiting, shares), expected, "{at}");
    }

    fn compare_told(&mut self, at: &str, seen: &mut Seen) {
        let mut told: Vec<_> = self
            .mailbox
            .take(Waker::noop())
            .0
            .into_iter()
            .map(|event| match event {
                Event::LockGranted { inode, owner, range } => (place_of(inode), who_of(&owner), range),
                other => panic!("{at}: {other:?}"),
            })
            .collect();
        let expected = std::mem::take(&mut self.oracle.told);
        let mut expected: Vec<_> =
            expected.into_iter().map(|(place, wanted)| (place, wanted.who, span(wanted.cells).range())).collect();
        // A client is freed in no order of its files.
        told.sort_by_key(|event| event.0);
        expected.sort_by_key(|event| event.0);
        assert_eq!(told, expected, "{at}");
        *seen.entry("told").or_default() += told.len() as u64;
        let unheard = self.oracle.files.iter().flat_map(|file| &file.queue).filter(|(_, is_full)| *is_full).count();
        *seen.entry("unheard").or_default() += u64::from(unheard > 0);
    }

    fn expected(&self) -> (Vec<Range>, Vec<Range>, Vec<Share>) {
        let range = |place: usize, wanted: &Wanted| {
            let range = span(wanted.cells).range();
            (place, wanted.who, range.offset, range.length, wanted.kind == Shared)
        };
        let files = || self.oracle.files.iter().enumerate();
        let mut held: Vec<_> =
            files().flat_map(|(place, at)| at.runs().into_iter().map(move |run| range(place, &run))).collect();
        let waiting = files().flat_map(|(place, at)| at.queue.iter().map(move |(wanted, _)| range(place, wanted)));
        let bits = |bits: u64| (bits & 1 != 0, bits & 2 != 0);
        let shares = files().flat_map(|(place, at)| {
            at.shares.iter().map(move |(who, share)| (place, *who, bits(share.0), bits(share.1)))
        });
        held.sort_unstable();
        (held, waiting.collect(), shares.collect())
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).unwrap()
    }
}

/// File, owner, offset, length and whether it is shared.
type Range = (usize, usize, u64, u64, bool);
/// File, owner, what it does and denies.
type Share = (usize, usize, (bool, bool), (bool, bool));

fn range_lock(wanted: &Wanted) -> RangeLock {
    super::lock(wanted.who as u64, span(wanted.cells), wanted.kind)
}

fn span((from, to): Cells) -> Span {
    let (first, last) = (bytes_of(from).0, bytes_of(to).1);
    super::span(first, if last == u64::MAX { 0 } else { last - first + 1 })
}

/// The first and the last byte of a cell.
fn bytes_of(cell: usize) -> (u64, u64) {
    let (cell, middle, cells) = (cell as u64, MIDDLE as u64, CELLS as u64);
    let from_end = u64::MAX - (cells - 1 - cell);
    match cell.cmp(&middle) {
        std::cmp::Ordering::Less => (cell, cell),
        std::cmp::Ordering::Equal => (middle, u64::MAX - (cells - 1 - middle)),
        std::cmp::Ordering::Greater => (from_end, from_end),
    }
}

fn inode(place: usize) -> vfs::InodeId {
    file(place as u64 + 2)
}

fn place_of(inode: vfs::InodeId) -> usize {
    usize::try_from(inode.number.0 - 2).unwrap()
}

fn who_of(owner: &LockOwner) -> usize {
    let LockOwner::Nlm { owner, .. } = owner else { panic!("not of a client") };
    usize::from(*owner.last().unwrap())
}

fn share_mode(bits: u64) -> ShareMode {
    ShareMode { read: bits & 1 != 0, write: bits & 2 != 0, delete: false }
}

fn name(answer: Answer) -> &'static str {
    match answer {
        Answer::Granted => "Granted",
        Answer::Queued => "Queued",
        Answer::Held => "Held",
        Answer::Deadlock => "Deadlock",
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Steps of one history.
const STEPS: u64 = 500;
/// Steps from one comparison of everything to the next; what was answered and told is compared every time.
const COMPARED_EVERY: u64 = 7;
const FILES: usize = 3;
/// Requests that wait at one file.
const QUEUE_MAX: usize = 8;
/// Owners, two to a client.
const OWNERS: usize = 6;
