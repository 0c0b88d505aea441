//! Reading: first the overlay, then a view taken afterwards, then only those overlay entries that the view does not
//! hold. Together they are the state of one moment.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use kv::{Direction, KvError, Scan, View};

use super::queue::OverlayEntry;
use super::{Meta, Version};
use crate::keys::KeyRange;
use crate::{Key, MetaError};

/// What was read, and the last change it shows that is perhaps not durable: who reveals it waits for that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// What was read.
    pub value: T,
    /// Wait for this version before revealing it; `Version(0)` if all of it is durable.
    pub version: Version,
}

impl<K: kv::Engine> Meta<K> {
    /// The value of a key.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`.
    pub async fn read(&self, key: &Key) -> Result<Option<Bytes>, MetaError> {
        Ok(self.read_seen(key).await?.value)
    }

    /// The value of a key, and what to wait for before it is revealed.
    ///
    /// # Errors
    /// As [`Meta::read`].
    pub async fn read_seen(&self, key: &Key) -> Result<Seen<Option<Bytes>>, MetaError> {
        let covered = {
            let queue = self.inner.queue();
            queue.check()?;
            queue.overlay_of(key)
        };
        if let Some((version, value)) = covered {
            return Ok(Seen { value, version });
        }
        // Not covered: every view taken from now on holds what was submitted before this call.
        let value = self.view().await?.get(key.as_bytes()).await?;
        Ok(Seen { value, version: Version::default() })
    }

    /// The values of keys at one moment, in the order asked.
    ///
    /// # Errors
    /// As [`Meta::read`].
    pub async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, MetaError> {
        Ok(self.read_many_seen(keys).await?.value)
    }

    /// The values of keys at one moment, and what to wait for before they are revealed.
    ///
    /// # Errors
    /// As [`Meta::read`].
    pub async fn read_many_seen(&self, keys: &[Key]) -> Result<Seen<Vec<Option<Bytes>>>, MetaError> {
        let ranges: Vec<KeyRange> = keys.iter().map(single).collect();
        let cut = self.cut(&ranges).await?;
        let missing: Vec<Bytes> =
            keys.iter().filter(|key| !cut.overlay.contains_key(*key)).map(|key| key.to_bytes()).collect();
        let mut below = cut.view.get_many(&missing).await?.into_iter();
        let read = |key: &Key| match cut.overlay.get(key) {
            Some((_, value)) => value.clone(),
            None => below.next().flatten(),
        };
        Ok(Seen { value: keys.iter().map(read).collect(), version: cut.version() })
    }

    /// The entries of a range at one moment, in scan order, at most `limit`.
    ///
    /// # Errors
    /// As [`Meta::read`].
    pub async fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(Key, Bytes)>, MetaError> {
        Ok(self.scan_seen(range, limit, direction).await?.value)
    }

    /// The entries of a range at one moment, and what to wait for before they are revealed.
    ///
    /// # Errors
    /// As [`Meta::read`].
    pub async fn scan_seen(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Seen<Vec<(Key, Bytes)>>, MetaError> {
        let cut = self.cut(std::slice::from_ref(range)).await?;
        let value = cut.scan_towards(range, limit, direction).await?;
        Ok(Seen { value, version: cut.version() })
    }

    /// The state of these ranges at one moment.
    pub(crate) async fn cut(&self, ranges: &[KeyRange]) -> Result<Cut<K::View>, MetaError> {
        for _ in 0..VIEW_ATTEMPTS_MAX {
            let (mut overlay, generation) = self.overlay_of(ranges)?;
            let view = self.view().await?;
            if overlay.is_empty() {
                return Ok(Cut { overlay, view });
            }
            let held = {
                let queue = self.inner.queue();
                queue.check()?;
                queue.held_by(view.version()).filter(|_| queue.generation() == generation)
            };
            if let Some(held) = held {
                overlay.retain(|_, (version, _)| *version > held);
                return Ok(Cut { overlay, view });
            }
        }
        Err(MetaError::Engine(KvError::Expired))
    }

    fn overlay_of(&self, ranges: &[KeyRange]) -> Result<(BTreeMap<Key, OverlayEntry>, u64), MetaError> {
        let queue = self.inner.queue();
        queue.check()?;
        let overlay = ranges.iter().flat_map(|range| queue.overlay_in(range)).collect();
        Ok((overlay, queue.generation()))
    }

    async fn view(&self) -> Result<K::View, MetaError> {
        Ok(self.inner.engine.view().await?)
    }
}

/// The state of some ranges at one moment: a view of the engine, and above it what it does not hold.
pub(crate) struct Cut<V> {
    overlay: BTreeMap<Key, OverlayEntry>,
    view: V,
}

impl<V: View> Cut<V> {
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Bytes>, MetaError> {
        match self.overlay.get(key) {
            Some((_, value)) => Ok(value.clone()),
            None => Ok(self.view.get(key.as_bytes()).await?),
        }
    }

