//! One bounded table of cached values. A value that is not durable yet is never evicted, and a load never hides a
//! newer write: it fills only the placeholder that it found or put.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use meta::Version;
use vfs::CacheFigures;

use super::hash::{Seeded, part_of};

/// A bounded, sharded map from keys to values with the version that wrote each.
pub(crate) struct Table<K, V> {
    parts: Vec<Mutex<Part<K, V>>>,
    /// Raised, under its lock, whenever something in a part gets another value.
    changes: Vec<AtomicU64>,
    /// No other table of this process has it.
    id: u64,
    hasher: Seeded,
    entries_max: usize,
    tickets: AtomicU64,
}

/// Numbers of tables.
static TABLES: AtomicU64 = AtomicU64::new(0);

/// What a table holds for a key.
#[derive(Clone, Debug)]
pub(crate) struct Slot<V> {
    /// The value.
    pub(crate) value: V,
    /// The change that wrote it; 0 for one that was loaded.
    pub(crate) version: Version,
    /// The change that wrote what of it concerns those who only pass: of a directory everything but its times and the
    /// count of its entries, else all of it.
    pub(crate) decided: Version,
}

impl<V> Slot<V> {
    /// A value of which all was written by this change.
    pub(crate) fn new(value: V, version: Version) -> Self {
        Self { value, version, decided: version }
    }
}

/// The right to fill the placeholder of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loading(u64);

struct Part<K, V> {
    entries: HashMap<K, Entry<V>, Seeded>,
    order: VecDeque<K>,
    hits: u64,
    misses: u64,
}

enum Entry<V> {
    Loading(Loading),
    Value { slot: Slot<V>, referenced: bool },
}

impl<K: Eq + Hash + Clone, V: Clone> Table<K, V> {
    /// A table that holds about `entries_max` values.
    pub(crate) fn new(entries_max: usize) -> Self {
        let hasher = Seeded::default();
        let entries = || HashMap::with_hasher(hasher);
        let part = || Mutex::new(Part { entries: entries(), order: VecDeque::new(), hits: 0, misses: 0 });
        Self {
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            changes: std::iter::repeat_with(AtomicU64::default).take(PARTS).collect(),
            id: TABLES.fetch_add(1, Ordering::Relaxed),
            hasher,
            entries_max: (entries_max / PARTS).max(ENTRIES_PER_PART_MIN),
            tickets: AtomicU64::new(1),
        }
    }

    /// The value of a key, if it is here.
    pub(crate) fn get(&self, key: &K) -> Option<Slot<V>> {
        self.get_counted(key, 0).0
    }

    /// The value of a key, if it is here, and the state of its part; with hits that were answered without asking.
    pub(super) fn get_counted(&self, key: &K, hits: u64) -> (Option<Slot<V>>, u64) {
        let index = self.index(key);
        let mut part = self.lock(index);
        part.hits += hits;
        let found = match part.entries.get_mut(key) {
            Some(Entry::Value { slot, referenced }) => {
                *referenced = true;
                Some(slot.clone())
            }
            _ => None,
        };
        *(if found.is_some() { &mut part.hits } else { &mut part.misses }) += 1;
        (found, self.changes_at(index))
    }

    /// The state of the part of a key: as long as it is the same, its values are.
    pub(super) fn changes(&self, key: &K) -> u64 {
        self.changes_at(self.index(key))
    }

    /// Which table this is.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Starts to load a key; everything read from now on may fill the placeholder.
    pub(crate) fn begin(&self, key: &K) -> Loading {
        let mut part = self.part(key);
        match part.entries.get(key) {
            Some(Entry::Loading(ticket)) => *ticket,
            // The ticket of a value that is here fills nothing.
            Some(Entry::Value { .. }) => Loading(0),
            None => {
                let ticket = Loading(self.tickets.fetch_add(1, Ordering::Relaxed));
                part.entries.insert(key.clone(), Entry::Loading(ticket));
                part.order.push_back(key.clone());
                ticket
            }
        }
    }

    /// Ends a load of what is durable: the value is kept unless the key was written meanwhile.
    pub(crate) fn fill(&self, place: (&K, Loading), value: V, watermark: Version) {
        self.fill_at(place, Slot::new(value, Version(0)), watermark);
    }

    /// As `fill`, of what shows a change that is perhaps not durable.
    pub(crate) fn fill_at(&self, (key, ticket): (&K, Loading), slot: Slot<V>, watermark: Version) {
        let mut part = self.part(key);
        if let Some(entry) = part.entries.get_mut(key)
            && matches!(entry, Entry::Loading(found) if *found == ticket)
        {
            *entry = Entry::Value { slot, referenced: true };
            part.evict(self.entries_max, watermark);
        }
    }

