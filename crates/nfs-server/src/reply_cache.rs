//! Answers to requests that must not be done twice (RFC 1813 4.7): a retransmission gets the stored reply.
//!
//! One cache per zone, bounded by bytes; of the client that holds most the oldest reply goes first, so that a busy client
//! does not push out the replies of others. A retransmission of a call that is still being done waits for its reply, and
//! when that call is given up it is done by the one who waited: no call goes unanswered.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use admission::client_network;
use bytes::Bytes;
use tokio::sync::oneshot;

/// What makes two calls the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReplyKey {
    client: IpAddr,
    xid: u32,
    checksum: [u8; 16],
}

/// Replies of one zone.
#[derive(Debug)]
pub(crate) struct ReplyCache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    shard_bytes_max: usize,
}

/// What to do with a call.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    /// It is new: do it and give the reply to the ticket.
    New(Ticket<'a>),
    /// It was done: send this again.
    Done(Bytes),
    /// It is being done: the reply comes here; an error means that it was given up, and the call is to be admitted
    /// again.
    Running(oneshot::Receiver<Bytes>),
    /// So many retransmissions of it wait already that one more would only cost memory.
    Flooded,
}

/// The right to do a call. Dropped without a reply it lets those who wait do the call themselves.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    cache: &'a ReplyCache,
    key: ReplyKey,
    finished: bool,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<ReplyKey, Entry>,
    stored: HashMap<IpAddr, Stored>,
    /// Who holds how much; who holds most stands last.
    by_bytes: BTreeSet<(usize, IpAddr)>,
    bytes: usize,
}

/// What is stored for one client, as [`client_network`] tells them apart.
#[derive(Debug, Default)]
struct Stored {
    /// Oldest first.
    keys: VecDeque<ReplyKey>,
    bytes: usize,
}

#[derive(Debug)]
enum Entry {
    Running(Vec<oneshot::Sender<Bytes>>),
    Done(Bytes),
}

impl ReplyKey {
    /// The key of a call: who sent it, its xid, and what it says.
    pub(crate) fn of(client: IpAddr, xid: u32, record: &[u8]) -> Self {
        let hash = blake3::hash(record);
        Self { client, xid, checksum: hash.as_bytes().first_chunk().copied().unwrap_or_default() }
    }

    /// The request within a client's slot, as the house compares it after a restart.
    pub(crate) fn request(&self) -> u64 {
        let checksum = self.checksum.first_chunk().copied().map_or(0, u32::from_be_bytes);
        u64::from(self.xid) << 32 | u64::from(checksum)
    }

    /// The client's slot in which the house stores the outcome. Requests that follow each other have different slots:
    /// Linux counts its xids up in the machine's own byte order, others in that of the wire.
    pub(crate) fn slot(&self) -> u32 {
        (self.xid ^ self.xid.swap_bytes()) % STORE_SLOTS
    }
}

impl ReplyCache {
    /// A cache of at most this many bytes of replies and their keys.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / SHARDS,
        }
    }

    /// Says what to do with a call.
    pub(crate) fn admit(&self, key: ReplyKey) -> Admission<'_> {
        let mut shard = self.shard(&key);
        match shard.entries.get_mut(&key) {
            None => {
                shard.entries.insert(key, Entry::Running(Vec::new()));
                Admission::New(Ticket { cache: self, key, finished: false })
            }
            Some(Entry::Done(reply)) => Admission::Done(reply.clone()),
            Some(Entry::Running(waiting)) => {
                waiting.retain(|sender| !sender.is_closed());
                if waiting.len() >= WAITERS_MAX {
                    return Admission::Flooded;
                }
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Admission::Running(receiver)
            }
        }
    }

    /// Bytes held now.
    pub(crate) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).bytes).sum()
    }

    fn shard(&self, key: &ReplyKey) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        self.shards.get(index).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// Stores the reply and gives it to all who wait.
    pub(crate) fn finish(mut self, reply: &Bytes) {
        self.finished = true;
        let waiting = self.cache.shard(&self.key).store(self.key, reply, self.cache.shard_bytes_max);
        for sender in waiting {
            // Who does not listen any more has gone.
            drop(sender.send(reply.clone()));
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The senders go with the entry, which wakes those who wait.
            let given_up = self.cache.shard(&self.key).entries.remove(&self.key);
            drop(given_up);
        }
    }
}