    pub(crate) async fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Bytes)>, MetaError> {
        self.scan_towards(range, limit, Direction::Forward).await
    }

    async fn scan_towards(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(Key, Bytes)>, MetaError> {
        let covering: Vec<_> = self.covering(range).collect();
        let below = self.scan_below(range, limit, direction).await?;
        if covering.is_empty() {
            return Ok(below);
        }
        let mut merged: BTreeMap<Key, Bytes> = below.into_iter().collect();
        for (key, (_, value)) in covering {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(match direction {
            Direction::Forward => merged.into_iter().take(limit).collect(),
            Direction::Backward => merged.into_iter().rev().take(limit).collect(),
        })
    }

    /// What the view holds of a range up to `limit` entries that the overlay does not remove, or all of it. Asks for no
    /// more than that: behind them may lie very many that were removed lately, which the engine has to skip.
    async fn scan_below(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(Key, Bytes)>, MetaError> {
        let is_removed = |key: &Key| self.overlay.get(key).is_some_and(|(_, value)| value.is_none());
        let mut asked = limit;
        loop {
            let scan = Scan { start: range.start.clone(), end: range.end.clone(), limit: asked, direction };
            let found = self.view.scan(scan).await?;
            let is_all = found.len() < asked;
            let below: Vec<_> = found.into_iter().filter_map(entry).collect();
            let removed = below.iter().filter(|(key, _)| is_removed(key)).count();
            if is_all || below.len() - removed >= limit {
                return Ok(below);
            }
            asked = limit + 2 * removed;
        }
    }

    /// The last change that the overlay shows above the view.
    fn version(&self) -> Version {
        self.overlay.values().map(|(version, _)| *version).max().unwrap_or_default()
    }

    fn covering(&self, range: &KeyRange) -> impl Iterator<Item = (&Key, &OverlayEntry)> {
        let bounds = Key::from_bytes(&range.start).zip(Key::from_bytes(&range.end));
        let bounds = bounds.filter(|(start, end)| start < end);
        let found = bounds.map(|(start, end)| self.overlay.range((Bound::Included(start), Bound::Excluded(end))));
        found.into_iter().flatten()
    }
}

fn single(key: &Key) -> KeyRange {
    let mut end = key.as_bytes().to_vec();
    end.push(0);
    KeyRange { start: key.to_bytes(), end: Bytes::from(end) }
}

/// Engines give no other keys than those that were put.
fn entry((key, value): kv::Entry) -> Option<(Key, Bytes)> {
    Some((Key::from_bytes(&key)?, value))
}

/// How often a view is taken that turns out to be older than what is remembered.
const VIEW_ATTEMPTS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A view that remembers how many entries it was asked for.
    struct Counting {
        entries: BTreeMap<Bytes, Bytes>,
        asked: Mutex<Vec<usize>>,
    }

    impl View for Counting {
        fn version(&self) -> kv::Version {
            kv::Version::default()
        }

        async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, KvError> {
            Ok(self.entries.get(key).cloned())
        }

        async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, KvError> {
            Ok(keys.iter().map(|key| self.entries.get(key).cloned()).collect())
        }

        async fn scan(&self, scan: Scan) -> Result<Vec<kv::Entry>, KvError> {
            self.asked.lock().unwrap().push(scan.limit);
            let range = self.entries.range(scan.start..scan.end).map(|(key, value)| (key.clone(), value.clone()));
            Ok(match scan.direction {
                Direction::Forward => range.take(scan.limit).collect(),
                Direction::Backward => range.rev().take(scan.limit).collect(),
            })
        }
    }

    fn key(number: u8) -> Key {
        Key::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 1, number]).unwrap()
    }

    fn cut(stored: std::ops::Range<u8>, removed: std::ops::Range<u8>) -> Cut<Counting> {
        let entries = stored.map(|number| (key(number).to_bytes(), Bytes::new())).collect();
        let overlay = removed.map(|number| (key(number), (Version::default(), None))).collect();
        Cut { overlay, view: Counting { entries, asked: Mutex::default() } }
    }

    async fn first(cut: &Cut<Counting>, limit: usize) -> Vec<u8> {
        let range = KeyRange { start: key(0).to_bytes(), end: key(255).to_bytes() };
        let found = cut.scan(&range, limit).await.unwrap();
        found.iter().map(|(key, _)| *key.as_bytes().last().unwrap()).collect()
    }

    #[tokio::test]
    async fn removals_behind_what_is_wanted_are_not_asked_about() {
        let cut = cut(0..200, 10..200);
        assert_eq!(first(&cut, 2).await, [0, 1]);
        assert_eq!(*cut.view.asked.lock().unwrap(), [2]);
    }

    #[tokio::test]
    async fn removals_before_what_is_wanted_are_passed() {
        let cut = cut(0..200, 0..100);
        assert_eq!(first(&cut, 3).await, [100, 101, 102]);
        assert!(cut.view.asked.lock().unwrap().len() < 10);
        assert_eq!(first(&cut, 1000).await.len(), 100);
    }
}
