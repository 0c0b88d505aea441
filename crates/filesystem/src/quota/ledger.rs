//! What of a shard is reserved, and by which files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slab::Slab;
use vfs::{InodeId, Principal, QuotaDomain, QuotaUsage, Timestamp};

use super::advance::{AHEAD, Advance};
use super::bind::domain_of;
use super::domain::{Domain, Most, with};
use super::owners::{Accounts, OwnerQuotas};
use super::refusals::{Refusals, Refuser};
use super::tree::{Bound, Place, Tree};
use crate::cache::{OwnerKey, Seeded};

/// The ledger of a shard. Without a quota it is inactive and costs one look at a flag.
///
/// Taken with a file's data held or within the shard's turn; below it are only the queue of changes and the caches.
#[derive(Debug, Default)]
pub(crate) struct QuotaLedger {
    is_active: AtomicBool,
    counts_owners: AtomicBool,
    /// What it has refused to clients.
    pub(crate) refusals: Refusals,
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
    domains: Domains,
    /// Quotas with a soft limit.
    with_soft: usize,
    tree: Tree,
    owners: OwnerQuotas,
    /// Those with something reserved.
    files: HashMap<InodeId, Stand, Seeded>,
    /// Those that have some of it ahead.
    advanced: Vec<InodeId>,
}

/// Quotas by their directories.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    slots: Slab<Slot>,
    places: HashMap<InodeId, usize, Seeded>,
}

/// A quota, with what every change asks of it.
#[derive(Debug)]
struct Slot {
    domain: Domain,
    most: Most,
}

/// What a file has reserved, where its home stands, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Stand {
    /// The first directory above it.
    pub(super) home: Place,
    pub(super) held: Held,
    pub(super) owners: (Principal, Principal),
    /// What of these two binds it.
    pub(super) accounts: Accounts,
    /// What of `held` is ahead of its writes, if it stands among those that have some.
    pub(super) advance: Option<Arc<Advance>>,
}

