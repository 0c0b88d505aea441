//! Who may have held locks when the house went down, and the end of the wait for them.

use std::collections::HashSet;
use std::time::Duration;

use kv::Direction;
use meta::keys::{self, KeyKind};
use meta::records::{NlmClientRecord, Record};
use meta::{Change, MetaError, Version};
use vfs::{ClientId, Failure, FsError, LockOwner, LockRecovery, ShardId};

use super::clients::RECORDS_PER_CHANGE;
use super::grace::Graces;
use super::register::{Register, Stored, record_of};
use super::roster::{Remembered, Roster};
use crate::Filesystem;
use crate::load::kind_of;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) fn do_lock_recovery(&self) -> LockRecovery {
        let register = self.locks.register();
        let grace_left = register.graces.left(self.clock.monotonic());
        LockRecovery { state: self.locks.state, clients: register.graces.clients(), grace_left }
    }

    /// Begins the grace periods of the shards in which clients are recorded.
    ///
    /// Errors: `Meta`.
    pub(crate) async fn begin_locks(&self) -> Result<(), MetaError> {
        let mut clients = Roster::default();
        for Stored { shard, id, client } in self.stored_clients().await? {
            let Some(client) = client else { continue };
            let mut shards = clients.find(id).map(|known| known.shards.clone()).unwrap_or_default();
            shards.insert(shard);
            clients.insert(Remembered { client, shards, version: Version::default(), used: None });
        }
        let graces = Graces::begin(&clients, self.clock.monotonic().saturating_add(self.settings.grace));
        if clients.len() > 0 {
            tracing::info!(clients = clients.len(), "locks held before the restart may be taken again");
        }
        *self.locks.register() = Register { clients, graces, forgotten: Version::default() };
        Ok(())
    }

    /// After a reload: memory has the locks still, so the records are made to say what memory does.
    ///
    /// Errors: `Meta`.
    pub(crate) async fn restore_lock_clients(&self) -> Result<(), MetaError> {
        let stored = self.stored_clients().await?;
        let last = {
            let mut register = self.locks.register();
            self.submit_difference(&mut register, &stored)?
        };
        self.meta.durable(last).await
    }

    /// Whether an owner may take a lock of a shard, or take it again, now; gives what must be durable before.
    ///
    /// Errors, in order: `InvalidArgument`, `Grace`, `TooManyLocks` (clients), `Io`.
    pub(super) fn admit_lock(&self, shard: ShardId, owner: &LockOwner, is_reclaim: bool) -> Result<Version, Failure> {
        let mut register = self.locks.register();
        let client = self.touch_client(&mut register, owner)?;
        let now = self.clock.monotonic();
        self.end_grace_if_due(&mut register, shard, now)?;
        let Register { graces, .. } = &mut *register;
        // After the grace period another may have had and left the lock in between.
        let may = if is_reclaim { graces.admit(shard, client, now) } else { !graces.is_on(shard) };
        if !may {
            return Err(FsError::Grace.into());
        }
        // The shard of a file is another than that of its export where zones overlap.
        let recorded = self.record_at(&mut register, client, shard)?;
        Ok(recorded.max(register.forgotten))
    }

    /// What nobody may be told while it is not known: whether a lock of this shard is free.
    ///
    /// Errors, in order: `Grace`, `Io`.
    pub(super) fn require_no_grace(&self, shard: ShardId) -> Result<(), Failure> {
        let mut register = self.locks.register();
        self.end_grace_if_due(&mut register, shard, self.clock.monotonic())?;
        if register.graces.is_on(shard) { Err(FsError::Grace.into()) } else { Ok(()) }
    }

    /// Ends the grace period of a shard when it is due; clients that were not heard of are forgotten with it. There are
    /// such only when the time is up, and then it is so in all shards.
    ///
    /// Errors: `Io`; it goes on then.
    pub(super) fn end_grace_if_due(
        &self,
        register: &mut Register,
        shard: ShardId,
        now: Duration,
    ) -> Result<(), Failure> {
        if !register.graces.is_due(shard, now) {
            return Ok(());
        }
        let is_unheard = |client: &ClientId| register.clients.find(*client).is_some_and(|known| known.used.is_none());
        let silent: Vec<_> = register.graces.silent(shard).filter(is_unheard).collect();
        if let Some(version) = self.forget(register, &silent)? {
            register.forgotten = version;
        }
        register.graces.end(shard);
        tracing::info!(shard = shard.0, forgotten = silent.len(), "new locks may be taken");
        Ok(())
    }

    async fn stored_clients(&self) -> Result<Vec<Stored>, MetaError> {
        let mut stored = Vec::new();
        for shard in self.shards.ids() {
            self.stored_clients_of(shard, &mut stored).await?;
        }
        Ok(stored)
    }

    async fn stored_clients_of(&self, shard: ShardId, stored: &mut Vec<Stored>) -> Result<(), MetaError> {
        let mut range = keys::nlm_client_range(shard);
        loop {
            let page = self.meta.scan(&range, RECORDS_PER_PAGE, Direction::Forward).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = range.after(last);
            for (key, value) in page {
                let KeyKind::NlmClient(id) = kind_of(&key)? else { continue };
                stored.push(Stored::new(shard, id, NlmClientRecord::decode_at(&key, &value)?));
            }
        }
    }

    /// Writes and deletes what differs; all of it is durable with the version that it gives.
    fn submit_difference(&self, register: &mut Register, stored: &[Stored]) -> Result<Version, MetaError> {
        let mut right = HashSet::new();
        let mut wrong = Vec::new();
        for stored in stored {
            let known = register.clients.find(stored.id).filter(|known| known.shards.contains(&stored.shard));
            match known {
                Some(known) if stored.client.as_ref() == Some(&known.client) => drop(right.insert(stored.key())),
                Some(_) => {}
                None => wrong.push(stored),
            }
        }
        for some in wrong.chunks(RECORDS_PER_CHANGE) {
            let mut change = Change::new();
            some.iter().for_each(|wrong| change.delete(wrong.key()));
            self.meta.submit(change)?;
        }
        for known in register.clients.iter() {
            for missing in known.keys().filter(|key| !right.contains(key)) {
                let mut change = Change::new();
                change.put_record(missing, &record_of(&known.client));
                self.meta.submit(change)?;
            }
        }
        let last = self.meta.submitted();
        register.clients.written(last);
        register.forgotten = last;
        Ok(last)
    }
}

const RECORDS_PER_PAGE: usize = 1024;
