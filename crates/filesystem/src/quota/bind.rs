//! Quotas in a change: what it would make of the counters is looked at before it is submitted, and the ledger follows it
//! in one step with the counters, so that nobody sees what is flushed twice or not at all.

use meta::keys;
use meta::records::{Charge, InodeRecord, Record};
use vfs::{FileType, FsError, InodeId, QuotaDomain, QuotaUsage};

use super::domain::{Domain, used, with};
use super::ledger::{Moved, Step};
use super::{Held, Ledger};
use crate::turn::{Step as TurnStep, Turn};

/// What a change means for the ledger.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// What files have reserved afterwards.
    held: Vec<(InodeId, Held)>,
    /// What is used of quotas that nothing else changes.
    used: Vec<(InodeId, QuotaUsage)>,
    /// Other quotas afterwards; `None`: the directory is gone.
    domains: Vec<(InodeId, Option<Domain>)>,
}

/// What a change does that quotas look at, beside its records.
#[derive(Debug, Default)]
pub(crate) struct QuotaEffects {
    /// Directories and files that get another home.
    moved: Vec<Moved>,
    /// What directories get because a home link goes: deletes win.
    excused: Vec<(Vec<InodeId>, Charge)>,
    /// Whether nothing is refused: what is named was promised before.
    is_promised: bool,
    /// A quota that is set or removed.
    pub(super) set: Option<(InodeId, Option<Domain>)>,
}

impl QuotaEffects {
    /// Nothing that this change brings is refused.
    pub(crate) fn promise(&mut self) {
        self.is_promised = true;
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
    pub(crate) fn excuse(&mut self, inode: InodeId, (from, to): (InodeId, InodeId), charge: Charge) -> TurnStep<()> {
        if from == to || !self.house.has_quotas() {
            return Ok(());
        }
        let (old, mut chain) = (self.chain(from)?, self.chain(to)?);
        // What lies above both gets nothing.
        chain.retain(|directory| !old.contains(directory));
        self.quota.excused.push((chain, charge));
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

    /// What this change means for the ledger.
    ///
    /// Errors: `QuotaExceeded`.
    pub(crate) fn bind(&mut self, ledger: &Ledger) -> Result<Bound, FsError> {
        let mut bound = Bound { held: self.held_after(ledger), ..Bound::default() };
        let mut steps = Vec::new();
        for (file, held) in &bound.held {
            let Some(stand) = ledger.stand_of(*file) else { continue };
            ledger.steps_above(stand.home, Step::between(stand.held, *held), &mut steps);
        }
        let mut excused_steps = Vec::new();
        for moved in &self.quota.moved {
            ledger.steps_of(moved, &mut steps);
            if moved.is_excused {
                ledger.steps_of(moved, &mut excused_steps);
            }
        }
        for touched in self.writes.usages.written() {
            let Some(domain) = ledger.domains().get(touched.key) else { continue };
            let Some(new) = touched.new.as_deref() else {
                bound.domains.push((touched.key, None));
                continue;
            };
            let held = ledger.held_below(touched.key);
            let before = after(held, &excused_steps, touched.key).max(held);
            let before = with(&domain.used, before.after(lost_blocks(&steps, touched.key)));
            let excused = excuse(before, &self.quota.excused, touched.key);
            let after = with(&used(new), after(held, &steps, touched.key));
            if !self.quota.is_promised && domain.forbids((&excused, &after), self.now) {
                return Err(FsError::QuotaExceeded);
            }
            if domain.is_plain() {
                bound.used.push((touched.key, used(new)));
            } else {
                let mut domain = Domain { used: used(new), ..domain.clone() };
                domain.note(&after, self.now);
                bound.domains.push((touched.key, Some(domain)));
            }
        }
        self.store_quotas(&mut bound);
        Ok(bound)
    }

    /// Brings the ledger up to what is submitted.
    pub(crate) fn follow_quotas(&self, ledger: &mut Ledger, bound: Bound) {
        for (file, held) in bound.held {
            ledger.lower(file, held, self.now);
        }
        for moved in &self.quota.moved {
            ledger.follow(moved, self.now);
        }
        for (directory, used) in bound.used {
            ledger.count(directory, used);
        }
        for (directory, domain) in bound.domains {
            ledger.put(directory, domain);
        }
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
    fn store_quotas(&mut self, bound: &mut Bound) {
        if let Some((directory, domain)) = self.quota.set.take() {
            bound.domains.retain(|(found, _)| *found != directory);
            bound.used.retain(|(found, _)| *found != directory);
            bound.domains.push((directory, domain));
        }
        for (directory, domain) in &mut bound.domains {
            let key = keys::quota(*directory, &QuotaDomain::Directory);
            match domain {
                Some(domain) if domain.record != domain.stored => {
                    self.write_plain(key, Some(domain.record.encode()));
                    domain.stored = domain.record;
                }
                Some(_) => {}
                None => self.write_plain(key, None),
            }
        }
    }
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
fn lost_blocks(steps: &[(InodeId, Step)], directory: InodeId) -> Step {
    let own = steps.iter().filter(|(found, step)| *found == directory && step.blocks < 0);
    Step { application_bytes: 0, blocks: own.map(|(_, step)| step.blocks).sum() }
}

/// What is reserved below a directory after its steps.
fn after(held: Held, steps: &[(InodeId, Step)], directory: InodeId) -> Held {
    let own = steps.iter().filter(|(found, _)| *found == directory);
    own.fold(held, |held, (_, step)| held.after(*step))
}

/// What a directory may have come to without asking.
fn excuse(before: QuotaUsage, excused: &[(Vec<InodeId>, Charge)], directory: InodeId) -> QuotaUsage {
    let own = excused.iter().filter(|(chain, _)| chain.contains(&directory));
    own.fold(before, |sum, (_, charge)| QuotaUsage {
        inodes: sum.inodes.saturating_add_signed(charge.inodes),
        application_bytes: sum.application_bytes.saturating_add_signed(charge.application_bytes),
        logical_bytes: sum.logical_bytes.saturating_add_signed(charge.logical_bytes),
        physical_bytes: sum.physical_bytes.saturating_add_signed(charge.physical_bytes),
    })
}
