//! Quotas in a change: what it would make of the counters is looked at before it is submitted, and the ledger follows it
//! in one step with the counters, so that nobody sees what is flushed twice or not at all.

use meta::keys;
use meta::records::{Charge, InodeRecord, OwnersRecord, QuotaRecord, Record};
use vfs::{FileType, FsError, InodeId, Principal, QuotaDomain, QuotaUsage, Timestamp};

use super::domain::{Domain, used, used_by, with};
use super::ledger::{Moved, Rebound, Step};
use super::owners::AccountPlace;
use super::{Held, Ledger, Refuser};
use crate::cache::OwnerKey;
use crate::turn::{Step as TurnStep, Turn};

/// What a change means for the ledger.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// What files have reserved afterwards.
    held: Vec<(InodeId, Held)>,
    /// What is used of quotas that nothing else changes, by their directories and where they stand.
    used: Vec<((InodeId, usize), QuotaUsage)>,
    /// Other quotas afterwards; `None`: the directory is gone.
    domains: Vec<(InodeId, Option<Domain>)>,
    /// Files with something reserved that count for others.
    rebound: Vec<Rebound>,
    /// As `used`, of users and groups.
    owners_used: Vec<((OwnerKey, AccountPlace), QuotaUsage)>,
    /// As `domains`, of users and groups.
    owners: Vec<(OwnerKey, Option<Domain>)>,
    /// Limits for every user (`false`) or group.
    every: Vec<((InodeId, bool), Option<QuotaRecord>)>,
    /// Directories with quotas of owners that go.
    gone: Vec<InodeId>,
    /// How far a directory has counted its owners; `None` when it no longer does.
    counted: Option<(InodeId, Option<OwnersRecord>)>,
}

/// What this change moves between reservations, by whose they are.
#[derive(Debug, Default)]
struct Moves {
    directories: Steps<InodeId>,
    owners: Steps<OwnerKey>,
}

/// All steps, and those that refuse nothing.
#[derive(Debug)]
struct Steps<K> {
    all: Vec<(K, Step)>,
    excused: Vec<(K, Step)>,
}

/// A home link that goes, and what the next one brings to the directories above it.
#[derive(Debug)]
pub(super) struct Excused {
    chain: Vec<InodeId>,
    charge: Charge,
    owners: (Principal, Principal),
}

/// A quota that is set or removed.
#[derive(Debug)]
pub(super) struct SetQuota {
    pub(super) directory: InodeId,
    pub(super) domain: QuotaDomain,
    /// As it is to be; `None` removes it.
    pub(super) quota: Option<Domain>,
}

/// What a change does that quotas look at, beside its records.
#[derive(Debug, Default)]
pub(crate) struct QuotaEffects {
    /// Directories and files that get another home.
    moved: Vec<Moved>,
    /// What directories get because a home link goes: deletes win.
    excused: Vec<Excused>,
    /// Whether nothing is refused: what is named was promised before.
    is_promised: bool,
    /// Whether it is tried again when it is refused: no client hears of that.
    is_first_try: bool,
    /// A quota that is set or removed.
    pub(super) set: Option<SetQuota>,
    /// How far a directory has counted its owners; `None` when it no longer does.
    pub(super) counted: Option<(InodeId, Option<OwnersRecord>)>,
}

impl QuotaEffects {
    /// Nothing that this change brings is refused.
    pub(crate) fn promise(&mut self) {
        self.is_promised = true;
    }

    /// If this is refused it may be tried again, when what is dirty has been flushed.
    pub(crate) fn try_first(&mut self, is_first: bool) {
        self.is_first_try = is_first;
    }
}

impl<K> Default for Steps<K> {
    fn default() -> Self {
        Self { all: Vec::new(), excused: Vec::new() }
    }
}

