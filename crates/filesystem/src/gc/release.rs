//! Giving released blocks back to the store: once the change is durable, and nobody reads them any more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chunk::Placement;
use meta::Version;
use meta::records::Run;

use crate::Filesystem;
use crate::file::ReadGate;

/// Released blocks in the order of their changes.
#[derive(Debug, Default)]
pub(crate) struct ReleaseQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    releases: VecDeque<Release>,
    runs: usize,
}

#[derive(Debug)]
struct Release {
    version: Version,
    turned: u64,
    runs: Vec<Run>,
}

/// A release that is being freed, run by run: what is left of it goes back to the front of the queue when this is
/// dropped, also by a request that is given up half-way.
struct Taken<'q> {
    queue: &'q ReleaseQueue,
    release: Option<Release>,
}

impl Taken<'_> {
    fn next(&self) -> Option<Run> {
        self.release.as_ref().and_then(|release| release.runs.last().copied())
    }

    fn done(&mut self) {
        if let Some(release) = &mut self.release {
            release.runs.pop();
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let Some(release) = self.release.take().filter(|release| !release.runs.is_empty()) else { return };
        let mut state = self.queue.state();
        state.runs += release.runs.len();
        state.releases.push_front(release);
    }
}

impl ReleaseQueue {
    /// Blocks that a change released, and the turn of the read gate after it.
    pub(crate) fn push(&self, (version, turned): (Version, u64), runs: Vec<Run>) {
        let runs = joined(runs);
        let mut state = self.state();
        if state.runs + runs.len() > RUNS_MAX {
            tracing::warn!(runs = runs.len(), "too many released blocks wait; these are freed by the next start");
            return;
        }
        state.runs += runs.len();
        state.releases.push_back(Release { version, turned, runs });
    }

    /// Forgets the releases of changes that are not durable: for a reload, which takes them back.
    pub(crate) fn keep_durable(&self, durable: Version) {
        let mut state = self.state();
        state.releases.retain(|release| release.version <= durable);
        state.runs = state.releases.iter().map(|release| release.runs.len()).sum();
    }

    /// The oldest release, if its change is durable and all its readers have ended.
    fn take(&self, durable: Version, gate: &ReadGate) -> Option<Taken<'_>> {
        let mut state = self.state();
        let is_ready = |release: &mut Release| release.version <= durable && gate.has_passed(release.turned);
        let release = state.releases.pop_front_if(is_ready)?;
        state.runs -= release.runs.len();
        Some(Taken { queue: self, release: Some(release) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Frees all that can be freed now.
    pub(crate) async fn release_all(&self) {
        while self.release_oldest().await {}
    }

    /// Frees what can be freed now, but no more than keeps the other background work waiting for long. Says whether there
    /// was something.
    pub(crate) async fn release_round(&self) -> bool {
        for released in 0..RELEASES_PER_ROUND {
            if !self.release_oldest().await {
                return released > 0;
            }
        }
        true
    }

    /// Lets the store give back, now and then, what it keeps of freed blocks for those to come.
    pub(crate) async fn give_back_round(&self) {
        let now = self.clock.monotonic();
        {
            let mut last = self.data.given_back.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| now < last + GIVE_BACK_PERIOD) {
                return;
            }
            *last = Some(now);
        }
        if let Err(error) = self.data.chunks.give_back_kept().await {
            tracing::warn!(%error, "room of freed blocks was not given back; it goes with their segments");
        }
    }

    /// Lets the store give some room back where little is left, a little about ten times a second.
    pub(crate) async fn relieve_round(&self) {
        let now = self.clock.monotonic();
        {
            let mut last = self.data.relieved.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| now < last + RELIEF_PERIOD) {
                return;
            }
            *last = Some(now);
        }
        if let Err(error) = self.data.chunks.relieve().await {
            tracing::warn!(%error, "room of freed blocks was not given back");
        }
    }

    async fn release_oldest(&self) -> bool {
        let Some(mut taken) = self.data.releases.take(self.meta.watermark(), &self.data.gate) else { return false };
        while let Some(run) = taken.next() {
            // Behind the free: a placement is never given out again, so a run that is freed twice harms nobody.
            self.free(run).await;
            taken.done();
        }
        true
    }

    async fn free(&self, run: Run) {
        let placement = Placement::from_raw(run.placement);
        self.data.cache.forget(placement, run.blocks);
        if let Err(error) = self.data.chunks.free(placement, run.blocks).await {
            tracing::warn!(%error, "released blocks were not freed; the next start frees them");
        }
    }
}

/// Blocks of a file with holes, or of several files, often lie one behind the other in the store: freeing them is one
/// call then.
fn joined(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_unstable();
    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match joined.last_mut().filter(|last| is_continued(last, &run)) {
            Some(last) => last.blocks += run.blocks,
            None => joined.push(run),
        }
    }
    joined
}

fn is_continued(run: &Run, next: &Run) -> bool {
    let [first, second] = [run, next].map(|run| Placement::from_raw(run.placement));
    let end = first.block().checked_add(run.blocks);
    first.segment() == second.segment() && end == Some(second.block()) && run.blocks.checked_add(next.blocks).is_some()
}

/// Releases of changes that are freed in one round of background work.
const RELEASES_PER_ROUND: usize = 16;
/// What was freed keeps its room for this time, and twice this at most.
const GIVE_BACK_PERIOD: Duration = Duration::from_secs(10);
/// Between two times that some of it is given back because room is short.
const RELIEF_PERIOD: Duration = Duration::from_millis(100);
/// Runs that wait to be freed at most; what comes on top is freed by the next start.
const RUNS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use chunk::SegmentId;

    use super::*;

    fn run(segment: u64, block: u32, blocks: u32) -> Run {
        Run { placement: Placement::new(SegmentId(segment), block).to_raw(), blocks }
    }

    #[test]
    fn neighbours_are_freed_together() {
        let runs = vec![run(7, 2, 1), run(6, 4, 2), run(7, 1, 1), run(7, 3, 5), run(7, 9, 1), run(6, 6, 1)];
        assert_eq!(joined(runs), [run(6, 4, 3), run(7, 1, 7), run(7, 9, 1)]);
        assert_eq!(joined(Vec::new()), []);
    }

    #[test]
    fn runs_of_two_segments_are_not_neighbours() {
        let end = (1 << 24) - 1;
        assert_eq!(joined(vec![run(7, end, 1), run(8, 0, 1)]), [run(7, end, 1), run(8, 0, 1)]);
    }
}
