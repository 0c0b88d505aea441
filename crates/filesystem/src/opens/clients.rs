//! Remembering and forgetting clients: durably before their first lock, lazily after their last.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use meta::{Change, Version};
use vfs::{ClientId, Failure, FsError, LockClient, LockOwner, ShardId};

use super::register::{Register, record_of};
use super::roster::Remembered;
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
            register.graces.free(client);
            let removed = register.clients.remove(client);
            let deleted = removed.map(|removed| self.delete_records(&[removed]));
            // While nobody can remember it again: what it takes after that is its own.
            self.locks.table.free_client(client);
            deleted
        };
        let Some(deleted) = removed else { return Ok(()) };
        self.meta.durable(deleted?).await.map_err(|error| self.refuse(&error))
    }

    /// The client of an owner must be remembered, and is: takes note that it is there.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn touch_client(&self, register: &mut Register, owner: &LockOwner) -> Result<ClientId, FsError> {
        let LockOwner::Nlm { client, .. } = owner else { return Err(FsError::InvalidArgument) };
        let found = register.clients.touch(*client, self.clock.monotonic());
        found.map(|found| found.client.id).ok_or(FsError::InvalidArgument)
    }

    /// A client may have been freed while it was granted something: then that goes too.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn confirm_client(&self, owner: &LockOwner) -> Result<(), FsError> {
        let LockOwner::Nlm { client, .. } = owner else { return Ok(()) };
        let register = self.locks.register();
        if register.clients.contains(*client) {
            return Ok(());
        }
        self.locks.table.free_client(*client);
        Err(FsError::InvalidArgument)
    }

    /// At most once a second: ends the breaks of leases and the grace periods that are due, and forgets clients that have
    /// held nothing for a while. Says whether there were any.
    pub(crate) fn locks_round(&self) -> bool {
        let now = self.clock.monotonic();
        {
            let mut looked = self.locks.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|looked| now < looked + INTERVAL) {
                return false;
            }
            *looked = Some(now);
        }
        self.leases.expire(now);
        let mut register = self.locks.register();
        for shard in register.graces.due(now) {
            if self.end_grace_if_due(&mut register, shard, now).is_err() {
                return false;
            }
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
            let records: Vec<_> = some.iter().filter_map(|client| register.clients.find(*client).cloned()).collect();
            last = Some(self.delete_records(&records)?);
            some.iter().for_each(|client| drop(register.clients.remove(*client)));
        }
        Ok(last)
    }

    /// A client has a record in this shard too, where it is to take a lock.
    ///
    /// Errors, in order: `InvalidArgument`, `TooManyLocks`, `Io`.
    pub(super) fn record_at(
        &self,
        register: &mut Register,
        client: ClientId,
        shard: ShardId,
    ) -> Result<Version, Failure> {
        let known = register.clients.find(client).ok_or(FsError::InvalidArgument)?;
        if known.shards.contains(&shard) {
            return Ok(known.version);
        }
        let mut next = known.clone();
        next.shards.insert(shard);
        self.record_client(register, next)
    }

    fn remember(&self, shard: ShardId, client: LockClient) -> Result<Version, Failure> {
        let mut register = self.locks.register();
        let now = self.clock.monotonic();
        let (mut shards, mut since, mut state) = (BTreeSet::from([shard]), client.since, client.state);
        let mut restarted = false;
        if let Some(known) = register.clients.touch(client.id, now) {
            restarted = is_newer(client.state, known.client.state);
            state = if restarted || known.client.state == 0 { client.state } else { known.client.state };
            if known.is_current(shard, &LockClient { state, ..client.clone() }) {
                return Ok(known.version);
            }
            shards.extend(&known.shards);
            since = known.client.since;
        }
        if restarted {
            // Its notice is still on the way or lost.
            register.graces.free(client.id);
            self.locks.table.free_client(client.id);
        }
        let client = LockClient { since, state, ..client };
        let next = Remembered { client, shards, version: Version::default(), used: Some(now) };
        self.record_client(&mut register, next)
    }

    /// Writes what a client becomes, and has it so in memory.
    ///
    /// Errors, in order: `TooManyLocks`, `Io`; nothing changed.
    fn record_client(&self, register: &mut Register, next: Remembered) -> Result<Version, Failure> {
        if !register.clients.has_room_for(&next) {
            return Err(FsError::TooManyLocks.into());
        }
        let mut change = Change::new();
        next.keys().for_each(|key| change.put_record(key, &record_of(&next.client)));
        let version = self.meta.submit(change).map_err(|error| self.refuse(&error))?;
        register.clients.insert(Remembered { version, ..next });
        Ok(version)
    }

    fn idle_clients(&self, register: &mut Register, now: Duration) -> Vec<ClientId> {
        let Register { clients, graces, .. } = register;
        let is_over = |known: &Remembered| !known.shards.iter().any(|shard| graces.is_on(*shard));
        // Within the grace period whether it was heard of is what counts.
        let known: Vec<_> = clients.iter().filter(|known| is_over(known)).map(|known| known.client.id).collect();
        let mut idle = Vec::new();
        for client in known {
            if self.locks.table.is_held_by(client) {
                clients.touch(client, now);
            } else if now >= clients.used_since(client, now) + IDLE {
                idle.push(client);
            }
        }
        idle
    }

    fn delete_records(&self, clients: &[Remembered]) -> Result<Version, Failure> {
        let mut change = Change::new();
        clients.iter().flat_map(Remembered::keys).for_each(|key| change.delete(key));
        self.meta.submit(change).map_err(|error| self.refuse(&error))
    }
}

/// Whether a client with this state number started after the one with that; numbers wrap, and 0 is not known. A number
/// never goes back: two machines that call themselves the same would free each other's locks again and again.
fn is_newer(state: u32, known: u32) -> bool {
    state != 0 && known != 0 && state != known && state.wrapping_sub(known) < 1 << 31
}

/// Longest name of a client, in bytes.
const NAME_BYTES_MAX: usize = 1024;
/// Clients whose records are deleted by one change.
pub(super) const RECORDS_PER_CHANGE: usize = 1024;
/// How long a client that holds nothing is remembered: taking a lock now and then is not to cost a write each time.
const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(1);
