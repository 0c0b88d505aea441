//! Blocks that several places in files name: counted, and free with the last of them.
//!
//! What is counted are names beyond the first, so a store without shared blocks has no record of it, and a shard that
//! never shared any pays one look at a flag. A name is a place in a file from when it began to name the block until no
//! state of it does, live or kept for snapshots; so an extent that came from another file is born when it was shared.

use std::ops::Range;
use std::sync::Arc;

use meta::records::{Run, SHARED_GROUP_BLOCKS, SharedRecord, shared_group};
use vfs::FsError;

use super::{Step, Stop, Turn};
use crate::cache::Miss;

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// One more place names these blocks.
    ///
    /// Errors: `TooManyLinks`.
    pub(crate) fn name_again(&mut self, run: Run) -> Step<()> {
        self.load_groups(&[run])?;
        for (group, blocks) in groups_of(run) {
            let mut record = self.shared(group)?.map_or_else(SharedRecord::default, Arc::unwrap_or_clone);
            for placement in blocks {
                record.set(placement, record.of(placement).checked_add(1).ok_or(FsError::TooManyLinks)?);
            }
            self.put_shared(group, record);
        }
        Ok(())
    }

    /// A place each names these blocks no more: those that nobody names now are free once this change is durable.
    pub(crate) fn give_up(&mut self, runs: &[Run]) -> Step<()> {
        if !self.is_sharing() {
            runs.iter().for_each(|run| self.release_blocks(*run));
            return Ok(());
        }
        self.load_groups(runs)?;
        for (group, blocks) in runs.iter().flat_map(|run| groups_of(*run)) {
            match self.shared(group)? {
                None => self.release_run(blocks),
                Some(record) => self.give_up_shared((group, Arc::unwrap_or_clone(record)), blocks),
            }
        }
        Ok(())
    }

    fn give_up_shared(&mut self, (group, mut record): (u64, SharedRecord), blocks: Range<u64>) {
        let mut last = blocks.start;
        for placement in blocks.clone() {
            let more = record.of(placement);
            if more > 0 {
                record.set(placement, more - 1);
                self.release_run(last..placement);
                last = placement + 1;
            }
        }
        self.release_run(last..blocks.end);
        self.put_shared(group, record);
    }

    fn release_run(&mut self, blocks: Range<u64>) {
        let count = u32::try_from(blocks.end - blocks.start).unwrap_or(0);
        if count > 0 {
            self.release_blocks(Run { placement: blocks.start, blocks: count });
        }
    }

    /// Whether any block of the shard may be shared.
    fn is_sharing(&self) -> bool {
        self.state.is_sharing || self.writes.shared.written().next().is_some()
    }

    /// Asks for all groups of these blocks at once.
    fn load_groups(&self, runs: &[Run]) -> Step<()> {
        let shard = self.shard.id;
        let is_absent = |group: &u64| {
            let key = (shard, *group);
            self.writes.shared.find(&key).is_none() && self.house.records.shared.get(&key).is_none()
        };
        let mut absent: Vec<u64> =
            runs.iter().flat_map(|run| groups_of(*run)).map(|(group, _)| group).filter(is_absent).collect();
        absent.dedup();
        if absent.is_empty() { Ok(()) } else { Err(Stop::Miss(Miss::Shared(shard, absent))) }
    }

    fn shared(&mut self, group: u64) -> Step<Option<Arc<SharedRecord>>> {
        let key = (self.shard.id, group);
        if let Some(written) = self.writes.shared.find(&key) {
            return Ok(written);
        }
        let slot = self.house.records.shared.get(&key).ok_or_else(|| Stop::Miss(Miss::Shared(key.0, vec![group])))?;
        self.writes.shared.read(key, slot.value.clone());
        Ok(slot.value)
    }

    fn put_shared(&mut self, group: u64, record: SharedRecord) {
        let new = (!record.is_empty()).then(|| Arc::new(record));
        self.writes.shared.put((self.shard.id, group), new);
    }
}

/// The groups that a run touches, with the blocks of it in each.
fn groups_of(run: Run) -> impl Iterator<Item = (u64, Range<u64>)> {
    let end = run.placement + u64::from(run.blocks);
    let groups = (shared_group(run.placement)..end).step_by(SHARED_GROUP_BLOCKS);
    groups.map(move |group| (group, group.max(run.placement)..end.min(group + SHARED_GROUP_BLOCKS as u64)))
}
