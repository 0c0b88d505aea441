//! What of a shard is reserved, and by which files: a tree of the directories above them, so that a directory that moves
//! takes along what is reserved below it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vfs::{InodeId, QuotaUsage, Timestamp};

use super::domain::{Domain, with};
use crate::cache::Seeded;

/// The ledger of a shard. Without a quota it is inactive and costs one look at a flag.
///
/// Taken with a file's data held or within the shard's turn; below it are only the queue of changes and the caches.
#[derive(Debug, Default)]
pub(crate) struct QuotaLedger {
    is_active: AtomicBool,
    ledger: Mutex<Ledger>,
}

/// What dirty data will add to the counters above it, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Exactly.
    pub(crate) application_bytes: u64,
    /// Dirty blocks: as if each lay in a hole.
    pub(crate) blocks: u64,
}

/// Quotas and reservations.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    domains: HashMap<InodeId, Domain, Seeded>,
    /// Quotas with a soft limit.
    with_soft: usize,
    nodes: HashMap<InodeId, Node, Seeded>,
    files: HashMap<InodeId, Holder, Seeded>,
}

/// A directory with something reserved below it.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// `None` at the root of the shard.
    parent: Option<InodeId>,
    held: Held,
    /// Files and directories directly in it that stand here.
    entries: u32,
}

/// A file with something reserved.
#[derive(Clone, Copy, Debug)]
struct Holder {
    /// The first directory above it.
    home: InodeId,
    held: Held,
}

/// A directory or file that gets another home.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) inode: InodeId,
    pub(crate) is_directory: bool,
    pub(crate) from: InodeId,
    /// The new home and all above it.
    pub(crate) to: Vec<InodeId>,
    /// Whether that refuses nothing.
    pub(crate) is_excused: bool,
}

/// A step in what is reserved below a directory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) application_bytes: i64,
    pub(crate) blocks: i64,
}

impl QuotaLedger {
    /// The ledger if there is a quota.
    pub(crate) fn active(&self) -> Option<MutexGuard<'_, Ledger>> {
        if !self.is_active.load(Ordering::Acquire) {
            return None;
        }
        // It may have been deactivated meanwhile.
        Some(self.lock()).filter(|_| self.is_active.load(Ordering::Acquire))
    }

    /// Reservations are kept from now on. Says whether they were already.
    pub(crate) fn activate(&self) -> bool {
        let _ledger = self.lock();
        self.is_active.swap(true, Ordering::AcqRel)
    }

    /// Forgets everything if there is no quota any more. Says so.
    pub(crate) fn deactivate(&self) -> bool {
        let mut ledger = self.lock();
        let is_over = ledger.domains.is_empty() && self.is_active.swap(false, Ordering::AcqRel);
        if is_over {
            *ledger = Ledger::default();
        }
        is_over
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    fn is_nothing(self) -> bool {
        self.application_bytes == 0 && self.blocks == 0
    }

    /// From one reservation to another.
    pub(crate) fn between(old: Held, new: Held) -> Self {
        new.step_from(old)
    }
}

impl Held {
    /// How to come from `old` to this.
    fn step_from(self, old: Self) -> Step {
        Step {
            application_bytes: self.application_bytes.cast_signed().wrapping_sub(old.application_bytes.cast_signed()),
            blocks: self.blocks.cast_signed().wrapping_sub(old.blocks.cast_signed()),
        }
    }