impl<K: PartialEq> Steps<K> {
    /// Whether a quota refuses that `used` comes to `new`, with what is reserved.
    fn refuse(
        &self,
        (key, now): (&K, Timestamp),
        (domain, held): (&Domain, Held),
        (new, excused): (QuotaUsage, &[&Charge]),
    ) -> Result<QuotaUsage, QuotaUsage> {
        let before = after(held, &self.excused, key).max(held);
        let before = with(&domain.used, before.after(lost_blocks(&self.all, key)));
        let before = excused.iter().fold(before, |sum, charge| excuse(sum, charge));
        let after = with(&new, after(held, &self.all, key));
        if domain.forbids((&before, &after), now) { Err(after) } else { Ok(after) }
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// A directory, or a file with its streams, moves from one home to another.
    pub(crate) fn follow_home(
        &mut self,
        (inode, is_directory): (InodeId, bool),
        (from, to): (InodeId, InodeId),
    ) -> TurnStep<()> {
        self.follow((inode, is_directory), (from, to), false)
    }

    /// A file gets another home because its home link goes, and with it this charge: deletes win.
    pub(crate) fn excuse(
        &mut self,
        (inode, record): (InodeId, &InodeRecord),
        (from, to): (InodeId, InodeId),
        charge: Charge,
    ) -> TurnStep<()> {
        if from == to || !self.house.has_quotas() {
            return Ok(());
        }
        let (old, mut chain) = (self.chain(from)?, self.chain(to)?);
        // What lies above both gets nothing.
        chain.retain(|directory| !old.contains(directory));
        let owners = (record.owner.clone(), record.group.clone());
        self.quota.excused.push(Excused { chain, charge, owners });
        self.follow((inode, false), (from, to), true)
    }

    fn follow(
        &mut self,
        (inode, is_directory): (InodeId, bool),
        (from, to): (InodeId, InodeId),
        is_excused: bool,
    ) -> TurnStep<()> {
        if from == to || !self.house.has_quotas() {
            return Ok(());
        }
        let (from, to) = (self.chain(from)?, self.chain(to)?);
        let Some(from) = from.first().copied() else { return Ok(()) };
        let mut all = vec![inode];
        if !is_directory {
            all.extend(self.streams(inode)?.iter().map(|(number, _)| inode.sibling(*number)));
        }
        let moved = all.into_iter().map(|inode| Moved { inode, is_directory, from, to: to.clone(), is_excused });
        self.quota.moved.extend(moved);
        Ok(())
    }

    /// A directory goes: nobody is counted below it any more.
    pub(crate) fn end_owners(&mut self, (inode, record): (InodeId, &InodeRecord)) -> TurnStep<()> {
        if !self.shard.quotas.counts_owners() {
            return Ok(());
        }
        let counted = self.shard.quotas.active().and_then(|ledger| ledger.owners().counted(inode));
        if counted.is_none() {
            return Ok(());
        }
        // Nothing is left but the directory itself.
        for (is_group, principal) in [(false, &record.owner), (true, &record.group)] {
            let key = (inode, is_group, principal.clone());
            self.owner_usage(&key)?;
            self.put_owner_usage(key, meta::records::OwnerUsageRecord::default());
        }
        Ok(())
    }

    /// What this change means for the ledger.
    ///
    /// Errors: `QuotaExceeded`.
    pub(crate) fn bind(&mut self, ledger: &Ledger) -> Result<Bound, FsError> {
        let mut bound = Bound { held: self.held_after(ledger), ..Bound::default() };
        let mut moves = Moves::default();
        for (file, held) in &bound.held {
            let Some(stand) = ledger.stand_of(*file) else { continue };
            ledger.steps_above(stand.home, Step::between(stand.held, *held), &mut moves.directories.all);
        }
        for moved in &self.quota.moved {
            ledger.steps_of(moved, &mut moves.directories.all);
            if moved.is_excused {
                ledger.steps_of(moved, &mut moves.directories.excused);
            }
        }
        self.bind_directories(ledger, &moves.directories, &mut bound)?;
        if !ledger.owners().is_empty() {
            self.rebind(ledger, &mut moves.owners, &mut bound);
            self.bind_owners(ledger, &moves.owners, &mut bound)?;
        }
        self.store_quotas(ledger, &mut bound);
        Ok(bound)
    }

    fn bind_directories(&self, ledger: &Ledger, steps: &Steps<InodeId>, bound: &mut Bound) -> Result<(), FsError> {
        if ledger.domains().is_empty() && ledger.owners().is_empty() {
            return Ok(());
        }
        bound.used.reserve(self.writes.usages.len());
        for touched in self.writes.usages.written() {
            if touched.new.is_none() && ledger.owners().counted(touched.key).is_some() {
                bound.gone.push(touched.key);
            }
            let Some((place, domain, most)) = ledger.domains().find(touched.key) else { continue };
            let Some(new) = touched.new.as_deref() else {
                bound.domains.push((touched.key, None));
                continue;
            };
            let held = ledger.held_below(touched.key);
            if most.covers(&with(&used(new), after(held, &steps.all, &touched.key))) {
                bound.used.push(((touched.key, place), used(new)));
                continue;
            }
            let own = self.quota.excused.iter().filter(|excused| excused.chain.contains(&touched.key));
            let excused: Vec<_> = own.map(|excused| &excused.charge).collect();
            let judged = steps.refuse((&touched.key, self.now), (domain, held), (used(new), &excused));
            let after = self.judge(judged, || (touched.key, QuotaDomain::Directory))?;
            if domain.is_plain() {
                bound.used.push(((touched.key, place), used(new)));
            } else {
                let mut domain = Domain { used: used(new), ..domain.clone() };
                domain.note(&after, self.now);
                bound.domains.push((touched.key, Some(domain)));
            }
        }
        Ok(())
    }

    fn bind_owners(&self, ledger: &Ledger, steps: &Steps<OwnerKey>, bound: &mut Bound) -> Result<(), FsError> {
        let written = self.writes.owners.written().filter(|touched| !bound.gone.contains(&touched.key.0));
        // The root of a shard counts its owners in any case.
        for touched in written.filter(|touched| ledger.owners().counted(touched.key.0).is_some()) {
            let (old, new) = (used_by(touched.old.as_deref()), used_by(touched.new.as_deref()));
            let account = ledger.owners().find(&touched.key);
            let held = account.map_or_else(Held::default, |(_, _, held)| held);
            if let Some((place, domain, _)) = account
                && domain.most().covers(&with(&new, after(held, &steps.all, &touched.key)))
            {
                bound.owners_used.push(((touched.key.clone(), place), new));
                continue;
            }
            let Some(domain) = ledger.owners().domain(&touched.key, old) else { continue };
            let (directory, is_group, principal) = &touched.key;
            let is_own = |excused: &&Excused| {
                let owner = if *is_group { &excused.owners.1 } else { &excused.owners.0 };
                excused.chain.contains(directory) && owner == principal
            };
            let excused: Vec<_> = self.quota.excused.iter().filter(is_own).map(|excused| &excused.charge).collect();
            let judged = steps.refuse((&touched.key, self.now), (&domain, held), (new, &excused));
            let after = self.judge(judged, || (touched.key.0, domain_of(&touched.key)))?;
            if domain.is_plain() {
                bound.owners_used.extend(account.map(|(place, ..)| ((touched.key.clone(), place), new)));
            } else {
                let mut domain = Domain { used: new, ..domain };
                domain.note(&after, self.now);
                bound.owners.push((touched.key.clone(), Some(domain)));
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        judged: Result<QuotaUsage, QuotaUsage>,
        refuser: impl FnOnce() -> Refuser,
    ) -> Result<QuotaUsage, FsError> {
        judged.or_else(|after| match self.quota.is_promised {
            true => Ok(after),
            false => {
                if !self.quota.is_first_try {
                    self.shard.quotas.refusals.note(refuser);
                }
                Err(FsError::QuotaExceeded)
            }
        })
    }

    /// What files that are given away, or moved, have reserved counts for others from now on.
    fn rebind(&self, ledger: &Ledger, steps: &mut Steps<OwnerKey>, bound: &mut Bound) {
        if ledger.holds_nothing() {
            return;
        }
        let moved = self.quota.moved.iter().filter(|moved| !moved.is_directory);
        let mut files: Vec<_> = moved.map(|moved| moved.inode).collect();
        files.extend(bound.held.iter().map(|(file, _)| *file));
        files.extend(self.writes.inodes.written().map(|touched| touched.key));
        files.sort_unstable();
        files.dedup();
        for file in files {
            let Some(stand) = ledger.stand_of(file) else { continue };
            let moved = self.quota.moved.iter().find(|moved| moved.inode == file);
            let record = self.writes.inodes.find(&file).flatten();
            let owners =
                record.map_or_else(|| stand.owners.clone(), |record| (record.owner.clone(), record.group.clone()));
            let new_held = bound.held.iter().find(|(found, _)| *found == file).map_or(stand.held, |(_, held)| *held);
            let chain = moved.map_or_else(|| ledger.chain(stand.home), |moved| moved.to.clone());
            let new = ledger.binding(&chain, (&owners.0, &owners.1));
            let old: Vec<_> = stand.accounts.iter().filter_map(|place| ledger.owners().key(*place).cloned()).collect();
            let all = old.iter().chain(new.iter().filter(|key| !old.contains(key)));
            let step = |key: &OwnerKey| {
                let before = if old.contains(key) { stand.held } else { Held::default() };
                Step::between(before, if new.contains(key) { new_held } else { Held::default() })
            };
            let own: Vec<_> = all.map(|key| (key.clone(), step(key))).collect();
            if moved.is_some_and(|moved| moved.is_excused) {
                steps.excused.extend(own.iter().cloned());
            }
            steps.all.extend(own);
            if old != new || owners != stand.owners {
                let accounts = new.into_iter().map(|key| (key.clone(), self.used_of(&key))).collect();
                bound.rebound.push(Rebound { file, owners, accounts });
            }
        }
    }

    /// What is used by an owner after this change, which has looked at it.
    fn used_of(&self, key: &OwnerKey) -> QuotaUsage {
        match self.writes.owners.find(key) {
            Some(usage) => used_by(usage.as_deref()),
            None => used_by(self.house.records.owners.get(key).and_then(|slot| slot.value).as_deref()),
        }
    }

    /// Brings the ledger up to what is submitted.
    pub(crate) fn follow_quotas(&self, ledger: &mut Ledger, bound: Bound) {
        // First, while they stand where they were found.
        for (found, used) in bound.used {
            ledger.count(found, used);
        }
        for ((_, place), used) in &bound.owners_used {
            ledger.owners_mut().count(*place, *used);
        }
        for (file, held) in bound.held {
            ledger.hold(file, held, self.now);
        }
        for moved in &self.quota.moved {
            ledger.follow(moved, self.now);
        }
        for (directory, domain) in bound.domains {
            ledger.put(directory, domain);
        }
        for rebound in &bound.rebound {
            ledger.rebind(rebound, self.now);
        }
        let owners = ledger.owners_mut();
        bound.gone.into_iter().for_each(|directory| owners.forget(directory));
        if let Some((directory, counted)) = bound.counted {
            owners.put_counted(directory, counted);
        }
        for (key, domain) in bound.owners {
            owners.put(&key, domain);
        }
        for (at, every) in bound.every {
            owners.put_every(at, every);
        }
        self.shard.quotas.note_owners(ledger);
    }

    /// What becomes usage is reserved no more: all of a file that goes, else as much as its record grows. Blocks become usage by a
    /// flush only.
    fn held_after(&self, ledger: &Ledger) -> Vec<(InodeId, Held)> {
        let mut all = Vec::new();
        for touched in self.writes.inodes.written() {
            let Some(old) = touched.old.as_deref().filter(|old| old.file_type == FileType::Regular) else { continue };
            let held = ledger.held_by(touched.key);
            if held == Held::default() {
                continue;
            }
            let left = touched
                .new
                .as_deref()
                .filter(|new| new.links > 0)
                .map_or_else(Held::default, |new| left(held, (old, new), self.quota.is_promised));
            all.push((touched.key, left));
        }
        all
    }

    /// Puts what changed of the quotas into the change.
    fn store_quotas(&mut self, ledger: &Ledger, bound: &mut Bound) {
        if let Some(SetQuota { directory, domain, quota }) = self.quota.set.take() {
            match domain {
                QuotaDomain::Directory => {
                    bound.domains.retain(|(found, _)| *found != directory);
                    bound.used.retain(|((found, _), _)| *found != directory);
                    bound.domains.push((directory, quota));
                }
                QuotaDomain::User(owner) => set_owner(bound, (directory, false, owner), quota),
                QuotaDomain::Group(owner) => set_owner(bound, (directory, true, owner), quota),
                QuotaDomain::EveryUser | QuotaDomain::EveryGroup => {
                    let record = quota.map(|quota| quota.record);
                    let value = record.map(|record| record.encode());
                    self.write_plain(keys::quota(directory, &domain), value);
                    bound.every.push(((directory, domain == QuotaDomain::EveryGroup), record));
                }
            }
        }
        for (directory, domain) in &mut bound.domains {
            self.store_quota((*directory, &QuotaDomain::Directory), domain.as_mut());
        }
        for (key, domain) in &mut bound.owners {
            self.store_quota((key.0, &domain_of(key)), domain.as_mut());
        }
        for directory in &bound.gone {
            self.remove_owner_quotas(ledger, *directory);
        }
        bound.counted = self.quota.counted.take();
        if let Some((directory, counted)) = &bound.counted
            && counted.is_none_or(|counted| counted.is_clearing)
        {
            self.remove_linked(ledger, *directory);
        }
        if let Some((directory, counted)) = &bound.counted
            && *directory != InodeId::root_of(directory.shard)
        {
            self.write_plain(keys::owners(*directory), counted.map(|counted| counted.encode()));
        }
    }

    fn store_quota(&mut self, (directory, domain): (InodeId, &QuotaDomain), quota: Option<&mut Domain>) {
        let key = keys::quota(directory, domain);
        let Some(quota) = quota else { return self.write_plain(key, None) };
        if let Some(value) = quota.unstored() {
            self.write_plain(key, value.map(|record| record.encode()));
        }
        quota.stored = quota.record;
    }

    /// Since when soft limits for all were exceeded by some, of a directory that has none any more.
    fn remove_linked(&mut self, ledger: &Ledger, directory: InodeId) {
        let linked = ledger.owners().of_directory(directory).into_iter().filter(|(_, limits)| limits.record.linked);
        for (key, _) in linked {
            self.write_plain(keys::quota(directory, &domain_of(&key)), None);
        }
    }

    /// The quotas of owners of a directory that goes. Counters that are about to be removed still are.
    fn remove_owner_quotas(&mut self, ledger: &Ledger, directory: InodeId) {
        for (key, _) in ledger.owners().of_directory(directory) {
            self.write_plain(keys::quota(directory, &domain_of(&key)), None);
        }
        for domain in [QuotaDomain::EveryUser, QuotaDomain::EveryGroup] {
            self.write_plain(keys::quota(directory, &domain), None);
        }
        if ledger.owners().counted(directory).is_some_and(|counted| !counted.is_clearing) {
            self.write_plain(keys::owners(directory), None);
        }
    }
}

fn set_owner(bound: &mut Bound, key: OwnerKey, quota: Option<Domain>) {
    bound.owners.retain(|(found, _)| *found != key);
    bound.owners_used.retain(|((found, _), _)| *found != key);
    bound.owners.push((key, quota));
}

pub(super) fn domain_of((_, is_group, owner): &OwnerKey) -> QuotaDomain {
    if *is_group { QuotaDomain::Group(owner.clone()) } else { QuotaDomain::User(owner.clone()) }
}

fn left(held: Held, (old, new): (&InodeRecord, &InodeRecord), is_flush: bool) -> Held {
    let blocks = if is_flush { new.allocated_blocks.saturating_sub(old.allocated_blocks) } else { 0 };
    let named = (new.size.saturating_sub(old.size), blocks);
    Held {
        application_bytes: held.application_bytes.saturating_sub(named.0),
        blocks: held.blocks.saturating_sub(named.1),
    }
}

/// Blocks that are reserved no more may have taken nothing: nothing else gets their room before they are flushed.
fn lost_blocks<K: PartialEq>(steps: &[(K, Step)], key: &K) -> Step {
    let own = steps.iter().filter(|(found, step)| found == key && step.blocks < 0);
    Step { application_bytes: 0, blocks: own.map(|(_, step)| step.blocks).sum() }
}

/// What is reserved after the steps of one.
fn after<K: PartialEq>(held: Held, steps: &[(K, Step)], key: &K) -> Held {
    let own = steps.iter().filter(|(found, _)| found == key);
    own.fold(held, |held, (_, step)| held.after(*step))
}

/// What one may have come to without asking.
fn excuse(before: QuotaUsage, charge: &Charge) -> QuotaUsage {
    QuotaUsage {
        inodes: before.inodes.saturating_add_signed(charge.inodes),
        application_bytes: before.application_bytes.saturating_add_signed(charge.application_bytes),
        logical_bytes: before.logical_bytes.saturating_add_signed(charge.logical_bytes),
        physical_bytes: before.physical_bytes.saturating_add_signed(charge.physical_bytes),
    }
}
