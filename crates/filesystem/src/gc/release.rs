//! Giving released blocks back to the store: once the change is durable, and nobody reads them any more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

impl ReleaseQueue {
    /// Blocks that a change released, and the turn of the read gate after it.
    pub(crate) fn push(&self, (version, turned): (Version, u64), runs: Vec<Run>) {
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
    fn take(&self, durable: Version, gate: &ReadGate) -> Option<Vec<Run>> {
        let mut state = self.state();
        let is_ready = |release: &mut Release| release.version <= durable && gate.has_passed(release.turned);
        let release = state.releases.pop_front_if(is_ready)?;
        state.runs -= release.runs.len();
        Some(release.runs)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Frees what can be freed now. Says whether there was something.
    pub(crate) async fn release_round(&self) -> bool {
        let mut has_freed = false;
        while let Some(runs) = self.data.releases.take(self.meta.watermark(), &self.data.gate) {
            has_freed = true;
            for run in runs {
                self.free(run).await;
            }
        }
        has_freed
    }

    async fn free(&self, run: Run) {
        let placement = Placement::from_raw(run.placement);
        self.data.cache.forget(placement, run.blocks);
        if let Err(error) = self.data.chunks.free(placement, run.blocks).await {
            tracing::warn!(%error, "released blocks were not freed; the next start frees them");
        }
    }
}

/// Runs that wait to be freed at most; what comes on top is freed by the next start.
const RUNS_MAX: usize = 1 << 20;
