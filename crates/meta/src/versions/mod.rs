//! What snapshots keep: the only place that decides it, and how a past state is read.

mod layers;

use std::sync::Arc;

use bytes::Bytes;
use vfs::Epoch;

use crate::codec::fields;
use crate::keys::{self, Key, KeyRange};
use crate::meta::Cut;
use crate::records::{Record, RegionRecord, Shared, Versioned, born_of};
use crate::{Change, Meta, MetaError};
pub use layers::Layer;

/// The snapshot clock of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardClock {
    /// What is written now is born in this epoch.
    pub current: Epoch,
    /// The epoch of the newest snapshot, or clone, that exists; lower than `current`.
    pub newest_snapshot: Option<Epoch>,
}

fields!(ShardClock, current, newest_snapshot);

impl ShardClock {
    /// Whether a snapshot may see what was born in this epoch.
    #[must_use]
    pub fn is_kept(&self, born: Epoch) -> bool {
        self.newest_snapshot.is_some_and(|newest| born <= newest)
    }
}

impl Change {
    /// Sets (`new`) or removes (`None`) a record of which snapshots keep the old state, if there was one. Says whether
    /// the old state was kept.
    ///
    /// Panics when `new` was not born in the current epoch: such a record would be missing in a snapshot.
    #[expect(clippy::too_many_arguments, reason = "called in every operation; a struct would say the same four words")]
    pub fn replace(&mut self, clock: &ShardClock, key: Key, old: Option<&impl Versioned>, new: Option<Bytes>) -> bool {
        let born_now = new.as_ref().is_none_or(|new| born_of(new) == Ok(clock.current));
        assert!(born_now, "{key} is written with another epoch than the current {:?}", clock.current);
        let kept = old.filter(|old| clock.is_kept(old.born()));
        if let Some(old) = kept {
            self.keep_version(&key, old.encode(), clock.current);
        }
        match new {
            Some(new) => self.put(key, new),
            None => self.delete(key),
        }
        kept.is_some()
    }

    /// As [`Change::replace`], of a region of a file. `ended`: when the old state ended, which is
    /// before the current epoch if the file was cut then; `None` when no snapshot sees it.
    ///
    /// Panics as that.
    pub fn replace_region(
        &mut self,
        (current, key): (Epoch, Key),
        (old, new): (Option<&RegionRecord>, Option<&RegionRecord>),
        ended: Option<Epoch>,
    ) {
        assert!(new.is_none_or(|new| new.born == current), "{key} is written with another epoch than the current");
        if let Some((old, died)) = old.zip(ended) {
            self.keep_version(&key, old.encode(), died);
        }
        match new {
            Some(new) => self.put_record(key, new),
            None => self.delete(key),
        }
    }

    /// As [`Change::replace`], with records that the caches hold too.
    ///
    /// Panics as that, and when the record breaks a rule of its kind.
    pub fn replace_shared<R: Versioned + Shared + 'static>(
        &mut self,
        clock: &ShardClock,
        key: Key,
        (old, new): (Option<&R>, Option<Arc<R>>),
    ) {
        let born_now = new.as_ref().is_none_or(|new| new.born() == clock.current);
        assert!(born_now, "{key} is written with another epoch than the current {:?}", clock.current);
        if let Some(old) = old.filter(|old| clock.is_kept(old.born())) {
            self.keep_version(&key, old.encode(), clock.current);
        }
        self.put_shared(key, new);
    }
}

impl<K: kv::Engine> Meta<K> {
    /// A versioned record as it was at the end of an epoch: the state that ended first after it, if that had begun;
    /// else the live one, if that had begun.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`, `Damaged` (a record without a head).
    pub async fn read_at(&self, key: &Key, epoch: Epoch) -> Result<Option<Bytes>, MetaError> {
        let versions = keys::version_range(key, epoch);
        let cut = self.cut(&[versions.clone(), key.prefix_range()]).await?;
        if let Some((at, old)) = cut.scan(&versions, 1).await?.into_iter().next() {
            return Ok(if began(&at, &old, epoch)? { Some(old) } else { None });
        }
        let Some(live) = cut.get(key).await? else { return Ok(None) };
        Ok(if began(key, &live, epoch)? { Some(live) } else { None })
    }

