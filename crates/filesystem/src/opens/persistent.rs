//! Opens that survive a restart (MS-SMB2 3.3.1.10 `Open.IsPersistent`): each has a record that says all that memory does, with
//! its locks, durable before its client hears of what it says.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use kv::Direction;
use locking::{Link, MandatoryLock, NewOpen, Open, Persistent};
use meta::keys::{self, KeyKind};
use meta::records::{
    InodeRecord, OPEN_LOCKS_MAX, OpenRecord, Record, StoredFile, StoredLease, StoredLeaseKey, StoredLink, StoredLock,
};
use meta::{Change, MetaError, Version};
use vfs::acl::AccessMask;
use vfs::{
    Failure, FileType, FsError, InodeId, LeaseKey, LeaseRequest, LeaseState, LockKind, LockRange, Mailbox, OpenId,
    RestoredOpen, SessionId, ShardId, ShareMode, ZoneId,
};

use crate::Filesystem;
use crate::load::kind_of;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Makes durable what an open is now, if it survives a restart.
    ///
    /// Errors, in order: `TooManyLocks`, `Io`.
    pub(super) async fn keep(&self, open: &Open) -> Result<(), Failure> {
        if open.persistent.is_none() {
            return Ok(());
        }
        self.meta.room().await.map_err(|error| self.refuse(&error))?;
        let version = self.record_open(open)?;
        self.settle(version).await
    }

    /// The name of what is open has changed: who finds the open again finds it by that.
    pub(crate) fn keep_names(&self, inode: InodeId) {
        for open in self.opens.persistent_of(inode) {
            if let Err(failure) = self.record_open(&open) {
                tracing::warn!(open = ?open.id, ?failure, "an open is known by its old name after a restart");
            }
        }
    }

    /// An open has ended: there is nothing to come back to.
    pub(super) fn forget_open(&self, open: &Open) {
        if open.persistent.is_none() {
            return;
        }
        let _kept = self.locks.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut change = Change::new();
        change.delete(keys::open(open.inode.shard, open.id));
        if let Err(error) = self.meta.submit(change) {
            tracing::warn!(open = ?open.id, %error, "an open that has ended comes back after a restart, until its time is over");
        }
    }

    /// Brings back the opens that were there before the start or reload; they belong to nobody until somebody takes them
    /// over.
    ///
    /// Errors: `Meta`.
    pub(crate) async fn restore_opens(&self) -> Result<(), MetaError> {
        let mut count = 0;
        for shard in self.shards.ids() {
            for (id, record) in self.stored_opens(shard).await? {
                count += usize::from(self.restore_open((shard, id), record).await?);
            }
        }
        if count > 0 {
            tracing::info!(opens = count, "opens of before the restart wait for their clients");
        }
        Ok(())
    }

    /// What opens of a shard that survive a restart have open.
    ///
    /// Errors: `Meta`.
    pub(crate) async fn kept_open(&self, shard: ShardId) -> Result<HashSet<InodeId>, MetaError> {
        Ok(self.stored_opens(shard).await?.into_iter().map(|(_, record)| record.inode).collect())
    }

    async fn stored_opens(&self, shard: ShardId) -> Result<Vec<(OpenId, OpenRecord)>, MetaError> {
        let (mut range, mut stored) = (keys::open_range(shard), Vec::new());
        loop {
            let page = self.meta.scan(&range, RECORDS_PER_PAGE, Direction::Forward).await?;
            let Some((last, _)) = page.last() else { return Ok(stored) };
            range = range.after(last);
            for (key, value) in page {
                let KeyKind::Open(id) = kind_of(&key)? else { continue };
                stored.push((id, OpenRecord::decode_at(&key, &value)?));
            }
        }
    }

    pub(crate) fn do_restored_opens(&self) -> Vec<RestoredOpen> {
        let opens = self.opens.of_session(SessionId::RESTORED);
        let restored = opens.into_iter().filter_map(|id| self.opens.get(id)).filter_map(|open| {
            let persistent = open.persistent.as_ref()?;
            Some(RestoredOpen {
                open: open.id,
                inode: open.inode,
                file: open.stream_of.unwrap_or(open.inode),
                is_directory: persistent.is_directory,
                granted: open.granted(),
                lease: open.lease.and_then(|lease| lease.key),
                note: persistent.note.clone(),
            })
        });
        restored.collect()
    }

    /// `false` when it could not come back: what it had open is gone, or somebody stands in its way.
    async fn restore_open(&self, (shard, id): (ShardId, OpenId), record: OpenRecord) -> Result<bool, MetaError> {
        let Some(found) = self.stored::<InodeRecord>(record.inode, keys::inode).await?.value else {
            let mut change = Change::new();
            change.delete(keys::open(shard, id));
            self.meta.submit(change)?;
            return Ok(false);
        };
        let is_directory = found.file_type == FileType::Directory;
        let (share, locks, pending) = (share_of(record.share), record.locks.clone(), record.pending);
        let Ok(open) = self.opens.restore(id, opened(record, is_directory)) else { return Ok(false) };
        if pending {
            self.opens.set_pending(&open, true);
        }
        let is_back = self.reserve(share, &open).is_ok() && self.restore_lease(&open, is_directory);
        if !is_back {
            tracing::warn!(open = ?id, "an open of before the restart is in the way of another, and is gone");
            self.end_open(&open);
            return Ok(false);
        }
        for lock in locks {
            self.restore_lock(&open, lock);
        }
        Ok(true)
    }

    fn restore_lease(&self, open: &Open, is_directory: bool) -> bool {
        let mailbox = Arc::<Mailbox>::default();
        let is_granted = self.grant_lease(open, is_directory, &mailbox).is_ok();
        self.leases.announce(open.inode, open.id);
        self.leases.rehome(open.inode, open.id, (&mailbox, true));
        is_granted
    }

    fn restore_lock(&self, open: &Open, lock: StoredLock) {
        let kind = if lock.exclusive { LockKind::Exclusive } else { LockKind::Shared };
        let range = LockRange { offset: lock.offset, length: lock.length };
        let wanted = MandatoryLock { open: open.id, range, kind, since: self.clock.now() };
        if self.locks.table.lock_mandatory(open.inode, &wanted, None).is_err() {
            tracing::warn!(open = ?open.id, ?range, "a lock of before the restart could not be taken again");
        }
    }

    /// Writes down what an open is now, unless it has ended.
    ///
    /// Errors, in order: `TooManyLocks`, `Io`.
    fn record_open(&self, open: &Open) -> Result<Version, Failure> {
        let _kept = self.locks.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(persistent), Some(_)) = (&open.persistent, self.opens.get(open.id)) else {
            return Ok(Version::default());
        };
        let locks = self.locks.table.mandatory_of(open.inode, open.id);
        if locks.len() > OPEN_LOCKS_MAX {
            return Err(FsError::TooManyLocks.into());
        }
        let (link, pending) = self.opens.link(open);
        let file_link = self.opens.file_link(open).0;
        let record = OpenRecord {
            inode: open.inode,
            link: link.map(stored_link),
            stream_of: open.stream_of.map(|inode| StoredFile { inode, link: file_link.map(stored_link) }),
            access: open.granted().0,
            share: bits(persistent.share.read, persistent.share.write, persistent.share.delete),
            delete_on_close: open.delete_on_close,
            pending,
            lease: open.lease.map(stored_lease),
            locks: locks.into_iter().map(stored_lock).collect(),
            note: persistent.note.clone(),
        };
        let mut change = Change::new();
        change.put_record(keys::open(open.inode.shard, open.id), &record);
        self.meta.submit(change).map_err(|error| self.refuse(&error))
    }
}

