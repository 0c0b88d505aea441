//! The end of a turn: one change for the store, and the caches brought up to it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use meta::Change;
use meta::Version;
use meta::keys::{self, Key};
use meta::records::{GoneRecord, InodeRecord, Record, RegionRecord, Versioned};
use vfs::{Cookie, Epoch, Failure, FileType, FsError, InodeId, InodeNumber, TreeId};

use super::Turn;
use super::writes::Touched;
use crate::cache::{RegionKey, Slot};
use crate::gc::Aftermath;
use crate::load::owner_key;

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Submits what was written and gives the turn back. Returns the highest version written or read.
    ///
    /// Errors, in order: `ReadOnly` (something of the past was written), `QuotaExceeded`, `Io` (the store has failed); nothing was applied.
    pub(crate) fn submit(mut self) -> Result<Version, Failure> {
        if self.writes_past() {
            return Err(FsError::ReadOnly.into());
        }
        // Held until the ledger has followed: a writer finds both counters and reservations before, or both after.
        let mut ledger = self.shard.quotas.active();
        let bound = ledger.as_ref().map(|ledger| self.bind(ledger)).transpose()?;
        self.reserve_numbers();
        let left = Aftermath {
            released: self.released.clone(),
            intents: std::mem::take(&mut self.intents),
            forgotten: std::mem::take(&mut self.forgotten),
            orphaned: std::mem::take(&mut self.orphaned),
            renamed: std::mem::take(&mut self.renamed),
        };
        let has_marks = !self.marks().is_empty();
        let mut change = self.change();
        if change.is_empty() {
            self.state.next_inode = self.next_inode;
            self.house.watches.publish(&self.observed);
            return Ok(self.seen.0);
        }
        // A reload between the look-up of the shard and the turn: this state of it is void.
        if !self.house.shards.is_current(self.shard) {
            return Err(FsError::Io.into());
        }
        let reply = self.reply.take();
        if let Some(reply) = &reply {
            change.put_record(reply.slot.key(), &reply.record);
        }
        let kept = change.kept() as u64;
        let version = self.house.meta.submit(change).map_err(|error| self.house.refuse(&error))?;
        self.state.next_inode = self.next_inode;
        self.state.next_intent = self.next_intent;
        self.state.kept += kept;
        self.state.drops += u64::from(self.is_dropping);
        self.state.is_sharing |= self.writes.shared.written().next().is_some();
        self.state.marks += u64::from(has_marks);
        self.follow_snapshots();
        if let Some(reply) = reply {
            self.house.replies.written(reply.slot);
        }
        self.publish(version);
        if let (Some(ledger), Some(bound)) = (&mut ledger, bound) {
            self.follow_quotas(ledger, bound);
        }
        drop(ledger);
        self.house.watches.publish(&self.observed);
        self.break_directories();
        self.house.take_over((self.shard.id, version), left);
        Ok(version.max(self.seen.0))
    }

    /// Whether something of the past was written.
    fn writes_past(&self) -> bool {
        self.writes.inodes.written().any(|touched| touched.key.tree.is_past())
            || self.writes.regions.written().any(|touched| touched.key.0.tree.is_past())
    }

    /// Reserves more numbers in this change when those reserved are used up.
    fn reserve_numbers(&mut self) {
        let reserved = &mut self.state.reserved;
        if self.next_inode > reserved.next_inode || self.next_intent > reserved.next_intent {
            reserved.next_inode.0 = self.next_inode.0 + NUMBERS_RESERVED;
            reserved.next_intent = self.next_intent + NUMBERS_RESERVED;
            self.plain.push((keys::allocator(self.shard.id), Some(reserved.encode())));
        }
    }

    fn change(&mut self) -> Change {
        let mut change = Change::default();
        for touched in self.writes.inodes.written() {
            let tree = touched.key.tree;
            let old = self.own(tree, touched.old.as_deref());
            change.replace_shared(&self.clock_of(tree), keys::inode(touched.key), (old, touched.new.clone()));
        }
        for touched in self.writes.usages.written() {
            let tree = touched.key.tree;
            let old = self.own(tree, touched.old.as_deref());
            change.replace_shared(&self.present_of(tree), keys::usage(touched.key), (old, touched.new.clone()));
        }
        for touched in self.writes.descriptors.written() {
            let (shard, tree, hash) = &touched.key;
            let key = keys::descriptor(*shard, *tree, hash);
            let old = self.own(*tree, touched.old.as_deref());
            change.replace_shared(&self.clock_of(*tree), key, (old, touched.new.clone()));
        }
        for touched in self.writes.regions.written() {
            let key = keys::region(touched.key.0, touched.key.1);
            let old = self.own(touched.key.0.tree, touched.old.as_deref());
            let states = (old, touched.new.as_deref());
            change.replace_region((self.clock().current, key), states, self.ended_region(touched));
        }
        for touched in self.writes.owners.written() {
            change.put_shared(owner_key(&touched.key), touched.new.clone());
        }
        for touched in self.writes.buckets.written() {
            let directory = touched.key.0;
            let clock = self.clock_of(directory.tree);
            for (cookie, old, new) in differences(touched, |entry| entry.0, |entry| &entry.1) {
                change.replace(&clock, keys::dentry(directory, cookie), self.own(directory.tree, old), encoded(new));
            }
        }
        for touched in self.writes.backlinks.written() {
            let inode = touched.key;
            let clock = self.clock_of(inode.tree);
            for ((directory, cookie), old, new) in differences(touched, |entry| (entry.0, entry.1), |entry| &entry.2) {
                let key = backlink_key(inode, directory, cookie);
                change.replace(&clock, key, self.own(inode.tree, old), encoded(new));
            }
        }
        for touched in self.writes.xattrs.written() {
            let inode = touched.key;
            let clock = self.clock_of(inode.tree);
            for (name, old, new) in differences(touched, |entry| entry.0.clone(), |entry| &entry.1) {
                change.replace(&clock, keys::xattr(inode, &name), self.own(inode.tree, old), encoded(new));
            }
        }
        for touched in self.writes.streams.written() {
            let inode = touched.key;
            let clock = self.clock_of(inode.tree);
            for (stream, old, new) in differences(touched, |entry| entry.0, |entry| &entry.1) {
                change.replace(&clock, keys::stream(inode, stream), self.own(inode.tree, old), encoded(new));
            }
        }
        for key in self.marks() {
            change.put_record(key, &GoneRecord { born: self.present().current });
        }
        for touched in self.writes.shared.written() {
            change.put_shared(keys::shared(touched.key.0, touched.key.1), touched.new.clone());
        }
        for (key, value) in self.plain.drain(..) {
            set(&mut change, key, value);
        }
        self.named.drain(..).for_each(|run| change.named(self.shard.id, run.placement, run.blocks));
        self.released.drain(..).for_each(|run| change.released(self.shard.id, run.placement, run.blocks));
        change
    }

    /// The state of a record that a change ends, if it is one of its own tree: that of an origin stays what it is.
    fn own<'r, R: Versioned>(&self, tree: TreeId, old: Option<&'r R>) -> Option<&'r R> {
        old.filter(|old| !self.is_inherited(tree, old.born()))
    }

    /// Tells of each record that this change removes from a clone whose origin may have it: the tree, the key, and whether
    /// it was the clone's own.
    pub(crate) fn each_removed(&self, mut tell: impl FnMut(TreeId, Key, bool)) {
        if self.shard.clones.count() == 0 {
            return;
        }
        let mut of = |inode: InodeId, old: Epoch, key: &dyn Fn() -> Key| {
            let known = self.shard.clones.find(inode.tree);
            if let Some(known) = known.filter(|known| inode.number < known.record.first_own) {
                tell(inode.tree, key(), old > known.record.epoch);
            }
        };
        for touched in self.writes.inodes.written() {
            if let (Some(old), None) = (&touched.old, &touched.new) {
                of(touched.key, old.born, &|| keys::inode(touched.key));
            }
        }
        for touched in self.writes.usages.written() {
            if let (Some(old), None) = (&touched.old, &touched.new) {
                of(touched.key, old.born, &|| keys::usage(touched.key));
            }
        }
        for touched in self.writes.regions.written() {
            if let (Some(old), None) = (&touched.old, &touched.new) {
                of(touched.key.0, old.born, &|| keys::region(touched.key.0, touched.key.1));
            }
        }
        for touched in self.writes.buckets.written() {
            for (cookie, old) in removed(touched, |entry| entry.0, |entry| &entry.1) {
                of(touched.key.0, old.born, &|| keys::dentry(touched.key.0, cookie));
            }
        }
        for touched in self.writes.backlinks.written() {
            for ((directory, cookie), old) in removed(touched, |entry| (entry.0, entry.1), |entry| &entry.2) {
                of(touched.key, old.born, &|| backlink_key(touched.key, directory, cookie));
            }
        }
        for touched in self.writes.xattrs.written() {
            for (name, old) in removed(touched, |entry| entry.0.clone(), |entry| &entry.1) {
                of(touched.key, old.born, &|| keys::xattr(touched.key, &name));
            }
        }
        for touched in self.writes.streams.written() {
            for (stream, old) in removed(touched, |entry| entry.0, |entry| &entry.1) {
                of(touched.key, old.born, &|| keys::stream(touched.key, stream));
            }
        }
    }

    /// When the old state of a region ended, if a snapshot sees it.
    fn ended_region(&self, touched: &Touched<RegionKey, RegionRecord>) -> Option<Epoch> {
        let (inode, index) = touched.key;
        let old = self.own(inode.tree, touched.old.as_deref()).filter(|old| self.present().is_kept(old.born))?;
        let cut_at = self.writes.inodes.before(&inode).and_then(|file| file.cut_at(index, old.generation));
        let died = cut_at.unwrap_or_else(|| self.clock().current);
        self.shard.past.is_seen(inode.tree, old.born, died).then_some(died)
    }

    /// The snapshot clock and what is known of snapshots follow what was submitted: first what writers look at.
    fn follow_snapshots(&mut self) {
        if let Some(record) = self.ended.take() {
            self.shard.past.begin(record.clock.current);
            self.state.record = record;
            self.house.epochs.fetch_add(1, Ordering::AcqRel);
        }
        for (tree, known) in self.clones.drain(..) {
            match known {
                Some(known) => self.shard.clones.put(known),
                None => self.shard.clones.remove(tree),
            }
        }
        for (id, known) in self.snapshots.drain(..) {
            match known {
                Some(known) => self.shard.past.put(known),
                None => self.shard.past.remove(id),
            }
        }
    }

    /// Who caches a directory of which this changes something learns of it.
    fn break_directories(&mut self) {
        if !self.house.leases.is_any_of_directories() {
            return;
        }
        let mut directories = std::mem::take(&mut self.changed_in);
        directories.extend(self.writes.buckets.written().map(|touched| touched.key.0));
        directories.sort_unstable();
        directories.dedup();
        self.house.break_directories(&directories, self.spared);
    }

    /// Brings the caches up to what was submitted, still within the turn.
    fn publish(&self, version: Version) {
        let (records, watermark) = (&self.house.records, self.house.meta.watermark());
        for touched in self.writes.inodes.written() {
            self.publish_directory(touched);
            let decided = if is_passed_alike(touched) { records.inodes.get(&touched.key) } else { None };
            let decided = decided.map_or(version, |slot| slot.decided);
            records.inodes.put(touched.key, Slot { value: touched.new.clone(), version, decided }, watermark);
        }
        for touched in self.writes.usages.written() {
            records.usages.put(touched.key, Slot::new(touched.new.clone(), version), watermark);
        }
        for touched in self.writes.owners.written() {
            records.owners.put(touched.key.clone(), Slot::new(touched.new.clone(), version), watermark);
        }
        for touched in self.writes.xattrs.written() {
            let value = touched.new.clone().unwrap_or_default();
            records.xattrs.put(touched.key, Slot::new(value, version), watermark);
        }
        for touched in self.writes.streams.written() {
            let value = touched.new.clone().unwrap_or_default();
            records.streams.put(touched.key, Slot::new(value, version), watermark);
        }
        for touched in self.writes.descriptors.written() {
            records.descriptors.put(touched.key, Slot::new(touched.new.clone(), version), watermark);
        }
        for touched in self.writes.shared.written() {
            records.shared.put(touched.key, Slot::new(touched.new.clone(), version), watermark);
        }
        for touched in self.writes.regions.written() {
            records.regions.put(touched.key, Slot::new(touched.new.clone(), version), watermark);
        }
        for touched in self.writes.buckets.written() {
            let value = touched.new.clone().unwrap_or_default();
            let is_empty = value.is_empty();
            // Known to be there before it can be found, and to be gone after: whoever asks between sees the bucket.
            if !is_empty {
                records.names.note(touched.key, true);
            }
            records.buckets.put(touched.key, Slot::new(value, version), watermark);
            if is_empty {
                records.names.note(touched.key, false);
            }
        }
        for touched in self.writes.backlinks.written() {
            records.backlinks.put(touched.key, Slot::new(touched.new.clone().unwrap_or_default(), version), watermark);
        }
    }

    /// The names of a directory that is made by this change are all known, those of one that goes are of no use.
    fn publish_directory(&self, touched: &Touched<InodeId, InodeRecord>) {
        let is_directory = |record: &InodeRecord| record.file_type == FileType::Directory;
        match (touched.old.as_deref(), touched.new.as_deref()) {
            // But for the root of a clone, which begins with those of its origin.
            (None, Some(new)) if is_directory(new) && !self.shard.clones.is_root(touched.key) => {
                self.house.records.names.begin(touched.key);
            }
            (Some(old), None) if is_directory(old) => self.house.records.names.forget(touched.key),
            _ => {}
        }
    }
}

