//! Order, overlay and watermark: the state behind one short lock.

use std::collections::VecDeque;
use std::future::Future;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use kv::{Batch, KvError};
use vfs::{FencingEpoch, ShardId};

use super::group::{Group, Writes};
use super::{BACKLOG_CHANGES_MAX, MetaFigures, Version};
use crate::keys::KeyRange;
use crate::{Change, Key, MetaError};

/// A commit that everybody who waits polls.
pub(super) type Commit = Shared<BoxFuture<'static, ()>>;

/// What somebody who waits for a version does next.
pub(super) enum Step {
    Done,
    Wait(Commit),
    Start,
}

/// An entry that is not durable, or was not when it was looked at: the last value submitted, and by which change.
pub(super) type OverlayEntry = (Version, Option<Bytes>);

pub(super) struct Queue {
    fencing: FencingEpoch,
    /// The highest epoch that this owner tried to raise it to: the outcome of a commit may be unknown.
    tried: FencingEpoch,
    fence: Bytes,
    generation: u64,
    submitted: Version,
    durable: Version,
    /// What waits for a commit, oldest first; but the last group all are full.
    pending: VecDeque<Group>,
    /// Changes in them.
    waiting: usize,
    in_flight: Option<(Version, Commit)>,
    /// What the commit in flight writes.
    flying: Writes,
    /// Which commit of the engine made which version durable, for the last ones.
    acknowledged: VecDeque<(kv::Version, Version)>,
    failed: Option<MetaError>,
    /// Versions above the first up to the second were taken back by a failure.
    lost: Vec<(Version, Version)>,
    is_reopening: bool,
    figures: MetaFigures,
    pub(super) is_folding: bool,
    /// Whose space records the next fold takes first.
    pub(super) fold_first: ShardId,
}

impl Queue {
    /// After a start: `fence` is the record that every commit expects, `at` the commit that wrote it.
    pub(super) fn new(fencing: FencingEpoch, fence: Bytes, at: kv::Version) -> Self {
        let first = first_version(fencing);
        Self {
            fencing,
            tried: fencing,
            fence,
            generation: 0,
            submitted: first,
            durable: first,
            pending: VecDeque::new(),
            waiting: 0,
            in_flight: None,
            flying: Writes::new(),
            acknowledged: VecDeque::from([(at, first)]),
            failed: None,
            lost: Vec::new(),
            is_reopening: false,
            figures: MetaFigures::default(),
            is_folding: false,
            fold_first: ShardId::ROOT,
        }
    }

