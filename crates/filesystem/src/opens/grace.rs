//! The grace periods after a restart, one in each shard: clients that were known there before may take their locks
//! again, others wait. What the clients of one tenant do or do not is nothing to the others.

use std::collections::BTreeMap;
use std::time::Duration;

use vfs::{ClientId, LockClient, ShardId};

use super::roster::Roster;

/// The grace periods of the shards in which there were clients; those that are over too. Times are on the monotonic
/// clock.
#[derive(Debug, Default)]
pub(super) struct Graces(BTreeMap<ShardId, Grace>);

/// Who may take locks again in a shard, and until when.
#[derive(Debug, Default)]
struct Grace {
    /// When it ends at the latest; `None` when it is over.
    ends: Option<Duration>,
    before: BTreeMap<ClientId, Reclaiming>,
}

/// A client that was known before the restart.
#[derive(Debug)]
struct Reclaiming {
    client: LockClient,
    /// When it last asked for a lock that it had before.
    last: Option<Duration>,
}

impl Graces {
    /// Begins where there are clients.
    pub(super) fn begin(clients: &Roster, ends: Duration) -> Self {
        let mut shards: BTreeMap<ShardId, Grace> = BTreeMap::new();
        for known in clients.iter() {
            for shard in &known.shards {
                let grace = shards.entry(*shard).or_default();
                grace.ends = Some(ends);
                grace.before.insert(known.client.id, Reclaiming { client: known.client.clone(), last: None });
            }
        }
        Self(shards)
    }

    /// Whether only locks held before may be taken in a shard, as far as it is known: [`Graces::is_due`] says when that
    /// must end.
    pub(super) fn is_on(&self, shard: ShardId) -> bool {
        self.0.get(&shard).is_some_and(|grace| grace.ends.is_some())
    }

    /// Whether it is on in a shard and should not be: the time is up, or every client that is still waited for there has
    /// taken back what it had and asked for nothing for a while.
    pub(super) fn is_due(&self, shard: ShardId, now: Duration) -> bool {
        self.0.get(&shard).is_some_and(|grace| grace.is_due(now))
    }

    /// The shards in which it is on and should not be.
    pub(super) fn due(&self, now: Duration) -> Vec<ShardId> {
        self.0.iter().filter(|(_, grace)| grace.is_due(now)).map(|(shard, _)| *shard).collect()
    }

    /// How long the one that ends last lasts at most.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let ends = self.0.values().filter(|grace| !grace.is_due(now)).filter_map(|grace| grace.ends);
        ends.max().map(|ends| ends.saturating_sub(now))
    }

    /// Ends it in a shard.
    pub(super) fn end(&mut self, shard: ShardId) {
        if let Some(grace) = self.0.get_mut(&shard) {
            grace.ends = None;
        }
    }

    /// Whether a client may take a lock of a shard again; takes note that it asked.
    pub(super) fn admit(&mut self, shard: ShardId, client: ClientId, now: Duration) -> bool {
        let grace = self.0.get_mut(&shard).filter(|grace| grace.ends.is_some());
        let found = grace.and_then(|grace| grace.before.get_mut(&client));
        found.map(|client| client.last = Some(now)).is_some()
    }

    /// A client restarted, or has nothing more: it is not waited for, nor told of our restart.
    pub(super) fn free(&mut self, client: ClientId) {
        for grace in self.0.values_mut() {
            grace.before.remove(&client);
        }
    }

    /// Clients that asked for nothing of what they had in a shard.
    pub(super) fn silent(&self, shard: ShardId) -> impl Iterator<Item = ClientId> {
        let before = self.0.get(&shard).into_iter().flat_map(|grace| &grace.before);
        before.filter(|(_, client)| client.last.is_none()).map(|(id, _)| *id)
    }

    /// The clients that were known before, each once.
    pub(super) fn clients(&self) -> Vec<LockClient> {
        let before = self.0.values().flat_map(|grace| &grace.before);
        let each: BTreeMap<_, _> = before.map(|(id, before)| (*id, &before.client)).collect();
        each.into_values().cloned().collect()
    }
}

impl Grace {
    fn is_due(&self, now: Duration) -> bool {
        let is_done = |client: &Reclaiming| client.last.is_some_and(|last| now >= last + RECLAIM_PAUSE);
        self.ends.is_some_and(|ends| now >= ends || self.before.values().all(is_done))
    }
}

/// How long a client asks for nothing before it counts as done: two retransmissions of Linux (10 s each) and more. A
/// reply that is lost must not cost the locks that come after it.
pub(super) const RECLAIM_PAUSE: Duration = Duration::from_secs(25);
