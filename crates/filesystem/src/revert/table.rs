//! The reverts that go on, and the last ones that ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vfs::{
    InodeId, JobFigures, JobKind, LEFT_OUT_MAX, LeftOut, Revert, RevertState, ShardId, SnapshotId, Timestamp, TreeId,
};

use super::pass::Progress;
use crate::gc::IntentKey;

/// All reverts of a house.
#[derive(Debug, Default)]
pub(crate) struct Reverts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    going: BTreeMap<IntentKey, Work>,
    ended: VecDeque<(ShardId, Revert)>,
    changes: u64,
}

#[derive(Debug)]
struct Work {
    told: Revert,
    /// Absent as long as somebody works on it.
    progress: Option<Progress>,
    /// When it is gone on with, on the monotonic clock.
    wakes: Duration,
}

impl Reverts {
    pub(crate) fn add(&self, key: IntentKey, (directory, past): (InodeId, InodeId), started: Timestamp) {
        let (state, left_out) = (RevertState::Names, Vec::new());
        let told = Revert { id: key.1, directory, past, started, ended: None, state, changes: 0, left_out };
        let work = Work { told, progress: Some(Progress::default()), wakes: Duration::ZERO };
        self.state().going.entry(key).or_insert(work);
    }

    /// Forgets those that go on: a reload finds again what stands in the store.
    pub(crate) fn clear(&self) {
        self.state().going.clear();
    }

    pub(crate) fn figures(&self) -> JobFigures {
        let state = self.state();
        let is_waiting = state.going.values().all(|work| work.told.state == RevertState::Waiting);
        let left = state.going.len() as u64;
        JobFigures { kind: JobKind::Revert, left, done: state.changes, is_waiting: left > 0 && is_waiting }
    }

    /// Whether one of the tree of a directory goes on.
    pub(crate) fn is_under_way(&self, directory: InodeId) -> bool {
        let is_of_tree = |of: InodeId| (of.shard, of.tree) == (directory.shard, directory.tree);
        self.state().going.values().any(|work| is_of_tree(work.told.directory))
    }

    /// Whether a snapshot is what one goes back to.
    pub(crate) fn needs(&self, shard: ShardId, snapshot: SnapshotId) -> bool {
        let past = TreeId::of_snapshot(snapshot);
        self.state().going.iter().any(|(key, work)| key.0 == shard && Some(work.told.past.tree) == past)
    }

    pub(super) fn find(&self, key: IntentKey) -> Option<Revert> {
        self.state().going.get(&key).map(|work| work.told.clone())
    }

    /// Those of a shard, oldest first.
    pub(super) fn all(&self, shard: ShardId) -> Vec<Revert> {
        let state = self.state();
        let ended = state.ended.iter().filter(|(of, _)| *of == shard).map(|(_, told)| told.clone());
        let going = state.going.range((shard, 0)..=(shard, u64::MAX)).map(|(_, work)| work.told.clone());
        let mut all: Vec<_> = ended.chain(going).collect();
        all.sort_by_key(|told| told.id);
        all
    }

    /// One that can be gone on with now.
    pub(super) fn take(&self, now: Duration) -> Option<(IntentKey, Revert, Progress)> {
        let mut state = self.state();
        let mut ready = state.going.iter_mut().filter(|(_, work)| work.wakes <= now);
        ready.find_map(|(key, work)| Some((*key, work.told.clone(), work.progress.take()?)))
    }

    /// Where one is now; nothing if it was given up meanwhile. It is gone on with at `wakes`.
    pub(super) fn put_back(&self, key: IntentKey, (state, changes): (RevertState, u64), rest: (Progress, Duration)) {
        let mut all = self.state();
        all.changes += changes;
        let Some(work) = all.going.get_mut(&key) else { return };
        work.told.state = state;
        work.told.changes += changes;
        work.told.left_out = rest.0.left_out.clone();
        (work.progress, work.wakes) = (Some(rest.0), rest.1);
    }

    pub(super) fn end(&self, key: IntentKey, how: RevertState, now: Timestamp) {
        let mut state = self.state();
        let Some(Work { told, .. }) = state.going.remove(&key) else { return };
        if state.ended.len() >= ENDED_MAX {
            state.ended.pop_front();
        }
        state.ended.push_back((key.0, Revert { state: how, ended: Some(now), ..told }));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds something that could not be changed, as long as there is room.
pub(super) fn leave_out(all: &mut Vec<LeftOut>, one: LeftOut) {
    if all.len() < LEFT_OUT_MAX && !all.contains(&one) {
        all.push(one);
    }
}

/// Reverts that have ended and are still told.
const ENDED_MAX: usize = 64;
