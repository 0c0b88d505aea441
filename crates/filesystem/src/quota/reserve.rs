//! Reserving what a write makes dirty, before it is acknowledged, and giving it back.

use std::sync::Arc;

use meta::MetaError;
use meta::records::InodeRecord;
use vfs::{Failure, FileType, InodeId, ShardId, Timestamp};

use super::advance::Advance;
use super::domain::used_by;
use super::ledger::{Rebound, Stand};
use super::{Held, Ledger, Refuser};
use crate::Filesystem;
use crate::cache::{Miss, OwnerKey};
use crate::file::FileData;
use crate::shard::Shard;
use crate::turn::Scratch;

/// What a write is about to make of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// Its size afterwards.
    pub(crate) size: u64,
    /// Blocks that become dirty, at most.
    pub(crate) dirty_blocks: u64,
    /// Blocks that will be allocated for it, at most.
    pub(crate) new_blocks: u64,
}

impl Growth {
    /// What it needs when the file, with what is dirty of it, was so large before.
    pub(crate) fn from(&self, size: u64) -> Held {
        Held { application_bytes: self.size.saturating_sub(size), blocks: self.dirty_blocks }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum Reserving {
    /// It is reserved, or nobody counts; with this ahead for the writes to come.
    Done(Option<Arc<Advance>>),
    /// This has to be loaded.
    Missing(Miss),
    /// This quota forbids it.
    Over(Refuser),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Reserves what a write needs, with the file's data held.
    pub(crate) fn reserve_write(
        &self,
        inode: InodeId,
        (record, data): (&InodeRecord, &FileData),
        growth: Growth,
    ) -> Reserving {
        let Some(shard) = self.shards.find(inode.shard).filter(|_| self.has_quotas()) else {
            return Reserving::Done(None);
        };
        let target = Held {
            application_bytes: growth.size.saturating_sub(record.size),
            blocks: data.buffer.blocks() + growth.dirty_blocks,
        };
        self.reserve_in(&shard, (inode, record), (target, Some(growth)))
    }

    /// Brings what a file has reserved down to what is dirty of it, with its data held.
    pub(crate) fn settle_reserved(&self, inode: InodeId, data: &FileData) {
        if !self.has_quotas() {
            return;
        }
        let Some(shard) = self.shards.find(inode.shard) else { return };
        let Some(mut ledger) = shard.quotas.active() else { return };
        let held = ledger.held_by(inode);
        let record = self.records.inodes.get(&inode).and_then(|slot| slot.value);
        let pending = data.pending.size;
        let grown = match (pending, record) {
            (None, _) => 0,
            (Some(size), Some(record)) => size.saturating_sub(record.size),
            (Some(_), None) => held.application_bytes,
        };
        let target = Held { application_bytes: grown, blocks: data.buffer.blocks() };
        let target = Held {
            application_bytes: target.application_bytes.min(held.application_bytes),
            blocks: target.blocks.min(held.blocks),
        };
        ledger.hold(inode, target, self.clock.now());
    }

    /// Flushes what of a shard is reserved, so that its counters say exactly what is allocated.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(crate) async fn flush_reserved(&self, shard: ShardId) -> Result<(), Failure> {
        let shard = self.shards.find(shard);
        let holders = shard.and_then(|shard| shard.quotas.active().map(|ledger| ledger.holders()));
        for file in holders.unwrap_or_default() {
            self.flush(file).await?;
        }
        Ok(())
    }

    /// Reserves what is dirty of every file of a shard: when its first quota is set, and after a start.
    ///
    /// # Errors
    /// `Engine`, `Failed`, `Damaged`.
    pub(crate) async fn reserve_dirty(&self, shard: &Shard) -> Result<(), MetaError> {
        for (inode, file) in self.files.all().into_iter().filter(|(inode, _)| inode.shard == shard.id) {
            for _ in 0..MISSES_MAX {
                let reserving = self.reserve_dirty_of((inode, shard), &file.data());
                let Reserving::Missing(missing) = reserving else { break };
                self.load_missed(missing, &mut Scratch::default()).await?;
            }
        }
        Ok(())
    }

    fn reserve_dirty_of(&self, (inode, shard): (InodeId, &Shard), data: &FileData) -> Reserving {
        if !data.is_dirty() {
            return Reserving::Done(None);
        }
        let Some(slot) = self.records.inodes.get(&inode) else { return Reserving::Missing(Miss::Inode(inode)) };
        let Some(record) = slot.value else { return Reserving::Done(None) };
        let size = data.pending.size.unwrap_or(record.size);
        let held = Held { application_bytes: size.saturating_sub(record.size), blocks: data.buffer.blocks() };
        self.reserve_in(shard, (inode, &record), (held, None))
    }

    /// A client is told that a quota refuses what it wants.
    pub(crate) fn note_refusal(&self, shard: ShardId, refuser: Refuser) {
        if let Some(shard) = self.shards.find(shard) {
            shard.quotas.refusals.note(|| refuser);
        }
    }

    /// Whether any shard has a quota.
    pub(crate) fn has_quotas(&self) -> bool {
        self.shards.has_quotas()
    }

    fn reserve_in(
        &self,
        shard: &Shard,
        (inode, record): (InodeId, &InodeRecord),
        (target, growth): (Held, Option<Growth>),
    ) -> Reserving {
        if record.links == 0 {
            return Reserving::Done(None);
        }
        // With the ledger held nothing moves.
        let Some(mut ledger) = shard.quotas.active_ahead() else { return Reserving::Done(None) };
        // Where quotas look closely at what is there, nobody knows what the next write will take.
        let is_plain = growth.is_some_and(|growth| growth.new_blocks == growth.dirty_blocks);
        if let Some(advance) = is_plain.then(|| ledger.hold_ahead(inode, target)).flatten() {
            return Reserving::Done(Some(advance));
        }
        let reserving = self.reserve_exactly(&mut ledger, (inode, record), (target, growth));
        if matches!(reserving, Reserving::Over(_)) && ledger.recall() {
            return self.reserve_exactly(&mut ledger, (inode, record), (target, growth));
        }
        reserving
    }

    /// Reserves nothing ahead. What others have ahead counts as if they needed it.
    fn reserve_exactly(
        &self,
        ledger: &mut Ledger,
        (inode, record): (InodeId, &InodeRecord),
        (target, growth): (Held, Option<Growth>),
    ) -> Reserving {
        let (stand, is_new) = match ledger.stand_exactly(inode) {
            Some(stand) => (stand, false),
            None => match self.place_of(ledger, (inode, record)) {
                Ok(stand) => (stand, true),
                Err(missing) => return Reserving::Missing(missing),
            },
        };
        // Only soft limits ask what time it is.
        let now = if ledger.has_soft() { self.clock.now() } else { Timestamp::default() };
        let more = growth.map(|growth| Held {
            application_bytes: target.application_bytes.saturating_sub(stand.held.application_bytes),
            blocks: growth.new_blocks,
        });
        let refuser = more.and_then(|more| ledger.refuser(&stand, more, now));
        let held = if refuser.is_some() { stand.held } else { target };
        if is_new {
            // Takes back what was made to stand if it is nothing.
            ledger.begin(inode, Stand { held, ..stand }, now);
        } else {
            ledger.hold(inode, held, now);
        }
        refuser.map_or(Reserving::Done(None), Reserving::Over)
    }

    /// Where a file stands that has nothing reserved yet.
    ///
    /// Errors: what has to be loaded.
    fn place_of(&self, ledger: &mut Ledger, (inode, record): (InodeId, &InodeRecord)) -> Result<Stand, Miss> {
        let home = self.first_directory(inode).map_err(Miss::Inode)?;
        let home = ledger.stand(home, |directory| self.directory_above(directory)).map_err(Miss::Inode)?;
        let used = |key: &OwnerKey| self.records.owners.get(key).map(|slot| used_by(slot.value.as_deref()));
        ledger.account(home, (&record.owner, &record.group), used).map_err(Miss::Owner)
    }

    /// The accounts of files that have something reserved are looked for anew: when a quota of an owner was set.
    ///
    /// # Errors
    /// `Engine`, `Failed`, `Damaged`.
    pub(super) async fn rebind_all(&self, shard: &Shard) -> Result<(), MetaError> {
        let files = shard.quotas.active().map_or_else(Vec::new, |ledger| ledger.holders());
        for file in files {
            for _ in 0..MISSES_MAX {
                let Some(missing) = self.rebind_file(shard, file) else { break };
                self.load_missed(Miss::Owner(missing), &mut Scratch::default()).await?;
            }
        }
        Ok(())
    }

    /// Says what has to be loaded.
    fn rebind_file(&self, shard: &Shard, file: InodeId) -> Option<OwnerKey> {
        let mut ledger = shard.quotas.active()?;
        let stand = ledger.stand_of(file)?;
        let (home, owners) = (stand.home, stand.owners.clone());
        let mut accounts = Vec::new();
        for key in ledger.binding(&ledger.chain(home), (&owners.0, &owners.1)) {
            let Some(slot) = self.records.owners.get(&key) else { return Some(key) };
            accounts.push((key, used_by(slot.value.as_deref())));
        }
        ledger.rebind(&Rebound { file, owners, accounts }, self.clock.now());
        None
    }

    /// The directory that a file or stream is at home in.
    fn first_directory(&self, inode: InodeId) -> Result<InodeId, InodeId> {
        let mut at = inode;
        loop {
            let slot = self.records.inodes.get(&at).ok_or(at)?;
            let record = slot.value.ok_or(at)?;
            if record.file_type == FileType::Directory {
                return Ok(at);
            }
            at = at.sibling(record.home_parent);
        }
    }

    fn directory_above(&self, directory: InodeId) -> Result<Option<InodeId>, InodeId> {
        if directory == InodeId::root_of(directory.shard) {
            return Ok(None);
        }
        let slot = self.records.inodes.get(&directory).ok_or(directory)?;
        let record = slot.value.ok_or(directory)?;
        Ok(Some(self.above(directory, record.home_parent)))
    }
}

/// Times that a record above a file may be pushed out of memory meanwhile.
const MISSES_MAX: usize = 4096;
