//! Entries of directories within a turn.

use std::sync::Arc;

use meta::keys::{SLOT_BITS, cookie_of, fold, next_slot};
use meta::records::{BacklinkRecord, DentryRecord};
use vfs::{Case, Cookie, FsError, InodeId, InodeNumber, Name, TreeId};

use super::{Step, Stop, Turn};
use crate::cache::{Backlinks, Bucket, BucketEntry, Miss};

/// An entry as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its place in the directory.
    pub(crate) cookie: Cookie,
    /// What it says.
    pub(crate) dentry: DentryRecord,
    /// The inode it names.
    pub(crate) target: InodeId,
}

/// The inode that an entry of `directory` names: in another shard when it is the root of one.
pub(crate) fn target_of(directory: InodeId, dentry: &DentryRecord) -> InodeId {
    match dentry.shard {
        Some(shard) => InodeId { shard, tree: TreeId::LIVE, number: InodeNumber::ROOT },
        None => InodeId { shard: directory.shard, tree: tree_of(directory, dentry), number: dentry.number },
    }
}

/// What is in the past leads to what is in the same past.
fn tree_of(directory: InodeId, dentry: &DentryRecord) -> TreeId {
    if directory.tree.is_past() { directory.tree } else { dentry.tree }
}

/// The entry of a bucket with this name; where case does not matter, one that is written the same way goes first.
pub(crate) fn find_in(directory: InodeId, bucket: &[BucketEntry], (name, case): (&Name, Case)) -> Option<Found> {
    let exact = bucket.iter().find(|(_, dentry)| dentry.name == *name);
    let (cookie, dentry) = match case {
        Case::Sensitive => exact,
        Case::Insensitive => exact.or_else(|| alike(bucket, name)),
    }?;
    Some(Found { cookie: *cookie, dentry: dentry.clone(), target: target_of(directory, dentry) })
}

fn alike<'b>(bucket: &'b [BucketEntry], name: &Name) -> Option<&'b BucketEntry> {
    let folded = fold(name.as_bytes());
    bucket.iter().find(|(_, dentry)| fold(dentry.name.as_bytes()) == folded)
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Finds an entry by its exact name.
    pub(crate) fn find(&mut self, directory: InodeId, name: &Name) -> Step<Option<Found>> {
        self.find_as(directory, (name, Case::Sensitive))
    }

    /// Finds an entry by its name.
    pub(crate) fn find_as(&mut self, directory: InodeId, (name, case): (&Name, Case)) -> Step<Option<Found>> {
        let bucket = self.bucket(directory, self.house.hasher.hash47(name))?;
        Ok(find_in(directory, &bucket, (name, case)))
    }

    /// Adds an entry; the name must not exist.
    pub(crate) fn add_dentry(&mut self, directory: InodeId, dentry: DentryRecord) -> Step<Cookie> {
        let hash = self.house.hasher.hash47(&dentry.name);
        let bucket = self.bucket(directory, hash)?;
        let cookie = self.free_cookie(hash, &dentry.name, &bucket)?;
        let mut entries = (*bucket).clone();
        entries.push((cookie, DentryRecord { born: self.clock().current, ..dentry }));
        self.writes.buckets.put((directory, hash), Some(entries.into()));
        Ok(cookie)
    }

    /// The first free slot from that of the name on.
    fn free_cookie(&self, hash: u64, name: &Name, bucket: &[BucketEntry]) -> Step<Cookie> {
        let mut slot = self.house.hasher.slot16(hash, name);
        for _ in 0..=bucket.len() {
            let cookie = cookie_of(hash, slot);
            if bucket.iter().all(|(taken, _)| *taken != cookie) {
                return Ok(cookie);
            }
            slot = next_slot(hash, slot);
        }
        Err(FsError::NoSpace.into())
    }

    /// Removes an entry that was found.
    pub(crate) fn remove_dentry(&mut self, directory: InodeId, cookie: Cookie) -> Step<()> {
        let hash = cookie.0 >> SLOT_BITS;
        let mut entries = (*self.bucket(directory, hash)?).clone();
        entries.retain(|(found, _)| *found != cookie);
        self.writes.buckets.put((directory, hash), Some(entries.into()));
        Ok(())
    }

    /// All names of an inode that has several, oldest first; empty for one that never had.
    pub(crate) fn backlinks(&mut self, inode: InodeId) -> Step<Backlinks> {
        if let Some(touched) = self.writes.backlinks.find(&inode) {
            return Ok(touched.unwrap_or_default());
        }
        let slot = self.house.records.backlinks.get(&inode).ok_or(Stop::Miss(Miss::Backlinks(inode)))?;
        self.seen.note(slot.version);
        self.writes.backlinks.read(inode, Some(Arc::clone(&slot.value)));
        Ok(slot.value)
    }

    /// Adds a name to those of an inode.
    pub(crate) fn add_backlink(&mut self, inode: InodeId, directory: InodeNumber, cookie: Cookie) -> Step<()> {
        let mut all = (*self.backlinks(inode)?).clone();
        let sequence = all.last().map_or(0, |(_, _, last)| last.sequence + 1);
        all.push((directory, cookie, BacklinkRecord { born: self.clock().current, sequence, name: None }));
        self.writes.backlinks.put(inode, Some(all.into()));
        Ok(())
    }

    /// Takes a name from those of an inode.
    pub(crate) fn remove_backlink(&mut self, inode: InodeId, directory: InodeNumber, cookie: Cookie) -> Step<()> {
        let mut all = (*self.backlinks(inode)?).clone();
        all.retain(|(found, at, _)| (*found, *at) != (directory, cookie));
        self.writes.backlinks.put(inode, Some(all.into()));
        Ok(())
    }

    /// The name of an entry by its place.
    pub(crate) fn name_at(&mut self, directory: InodeId, cookie: Cookie) -> Step<Option<Name>> {
        let bucket = self.bucket(directory, cookie.0 >> SLOT_BITS)?;
        Ok(bucket.iter().find(|(place, _)| *place == cookie).map(|(_, dentry)| dentry.name.clone()))
    }

    fn bucket(&mut self, directory: InodeId, hash: u64) -> Step<Bucket> {
        let key = (directory, hash);
        if let Some(touched) = self.writes.buckets.find(&key) {
            return Ok(touched.unwrap_or_default());
        }
        let bucket = match self.house.records.buckets.get(&key) {
            Some(slot) => {
                self.seen.note(slot.version);
                slot.value
            }
            None if self.house.records.names.lacks(&key) => Bucket::default(),
            None => return Err(Stop::Miss(Miss::Bucket(key))),
        };
        self.writes.buckets.read(key, Some(Arc::clone(&bucket)));
        Ok(bucket)
    }
}
