//! Inodes that may have changed, from the index of ended states: those that the older state shows and that ended before the
//! younger one. A clone keeps no state of what it has from its origin: there the inodes that it has written and those that it
//! removed are looked at too.

use std::collections::VecDeque;

use bytes::Bytes;
use kv::Direction;
use meta::keys::{self, Key, KeyKind, KeyRange};
use meta::records::{InodeRecord, Record};
use meta::{MetaError, Seen};
use vfs::{Epoch, Failure, InodeNumber, TreeId};

use super::Page;
use super::span::Span;
use crate::load::kind_of;

/// How far candidates were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) source: Source,
    /// The key to go on with.
    pub(super) start: Bytes,
}

/// Where candidates are found, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// States that ended.
    Ended,
    /// Inodes that a clone has written.
    Own,
    /// Inodes that are gone in a clone.
    Gone,
}

/// Candidates from somewhere on.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Each with where to go on behind it.
    found: VecDeque<(InodeNumber, Position)>,
    /// Where to look next; `None`: everything was looked at.
    next: Option<Position>,
}

impl Position {
    /// Before everything that has changed.
    pub(super) fn first(span: &Span) -> Self {
        Self::before(span, Source::Ended)
    }

    fn before(span: &Span, source: Source) -> Self {
        Self { source, start: range_of(span, source).start }
    }

    /// Before everything of the next source.
    fn behind(span: &Span, source: Source) -> Option<Self> {
        match source {
            _ if span.tree == TreeId::LIVE => None,
            Source::Ended => Some(Self::before(span, Source::Own)),
            Source::Own => Some(Self::before(span, Source::Gone)),
            Source::Gone => None,
        }
    }

    /// What is still to be looked at of its source.
    fn range(&self, span: &Span) -> KeyRange {
        let all = range_of(span, self.source);
        KeyRange { start: self.start.clone().max(all.start), end: all.end }
    }
}

impl Candidates {
    pub(super) fn from(position: Position) -> Self {
        Self { found: VecDeque::new(), next: Some(position) }
    }

    /// Where to go on once those that were found are told; `None`: nowhere.
    pub(super) fn rest(&self) -> Option<&Position> {
        self.next.as_ref()
    }

    /// The next one, and where to go on behind it. `None` at the end, or when the page may look at nothing more.
    pub(super) async fn next<K: kv::Engine, C: chunk::Store>(
        &mut self,
        page: &mut Page<'_, K, C>,
    ) -> Result<Option<(InodeNumber, Position)>, Failure> {
        while self.found.is_empty() && page.looks > 0 {
            let Some(position) = self.next.take() else { return Ok(None) };
            self.next = self.find(page, position).await.map_err(|error| page.house.refuse(&error))?;
        }
        Ok(self.found.pop_front())
    }

    /// Looks once. Returns where to look next.
    async fn find<K: kv::Engine, C: chunk::Store>(
        &mut self,
        page: &mut Page<'_, K, C>,
        position: Position,
    ) -> Result<Option<Position>, MetaError> {
        let (range, source) = (position.range(&page.span), position.source);
        if range.start >= range.end {
            return Ok(Position::behind(&page.span, source));
        }
        let Seen { value, version } = page.house.meta.scan_seen(&range, PAGE, Direction::Forward).await?;
        page.look(1 + value.len());
        page.seen.note(version);
        let is_last = value.len() < PAGE;
        let mut behind = position;
        for (key, value) in value {
            behind = Position { source, start: range.after(&key).start };
            let candidate = match source {
                Source::Ended => match ended(&page.span, &key)? {
                    Look::At(number) => Some(number),
                    Look::Behind(start) => return Ok(Some(Position { source, start })),
                },
                Source::Own => own(page, &key, &value).await?,
                Source::Gone => gone(page, &key).await?,
            };
            self.found.extend(candidate.map(|number| (number, behind.clone())));
        }
        Ok(if is_last { Position::behind(&page.span, source) } else { Some(behind) })
    }
}

/// What an entry of the index says.
enum Look {
    /// An inode has changed.
    At(InodeNumber),
    /// It, and those up to this key, are of no interest.
    Behind(Bytes),
}

fn ended(span: &Span, key: &Key) -> Result<Look, MetaError> {
    let behind = |died, born| keys::expiry_range_from(span.shard, span.tree, (died, born), span.until).start;
    let next = |epoch: Epoch| Epoch(epoch.0.saturating_add(1));
    let KeyKind::Expiry { key: of, born, died } = kind_of(key)? else { return Ok(Look::Behind(key.to_bytes())) };
    if born > span.after {
        return Ok(Look::Behind(behind(next(died), Epoch(0))));
    }
    // Of states that lived equally long, those of inodes come first.
    match kind_of(&of)? {
        KeyKind::Inode(number) => Ok(Look::At(number)),
        _ => Ok(Look::Behind(behind(died, next(born)))),
    }
}

async fn own<K: kv::Engine, C: chunk::Store>(
    page: &mut Page<'_, K, C>,
    key: &Key,
    value: &[u8],
) -> Result<Option<InodeNumber>, MetaError> {
    let KeyKind::Inode(number) = kind_of(key)? else { return Ok(None) };
    let born = InodeRecord::decode_at(key, value)?.born;
    let is_candidate = page.span.is_younger(born) && !was_own(page, key).await?;
    Ok(is_candidate.then_some(number))
}

async fn gone<K: kv::Engine, C: chunk::Store>(
    page: &mut Page<'_, K, C>,
    mark: &Key,
) -> Result<Option<InodeNumber>, MetaError> {
    let KeyKind::Gone(key) = kind_of(mark)? else { return Ok(None) };
    let KeyKind::Inode(number) = kind_of(&key)? else { return Ok(None) };
    page.look(1);
    // What is there was found as its own.
    let is_candidate = page.house.meta.read(&key).await?.is_none() && !was_own(page, &key).await?;
    Ok(is_candidate.then_some(number))
}

/// Whether the clone had written it when the older state was: then a state of it has ended.
async fn was_own<K: kv::Engine, C: chunk::Store>(page: &mut Page<'_, K, C>, key: &Key) -> Result<bool, MetaError> {
    page.look(1);
    Ok(page.house.meta.read_at(key, page.span.after).await?.is_some())
}

fn range_of(span: &Span, source: Source) -> KeyRange {
    let inodes = || keys::inode_range(span.shard, span.tree);
    match source {
        Source::Ended => keys::expiry_range(span.shard, span.tree, span.after, span.until),
        Source::Own => inodes(),
        Source::Gone => keys::gone_range_of(&inodes()),
    }
}

/// Keys that are looked at together.
const PAGE: usize = 256;