    /// The versioned records of a range, which lies within one tree and one tag, as they were at the end of an epoch;
    /// in key order, at most `limit`.
    ///
    /// # Errors
    /// As [`Meta::read_at`].
    pub async fn scan_at(&self, range: &KeyRange, epoch: Epoch, limit: usize) -> Result<Vec<(Key, Bytes)>, MetaError> {
        let versions = keys::version_range_of(range);
        let cut = self.cut(&[versions.clone(), range.clone()]).await?;
        let mut live = Cursor::new(&cut, range.clone());
        let mut ended = Ended { range, cursor: Cursor::new(&cut, versions), epoch, last: None };
        let mut found = Vec::new();
        let mut next_live = live.next().await?;
        let mut next_ended = ended.next().await?;
        while found.len() < limit {
            let ended_key = next_ended.as_ref().map(|(key, _)| key);
            let live_key = next_live.as_ref().map(|(key, _)| key);
            let (takes_ended, takes_live) = match (ended_key, live_key) {
                (None, None) => break,
                (Some(ended), Some(live)) => (ended <= live, live <= ended),
                (ended, live) => (ended.is_some(), live.is_some()),
            };
            let from_ended = if takes_ended { std::mem::replace(&mut next_ended, ended.next().await?) } else { None };
            let from_live = if takes_live { std::mem::replace(&mut next_live, live.next().await?) } else { None };
            let Some((key, value)) = from_ended.or(from_live) else { continue };
            if began(&key, &value, epoch)? {
                found.push((key, value));
            }
        }
        Ok(found)
    }
}

/// Reads a range page by page.
struct Cursor<'a, V> {
    cut: &'a Cut<V>,
    range: KeyRange,
    page: std::vec::IntoIter<(Key, Bytes)>,
    is_last: bool,
}

impl<'a, V: kv::View> Cursor<'a, V> {
    fn new(cut: &'a Cut<V>, range: KeyRange) -> Self {
        Self { cut, range, page: Vec::new().into_iter(), is_last: false }
    }

    async fn next(&mut self) -> Result<Option<(Key, Bytes)>, MetaError> {
        if self.page.len() == 0 && !self.is_last {
            let page = self.cut.scan(&self.range, PAGE).await?;
            self.is_last = page.len() < PAGE;
            if let Some((last, _)) = page.last() {
                self.range = self.range.after(last);
            }
            self.page = page.into_iter();
        }
        Ok(self.page.next())
    }
}

/// For each key the state that ended first after an epoch.
struct Ended<'a, V> {
    /// Keys whose states are looked for. States of a key stand behind its bytes, so where a range begins just behind a key,
    /// what the cursor finds first are states of that key.
    range: &'a KeyRange,
    cursor: Cursor<'a, V>,
    epoch: Epoch,
    last: Option<Key>,
}

impl<V: kv::View> Ended<'_, V> {
    async fn next(&mut self) -> Result<Option<(Key, Bytes)>, MetaError> {
        while let Some((at, value)) = self.cursor.next().await? {
            let parsed = at.parse().map_err(|problem| MetaError::Damaged { key: at.clone(), problem })?;
            let keys::KeyKind::Version { key, died } = parsed.kind else { continue };
            let is_next = died > self.epoch && self.last.as_ref() != Some(&key);
            if is_next && self.range.contains(key.as_bytes()) {
                self.last = Some(key.clone());
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}

fn began(key: &Key, value: &[u8], epoch: Epoch) -> Result<bool, MetaError> {
    let born = born_of(value).map_err(|problem| MetaError::Damaged { key: key.clone(), problem })?;
    Ok(born <= epoch)
}

const PAGE: usize = 256;

#[cfg(test)]
mod tests;
