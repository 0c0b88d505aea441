//! Giving back what something held: bytes, streams, extended attributes, and who may what.

use std::collections::BTreeMap;

use meta::keys::{self, KeyKind};
use meta::records::{InodeRecord, Record, StreamRecord};
use vfs::limits::STREAMS_MAX;
use vfs::{
    AttributeIo, ChangeKind, ChangedEntry, ChangedRange, CloneRangeRequest, Failure, FileIo, FileType, FsError,
    InodeId, InodeNumber, Name, SetAttributes, SetattrRequest, Via, XattrChange, XattrListRequest,
};

use super::pass::{Outcome, Pass};
use crate::load::kind_of;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Pass<'_, K, C> {
    /// Gives something that differs what it held.
    pub(super) async fn give_contents(&mut self, entry: &ChangedEntry) -> Outcome<()> {
        if entry.kind == ChangeKind::Created {
            return Ok(());
        }
        let Some(here) = self.place(entry.inode).await? else { return Ok(()) };
        self.fill((entry.inode, entry.file_type), here).await
    }

    /// Something that is gone, and was at home beside the directory.
    pub(super) async fn copy(
        &mut self,
        (parent, name): (InodeId, &Name),
        (number, was): (InodeNumber, &InodeRecord),
        found: Option<InodeId>,
    ) -> Outcome<()> {
        let own = match found {
            Some(found) if self.stands_in(found, (number, was)).await? => found,
            _ => {
                self.clear(parent, name, found).await?;
                self.make(parent, name, (number, was)).await?
            }
        };
        self.fill((number, was.file_type), own).await
    }

    async fn fill(&mut self, (number, file_type): (InodeNumber, FileType), here: InodeId) -> Outcome<()> {
        // First, so that nobody reads what they could not read then.
        self.give_attributes((number, here)).await?;
        if file_type == FileType::Regular {
            self.give_bytes((self.aim.was(number), here)).await?;
        }
        self.give_streams((number, here)).await?;
        // Again, as times tell of what was written.
        self.give_attributes((number, here)).await
    }

    async fn give_bytes(&mut self, (was, here): (InodeId, InodeId)) -> Outcome<()> {
        self.house.settle_past(was).await.map_err(|error| self.house.refuse(&error))?;
        let flushed = Box::pin(self.house.flush(here)).await?;
        self.house.settle(flushed).await?;
        let size = self.record(was).await?.ok_or(FsError::StaleHandle)?.size;
        if self.record(here).await?.ok_or(FsError::StaleHandle)?.size != size {
            self.may_change()?;
            let attributes = SetAttributes { size: Some(size), ..SetAttributes::default() };
            let request = SetattrRequest { inode: here, via: Via::Anonymous, attributes, guard: None };
            self.house.setattr(&self.ctx(), request).await?;
        }
        let mut offset = 0;
        loop {
            let found = self.house.differing([here, was], offset, RANGES).await?;
            for range in &found.ranges {
                self.give_range((was, here), range).await?;
            }
            match found.next {
                Some(next) => offset = next,
                None => return Ok(()),
            }
        }
    }

    async fn give_range(&mut self, (was, here): (InodeId, InodeId), range: &ChangedRange) -> Outcome<()> {
        self.may_change()?;
        let (offset, length, via) = (range.offset, range.length, Via::Anonymous);
        let request = CloneRangeRequest {
            source: was,
            source_via: via,
            source_offset: offset,
            target: here,
            target_via: via,
            target_offset: offset,
            length,
            heeds_locks: false,
        };
        self.house.clone_range(&self.ctx(), request).await?;
        Ok(())
    }

    async fn give_streams(&mut self, (number, here): (InodeNumber, InodeId)) -> Outcome<()> {
        let then = self.streams(self.aim.was(number)).await?;
        let now = self.streams(here).await?;
        for (name, stream) in &now {
            if !then.contains_key(name) {
                self.may_change()?;
                let stream = here.sibling(*stream);
                self.house.mutate(here.shard, |turn| turn.lose_stream(here, stream)).await?;
            }
        }
        for (name, stream) in then {
            let own = match now.get(&name) {
                Some(own) => here.sibling(*own),
                None => {
                    self.may_change()?;
                    self.house.mutate(here.shard, |turn| turn.add_stream(here, &name)).await?
                }
            };
            self.give_bytes((self.aim.was(stream), own)).await?;
        }
        Ok(())
    }

    async fn streams(&self, file: InodeId) -> Result<BTreeMap<Name, InodeNumber>, Failure> {
        let listed = self.house.listed(file, keys::stream_range, STREAMS_MAX).await;
        let listed = listed.map_err(|error| self.house.refuse(&error))?;
        let mut streams = BTreeMap::new();
        for (key, value) in listed.value {
            let kind = kind_of(&key).map_err(|error| self.house.refuse(&error))?;
            let record = StreamRecord::decode_at(&key, &value).map_err(|error| self.house.refuse(&error))?;
            if let KeyKind::Stream { stream, .. } = kind {
                streams.insert(record.name, stream);
            }
        }
        Ok(streams)
    }

    /// Owner, rights, times and extended attributes as they were. When it was changed last is now: it was.
    pub(super) async fn give_attributes(&mut self, (number, here): (InodeNumber, InodeId)) -> Outcome<()> {
        let was = self.record(self.aim.was(number)).await?.ok_or(FsError::StaleHandle)?;
        let xattrs = self.missing_xattrs((self.aim.was(number), here)).await?;
        self.may_change()?;
        let set = SetAttributes { xattrs, ..SetAttributes::default() };
        let is_changed = self.house.mutate(here.shard, |turn| set_back(turn, here, (&was, &set))).await?;
        self.changes -= u64::from(!is_changed);
        Ok(())
    }

    /// What is to be set and removed.
    async fn missing_xattrs(&self, (was, here): (InodeId, InodeId)) -> Result<Vec<XattrChange>, Failure> {
        let (ctx, via) = (self.ctx(), Via::Anonymous);
        let then = self.house.xattr_list(&ctx, XattrListRequest { inode: was, via }).await?.entries;
        let now = self.house.xattr_list(&ctx, XattrListRequest { inode: here, via }).await?.entries;
        let gone = now.iter().filter(|entry| !then.contains(entry));
        let gone = gone.map(|(name, _)| XattrChange { name: name.clone(), value: None });
        let missing = then.iter().filter(|entry| !now.contains(entry));
        let missing = missing.map(|(name, value)| XattrChange { name: name.clone(), value: Some(value.clone()) });
        Ok(gone.chain(missing).collect())
    }
}