/// Whether this is a directory of which only times and counts changed: nothing to who passes through.
fn is_passed_alike(touched: &Touched<InodeId, InodeRecord>) -> bool {
    let (Some(old), Some(new)) = (touched.old.as_deref(), touched.new.as_deref()) else { return false };
    if new.file_type != FileType::Directory {
        return false;
    }
    let InodeRecord { born, accessed, modified, changed, change, size, .. } = *new;
    *new == InodeRecord { born, accessed, modified, changed, change, size, ..old.clone() }
}

/// The entries of a list that were removed, changed or added, by what names an entry. Lists may be long: a file can
/// have tens of thousands of names.
fn differences<K, E: PartialEq, I: Eq + Hash, V>(
    touched: &Touched<K, Vec<E>>,
    identity: impl Fn(&E) -> I,
    value: impl Fn(&E) -> &V,
) -> Vec<(I, Option<&V>, Option<&V>)> {
    let old = touched.old.as_deref().map_or(&[][..], Vec::as_slice);
    let new = touched.new.as_deref().map_or(&[][..], Vec::as_slice);
    let before: HashMap<I, &E> = old.iter().map(|entry| (identity(entry), entry)).collect();
    let after: HashSet<I> = new.iter().map(&identity).collect();
    let gone = old.iter().filter(|entry| !after.contains(&identity(entry)));
    let mut differences: Vec<_> = gone.map(|entry| (identity(entry), Some(value(entry)), None)).collect();
    for entry in new {
        let old = before.get(&identity(entry)).copied();
        if old != Some(entry) {
            differences.push((identity(entry), old.map(&value), Some(value(entry))));
        }
    }
    differences
}

/// Those that were removed.
fn removed<K, E: PartialEq, I: Eq + Hash, V>(
    touched: &Touched<K, Vec<E>>,
    identity: impl Fn(&E) -> I,
    value: impl Fn(&E) -> &V,
) -> Vec<(I, &V)> {
    let all = differences(touched, identity, value).into_iter();
    all.filter_map(|(identity, old, new)| old.filter(|_| new.is_none()).map(|old| (identity, old))).collect()
}

/// The tree in the key of a name is that of the live tree in clones too: what they have from their origin is found so.
fn backlink_key(inode: InodeId, directory: InodeNumber, cookie: Cookie) -> Key {
    keys::backlink(inode, TreeId::LIVE, directory, cookie)
}

fn set(change: &mut Change, key: Key, value: Option<Bytes>) {
    match value {
        Some(value) => change.put(key, value),
        None => change.delete(key),
    }
}

fn encoded<R: Record>(record: Option<&R>) -> Option<Bytes> {
    record.map(Record::encode)
}

/// Numbers that are reserved by one write of the shard's allocator.
const NUMBERS_RESERVED: u64 = 4096;
