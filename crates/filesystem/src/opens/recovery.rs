//! Who may have held locks when the house went down, and the end of the wait for them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use kv::Direction;
use meta::keys::{self, KeyKind};
use meta::records::{NlmClientRecord, Record};
use meta::{Change, MetaError, Version};
use vfs::{ClientId, Failure, FsError, LockOwner, LockRecovery, ShardId};

use super::clients::RECORDS_PER_CHANGE;
use super::grace::Grace;
use super::register::{Register, Remembered, Stored, record_of};
use crate::Filesystem;
use crate::load::kind_of;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) fn do_lock_recovery(&self) -> LockRecovery {
        let register = self.locks.register();
        let grace_left = register.grace.left(self.clock.monotonic());
        LockRecovery { state: self.locks.state, clients: register.grace.clients(), grace_left }
    }

    /// Begins the grace period for the clients that are recorded.
    ///
    /// Errors: `Meta`.
    pub(crate) async fn begin_locks(&self) -> Result<(), MetaError> {
        let stored = self.stored_clients().await?;
        let remembered = |stored: &Stored| {
            let client = stored.client.clone()?;
            let (shard, version) = (stored.shard, Version::default());
            Some((stored.id, Remembered { client, shard, version, used: None }))
        };
        let clients: BTreeMap<ClientId, Remembered> = stored.iter().filter_map(remembered).collect();
        let before = clients.values().map(|remembered| remembered.client.clone()).collect();
        let ends = self.clock.monotonic().saturating_add(self.settings.grace);
        let grace = Grace::begin(before, ends);
        if grace.is_on() {
            tracing::info!(clients = clients.len(), "locks held before the restart may be taken again");
        }
        *self.locks.register() = Register { clients, grace, forgotten: Version::default() };
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

    /// Whether an owner may take a lock, or take it again, now; gives what must be durable before.
    ///
    /// Errors, in order: `InvalidArgument`, `Grace`, `Io`.
    pub(super) fn admit_lock(&self, owner: &LockOwner, is_reclaim: bool) -> Result<Version, Failure> {
        let mut register = self.locks.register();
        let client = self.touch_client(&mut register, owner)?;
        let now = self.clock.monotonic();
        self.end_grace_if_due(&mut register, now)?;
        // After the grace period another may have had and left the lock in between.
        let may = if is_reclaim { register.grace.admit(client, now) } else { !register.grace.is_on() };
        if may { Ok(register.forgotten) } else { Err(FsError::Grace.into()) }
    }

    /// What nobody may be told while it is not known: whether a lock is free.
    ///
    /// Errors, in order: `Grace`, `Io`.
    pub(super) fn require_no_grace(&self) -> Result<(), Failure> {
        let mut register = self.locks.register();
        self.end_grace_if_due(&mut register, self.clock.monotonic())?;
        if register.grace.is_on() { Err(FsError::Grace.into()) } else { Ok(()) }
    }

    /// Ends the grace period when it is due; clients that were not heard of are forgotten with it.
    ///
    /// Errors: `Io`; it goes on then.
    pub(super) fn end_grace_if_due(&self, register: &mut Register, now: Duration) -> Result<(), Failure> {
        if !register.grace.is_due(now) {
            return Ok(());
        }
        let was_seen = |client: &ClientId| register.clients.get(client).is_none_or(|client| client.used.is_some());
        let silent: Vec<_> = register.grace.silent().filter(|client| !was_seen(client)).collect();
        if let Some(version) = self.forget(register, &silent)? {
            register.forgotten = version;
        }
        register.grace.end();
        tracing::info!(forgotten = silent.len(), "new locks may be taken");
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
            let known = register.clients.get(&stored.id).filter(|known| known.shard == stored.shard);
            match known {
                Some(known) if stored.client.as_ref() == Some(&known.client) => drop(right.insert(stored.id)),
                Some(_) => {}
                None => wrong.push(stored),
            }
        }
        for some in wrong.chunks(RECORDS_PER_CHANGE) {
            let mut change = Change::new();
            some.iter().for_each(|wrong| change.delete(keys::nlm_client(wrong.shard, wrong.id)));
            self.meta.submit(change)?;
        }
        for missing in register.clients.values().filter(|known| !right.contains(&known.client.id)) {
            let mut change = Change::new();
            change.put_record(missing.key(), &record_of(&missing.client));
            self.meta.submit(change)?;
        }
        let last = self.meta.submitted();
        register.clients.values_mut().for_each(|known| known.version = last);
        register.forgotten = last;
        Ok(last)
    }
}

const RECORDS_PER_PAGE: usize = 1024;