    /// Of each the larger.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            application_bytes: self.application_bytes.max(other.application_bytes),
            blocks: self.blocks.max(other.blocks),
        }
    }

    pub(crate) fn after(self, step: Step) -> Self {
        Self {
            application_bytes: self.application_bytes.saturating_add_signed(step.application_bytes),
            blocks: self.blocks.saturating_add_signed(step.blocks),
        }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Ledger {
    /// The quotas by their directories.
    pub(crate) fn domains(&self) -> &HashMap<InodeId, Domain, Seeded> {
        &self.domains
    }

    /// So much is used of a quota now.
    pub(crate) fn count(&mut self, directory: InodeId, used: QuotaUsage) {
        if let Some(domain) = self.domains.get_mut(&directory) {
            domain.used = used;
        }
    }

    /// Puts a quota in the place of what there was, or takes it away.
    pub(crate) fn put(&mut self, directory: InodeId, domain: Option<Domain>) {
        let old = match domain {
            Some(domain) => {
                self.with_soft += usize::from(domain.has_soft());
                self.domains.insert(directory, domain)
            }
            None => self.domains.remove(&directory),
        };
        self.with_soft -= usize::from(old.is_some_and(|old| old.has_soft()));
    }

    /// What a file has reserved.
    pub(crate) fn held_by(&self, file: InodeId) -> Held {
        self.files.get(&file).map_or_else(Held::default, |holder| holder.held)
    }

    /// What is reserved below a directory.
    pub(crate) fn held_below(&self, directory: InodeId) -> Held {
        self.nodes.get(&directory).map_or_else(Held::default, |node| node.held)
    }

    /// The files with something reserved.
    pub(crate) fn holders(&self) -> Vec<InodeId> {
        self.files.keys().copied().collect()
    }

    /// The home of a file that has something reserved.
    pub(crate) fn home_of(&self, file: InodeId) -> Option<InodeId> {
        self.files.get(&file).map(|holder| holder.home)
    }

    /// Makes sure that the directories of a chain, the lowest first, stand in the tree: `up` names the next one of each.
    ///
    /// Errors: what `up` misses; nothing has changed then.
    pub(crate) fn stand(
        &mut self,
        first: InodeId,
        mut up: impl FnMut(InodeId) -> Result<Option<InodeId>, InodeId>,
    ) -> Result<(), InodeId> {
        let (mut missing, mut at) = (Vec::new(), Some(first));
        while let Some(directory) = at.filter(|directory| !self.nodes.contains_key(directory)) {
            at = up(directory)?;
            missing.push((directory, at));
        }
        for (directory, parent) in missing.into_iter().rev() {
            self.nodes.insert(directory, Node { parent, held: Held::default(), entries: 0 });
            if let Some(above) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
                above.entries += 1;
            }
        }
        Ok(())
    }

    /// Whether a quota above a directory that stands in the tree forbids that this becomes more.
    pub(crate) fn forbids(&self, home: InodeId, growth: Held, now: Timestamp) -> bool {
        if growth.is_nothing() || self.domains.is_empty() {
            return false;
        }
        self.above(home).any(|(directory, node)| {
            self.domains.get(&directory).is_some_and(|domain| {
                let before = with(&domain.used, node.held);
                domain.forbids((&before, &with(&before, growth)), now)
            })
        })
    }

    /// From now on a file has this reserved. Its home, given for one that has nothing yet, stands in the tree.
    pub(crate) fn hold(&mut self, (file, home): (InodeId, InodeId), held: Held, now: Timestamp) {
        let old = self.files.get(&file).copied();
        let home = old.map_or(home, |holder| holder.home);
        let step = held.step_from(old.map_or_else(Held::default, |holder| holder.held));
        if old.is_none() && held.is_nothing() {
            return self.fell(home);
        }
        if old.is_none() {
            self.enter(home);
        }
        if step.is_nothing() {
            return;
        }
        self.files.insert(file, Holder { home, held });
        self.add(home, step, now);
        if held.is_nothing() {
            self.files.remove(&file);
            self.leave(home);
        }
    }

    /// A file has less reserved, or nothing.
    pub(crate) fn lower(&mut self, file: InodeId, held: Held, now: Timestamp) {
        if let Some(holder) = self.files.get(&file).copied() {
            self.hold((file, holder.home), held, now);
        }
    }

    /// The directories that get a step when a file's reservation makes it, or a directory's moves with it.
    pub(crate) fn steps_above(&self, home: InodeId, step: Step, steps: &mut Vec<(InodeId, Step)>) {
        steps.extend(self.above(home).map(|(directory, _)| (directory, step)));
    }

    /// What moves along: nothing to what lies above both homes.
    pub(crate) fn steps_of(&self, moved: &Moved, steps: &mut Vec<(InodeId, Step)>) {
        let held = self.held_of(moved);
        if held.is_nothing() {
            return;
        }
        let old: Vec<_> = self.above(moved.from).map(|(directory, _)| directory).collect();
        let (less, more) = (Held::default().step_from(held), held.step_from(Held::default()));
        let left = old.iter().filter(|directory| !moved.to.contains(directory));
        let entered = moved.to.iter().filter(|directory| !old.contains(directory));
        steps.extend(left.map(|directory| (*directory, less)).chain(entered.map(|directory| (*directory, more))));
    }

    /// A directory or file has another home.
    pub(crate) fn follow(&mut self, moved: &Moved, now: Timestamp) {
        let stands = if moved.is_directory {
            self.nodes.contains_key(&moved.inode)
        } else {
            self.files.contains_key(&moved.inode)
        };
        let Some(to) = moved.to.first().copied().filter(|to| stands && *to != moved.from) else { return };
        let held = self.held_of(moved);
        let next = |directory| {
            let at = moved.to.iter().position(|above| *above == directory);
            Ok(at.and_then(|at| moved.to.get(at + 1)).copied())
        };
        // The chain is whole: nothing is missed.
        if self.stand(to, next).is_err() {
            return;
        }
        self.enter(to);
        self.add(to, held.step_from(Held::default()), now);
        self.add(moved.from, Held::default().step_from(held), now);
        self.leave(moved.from);
        if let Some(node) = self.nodes.get_mut(&moved.inode).filter(|_| moved.is_directory) {
            node.parent = Some(to);
        }
        if let Some(holder) = self.files.get_mut(&moved.inode).filter(|_| !moved.is_directory) {
            holder.home = to;
        }
    }

    /// What counts in a domain now, with what is reserved.
    pub(crate) fn usage(&self, directory: InodeId) -> Option<QuotaUsage> {
        self.domains.get(&directory).map(|domain| with(&domain.used, self.held_below(directory)))
    }

    fn held_of(&self, moved: &Moved) -> Held {
        if moved.is_directory { self.held_below(moved.inode) } else { self.held_by(moved.inode) }
    }

    /// A directory that stands in the tree and all above it.
    fn above(&self, home: InodeId) -> impl Iterator<Item = (InodeId, &Node)> {
        let stand = |at: InodeId| self.nodes.get(&at).map(|node| (at, node));
        std::iter::successors(stand(home), move |(_, node)| node.parent.and_then(stand))
    }

    fn add(&mut self, home: InodeId, step: Step, now: Timestamp) {
        let Self { domains, nodes, with_soft, .. } = self;
        let mut at = Some(home);
        while let Some((directory, node)) = at.and_then(|at| Some((at, nodes.get_mut(&at)?))) {
            node.held = node.held.after(step);
            at = node.parent;
            if *with_soft > 0
                && let Some(domain) = domains.get_mut(&directory)
            {
                domain.note(&with(&domain.used, node.held), now);
            }
        }
    }

    fn enter(&mut self, home: InodeId) {
        if let Some(node) = self.nodes.get_mut(&home) {
            node.entries += 1;
        }
    }

    fn leave(&mut self, home: InodeId) {
        if let Some(node) = self.nodes.get_mut(&home) {
            node.entries = node.entries.saturating_sub(1);
        }
        self.fell(home);
    }

    /// Takes directories out of the tree below which nothing stands any more.
    fn fell(&mut self, home: InodeId) {
        let mut at = Some(home);
        while let Some(directory) = at
            && self.nodes.get(&directory).is_some_and(|node| node.entries == 0)
        {
            at = self.nodes.remove(&directory).and_then(|node| node.parent);
            if let Some(above) = at.and_then(|above| self.nodes.get_mut(&above)) {
                above.entries = above.entries.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use meta::records::QuotaRecord;
    use vfs::{InodeNumber, QuotaLimits, QuotaSettings};

    use super::*;

    fn at(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::default() }
    }

    fn held(application_bytes: u64) -> Held {
        Held { application_bytes, blocks: 1 }
    }

    /// 1 is the root; 2 and 3 are in it, 4 in 2, 5 in 4.
    fn up(directory: InodeId) -> Result<Option<InodeId>, InodeId> {
        match directory.number.0 {
            1 => Ok(None),
            2 | 3 => Ok(Some(at(1))),
            4 => Ok(Some(at(2))),
            5 => Ok(Some(at(4))),
            _ => Err(directory),
        }
    }

    fn take(ledger: &mut Ledger, (file, home): (u64, u64), bytes: u64) {
        ledger.stand(at(home), up).unwrap();
        ledger.hold((at(file), at(home)), held(bytes), Timestamp::default());
    }

    #[test]
    fn every_directory_above_counts_and_nothing_stays() {
        let mut ledger = Ledger::default();
        take(&mut ledger, (10, 5), 7);
        take(&mut ledger, (11, 2), 20);
        take(&mut ledger, (10, 5), 5);
        let below = |ledger: &Ledger| [1, 2, 3, 4, 5].map(|number| ledger.held_below(at(number)).application_bytes);
        assert_eq!(below(&ledger), [25, 25, 0, 5, 5]);
        ledger.lower(at(10), Held::default(), Timestamp::default());
        assert_eq!(below(&ledger), [20, 20, 0, 0, 0]);
        ledger.lower(at(11), Held::default(), Timestamp::default());
        assert!(ledger.nodes.is_empty() && ledger.files.is_empty());
        assert_eq!(ledger.stand(at(9), up), Err(at(9)));
    }

    #[test]
    fn a_directory_moves_with_what_is_below_it() {
        let mut ledger = Ledger::default();
        take(&mut ledger, (10, 5), 7);
        take(&mut ledger, (11, 4), 1);
        let moved = Moved { inode: at(4), is_directory: true, from: at(2), to: vec![at(3), at(1)], is_excused: false };
        let mut steps = Vec::new();
        ledger.steps_of(&moved, &mut steps);
        let sum =
            |number| steps.iter().filter(|step| step.0 == at(number)).map(|step| step.1.application_bytes).sum::<i64>();
        assert_eq!((steps.len(), [1, 2, 3, 4].map(sum)), (2, [0_i64, -8, 8, 0]));
        ledger.follow(&moved, Timestamp::default());
        assert_eq!([1, 2, 3, 4, 5].map(|number| ledger.held_below(at(number)).application_bytes), [8, 0, 8, 8, 7]);
        let file = Moved { inode: at(10), is_directory: false, from: at(5), to: vec![at(1)], is_excused: false };
        ledger.follow(&file, Timestamp::default());
        ledger.lower(at(10), Held::default(), Timestamp::default());
        ledger.lower(at(11), Held::default(), Timestamp::default());
        assert!(ledger.nodes.is_empty());
    }

    #[test]
    fn the_tightest_quota_above_binds() {
        let mut ledger = Ledger::default();
        for (directory, hard) in [(1, 100), (4, 10)] {
            let bytes = QuotaLimits { hard: Some(hard), ..QuotaLimits::default() };
            let settings = QuotaSettings { bytes, enforced: true, ..QuotaSettings::default() };
            let domain = Domain::new(QuotaRecord::new(&settings), QuotaUsage::default());
            ledger.put(at(directory), Some(domain));
        }
        take(&mut ledger, (10, 5), 7);
        take(&mut ledger, (11, 2), 80);
        let forbids = |home, bytes| ledger.forbids(at(home), held(bytes), Timestamp::default());
        assert!(!forbids(5, 3) && forbids(5, 4) && !forbids(2, 13) && forbids(2, 14));
        assert_eq!(ledger.usage(at(4)).unwrap().application_bytes, 7);
    }
}