    pub(super) fn fencing_epoch(&self) -> FencingEpoch {
        self.fencing
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn figures(&self) -> MetaFigures {
        self.figures
    }

    pub(super) fn submitted(&self) -> Version {
        self.submitted
    }

    pub(super) fn durable(&self) -> Version {
        self.durable
    }

    pub(super) fn is_committing(&self) -> bool {
        self.in_flight.is_some()
    }

    pub(super) fn check(&self) -> Result<(), MetaError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn submit(&mut self, change: Change) -> Result<Version, MetaError> {
        self.check()?;
        let size = change.check()?;
        if change.is_empty() {
            return Ok(self.submitted);
        }
        self.submitted.0 += 1;
        let version = self.submitted;
        self.waiting += 1;
        if self.pending.back().is_none_or(|group| !group.has_room(&size)) {
            self.pending.push_back(Group::default());
        }
        if let Some(group) = self.pending.back_mut() {
            group.add((version, change), &size);
        }
        Ok(version)
    }

    pub(super) fn step(&self, version: Version) -> Result<Step, MetaError> {
        let is_lost = self.lost.iter().any(|(durable, submitted)| *durable < version && version <= *submitted);
        if is_lost || version > self.submitted {
            self.check()?;
            return Err(MetaError::Failed("the change was taken back by a failed commit".to_owned()));
        }
        if version <= self.durable {
            return Ok(Step::Done);
        }
        self.check()?;
        Ok(self.in_flight.as_ref().map_or(Step::Start, |(_, commit)| Step::Wait(commit.clone())))
    }

    /// Everything up to this change is durable, and nothing of it was ever taken back.
    pub(super) fn settled(&self) -> Version {
        self.lost.first().map_or(self.durable, |(kept, _)| *kept)
    }

    /// A version to wait for when too many changes wait for their commit.
    pub(super) fn crowded(&self) -> Result<Option<Version>, MetaError> {
        self.check()?;
        let is_crowded = self.waiting >= BACKLOG_CHANGES_MAX;
        Ok(self.pending.front().filter(|_| is_crowded).map(|group| group.last))
    }

    /// The last version of the next group and its batch, if none is in flight and something waits.
    pub(super) fn next_group(&mut self) -> Option<(Version, Batch)> {
        if self.in_flight.is_some() || self.failed.is_some() {
            return None;
        }
        let mut group = self.pending.pop_front()?;
        self.waiting -= group.changes;
        let batch = group.batch(&self.fence);
        self.flying = group.writes;
        Some((group.last, batch))
    }

    pub(super) fn begin(&mut self, last: Version, commit: impl Future<Output = ()> + Send + 'static) {
        self.in_flight = Some((last, commit.boxed().shared()));
    }

    /// Ends the commit in flight. Gives back what it has written, which every view taken from now on holds, so that it is
    /// dropped without the lock.
    pub(super) fn finish(&mut self, result: Result<kv::Version, KvError>) -> Writes {
        let written = std::mem::take(&mut self.flying);
        let Some((last, _)) = self.in_flight.take() else { return written };
        match result {
            Ok(at) => {
                self.figures.groups += 1;
                self.figures.changes += last.0 - self.durable.0;
                self.durable = last;
                self.acknowledge(at, last);
            }
            Err(KvError::Conflict(_) | KvError::Fenced) => self.fail(MetaError::Fenced),
            Err(error) => self.fail(MetaError::Failed(error.to_string())),
        }
        written
    }

    /// Takes back everything that is not durable, and refuses everything until `reopened`.
    pub(super) fn fail(&mut self, error: MetaError) {
        tracing::error!(%error, "the metadata store has failed");
        self.failed = Some(error);
        if self.durable < self.submitted {
            self.lost.push((self.durable, self.submitted));
        }
        self.pending.clear();
        self.waiting = 0;
        self.flying.clear();
    }

    /// Claims the right to reopen, and gives the commit that must end first.
    pub(super) fn begin_reopen(&mut self) -> Result<Option<Commit>, MetaError> {
        if self.is_reopening {
            return Err(MetaError::Failed("the store is being reopened".to_owned()));
        }
        self.is_reopening = true;
        if self.failed.is_none() && self.in_flight.is_none() {
            self.fail(MetaError::Failed("the store is being reopened".to_owned()));
        }
        Ok(self.in_flight.as_ref().map(|(_, commit)| commit.clone()))
    }

    pub(super) fn end_reopen(&mut self) {
        self.is_reopening = false;
    }

    /// The store is about to be taken at the epoch after this one.
    pub(super) fn try_after(&mut self, found: FencingEpoch) {
        self.tried = self.tried.max(FencingEpoch(found.0 + 1));
    }

    /// Whether an epoch that was found may be one of this owner's own.
    pub(super) fn is_own(&self, found: FencingEpoch) -> bool {
        (self.fencing..=self.tried).contains(&found)
    }

    /// Begins anew with a higher fencing epoch.
    pub(super) fn reopened(&mut self, fencing: FencingEpoch, fence: Bytes, at: kv::Version) {
        let lost = std::mem::take(&mut self.lost);
        let generation = self.generation + 1;
        let (is_reopening, figures) = (self.is_reopening, self.figures);
        *self = Self { generation, lost, is_reopening, figures, ..Self::new(fencing, fence, at) };
    }

    pub(super) fn abandon(&mut self) -> Option<Commit> {
        self.in_flight.take().map(|(_, commit)| commit)
    }

    pub(super) fn overlay_of(&self, key: &Key) -> Option<OverlayEntry> {
        let newest = self.covering().rev().find_map(|writes| writes.get(key));
        newest.map(|(version, write)| (*version, write.value()))
    }

    /// Of a range; of several entries of a key the last one counts.
    pub(super) fn overlay_in(&self, range: &KeyRange) -> impl Iterator<Item = (Key, OverlayEntry)> {
        let bounds = Key::from_bytes(&range.start).zip(Key::from_bytes(&range.end));
        let bounds = bounds.filter(|(start, end)| start < end);
        let found = bounds
            .into_iter()
            .flat_map(|(start, end)| self.covering().flat_map(move |writes| writes.range(start.clone()..end.clone())));
        found.map(|(key, (version, write))| (key.clone(), (*version, write.value())))
    }

    /// What may not be durable, oldest first.
    fn covering(&self) -> impl DoubleEndedIterator<Item = &Writes> {
        std::iter::once(&self.flying).chain(self.pending.iter().map(|group| &group.writes))
    }

    /// The last change that a view of the engine holds; `None` if the view is older than what is remembered.
    pub(super) fn held_by(&self, view: kv::Version) -> Option<Version> {
        if let Some((last, _)) = &self.in_flight
            && self.acknowledged.back().is_some_and(|(at, _)| *at < view)
        {
            // Only the commit in flight can stand above the last acknowledged one.
            return Some(*last);
        }
        let holds = |(at, version): &(kv::Version, Version)| (*at <= view).then_some(*version);
        self.acknowledged.iter().rev().find_map(holds)
    }

    fn acknowledge(&mut self, at: kv::Version, version: Version) {
        if self.acknowledged.len() >= ACKNOWLEDGED_MAX {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back((at, version));
    }
}

/// Versions rise over restarts because fencing epochs do.
fn first_version(fencing: FencingEpoch) -> Version {
    Version(fencing.0 << VERSION_BITS)
}

/// Changes of one fencing epoch: 2^40.
const VERSION_BITS: u32 = 40;
/// How many of the last commits are remembered to date views.
const ACKNOWLEDGED_MAX: usize = 1024;
