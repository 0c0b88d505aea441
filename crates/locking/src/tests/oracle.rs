//! What the lock table must do, byte by byte and without any cleverness.

use std::collections::{BTreeMap, BTreeSet};

use LockKind::{Exclusive, Shared};
use vfs::LockKind;

/// Cells of a file: the first bytes, all bytes between as one, and the last bytes.
pub(super) const CELLS: usize = 13;
/// Which cell is the middle.
pub(super) const MIDDLE: usize = 6;

/// The first and the last cell of a lock.
pub(super) type Cells = (usize, usize);

/// An answer to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Granted,
    Queued,
    Held,
    Deadlock,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) who: usize,
    pub(super) cells: Cells,
    pub(super) kind: LockKind,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    held: BTreeMap<usize, [Option<LockKind>; CELLS]>,
    /// What an owner does and denies, as bits.
    pub(super) shares: BTreeMap<usize, (u64, u64)>,
    /// Who waits, and whether its mailbox is full.
    pub(super) queue: Vec<(Wanted, bool)>,
}

/// All files, and who was told of a grant since the last step.
#[derive(Debug)]
pub(super) struct Oracle {
    pub(super) files: Vec<File>,
    pub(super) told: Vec<(usize, Wanted)>,
}

fn excludes(one: &Wanted, other: &Wanted) -> bool {
    let is_exclusive = one.kind == Exclusive || other.kind == Exclusive;
    is_exclusive && one.who != other.who && one.cells.0 <= other.cells.1 && other.cells.0 <= one.cells.1
}

impl File {
    /// The owners who hold what excludes this.
    fn holders(&self, wanted: &Wanted) -> BTreeSet<usize> {
        let range = wanted.cells.0..=wanted.cells.1;
        let clashes = |kind: &Option<LockKind>| kind.is_some_and(|kind| kind == Exclusive || wanted.kind == Exclusive);
        let others = self.held.iter().filter(|(who, _)| **who != wanted.who);
        others.filter(|(_, cells)| cells[range.clone()].iter().any(clashes)).map(|(who, _)| *who).collect()
    }

    /// The owners of requests before the n-th that it must not overtake.
    fn before(&self, index: usize, wanted: &Wanted) -> BTreeSet<usize> {
        let earlier = self.queue[..index].iter().map(|(earlier, _)| earlier);
        let stands = |earlier: &&Wanted| excludes(earlier, wanted) && !self.holders(earlier).contains(&wanted.who);
        earlier.filter(stands).map(|earlier| earlier.who).collect()
    }

    fn position(&self, wanted: &Wanted) -> Option<usize> {
        self.queue.iter().position(|(waiting, _)| waiting == wanted)
    }

    fn set(&mut self, wanted: &Wanted, kind: Option<LockKind>) {
        let cells = self.held.entry(wanted.who).or_default();
        cells[wanted.cells.0..=wanted.cells.1].fill(kind);
    }

    fn is_grantable(&self, index: usize, wanted: &Wanted) -> bool {
        self.holders(wanted).is_empty() && self.before(index, wanted).is_empty()
    }

    /// The runs of cells of one kind, of each owner.
    pub(super) fn runs(&self) -> Vec<Wanted> {
        let mut runs = Vec::new();
        for (who, cells) in &self.held {
            let starts = (0..CELLS).filter(|&at| at == 0 || cells[at - 1] != cells[at]);
            runs.extend(starts.filter_map(|at| {
                let length = cells[at..].iter().take_while(|kind| **kind == cells[at]).count();
                Some(Wanted { who: *who, cells: (at, at + length - 1), kind: cells[at]? })
            }));
        }
        runs
    }

    /// No two owners hold what excludes each other.
    fn check(&self) {
        for cell in 0..CELLS {
            let kinds: Vec<_> = self.held.values().filter_map(|cells| cells[cell]).collect();
            assert!(kinds.len() < 2 || kinds.iter().all(|kind| *kind == Shared), "cell {cell}: {self:?}");
        }
    }
}

impl Oracle {
    pub(super) fn new(files: usize) -> Self {
        Self { files: vec![File::default(); files], told: Vec::new() }
    }

