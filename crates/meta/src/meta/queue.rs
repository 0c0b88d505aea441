//! Order, overlay and watermark: the state behind one short lock.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use kv::KvError;
use vfs::{FencingEpoch, ShardId};

use super::group::{Group, Pending};
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
    pending: VecDeque<Pending>,
    in_flight: Option<(Version, Commit)>,
    overlay: BTreeMap<Key, OverlayEntry>,
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
            in_flight: None,
            overlay: BTreeMap::new(),
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
        for (key, value) in &change.writes {
            self.overlay.insert(key.clone(), (version, value.clone()));
        }
        self.pending.push_back(Pending { version, change, size });
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

    /// A version to wait for when too many changes wait for their commit.
    pub(super) fn crowded(&self) -> Result<Option<Version>, MetaError> {
        self.check()?;
        let is_crowded = self.pending.len() >= BACKLOG_CHANGES_MAX;
        Ok(self.pending.front().filter(|_| is_crowded).map(|pending| pending.version))
    }

    /// Folds the next group, if none is in flight and something waits.
    pub(super) fn next_group(&mut self) -> Option<Group> {
        if self.in_flight.is_some() || self.failed.is_some() {
            return None;
        }
        Group::take(&mut self.pending, &self.fence)
    }

    pub(super) fn begin(&mut self, last: Version, commit: impl Future<Output = ()> + Send + 'static) {
        self.in_flight = Some((last, commit.boxed().shared()));
    }

    pub(super) fn finish(&mut self, keys: &[Key], result: Result<kv::Version, KvError>) {
        let Some((last, _)) = self.in_flight.take() else { return };
        match result {
            Ok(at) => {
                self.figures.groups += 1;
                self.figures.changes += last.0 - self.durable.0;
                self.durable = last;
                self.acknowledge(at, last);
                keys.iter().for_each(|key| self.uncover(key, last));
            }
            Err(KvError::Conflict(_) | KvError::Fenced) => self.fail(MetaError::Fenced),
            Err(error) => self.fail(MetaError::Failed(error.to_string())),
        }
    }

    /// Takes back everything that is not durable, and refuses everything until `reopened`.
    pub(super) fn fail(&mut self, error: MetaError) {
        tracing::error!(%error, "the metadata store has failed");
        self.failed = Some(error);
        if self.durable < self.submitted {
            self.lost.push((self.durable, self.submitted));
        }
        self.pending.clear();
        self.overlay.clear();
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
        self.overlay.get(key).cloned()
    }

    pub(super) fn overlay_in(&self, range: &KeyRange) -> impl Iterator<Item = (Key, OverlayEntry)> {
        let bounds = Key::from_bytes(range.start.clone()).zip(Key::from_bytes(range.end.clone()));
        let bounds = bounds.filter(|(start, end)| start < end);
        let found = bounds.map(|(start, end)| self.overlay.range(start..end));
        found.into_iter().flatten().map(|(key, entry)| (key.clone(), entry.clone()))
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

    /// Every view taken from now on holds the key as of `durable`: an older entry need not cover it any more.
    fn uncover(&mut self, key: &Key, durable: Version) {
        if self.overlay.get(key).is_some_and(|(version, _)| *version <= durable) {
            self.overlay.remove(key);
        }
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
