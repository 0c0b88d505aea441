//! How recording goes, for the operator's window, and where its files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admin_server::{Condition, EventFigures};

/// What all records of zones share.
#[derive(Debug)]
pub(crate) struct Trails {
    /// Holds a folder for each zone.
    folder: PathBuf,
    is_to_reopen: AtomicBool,
    zones: Mutex<BTreeMap<String, Tally>>,
}

#[derive(Debug, Default)]
struct Tally {
    written: u64,
    lost: u64,
    /// When some were lost last, on the monotonic clock.
    lost_at: Option<Duration>,
    /// Why the last could not be written.
    failing: Option<String>,
}

impl Trails {
    /// Files in this folder.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, is_to_reopen: AtomicBool::new(false), zones: Mutex::default() }
    }

    /// Where the files of a zone are; `None` where no folder can be called as it is.
    pub(crate) fn folder_of(&self, zone: &str) -> Option<PathBuf> {
        crate::reports::folder_of(Path::new(&self.folder), zone)
    }

    /// Goes on in the files that have the names now.
    pub(crate) fn reopen(&self) {
        self.is_to_reopen.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_to_reopen(&self) -> bool {
        self.is_to_reopen.swap(false, Ordering::Relaxed)
    }

    pub(super) fn wrote(&self, zone: &str, (written, lost): (u64, u64), now: Duration) {
        let mut zones = self.zones();
        let tally = zones.entry(zone.to_owned()).or_default();
        tally.written += written;
        tally.lose(lost, now);
        if tally.failing.take().is_some() {
            tracing::info!(zone, "events are written again");
        }
    }

    pub(super) fn failed(&self, zone: &str, (reason, lost): (String, u64), now: Duration) {
        let mut zones = self.zones();
        let tally = zones.entry(zone.to_owned()).or_default();
        tally.lose(lost, now);
        if tally.failing.as_ref() != Some(&reason) {
            tracing::error!(zone, reason, "events of a zone are lost");
        }
        tally.failing = Some(reason);
    }

    /// Only these are recorded.
    pub(super) fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        self.zones().retain(|zone, _| is_kept(zone));
    }

    /// What was recorded of a zone.
    pub(crate) fn figures(&self, zone: &str) -> Option<EventFigures> {
        let zones = self.zones();
        zones.get(zone).map(|tally| EventFigures { written: tally.written, lost: tally.lost })
    }

    /// What wants attention: what cannot be written, and what was lost in the last minutes.
    pub(crate) fn conditions(&self, now: Duration) -> Vec<Condition> {
        let zones = self.zones();
        let told = zones.iter().filter_map(|(zone, tally)| {
            let is_recent = tally.lost_at.is_some_and(|at| now.saturating_sub(at) < RECENT);
            let reason = tally.failing.clone();
            (reason.is_some() || is_recent).then(|| Condition::EventsLost {
                zone: zone.clone(),
                lost: tally.lost,
                reason,
            })
        });
        told.collect()
    }

    fn zones(&self) -> MutexGuard<'_, BTreeMap<String, Tally>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn lose(&mut self, count: u64, now: Duration) {
        self.lost += count;
        if count > 0 {
            self.lost_at = Some(now);
        }
    }
}

/// How long it is a concern that events were lost.
const RECENT: Duration = Duration::from_secs(600);
