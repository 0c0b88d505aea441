//! The ticker: ages views, and after a lack of space looks whether there is some again. It counts its own waits, so that
//! the engine needs no clock.

use std::sync::PoisonError;
use std::time::Duration;

use kv::KvError;

use super::Store;
use crate::errors::from_io;

/// Body of the ticker thread.
pub(super) fn run(store: &Store) {
    while store.wait_tick() {
        store.views.age(VIEW_TICKS);
        if let Err(error) = store.look_for_space() {
            store.fail(&error);
            return;
        }
    }
}

impl Store {
    /// Waits one tick; `false` when the store ends.
    fn wait_tick(&self) -> bool {
        let tick = Duration::from_millis((self.settings.view_age_ms_max / u64::from(VIEW_TICKS)).max(1));
        let state = self.lock();
        let woken = self.ticks.wait_timeout_while(state, tick, |state| !state.is_over());
        let (state, _timeout) = woken.unwrap_or_else(PoisonError::into_inner);
        !state.is_over()
    }

    fn look_for_space(&self) -> Result<(), KvError> {
        if !self.lock().is_out_of_space {
            return Ok(());
        }
        let free = rustix::fs::statvfs(&self.tree_path)
            .map_err(|error| from_io("cannot stat", &self.tree_path, &error.into()))?;
        let needed = 2 * self.log_bytes.max(self.settings.memtable_bytes);
        if free.f_bavail.saturating_mul(free.f_frsize) > needed {
            self.lock().is_out_of_space = false;
            self.checkpoints.notify_one();
        }
        Ok(())
    }
}

/// Ticks of the oldest age of a view.
const VIEW_TICKS: u32 = 12;
