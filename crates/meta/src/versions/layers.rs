//! Reading through clones: what a clone has not written itself is read from what it was made of.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::Direction;
use vfs::{Epoch, TreeId};

use crate::keys::{self, Key, KeyKind, KeyRange};
use crate::meta::Seen;
use crate::records::{GoneRecord, Record};
use crate::{Meta, MetaError, Version};

/// A tree, as it is or as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The tree.
    pub tree: TreeId,
    /// At the end of which epoch; `None` is now.
    pub at: Option<Epoch>,
}

/// What a layer has of a range.
struct Page {
    found: Vec<(Key, Bytes)>,
    gone: Vec<Key>,
    /// Nothing is known behind this key.
    until: Option<Key>,
    version: Version,
}

impl<K: kv::Engine> Meta<K> {
    /// A versioned record as the first of these layers shows it, each of which was made of the next; the key is of the
    /// first. With what to wait for before it is revealed.
    ///
    /// # Errors
    /// As [`Meta::read_at`].
    pub async fn read_layered(&self, key: &Key, layers: &[Layer]) -> Result<Seen<Option<Bytes>>, MetaError> {
        let mut version = Version::default();
        for (index, layer) in layers.iter().enumerate() {
            let key = key.in_tree(layer.tree);
            let found = self.read_in(&key, *layer).await?;
            version = version.max(found.version);
            if found.value.is_some() || index + 1 == layers.len() {
                return Ok(Seen { value: found.value, version });
            }
            let mark = self.read_seen(&keys::gone(&key)).await?;
            version = version.max(mark.version);
            if let Some(mark) = mark.value
                && is_gone(&keys::gone(&key), &mark, *layer)?
            {
                break;
            }
        }
        Ok(Seen { value: None, version })
    }

    /// The versioned records of a range, which lies within one tree and one tag, as the first of these layers shows them;
    /// in key order, at most `limit`, under keys of the first.
    ///
    /// # Errors
    /// As [`Meta::read_at`].
    pub async fn scan_layered(
        &self,
        range: &KeyRange,
        layers: &[Layer],
        limit: usize,
    ) -> Result<Seen<Vec<(Key, Bytes)>>, MetaError> {
        let Some(top) = layers.first() else { return Ok(Seen { value: Vec::new(), version: Version::default() }) };
        let (mut found, mut version, mut range) = (Vec::new(), Version::default(), range.clone());
        loop {
            let mut pages = Vec::with_capacity(layers.len());
            for (index, layer) in layers.iter().enumerate() {
                let is_last = index + 1 == layers.len();
                pages.push(self.page_of(&range.in_tree(layer.tree), *layer, (limit, is_last)).await?);
            }
            version = pages.iter().map(|page| page.version).fold(version, Ord::max);
            let ends = pages.iter().filter_map(|page| page.until.as_ref());
            let until = ends.map(|until| until.in_tree(top.tree)).min();
            found.extend(merged(pages, top.tree, until.as_ref()));
            match until {
                Some(until) if found.len() < limit => range = range.after(&until),
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(Seen { value: found, version })
    }

    async fn read_in(&self, key: &Key, layer: Layer) -> Result<Seen<Option<Bytes>>, MetaError> {
        match layer.at {
            None => self.read_seen(key).await,
            Some(epoch) => {
                let value = self.read_at(key, epoch).await?;
                Ok(Seen { value, version: Version::default() })
            }
        }
    }

    async fn page_of(
        &self,
        range: &KeyRange,
        layer: Layer,
        (limit, is_last): (usize, bool),
    ) -> Result<Page, MetaError> {
        let scanned = match layer.at {
            None => self.scan_seen(range, limit, Direction::Forward).await?,
            Some(epoch) => {
                let value = self.scan_at(range, epoch, limit).await?;
                Seen { value, version: Version::default() }
            }
        };
        let (found, mut version) = (scanned.value, scanned.version);
        let mut until = found.last().filter(|_| found.len() >= limit).map(|(key, _)| key.clone());
        let mut gone = Vec::new();
        if !is_last {
            let marks = self.scan_seen(&keys::gone_range_of(range), limit, Direction::Forward).await?;
            version = version.max(marks.version);
            let is_part = marks.value.len() >= limit;
            let mut last = None;
            for (at, mark) in marks.value {
                let parsed = at.parse().map_err(|problem| MetaError::Damaged { key: at.clone(), problem })?;
                let KeyKind::Gone(key) = parsed.kind else { continue };
                last = Some(key.clone());
                if is_gone(&at, &mark, layer)? {
                    gone.push(key);
                }
            }
            until = until.into_iter().chain(last.filter(|_| is_part)).min();
        }
        Ok(Page { found, gone, until, version })
    }
}

/// What the first of some layers shows up to a key.
fn merged(pages: Vec<Page>, top: TreeId, until: Option<&Key>) -> BTreeMap<Key, Bytes> {
    let mut shown = BTreeMap::new();
    for page in pages.into_iter().rev() {
        for key in page.gone {
            shown.remove(&key.in_tree(top));
        }
        shown.extend(page.found.into_iter().map(|(key, value)| (key.in_tree(top), value)));
    }
    shown.retain(|key, _| until.is_none_or(|until| key <= until));
    shown
}

fn is_gone(at: &Key, mark: &Bytes, layer: Layer) -> Result<bool, MetaError> {
    let mark = GoneRecord::decode_at(at, mark)?;
    Ok(layer.at.is_none_or(|epoch| mark.born <= epoch))
}
