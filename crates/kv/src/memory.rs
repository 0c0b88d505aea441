//! The in-memory engine: the reference that tests of the floors above run on. It keeps the versions of a key that some
//! open view still reads, and nothing more.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::{Batch, Direction, Engine, Entry, JournalEntry, KvError, Scan, Version, View, limits};

/// An engine that keeps everything in memory; a clone is the same store. Every commit counts as durable, so `reopen`
/// keeps all of them. Views do not expire. Of the journal it shows some entries that were released, as an engine may
/// after a crash.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine {
    store: Arc<Mutex<Store>>,
}

impl MemoryEngine {
    /// A new, empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With room for so many bytes of entries in the journal instead of 64 MiB.
    #[must_use]
    pub fn with_journal_bytes(self, journal_bytes_max: u64) -> Self {
        lock(&self.store).journal_bytes_max = journal_bytes_max;
        self
    }
}

impl Engine for MemoryEngine {
    type View = MemoryView;

    async fn view(&self) -> Result<MemoryView, KvError> {
        let mut store = lock(&self.store);
        let version = store.version;
        *store.views.entry(version).or_insert(0) += 1;
        Ok(MemoryView { store: Arc::clone(&self.store), version })
    }

    async fn commit(&self, batch: Batch) -> Result<Version, KvError> {
        limits::check(&batch)?;
        let mut store = lock(&self.store);
        store.check_expectations(&batch)?;
        Ok(store.apply(batch))
    }

    async fn reopen(&self) -> Result<(), KvError> {
        Ok(())
    }

    async fn journal(&self, after: u64, bytes_max: usize) -> Result<Vec<JournalEntry>, KvError> {
        Ok(lock(&self.store).journal_after(after, bytes_max))
    }

    fn release_journal(&self, before: u64) {
        lock(&self.store).release_journal(before);
    }

    fn journal_bytes_max(&self) -> u64 {
        lock(&self.store).journal_bytes_max
    }

    fn reserve_bytes(&self) -> u64 {
        0
    }

    async fn close(&self) -> Result<(), KvError> {
        Ok(())
    }
}

/// The state of a [`MemoryEngine`] at one version.
#[derive(Debug)]
pub struct MemoryView {
    store: Arc<Mutex<Store>>,
    version: u64,
}

impl View for MemoryView {
    fn version(&self) -> Version {
        Version(self.version)
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        Ok(lock(&self.store).read(key, self.version))
    }

    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, KvError> {
        let store = lock(&self.store);
        Ok(keys.iter().map(|key| store.read(key, self.version)).collect())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Entry>, KvError> {
        Ok(lock(&self.store).scan(&scan, self.version))
    }
}

impl Drop for MemoryView {
    fn drop(&mut self) {
        let mut store = lock(&self.store);
        let left = store.views.get_mut(&self.version).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            store.views.remove(&self.version);
            store.prune();
        }
    }
}

/// Values of one key by ascending version; `None` is a delete.
type Chain = Vec<(u64, Option<Bytes>)>;

#[derive(Debug)]
struct Store {
    version: u64,
    entries: BTreeMap<Bytes, Chain>,
    /// Open views by version, with how many there are of each.
    views: BTreeMap<u64, usize>,
    /// Keys that hold something to prune, by the version that made it so.
    stale: VecDeque<(u64, Bytes)>,
    /// What the journal keeps.
    journal: BTreeMap<u64, Bytes>,
    journal_bytes_max: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            version: 0,
            entries: BTreeMap::new(),
            views: BTreeMap::new(),
            stale: VecDeque::new(),
            journal: BTreeMap::new(),
            journal_bytes_max: 64 << 20,
        }
    }
}

impl Store {
    fn read(&self, key: &[u8], version: u64) -> Option<Bytes> {
        self.entries.get(key).and_then(|chain| read_chain(chain, version))
    }

    fn scan(&self, scan: &Scan, version: u64) -> Vec<Entry> {
        if scan.start >= scan.end {
            return Vec::new();
        }
        let range = self.entries.range(scan.start.clone()..scan.end.clone());
        let read = |(key, chain): (&Bytes, &Chain)| Some((key.clone(), read_chain(chain, version)?));
        match scan.direction {
            Direction::Forward => range.filter_map(read).take(scan.limit).collect(),
            Direction::Backward => range.rev().filter_map(read).take(scan.limit).collect(),
        }
    }

    fn check_expectations(&self, batch: &Batch) -> Result<(), KvError> {
        let differs = |(key, expected): &(Bytes, Option<Bytes>)| self.read(key, self.version) != *expected;
        batch.expect.iter().position(differs).map_or(Ok(()), |index| Err(KvError::Conflict(index)))
    }

