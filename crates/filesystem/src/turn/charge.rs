//! Counting: every change of an inode's charge goes to each directory from its home up to the root of the shard, and
//! to its owner and group.

use meta::records::{Charge, InodeRecord, OwnerUsageRecord, OwnersRecord, UsageRecord};
use smallvec::SmallVec;
use vfs::limits::DEPTH_MAX;
use vfs::{FileType, FsError, InodeId};

use super::{Step, Turn};
use crate::cache::OwnerKey;

/// What one inode adds to the counters.
pub(crate) fn of_record(record: &InodeRecord) -> Charge {
    let has_length = matches!(record.file_type, FileType::Regular | FileType::Symlink);
    let length = if has_length { record.size.cast_signed() } else { 0 };
    Charge {
        inodes: 1,
        application_bytes: length.wrapping_add(record.xattr_bytes.into()),
        logical_bytes: (record.allocated_blocks * pages::BLOCK_SIZE as u64).cast_signed(),
        physical_bytes: record.stored_bytes.cast_signed(),
        held_bytes: 0,
    }
}

/// What a directory and all below it add to the counters.
pub(crate) fn of_tree(usage: &UsageRecord) -> Charge {
    Charge {
        inodes: usage.inodes.cast_signed(),
        application_bytes: usage.application_bytes.cast_signed(),
        logical_bytes: usage.logical_bytes.cast_signed(),
        physical_bytes: usage.physical_bytes.cast_signed(),
        held_bytes: usage.held_bytes.cast_signed(),
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// A directory and all above it, up to the root of the shard. The home of a stream may be a file, which counts nothing:
    /// its directory is the first then.
    pub(crate) fn chain(&mut self, home: InodeId) -> Step<Vec<InodeId>> {
        let (mut chain, mut at) = (Vec::new(), home);
        let root = InodeId::root_of(self.shard.id);
        while at != root {
            let record = self.inode(at)?.ok_or(FsError::StaleHandle)?;
            if record.file_type == FileType::Directory {
                chain.push(at);
            }
            at = self.shard.clones.above(at, record.home_parent);
            if chain.len() > DEPTH_MAX as usize {
                return Err(FsError::TooDeep.into());
            }
        }
        chain.push(at);
        Ok(chain)
    }

    /// Moves a charge from one directory to another; what lies above both stays as it is.
    pub(crate) fn move_charge(&mut self, (from, to): (InodeId, InodeId), charge: Charge) -> Step<()> {
        let (from, to) = (self.chain(from)?, self.chain(to)?);
        let shared = from.iter().rev().zip(to.iter().rev()).take_while(|(left, right)| left == right).count();
        let from = from.get(..from.len() - shared).unwrap_or_default();
        let to = to.get(..to.len() - shared).unwrap_or_default();
        self.charge_each(from, charge.negated())?;
        self.charge_each(to, charge)
    }

    /// Charges the owner and the group of a record at the root of the shard, and at those of the directories above it that
    /// count owners and have come to it.
    pub(crate) fn charge_owners(
        &mut self,
        (inode, chain): (InodeId, &[InodeId]),
        of: &InodeRecord,
        charge: Charge,
    ) -> Step<()> {
        self.adopt(inode)?;
        let charge = Charge { held_bytes: 0, ..charge };
        if charge.is_zero() {
            return Ok(());
        }
        self.charge_owners_at((InodeId::root_of(self.shard.id), true), of, charge)?;
        if let Some(totals) = self.shard.clones.totals(inode) {
            // What a clone takes from all above goes with it at once.
            self.charge_owners_at((totals, true), of, charge)?;
        }
        for (directory, counted) in self.counting(chain) {
            self.charge_owners_at((directory, counted.counts(inode.number)), of, charge)?;
        }
        Ok(())
    }

    /// An inode with its streams moves from one home to another: its owners are counted elsewhere.
    ///
    /// Errors: `CrossDevice` for a directory with something in it, of whose owners nobody knows which they are.
    pub(crate) fn move_owners(
        &mut self,
        (inode, record): (InodeId, &InodeRecord),
        (from, to): (InodeId, InodeId),
    ) -> Step<()> {
        self.adopt(inode)?;
        if !self.shard.quotas.counts_owners() {
            return Ok(());
        }
        let (from, to) = (self.chain(from)?, self.chain(to)?);
        let (mut left, to) = (self.counting(&from), self.counting(&to));
        let mut entered = to.clone();
        entered.retain(|(directory, _)| !left.iter().any(|(found, _)| found == directory));
        left.retain(|(directory, _)| !to.iter().any(|(found, _)| found == directory));
        if left.is_empty() && entered.is_empty() {
            return Ok(());
        }
        if record.file_type == FileType::Directory && record.size > 0 {
            return Err(FsError::CrossDevice.into());
        }
        let mut all = vec![(inode, of_record(record))];
        for (number, _) in self.streams(inode)?.iter() {
            let stream = inode.sibling(*number);
            self.adopt(stream)?;
            all.extend(self.inode(stream)?.map(|record| (stream, of_record(&record))));
        }
        for (inode, charge) in all {
            for (directory, counted) in &left {
                self.charge_owners_at((*directory, counted.counts(inode.number)), record, charge.negated())?;
            }
            for (directory, counted) in &entered {
                self.charge_owners_at((*directory, counted.counts(inode.number)), record, charge)?;
            }
        }
        Ok(())
    }

    /// The directories of a chain that count owners, the root of the shard apart, and how far they have come.
    fn counting(&self, chain: &[InodeId]) -> SmallVec<[(InodeId, OwnersRecord); 2]> {
        if !self.shard.quotas.counts_owners() {
            return SmallVec::new();
        }
        let Some(ledger) = self.shard.quotas.active() else { return SmallVec::new() };
        let mut counting = ledger.owners().counting(chain);
        let root = InodeId::root_of(self.shard.id);
        counting.retain(|(directory, counted)| *directory != root && !counted.is_clearing);
        counting
    }

    /// The first counters of owners of a clone: of its root.
    pub(crate) fn begin_owners(&mut self, totals: InodeId, of: &InodeRecord) -> Step<()> {
        for (is_group, principal) in [(false, &of.owner), (true, &of.group)] {
            let owned = OwnerUsageRecord { ready: true, ..OwnerUsageRecord::default() };
            let owned = owned.plus(&of_record(of)).ok_or(MISCOUNT)?;
            self.put_owner_usage((totals, is_group, principal.clone()), owned);
        }
        Ok(())
    }

    /// What an owner has in a clone that goes is taken back above it.
    pub(crate) fn uncharge_owner(
        &mut self,
        chain: &[InodeId],
        (_, is_group, owner): &OwnerKey,
        usage: &OwnerUsageRecord,
    ) -> Step<()> {
        let charge = Charge {
            inodes: usage.inodes.cast_signed(),
            application_bytes: usage.application_bytes.cast_signed(),
            logical_bytes: usage.logical_bytes.cast_signed(),
            physical_bytes: usage.physical_bytes.cast_signed(),
            held_bytes: 0,
        };
        let charge = charge.negated();
        let mut above = vec![InodeId::root_of(self.shard.id)];
        for (directory, counted) in self.counting(chain) {
            if counted != OwnersRecord::READY {
                // It has counted a part of them; it goes on soon.
                return Err(FsError::Delay.into());
            }
            above.push(directory);
        }
        for directory in above {
            let key = (directory, *is_group, owner.clone());
            let left = self.owner_usage(&key)?.plus(&charge).ok_or(MISCOUNT)?;
            self.put_owner_usage(key, left);
        }
        Ok(())
    }

    /// What is not counted is looked at all the same: quotas ask what is used.
    fn charge_owners_at(
        &mut self,
        (directory, is_counted): (InodeId, bool),
        of: &InodeRecord,
        charge: Charge,
    ) -> Step<()> {
        for (is_group, principal) in [(false, &of.owner), (true, &of.group)] {
            let key = (directory, is_group, principal.clone());
            let usage = self.owner_usage(&key)?;
            if is_counted {
                self.put_owner_usage(key, usage.plus(&charge).ok_or(MISCOUNT)?);
            }
        }
        Ok(())
    }

    /// Charges home chain and owners of an inode.
    pub(crate) fn charge_inode(&mut self, inode: InodeId, record: &InodeRecord, charge: Charge) -> Step<()> {
        self.adopt(inode)?;
        let chain = self.chain(self.shard.clones.above(inode, record.home_parent))?;
        self.charge_each(&chain, charge)?;
        self.charge_owners((inode, &chain), record, charge)
    }

    /// Charges what became of an inode, and the bytes that only versions name from now on. What has no name any more is
    /// charged to nobody.
    pub(crate) fn charge_change(
        &mut self,
        inode: InodeId,
        (old, new): (&InodeRecord, &InodeRecord),
        held_bytes: u64,
    ) -> Step<()> {
        self.charge_held(held_bytes.cast_signed())?;
        if new.links == 0 {
            return Ok(());
        }
        self.adopt(inode)?;
        let charge = of_record(new).plus(&of_record(old).negated());
        let home = if new.file_type == FileType::Directory { inode } else { inode.sibling(new.home_parent) };
        let chain = self.chain(home)?;
        self.charge_each(&chain, charge)?;
        if (&old.owner, &old.group) == (&new.owner, &new.group) {
            return self.charge_owners((inode, &chain), new, charge);
        }
        self.charge_owners((inode, &chain), old, of_record(old).negated())?;
        self.charge_owners((inode, &chain), new, of_record(new))?;
        self.give_streams((inode, &chain), new)
    }

    /// Bytes that only versions hold are counted at the root of the shard: where the file was then nobody knows any more
    /// when they go.
    pub(crate) fn charge_held(&mut self, bytes: i64) -> Step<()> {
        let root = InodeId::root_of(self.shard.id);
        self.charge_each(&[root], Charge { held_bytes: bytes, ..Charge::default() })
    }

    /// Makes sure that the height bounds above `parent` cover a directory of this height below it.
    pub(crate) fn raise(&mut self, parent: InodeId, height: u32) -> Step<()> {
        let mut below = height;
        for directory in self.chain(parent)? {
            let mut usage = self.usage(directory)?;
            below += 1;
            if usage.height >= below {
                return Ok(());
            }
            usage.height = below;
            self.put_usage(directory, Some(usage));
        }
        Ok(())
    }

    pub(crate) fn charge_each(&mut self, directories: &[InodeId], charge: Charge) -> Step<()> {
        if charge.is_zero() {
            return Ok(());
        }
        for directory in directories {
            let counted = self.usage(*directory)?.plus(&charge).ok_or(MISCOUNT)?;
            self.put_usage(*directory, Some(counted));
        }
        Ok(())
    }
}

/// A counter would go below zero: it is wrong on stable storage already, and going on would hide it from `check`.
const MISCOUNT: FsError = FsError::Io;