/// What a file that has something reserved counts for after a change.
#[derive(Clone, Debug)]
pub(crate) struct Rebound {
    pub(super) file: InodeId,
    pub(super) owners: (Principal, Principal),
    /// With what is used by them.
    pub(super) accounts: Vec<(OwnerKey, QuotaUsage)>,
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
    /// The ledger if there is a quota. Nothing is reserved ahead while it is held.
    pub(crate) fn active(&self) -> Option<MutexGuard<'_, Ledger>> {
        let mut ledger = self.active_ahead()?;
        ledger.recall();
        Some(ledger)
    }

    /// As `active`, but files keep what they have reserved ahead of their writes: more is reserved than is needed.
    pub(super) fn active_ahead(&self) -> Option<MutexGuard<'_, Ledger>> {
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
        ledger.recall();
        let is_over =
            ledger.domains.is_empty() && ledger.owners.is_empty() && self.is_active.swap(false, Ordering::AcqRel);
        if is_over {
            *ledger = Ledger::default();
        }
        is_over
    }

    /// Whether a directory counts the owners of what lies below it.
    pub(crate) fn counts_owners(&self) -> bool {
        self.counts_owners.load(Ordering::Acquire)
    }

    /// Says of a ledger that was changed whether one does.
    pub(crate) fn note_owners(&self, ledger: &Ledger) {
        self.counts_owners.store(!ledger.owners.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
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

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            application_bytes: self.application_bytes.saturating_add(other.application_bytes),
            blocks: self.blocks.saturating_add(other.blocks),
        }
    }

    pub(super) fn fits(self, room: Self) -> bool {
        self.application_bytes <= room.application_bytes && self.blocks <= room.blocks
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Domains {
    /// The quota of a directory.
    pub(crate) fn get(&self, directory: InodeId) -> Option<&Domain> {
        self.slots.get(*self.places.get(&directory)?).map(|slot| &slot.domain)
    }

    /// As `get`, with the most that may be used of it, and where it stands as long as no quota is put or taken away.
    pub(super) fn find(&self, directory: InodeId) -> Option<(usize, &Domain, &Most)> {
        let place = *self.places.get(&directory)?;
        self.slots.get(place).map(|slot| (place, &slot.domain, &slot.most))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Their directories.
    pub(crate) fn directories(&self) -> impl Iterator<Item = InodeId> {
        self.places.keys().copied()
    }

    fn bound(&self, directory: InodeId) -> Option<Bound> {
        let place = *self.places.get(&directory)?;
        self.slots.get(place).map(|slot| Bound { place, room: slot.domain.room() })
    }
}

impl Ledger {
    /// The quotas by their directories.
    pub(crate) fn domains(&self) -> &Domains {
        &self.domains
    }

    /// Whether any quota may have a soft limit.
    pub(crate) fn has_soft(&self) -> bool {
        self.with_soft > 0 || !self.owners.is_empty()
    }

    /// The quotas of users and groups.
    pub(crate) fn owners(&self) -> &OwnerQuotas {
        &self.owners
    }

    /// The quotas of users and groups.
    pub(super) fn owners_mut(&mut self) -> &mut OwnerQuotas {
        &mut self.owners
    }

    /// So much is used now of the quota of a directory, which was found at this place.
    pub(super) fn count(&mut self, (directory, place): (InodeId, usize), used: QuotaUsage) {
        let Some(Slot { domain, .. }) = self.domains.slots.get_mut(place) else { return };
        domain.used = used;
        self.tree.set_quota(directory, || Some(Bound { place, room: domain.room() }));
    }

    /// Puts a quota in the place of what there was, or takes it away.
    pub(crate) fn put(&mut self, directory: InodeId, domain: Option<Domain>) {
        let old = self.domains.places.get(&directory).copied();
        let had_soft = old.and_then(|old| self.domains.slots.get(old)).is_some_and(|old| old.domain.has_soft());
        self.with_soft += usize::from(domain.as_ref().is_some_and(Domain::has_soft));
        self.with_soft -= usize::from(had_soft);
        let bound = match (domain, old) {
            (Some(domain), Some(place)) => {
                let room = domain.room();
                if let Some(old) = self.domains.slots.get_mut(place) {
                    *old = Slot { most: domain.most(), domain };
                }
                Some(Bound { place, room })
            }
            (Some(domain), None) => {
                let room = domain.room();
                let place = self.domains.slots.insert(Slot { most: domain.most(), domain });
                self.domains.places.insert(directory, place);
                Some(Bound { place, room })
            }
            (None, Some(old)) => {
                self.domains.slots.try_remove(old);
                self.domains.places.remove(&directory);
                None
            }
            (None, None) => return,
        };
        self.tree.set_quota(directory, || bound);
    }

    /// What a file has reserved.
    pub(crate) fn held_by(&self, file: InodeId) -> Held {
        self.files.get(&file).map_or_else(Held::default, |holder| holder.held)
    }

    /// What is reserved below a directory.
    pub(crate) fn held_below(&self, directory: InodeId) -> Held {
        self.tree.find(directory).map_or_else(Held::default, |node| node.held)
    }

    /// The files with something reserved.
    pub(crate) fn holders(&self) -> Vec<InodeId> {
        self.files.keys().copied().collect()
    }

    /// Whether nothing at all is reserved.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.files.is_empty()
    }

    /// Where a file stands that has something reserved.
    pub(crate) fn stand_of(&self, file: InodeId) -> Option<&Stand> {
        self.files.get(&file)
    }

    /// As `stand_of`, with nothing reserved ahead.
    pub(crate) fn stand_exactly(&mut self, file: InodeId) -> Option<Stand> {
        if self.files.get(&file)?.advance.is_some() {
            self.recall_of(file);
        }
        self.files.get(&file).cloned()
    }

    /// Makes sure that the directories of a chain, the lowest first, stand in the tree: `up` names the next one of each.
    ///
    /// Errors: what `up` misses; nothing has changed then.
    pub(crate) fn stand<E>(
        &mut self,
        first: InodeId,
        up: impl FnMut(InodeId) -> Result<Option<InodeId>, E>,
    ) -> Result<Place, E> {
        let domains = &self.domains;
        self.tree.stand(first, up, |directory| domains.bound(directory))
    }

    /// Finds the accounts that bind a file which has nothing reserved yet and whose home stands there.
    ///
    /// Errors: the first of which `used` does not know what is used; nothing stands that stood there for this file only.
    pub(crate) fn account(
        &mut self,
        home: Place,
        owners: (&Principal, &Principal),
        used: impl Fn(&OwnerKey) -> Option<QuotaUsage>,
    ) -> Result<Stand, OwnerKey> {
        let keys = self.owners.binding(self.tree.above(home).map(|node| node.directory), owners);
        let unknown = keys.iter().find(|key| !self.owners.stands(key) && used(key).is_none());
        if let Some(unknown) = unknown.cloned() {
            self.tree.fell(home);
            return Err(unknown);
        }
        let place = |key| self.owners.stand(key, used(key).unwrap_or_default());
        let accounts = keys.iter().filter_map(place).collect();
        let owners = (owners.0.clone(), owners.1.clone());
        Ok(Stand { home, held: Held::default(), owners, accounts, advance: None })
    }

    /// The accounts that bind a file of these owners in a directory with all above it.
    pub(super) fn binding(&self, home: &[InodeId], owners: (&Principal, &Principal)) -> Vec<OwnerKey> {
        self.owners.binding(home.iter().copied(), owners).into_vec()
    }

    /// A directory that stands in the tree and all above it.
    pub(super) fn chain(&self, home: Place) -> Vec<InodeId> {
        self.tree.above(home).map(|node| node.directory).collect()
    }

    /// What a file has reserved counts for these from now on.
    pub(super) fn rebind(&mut self, rebound: &Rebound, now: Timestamp) {
        let Some(mut stand) = self.files.remove(&rebound.file) else { return };
        self.owners.add(&stand.accounts, Held::default().step_from(stand.held), now);
        let old = std::mem::take(&mut stand.accounts);
        let place = |(key, used): &(OwnerKey, QuotaUsage)| self.owners.stand(key, *used);
        stand.accounts = rebound.accounts.iter().filter_map(place).collect();
        self.owners.enter(&stand.accounts);
        self.owners.add(&stand.accounts, stand.held.step_from(Held::default()), now);
        // Last: what stays was not dropped between.
        self.owners.leave(&old);
        stand.owners = rebound.owners.clone();
        self.files.insert(rebound.file, stand);
    }

    /// The quota above a file that forbids that it becomes more.
    pub(crate) fn refuser(&self, stand: &Stand, growth: Held, now: Timestamp) -> Option<Refuser> {
        if growth.is_nothing() {
            return None;
        }
        if let Some(key) = self.owners.refuser(&stand.accounts, growth, now) {
            return Some((key.0, domain_of(key)));
        }
        if self.domains.is_empty() { None } else { self.tree_refuser(stand.home, growth, now) }
    }

    fn tree_refuser(&self, home: Place, growth: Held, now: Timestamp) -> Option<Refuser> {
        let refuser = self.tree.above(home).find(|node| {
            let Some(Bound { place, room }) = node.quota else { return false };
            if node.held.plus(growth).fits(room) {
                return false;
            }
            self.domains.slots.get(place).is_some_and(|Slot { domain, .. }| {
                let before = with(&domain.used, node.held);
                domain.forbids((&before, &with(&before, growth)), now)
            })
        });
        refuser.map(|node| (node.directory, QuotaDomain::Directory))
    }

    /// From now on a file has something reserved that had nothing; its home was made to stand for it.
    pub(crate) fn begin(&mut self, file: InodeId, stand: Stand, now: Timestamp) {
        let held = stand.held;
        if held.is_nothing() {
            self.owners.drop_idle(&stand.accounts);
            return self.tree.fell(stand.home);
        }
        self.tree.enter(stand.home);
        self.owners.enter(&stand.accounts);
        self.add(stand.home, held.step_from(Held::default()), now);
        self.owners.add(&stand.accounts, held.step_from(Held::default()), now);
        self.files.insert(file, stand);
    }

    /// A file has this reserved instead of what it had; one that had nothing still has nothing.
    pub(crate) fn hold(&mut self, file: InodeId, held: Held, now: Timestamp) {
        let Some(stand) = self.files.get_mut(&file).filter(|stand| stand.held != held) else { return };
        let (home, step) = (stand.home, held.step_from(stand.held));
        stand.held = held;
        self.owners.add(&stand.accounts, step, now);
        self.add(home, step, now);
        if held.is_nothing()
            && let Some(stand) = self.files.remove(&file)
        {
            self.tree.leave(home);
            self.owners.leave(&stand.accounts);
        }
    }

    /// Reserves for a file that stands, and some more for the writes to come, where that comes near no limit. Its accounts
    /// and the directories above it have no soft limits then.
    pub(crate) fn hold_ahead(&mut self, file: InodeId, held: Held) -> Option<Arc<Advance>> {
        let Self { tree, owners, files, advanced, .. } = self;
        let stand = files.get_mut(&file)?;
        if stand.advance.is_none() && advanced.len() >= ADVANCED_MAX {
            return None;
        }
        let whole = held.plus(AHEAD);
        let more = Held {
            application_bytes: whole.application_bytes.saturating_sub(stand.held.application_bytes),
            blocks: whole.blocks.saturating_sub(stand.held.blocks),
        };
        if !owners.have_room(&stand.accounts, more) || !tree.has_room(stand.home, more) {
            return None;
        }
        let step = whole.step_from(stand.held);
        stand.held = whole;
        tree.add(stand.home, step, |_| ());
        owners.add(&stand.accounts, step, Timestamp::default());
        if let Some(advance) = &stand.advance {
            advance.renew();
            return Some(Arc::clone(advance));
        }
        advanced.push(file);
        Some(Arc::clone(stand.advance.insert(Arc::new(Advance::new()))))
    }

    /// Takes back what is reserved ahead of writes. Says whether there was anything.
    pub(crate) fn recall(&mut self) -> bool {
        let is_any = !self.advanced.is_empty();
        while let Some(file) = self.advanced.pop() {
            self.take_back(file);
        }
        is_any
    }

    /// As `recall`, of one file.
    fn recall_of(&mut self, file: InodeId) {
        if let Some(at) = self.advanced.iter().position(|advanced| *advanced == file) {
            self.advanced.swap_remove(at);
            self.take_back(file);
        }
    }

    fn take_back(&mut self, file: InodeId) {
        let Some(stand) = self.files.get_mut(&file) else { return };
        let Some(advance) = stand.advance.take() else { return };
        let step = Held::default().step_from(advance.recall());
        stand.held = stand.held.after(step);
        self.tree.add(stand.home, step, |_| ());
        self.owners.add(&stand.accounts, step, Timestamp::default());
    }

    /// The directories that get a step when a file's reservation makes it, or a directory's moves with it.
    pub(crate) fn steps_above(&self, home: Place, step: Step, steps: &mut Vec<(InodeId, Step)>) {
        steps.extend(self.tree.above(home).map(|node| (node.directory, step)));
    }

    /// What moves along: nothing to what lies above both homes.
    pub(crate) fn steps_of(&self, moved: &Moved, steps: &mut Vec<(InodeId, Step)>) {
        let held = self.held_of(moved);
        if held.is_nothing() {
            return;
        }
        let from = self.tree.place(moved.from);
        let old: Vec<_> = from.into_iter().flat_map(|from| self.tree.above(from)).map(|node| node.directory).collect();
        let (less, more) = (Held::default().step_from(held), held.step_from(Held::default()));
        let left = old.iter().filter(|directory| !moved.to.contains(directory));
        let entered = moved.to.iter().filter(|directory| !old.contains(directory));
        steps.extend(left.map(|directory| (*directory, less)).chain(entered.map(|directory| (*directory, more))));
    }

    /// A directory or file has another home.
    pub(crate) fn follow(&mut self, moved: &Moved, now: Timestamp) {
        let below = self.tree.place(moved.inode).filter(|_| moved.is_directory);
        let stands = below.is_some() || (!moved.is_directory && self.files.contains_key(&moved.inode));
        let Some(to) = moved.to.first().copied().filter(|to| stands && *to != moved.from) else { return };
        let held = self.held_of(moved);
        let next = |directory| {
            let at = moved.to.iter().position(|above| *above == directory);
            Ok(at.and_then(|at| moved.to.get(at + 1)).copied())
        };
        // The chain is whole: nothing is missed.
        let stood: Result<Place, InodeId> = self.stand(to, next);
        let (Ok(to), Some(from)) = (stood, self.tree.place(moved.from)) else { return };
        self.tree.enter(to);
        self.add(to, held.step_from(Held::default()), now);
        self.add(from, Held::default().step_from(held), now);
        self.tree.leave(from);
        match below {
            Some(below) => self.tree.set_parent(below, to),
            None => self.files.get_mut(&moved.inode).into_iter().for_each(|holder| holder.home = to),
        }
    }

    /// What counts in a domain now, with what is reserved.
    pub(crate) fn usage(&self, directory: InodeId) -> Option<QuotaUsage> {
        self.domains.get(directory).map(|domain| with(&domain.used, self.held_below(directory)))
    }

    fn held_of(&self, moved: &Moved) -> Held {
        if moved.is_directory { self.held_below(moved.inode) } else { self.held_by(moved.inode) }
    }

    fn add(&mut self, home: Place, step: Step, now: Timestamp) {
        let Self { domains, tree, with_soft, .. } = self;
        if *with_soft == 0 {
            return tree.add(home, step, |_| ());
        }
        tree.add(home, step, |node| {
            if let Some(Slot { domain, .. }) = node.quota.and_then(|bound| domains.slots.get_mut(bound.place)) {
                domain.note(&with(&domain.used, node.held), now);
            }
        });
    }
}

/// Files that have something reserved ahead at once: as many are looked at before anything is said of what is reserved.
const ADVANCED_MAX: usize = 1024;

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
        if ledger.stand_of(at(file)).is_some() {
            return ledger.hold(at(file), held(bytes), Timestamp::default());
        }
        let home = ledger.stand(at(home), up).unwrap();
        let nobody = (&Principal::Unix(0), &Principal::Unix(0));
        let stand = ledger.account(home, nobody, |_| None).unwrap();
        ledger.begin(at(file), Stand { held: held(bytes), ..stand }, Timestamp::default());
    }

    #[test]
    fn every_directory_above_counts_and_nothing_stays() {
        let mut ledger = Ledger::default();
        take(&mut ledger, (10, 5), 7);
        take(&mut ledger, (11, 2), 20);
        take(&mut ledger, (10, 5), 5);
        let below = |ledger: &Ledger| [1, 2, 3, 4, 5].map(|number| ledger.held_below(at(number)).application_bytes);
        assert_eq!(below(&ledger), [25, 25, 0, 5, 5]);
        ledger.hold(at(10), Held::default(), Timestamp::default());
        assert_eq!(below(&ledger), [20, 20, 0, 0, 0]);
        ledger.hold(at(11), Held::default(), Timestamp::default());
        assert!(ledger.tree.is_empty() && ledger.files.is_empty());
        assert_eq!(ledger.stand(at(9), up).unwrap_err(), at(9));
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
        ledger.hold(at(10), Held::default(), Timestamp::default());
        ledger.hold(at(11), Held::default(), Timestamp::default());
        assert!(ledger.tree.is_empty());
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
        let place = |home| ledger.tree.place(at(home)).unwrap();
        let forbids = |home, bytes| ledger.tree_refuser(place(home), held(bytes), Timestamp::default()).is_some();
        assert!(!forbids(5, 3) && forbids(5, 4) && !forbids(2, 13) && forbids(2, 14));
        assert_eq!(ledger.usage(at(4)).unwrap().application_bytes, 7);
    }

    #[test]
    fn what_is_ahead_is_taken_back_before_anything_is_said() {
        let mut ledger = Ledger::default();
        let bytes = QuotaLimits { hard: Some(1 << 20), ..QuotaLimits::default() };
        let settings = QuotaSettings { bytes, enforced: true, ..QuotaSettings::default() };
        ledger.put(at(4), Some(Domain::new(QuotaRecord::new(&settings), QuotaUsage::default())));
        take(&mut ledger, (10, 5), 7);
        let advance = ledger.hold_ahead(at(10), held(8)).unwrap();
        assert!(advance.take(held(100)), "one block");
        assert!(!advance.take(Held { application_bytes: 1 << 19, blocks: 1 }), "more than is left");
        assert!(ledger.recall() && !ledger.recall() && !advance.take(held(1)));
        let taken = Held { application_bytes: 108, blocks: 2 };
        assert_eq!([1, 2, 4, 5].map(|number| ledger.held_below(at(number))), [taken; 4]);
        assert_eq!(ledger.held_by(at(10)), taken);
        assert!(ledger.hold_ahead(at(10), held(1 << 20)).is_none(), "too near to the limit");
        assert_eq!(ledger.held_by(at(10)), taken);
    }
}