    /// Writes a value as part of the change that the slot names.
    pub(crate) fn put(&self, key: K, slot: Slot<V>, watermark: Version) {
        let index = self.index(&key);
        let mut part = self.lock(index);
        self.raise(index);
        let entry = Entry::Value { slot, referenced: true };
        if part.entries.insert(key.clone(), entry).is_none() {
            part.order.push_back(key);
        }
        part.evict(self.entries_max, watermark);
    }

    /// Forgets everything, also what is not durable: for a reload.
    pub(crate) fn clear(&self) {
        for index in 0..PARTS {
            let mut part = self.lock(index);
            self.raise(index);
            part.entries.clear();
            part.order.clear();
        }
    }

    /// How it is doing, under this name.
    pub(crate) fn figures(&self, name: &'static str) -> CacheFigures {
        let mut figures =
            CacheFigures { name, entries_max: (self.entries_max * PARTS) as u64, ..CacheFigures::default() };
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            figures.entries += part.entries.len() as u64;
            figures.hits += part.hits;
            figures.misses += part.misses;
        }
        figures
    }

    /// Whoever comes to this key, or clears the table, waits until this is dropped.
    #[cfg(test)]
    pub(super) fn hold_up(&self, key: &K) -> impl Drop + '_ {
        self.part(key)
    }

    fn part(&self, key: &K) -> MutexGuard<'_, Part<K, V>> {
        self.lock(self.index(key))
    }

    fn index(&self, key: &K) -> usize {
        part_of(self.hasher.hash_one(key), PARTS)
    }

    #[expect(clippy::indexing_slicing, reason = "below PARTS")]
    fn lock(&self, index: usize) -> MutexGuard<'_, Part<K, V>> {
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::indexing_slicing, reason = "below PARTS")]
    fn changes_at(&self, index: usize) -> u64 {
        self.changes[index].load(Ordering::Acquire)
    }

    /// Before the value changes, so that whoever reads the old state reads it of the old value.
    #[expect(clippy::indexing_slicing, reason = "below PARTS")]
    fn raise(&self, index: usize) {
        self.changes[index].fetch_add(1, Ordering::AcqRel);
    }
}

impl<K: Eq + Hash + Clone, V> Part<K, V> {
    /// Second chance: what was read since its last turn stays, and what is not durable stays.
    fn evict(&mut self, entries_max: usize, watermark: Version) {
        let mut turns = EVICTION_TURNS;
        while self.entries.len() > entries_max && turns > 0 {
            turns -= 1;
            let Some(key) = self.order.pop_front() else { break };
            let stays = match self.entries.get_mut(&key) {
                Some(Entry::Value { slot, referenced }) => std::mem::take(referenced) || slot.version > watermark,
                _ => false,
            };
            if stays {
                self.order.push_back(key);
            } else {
                self.entries.remove(&key);
            }
        }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Table").field("entries_max", &self.entries_max).finish_non_exhaustive()
    }
}

/// Parts of a table, so that threads seldom meet.
const PARTS: usize = 16;
/// Fewest values per part.
const ENTRIES_PER_PART_MIN: usize = 16;
/// Entries looked at by one eviction, so that a table full of values that must stay costs little.
const EVICTION_TURNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_load_never_hides_a_write() {
        let table = Table::new(100);
        let ticket = table.begin(&1);
        table.put(1, Slot::new("new", Version(5)), Version(0));
        table.fill((&1, ticket), "old", Version(0));
        assert_eq!(table.get(&1).map(|slot| (slot.value, slot.version)), Some(("new", Version(5))));
    }

    #[test]
    fn only_durable_values_are_evicted() {
        let table = Table::new(0);
        for key in 0..10_000 {
            let version = Version(if key % 2 == 0 { 1 } else { 9 });
            table.put(key, Slot::new(key, version), Version(1));
        }
        assert!((0..10_000).filter(|key| key % 2 == 1).all(|key| table.get(&key).is_some()));
        let kept = (0..10_000).filter(|key| key % 2 == 0 && table.get(key).is_some()).count();
        assert!(kept < 5_000, "{kept}");
    }

    #[test]
    fn a_load_that_was_evicted_is_not_filled() {
        let table = Table::new(0);
        let ticket = table.begin(&0);
        table.clear();
        table.fill((&0, ticket), 7, Version(0));
        assert!(table.get(&0).is_none());
    }
}