    fn apply(&mut self, batch: Batch) -> Version {
        self.version += 1;
        // Copies: the entries of a batch may be slices of one piece of memory, which would stay as long as any of them.
        let copy = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        for key in &batch.deletes {
            self.set(copy(key), None);
        }
        for (key, value) in &batch.puts {
            self.set(copy(key), Some(copy(value)));
        }
        if let Some(token) = batch.token {
            self.set(token.key, Some(token.value));
        }
        self.journal.extend(batch.journal.into_iter().map(|entry| (entry.sequence, entry.bytes)));
        self.prune();
        Version(self.version)
    }

    fn release_journal(&mut self, before: u64) {
        let mut bytes: usize = self.journal.values().map(Bytes::len).sum();
        while let Some(oldest) = self.journal.first_entry().filter(|oldest| *oldest.key() < before)
            && bytes > RELEASED_BYTES_KEPT
        {
            bytes -= oldest.remove().len();
        }
    }

    fn journal_after(&self, after: u64, bytes_max: usize) -> Vec<JournalEntry> {
        let above = self.journal.range((Bound::Excluded(after), Bound::Unbounded));
        let mut entries: Vec<JournalEntry> = Vec::new();
        let mut size = 0;
        for (sequence, bytes) in above {
            let entry = JournalEntry { sequence: *sequence, bytes: bytes.clone() };
            size += entry.size_bytes();
            if size > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        entries
    }

    fn set(&mut self, key: Bytes, value: Option<Bytes>) {
        if self.views.is_empty() {
            self.replace(key, value);
            return;
        }
        let chain = self.entries.entry(key.clone()).or_default();
        let is_stale = !chain.is_empty() || value.is_none();
        chain.push((self.version, value));
        if is_stale {
            self.stale.push_back((self.version, key));
        }
    }

    /// Sets a key whose older versions nobody reads.
    fn replace(&mut self, key: Bytes, value: Option<Bytes>) {
        if value.is_none() {
            self.entries.remove(&key);
            return;
        }
        let chain = self.entries.entry(key).or_default();
        chain.clear();
        chain.push((self.version, value));
    }

    /// Drops the versions that the oldest open view does not read any more.
    fn prune(&mut self) {
        let floor = self.views.keys().next().copied().unwrap_or(self.version);
        while self.stale.front().is_some_and(|(version, _)| *version <= floor) {
            if let Some((_, key)) = self.stale.pop_front() {
                self.prune_key(&key, floor);
            }
        }
    }

    fn prune_key(&mut self, key: &Bytes, floor: u64) {
        let Some(chain) = self.entries.get_mut(key) else { return };
        let read_from = chain.iter().rposition(|(version, _)| *version <= floor).unwrap_or(0);
        chain.drain(..read_from);
        if chain.first().is_some_and(|(version, value)| value.is_none() && *version <= floor) {
            chain.remove(0);
        }
        if chain.is_empty() {
            self.entries.remove(key);
        }
    }
}

fn read_chain(chain: &Chain, version: u64) -> Option<Bytes> {
    chain.iter().rev().find(|(at, _)| *at <= version).and_then(|(_, value)| value.clone())
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of the journal below which released entries stay.
const RELEASED_BYTES_KEPT: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn conforms() {
        crate::conformance::all(async || MemoryEngine::new()).await;
    }

    #[tokio::test]
    async fn a_clone_is_the_same_store() {
        let engine = MemoryEngine::new();
        engine.clone().commit(put("a", "1")).await.unwrap();
        assert_eq!(engine.view().await.unwrap().get(b"a").await.unwrap(), Some(Bytes::from("1")));
    }

    #[tokio::test]
    async fn old_versions_are_pruned_when_no_view_reads_them() {
        let engine = MemoryEngine::new();
        engine.commit(put("a", "0")).await.unwrap();
        let view = engine.view().await.unwrap();
        for round in 1..100 {
            engine.commit(put("a", &round.to_string())).await.unwrap();
        }
        engine.commit(Batch { deletes: vec![Bytes::from("b")], ..Batch::default() }).await.unwrap();
        assert_eq!(lock(&engine.store).entries[&b"a"[..]].len(), 100);
        drop(view);
        let store = lock(&engine.store);
        assert_eq!(store.entries[&b"a"[..]].len(), 1);
        assert_eq!(store.entries.len(), 1);
        assert!(store.stale.is_empty());
    }

    fn put(key: &str, value: &str) -> Batch {
        let entry = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        Batch { puts: vec![entry], ..Batch::default() }
    }
}