/// Says whether anything differed.
fn set_back<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    here: InodeId,
    (was, set): (&InodeRecord, &SetAttributes),
) -> Step<bool> {
    let old = turn.live(here)?;
    let seen = turn.attributes(here, &old);
    let mut record = (*old).clone();
    (record.owner, record.group) = (was.owner.clone(), was.group.clone());
    let hash = |record: &InodeRecord| record.descriptor.as_ref().map(|descriptor| descriptor.hash);
    if hash(&record) != hash(was) {
        let descriptor = was.descriptor.as_ref().map(|descriptor| descriptor.in_force());
        turn.point_at((here.tree, &mut record), descriptor.as_deref())?;
    }
    turn.set_xattrs(here, &mut record, set)?;
    let is_seen = (seen.mode, seen.modified) == (u32::from(was.mode), was.modified);
    give_times(&mut record, was);
    if record == *old && is_seen && set.xattrs.is_empty() {
        return Ok(false);
    }
    let charged = |record: &InodeRecord| (record.owner.clone(), record.group.clone(), record.xattr_bytes);
    if charged(&old) != charged(&record) {
        turn.charge_change(here, (&old, &record), 0)?;
    }
    turn.note_changed_in(turn.house.above(here, old.home_parent));
    turn.require_past_named(here)?;
    turn.take_pending(here, &mut record, true);
    give_times(&mut record, was);
    record.changed = turn.now;
    record.change = turn.stamp();
    turn.put_inode(here, record);
    Ok(true)
}

fn give_times(record: &mut InodeRecord, was: &InodeRecord) {
    (record.mode, record.dos) = (was.mode, was.dos);
    (record.accessed, record.modified, record.created) = (was.accessed, was.modified, was.created);
}

/// Ranges that are given together.
const RANGES: usize = 256;