fn opened(record: OpenRecord, is_directory: bool) -> NewOpen {
    NewOpen {
        inode: record.inode,
        session: SessionId::RESTORED,
        granted: AccessMask(record.access),
        link: record.link.map(link),
        delete_on_close: record.delete_on_close,
        lease: record.lease.as_ref().map(lease),
        stream_of: record.stream_of.map(|file| (file.inode, file.link.map(link))),
        persistent: Some(Persistent { share: share_of(record.share), is_directory, note: record.note }),
    }
}

fn link(stored: StoredLink) -> Link {
    Link { parent: stored.parent, name: stored.name }
}

fn stored_link(link: Link) -> StoredLink {
    StoredLink { parent: link.parent, name: link.name }
}

fn stored_lock((range, kind): (LockRange, LockKind)) -> StoredLock {
    StoredLock { offset: range.offset, length: range.length, exclusive: kind == LockKind::Exclusive }
}

fn lease(stored: &StoredLease) -> LeaseRequest {
    let (read, handle, write) = flags(stored.wanted);
    let epoch = stored.epoch.and_then(|epoch| u16::try_from(epoch).ok());
    LeaseRequest {
        wanted: LeaseState { read, handle, write },
        key: stored.key.map(lease_key),
        parent: stored.parent.map(lease_key),
        // Beyond what its client has been told since.
        epoch: epoch.map(|epoch| epoch.wrapping_add(EPOCHS_SKIPPED)),
    }
}

fn stored_lease(lease: LeaseRequest) -> StoredLease {
    StoredLease {
        key: lease.key.map(stored_key),
        parent: lease.parent.map(stored_key),
        wanted: bits(lease.wanted.read, lease.wanted.handle, lease.wanted.write),
        epoch: lease.epoch.map(u32::from),
    }
}

fn lease_key(stored: StoredLeaseKey) -> LeaseKey {
    let (client, key) = (u128::from_be_bytes(stored.client), u128::from_be_bytes(stored.key));
    LeaseKey { zone: ZoneId(stored.zone), client, key }
}

fn stored_key(key: LeaseKey) -> StoredLeaseKey {
    StoredLeaseKey { zone: key.zone.0, client: key.client.to_be_bytes(), key: key.key.to_be_bytes() }
}

fn share_of(stored: u8) -> ShareMode {
    let (read, write, delete) = flags(stored);
    ShareMode { read, write, delete }
}

fn bits(first: bool, second: bool, third: bool) -> u8 {
    u8::from(first) | u8::from(second) << 1 | u8::from(third) << 2
}

fn flags(bits: u8) -> (bool, bool, bool) {
    (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)
}

const RECORDS_PER_PAGE: usize = 1024;
/// Changes of a lease that its client may have heard of since it was granted.
const EPOCHS_SKIPPED: u16 = 0x1000;
