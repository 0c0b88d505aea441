//! How deliveries go, for the operator's window.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use admin_server::{Condition, NotificationFigures};

/// What was sent and what was not.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// Why the last could not be sent, by zone and place.
    failing: Mutex<BTreeMap<(String, String), String>>,
}

impl Tally {
    pub(crate) fn figures(&self) -> NotificationFigures {
        let [sent, failed, dropped] =
            [&self.sent, &self.failed, &self.dropped].map(|counter| counter.load(Ordering::Relaxed));
        NotificationFigures { sent, failed, dropped }
    }

    /// The places where nothing arrives.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        let failing = self.failing();
        let told = failing.iter().map(|((zone, to), reason)| Condition::NotificationFailed {
            zone: zone.clone(),
            to: to.clone(),
            reason: reason.clone(),
        });
        told.collect()
    }

    pub(super) fn succeed(&self, place: &(String, String)) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.failing().remove(place);
    }

    /// It did not work; it may be tried again.
    pub(super) fn stumble(&self, place: &(String, String), reason: String) {
        self.failing().insert(place.clone(), reason);
    }

    /// It is not tried again.
    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no room to wait.
    pub(super) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing is sent there any more.
    pub(super) fn forget(&self, is_kept: impl Fn(&(String, String)) -> bool) {
        self.failing().retain(|place, _| is_kept(place));
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
