//! Remembering and forgetting clients: durably before their first lock, lazily after their last.

use std::sync::PoisonError;
use std::time::Duration;

use meta::{Change, Version, keys};
use vfs::{ClientId, Failure, FsError, LockClient, LockOwner, ShardId};

use super::register::{Register, Remembered, record_of};
use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_remember_lock_client(&self, shard: ShardId, client: LockClient) -> Result<(), Failure> {
        if client.name.len() > NAME_BYTES_MAX {
            return Err(FsError::InvalidArgument.into());
        }
        self.shard(shard)?;
        self.meta.room().await.map_err(|error| self.refuse(&error))?;
        let version = self.remember(shard, client)?;
        self.meta.durable(version).await.map_err(|error| self.refuse(&error))
    }

    pub(crate) async fn do_free_lock_client(&self, client: ClientId) -> Result<(), Failure> {
        let removed = {
            let mut register = self.locks.register();
            register.grace.free(client);
            let removed = register.clients.remove(&client);
            removed.map(|removed| self.delete_records(&[removed]))
        };
        // After it is forgotten: a lock of it that is just being granted finds that out and goes too.
        self.locks.table.free_client(client);
        let Some(deleted) = removed else { return Ok(()) };
        self.meta.durable(deleted?).await.map_err(|error| self.refuse(&error))
    }

    /// The client of an owner must be remembered, and is: takes note that it is there.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn touch_client(&self, register: &mut Register, owner: &LockOwner) -> Result<ClientId, FsError> {
        let LockOwner::Nlm { client, .. } = owner else { return Err(FsError::InvalidArgument) };
        let remembered = register.clients.get_mut(client).ok_or(FsError::InvalidArgument)?;
        remembered.used = Some(self.clock.monotonic());
        Ok(*client)
    }

    /// A client may have been freed while it was granted something: then that goes too.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn confirm_client(&self, owner: &LockOwner) -> Result<(), FsError> {
        let LockOwner::Nlm { client, .. } = owner else { return Ok(()) };
        if self.locks.register().clients.contains_key(client) {
            return Ok(());
        }
        self.locks.table.free_client(*client);
        Err(FsError::InvalidArgument)
    }

    /// At most once a second: ends the grace period when it is due, and forgets clients that have held nothing for a
    /// while. Says whether there were any.
    pub(crate) fn locks_round(&self) -> bool {
        let now = self.clock.monotonic();
        {
            let mut looked = self.locks.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|looked| now < looked + INTERVAL) {
                return false;
            }
            *looked = Some(now);
        }
        let mut register = self.locks.register();
        if self.end_grace_if_due(&mut register, now).is_err() || register.grace.is_on() {
            return false;
        }
        let idle = self.idle_clients(&mut register, now);
        self.forget(&mut register, &idle).is_ok_and(|version| version.is_some())
    }

    /// Deletes the records of clients, and then forgets them.
    ///
    /// Errors: `Io`; those left are remembered.
    pub(super) fn forget(&self, register: &mut Register, clients: &[ClientId]) -> Result<Option<Version>, Failure> {
        let mut last = None;
        for some in clients.chunks(RECORDS_PER_CHANGE) {
            let records: Vec<_> = some.iter().filter_map(|client| register.clients.get(client).cloned()).collect();
            last = Some(self.delete_records(&records)?);
            some.iter().for_each(|client| drop(register.clients.remove(client)));
        }
        Ok(last)
    }

    fn remember(&self, shard: ShardId, client: LockClient) -> Result<Version, Failure> {
        let mut register = self.locks.register();
        let used = Some(self.clock.monotonic());
        let old = register.clients.get_mut(&client.id);
        if let Some(old) = old {
            old.used = used;
            if old.is_current(&client) {
                return Ok(old.version);
            }
            let client = LockClient { since: old.client.since, ..client };
            old.version = self.put_record(old.shard, &client)?;
            old.client = client;
            return Ok(old.version);
        }
        if register.clients.len() >= CLIENTS_MAX {
            return Err(FsError::TooManyLocks.into());
        }
        let version = self.put_record(shard, &client)?;
        register.clients.insert(client.id, Remembered { client, shard, version, used });
        Ok(version)
    }

    fn idle_clients(&self, register: &mut Register, now: Duration) -> Vec<ClientId> {
        let mut idle = Vec::new();
        for (id, client) in &mut register.clients {
            if self.locks.table.is_held_by(*id) {
                client.used = Some(now);
                continue;
            }
            if now >= *client.used.get_or_insert(now) + IDLE {
                idle.push(*id);
            }
        }
        idle
    }

    fn put_record(&self, shard: ShardId, client: &LockClient) -> Result<Version, Failure> {
        let mut change = Change::new();
        change.put_record(keys::nlm_client(shard, client.id), &record_of(client));
        self.meta.submit(change).map_err(|error| self.refuse(&error))
    }

    fn delete_records(&self, clients: &[Remembered]) -> Result<Version, Failure> {
        let mut change = Change::new();
        clients.iter().for_each(|client| change.delete(client.key()));
        self.meta.submit(change).map_err(|error| self.refuse(&error))
    }
}

/// Longest name of a client, in bytes.
const NAME_BYTES_MAX: usize = 1024;
/// Most clients that are remembered.
pub(super) const CLIENTS_MAX: usize = 65_536;
/// Records of clients that are written or deleted by one change.
pub(super) const RECORDS_PER_CHANGE: usize = 1024;
/// How long a client that holds nothing is remembered: taking a lock now and then is not to cost a write each time.
const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(1);