    /// `wait` says whether the mailbox is full.
    pub(super) fn lock(&mut self, file: usize, wanted: Wanted, wait: Option<bool>) -> Answer {
        let at = &mut self.files[file];
        let position = at.position(&wanted);
        let index = position.unwrap_or(at.queue.len());
        let is_free = at.holders(&wanted).is_empty();
        if is_free && (wait.is_none() || at.before(index, &wanted).is_empty()) {
            at.set(&wanted, Some(wanted.kind));
            at.queue.retain(|(waiting, _)| *waiting != wanted);
            self.settle(file);
            return Answer::Granted;
        }
        let Some(is_full) = wait else { return Answer::Held };
        if let Some(index) = position {
            at.queue[index].1 = is_full;
            return Answer::Queued;
        }
        at.queue.push((wanted, is_full));
        if !self.waits_for_itself(file, &wanted) {
            return Answer::Queued;
        }
        let at = &mut self.files[file];
        at.queue.pop();
        if is_free {
            at.set(&wanted, Some(wanted.kind));
            self.settle(file);
            return Answer::Granted;
        }
        Answer::Deadlock
    }

    pub(super) fn unlock(&mut self, file: usize, wanted: &Wanted) {
        let at = &mut self.files[file];
        at.set(wanted, None);
        at.queue.retain(|(waiting, _)| (waiting.who, waiting.cells) != (wanted.who, wanted.cells));
        self.settle(file);
    }

    pub(super) fn cancel(&mut self, file: usize, wanted: &Wanted) -> bool {
        let at = &mut self.files[file];
        let before = at.queue.len();
        at.queue.retain(|(waiting, _)| waiting != wanted);
        let waited = at.queue.len() < before;
        self.settle(file);
        waited
    }

    /// Whether the lock would be granted.
    pub(super) fn test(&self, file: usize, wanted: &Wanted) -> bool {
        self.files[file].holders(wanted).is_empty()
    }

    pub(super) fn share(&mut self, file: usize, who: usize, (access, deny): (u64, u64)) -> bool {
        let shares = &mut self.files[file].shares;
        let clashes = |held: &(u64, u64)| held.0 & deny != 0 || held.1 & access != 0;
        let is_free = !shares.iter().any(|(other, held)| *other != who && clashes(held));
        if is_free {
            shares.insert(who, (access, deny));
        }
        is_free
    }

    pub(super) fn free(&mut self, is_meant: impl Fn(usize) -> bool) {
        for file in 0..self.files.len() {
            let at = &mut self.files[file];
            at.held.retain(|who, _| !is_meant(*who));
            at.shares.retain(|who, _| !is_meant(*who));
            at.queue.retain(|(waiting, _)| !is_meant(waiting.who));
            self.settle(file);
        }
    }

    /// Grants what can be granted, each time the first of all.
    fn settle(&mut self, file: usize) {
        let at = &mut self.files[file];
        while let Some(index) = (0..at.queue.len()).find(|&index| at.is_grantable(index, &at.queue[index].0)) {
            let (wanted, is_full) = at.queue.remove(index);
            if !is_full {
                at.set(&wanted, Some(wanted.kind));
                self.told.push((file, wanted));
            }
        }
        at.check();
    }

    fn waits_for_itself(&self, file: usize, wanted: &Wanted) -> bool {
        let index = self.files[file].position(wanted).unwrap();
        let mut reached = self.blockers(file, index);
        loop {
            let more: BTreeSet<_> = reached.iter().flat_map(|who| self.blockers_of(*who)).collect();
            if more.is_subset(&reached) || reached.contains(&wanted.who) {
                return reached.contains(&wanted.who);
            }
            reached.extend(more);
        }
    }

    fn blockers(&self, file: usize, index: usize) -> BTreeSet<usize> {
        let at = &self.files[file];
        let wanted = &at.queue[index].0;
        at.holders(wanted).union(&at.before(index, wanted)).copied().collect()
    }

    fn blockers_of(&self, who: usize) -> BTreeSet<usize> {
        let places =
            self.files.iter().enumerate().flat_map(|(file, at)| (0..at.queue.len()).map(move |index| (file, index)));
        let own = places.filter(|(file, index)| self.files[*file].queue[*index].0.who == who);
        own.flat_map(|(file, index)| self.blockers(file, index)).collect()
    }
}