impl Shard {
    fn store(&mut self, key: ReplyKey, reply: &Bytes, bytes_max: usize) -> Vec<oneshot::Sender<Bytes>> {
        let before = self.entries.insert(key, Entry::Done(reply.clone()));
        self.change(client_network(key.client), |stored| {
            stored.bytes += cost(reply);
            stored.keys.push_back(key);
        });
        while self.bytes > bytes_max {
            let Some((_, client)) = self.by_bytes.last().copied() else { break };
            self.evict(client);
        }
        match before {
            Some(Entry::Running(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    /// Forgets the oldest reply of a client.
    fn evict(&mut self, client: IpAddr) {
        let Some(oldest) = self.stored.get(&client).and_then(|stored| stored.keys.front().copied()) else {
            // Not reached: who has nothing stored is not among those who hold something.
            self.change(client, |stored| stored.bytes = 0);
            return;
        };
        let freed = match self.entries.remove(&oldest) {
            Some(Entry::Done(reply)) => cost(&reply),
            _ => 0,
        };
        self.change(client, |stored| {
            stored.bytes = stored.bytes.saturating_sub(freed);
            stored.keys.pop_front();
        });
    }

    /// Changes what is stored for a client, and keeps the sums.
    fn change(&mut self, client: IpAddr, change: impl FnOnce(&mut Stored)) {
        let stored = self.stored.entry(client).or_default();
        let before = stored.bytes;
        change(stored);
        let after = stored.bytes;
        if stored.keys.is_empty() {
            self.stored.remove(&client);
        }
        self.by_bytes.remove(&(before, client));
        if after > 0 {
            self.by_bytes.insert((after, client));
        }
        self.bytes = (self.bytes + after).saturating_sub(before);
    }
}

fn cost(reply: &Bytes) -> usize {
    reply.len() + ENTRY_BYTES
}

const SHARDS: usize = 16;
/// What an entry takes beside its reply: key twice, table, queue, header of the allocation.
const ENTRY_BYTES: usize = 200;
/// Most retransmissions of one call that wait for its reply.
const WAITERS_MAX: usize = 16;
/// Slots of each client in the store, about 60 bytes each: what a client has in flight seldom spans as many calls.
const STORE_SLOTS: u32 = 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn key(xid: u32, record: &[u8]) -> ReplyKey {
        ReplyKey::of(Ipv4Addr::LOCALHOST.into(), xid, record)
    }

    fn begin(cache: &ReplyCache, key: ReplyKey) -> Ticket<'_> {
        match cache.admit(key) {
            Admission::New(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_retransmission_gets_the_stored_reply() {
        let cache = ReplyCache::new(1 << 20);
        begin(&cache, key(1, b"remove a")).finish(&Bytes::from_static(b"done"));
        assert!(matches!(cache.admit(key(1, b"remove a")), Admission::Done(reply) if reply == "done"));
    }

    #[test]
    fn calls_that_follow_each_other_have_different_slots_however_xids_are_counted() {
        for start in [0, 1, 0x7f3a_b2ff, 0xffff_fff0_u32] {
            let slots = |count: fn(u32, u32) -> u32| -> std::collections::HashSet<u32> {
                (0..STORE_SLOTS).map(|call| key(count(start, call), b"x").slot()).collect()
            };
            let big_endian = slots(|start, call| start.wrapping_add(call)).len();
            let little_endian = slots(|start, call| start.wrapping_add(call).swap_bytes()).len();
            assert_eq!(big_endian, little_endian);
            // Where a counter carries into the upper half a few slots are used twice.
            assert!(big_endian >= STORE_SLOTS as usize * 3 / 4, "{start:x}: {big_endian}");
        }
    }

    #[test]
    fn another_client_xid_or_call_is_another_call() {
        let cache = ReplyCache::new(1 << 20);
        begin(&cache, key(1, b"remove a")).finish(&Bytes::from_static(b"done"));
        let other_client = ReplyKey::of(Ipv4Addr::BROADCAST.into(), 1, b"remove a");
        for other in [key(2, b"remove a"), key(1, b"remove b"), other_client] {
            assert!(matches!(cache.admit(other), Admission::New(_)));
        }
    }

    #[test]
    fn who_comes_while_it_is_done_waits_for_the_reply() {
        let cache = ReplyCache::new(1 << 20);
        let ticket = begin(&cache, key(1, b"x"));
        let Admission::Running(mut receiver) = cache.admit(key(1, b"x")) else { panic!("not running") };
        assert!(receiver.try_recv().is_err());
        ticket.finish(&Bytes::from_static(b"done"));
        assert_eq!(receiver.try_recv().unwrap(), "done");
    }

    #[test]
    fn a_call_that_was_given_up_is_done_by_the_one_who_waited() {
        let cache = ReplyCache::new(1 << 20);
        let ticket = begin(&cache, key(1, b"x"));
        let Admission::Running(mut receiver) = cache.admit(key(1, b"x")) else { panic!("not running") };
        drop(ticket);
        assert_eq!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        begin(&cache, key(1, b"x")).finish(&Bytes::new());
    }

    #[test]
    fn waiting_is_bounded_and_those_who_left_make_room() {
        let cache = ReplyCache::new(1 << 20);
        let _ticket = begin(&cache, key(1, b"x"));
        let waiting: Vec<_> = (0..WAITERS_MAX).map(|_| cache.admit(key(1, b"x"))).collect();
        assert!(waiting.iter().all(|admission| matches!(admission, Admission::Running(_))));
        assert!(matches!(cache.admit(key(1, b"x")), Admission::Flooded));
        drop(waiting);
        assert!(matches!(cache.admit(key(1, b"x")), Admission::Running(_)));
    }

    #[test]
    fn bytes_are_bounded_and_the_oldest_goes_first() {
        let cache = ReplyCache::new(SHARDS * 3000);
        for xid in 0..10_000 {
            begin(&cache, key(xid, b"x")).finish(&Bytes::from(vec![0; 100]));
        }
        let held: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        let entries: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().entries.len()).sum();
        assert!(held <= SHARDS * 3000 && entries == SHARDS * 10, "{held} bytes, {entries} entries");
        assert!(matches!(cache.admit(key(0, b"x")), Admission::New(_)));
        assert!(matches!(cache.admit(key(9_999, b"x")), Admission::Done(_)));
    }

    #[test]
    fn a_busy_client_does_not_push_out_the_replies_of_others() {
        let cache = ReplyCache::new(SHARDS * 3000);
        let quiet = ReplyKey::of(Ipv4Addr::BROADCAST.into(), 1, b"x");
        begin(&cache, quiet).finish(&Bytes::from(vec![0; 100]));
        for xid in 0..10_000 {
            begin(&cache, key(xid, b"x")).finish(&Bytes::from(vec![0; 100]));
        }
        assert!(matches!(cache.admit(quiet), Admission::Done(_)));
        for shard in &cache.shards {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.bytes, shard.by_bytes.iter().map(|(bytes, _)| bytes).sum::<usize>());
            assert_eq!(shard.entries.len(), shard.stored.values().map(|stored| stored.keys.len()).sum::<usize>());
        }
    }

    #[test]
    fn a_reply_larger_than_the_cache_is_not_kept() {
        let cache = ReplyCache::new(SHARDS * 100);
        begin(&cache, key(1, b"x")).finish(&Bytes::from_static(b"done"));
        assert!(matches!(cache.admit(key(1, b"x")), Admission::New(_)));
    }
}
