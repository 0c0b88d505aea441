//! The compactor: merges tables after checkpoints, so that reads touch few of them.

use std::sync::{Arc, PoisonError};

use kv::KvError;
use lsm_tree::AbstractTree;
use lsm_tree::compaction::Leveled;

use super::Store;

/// Body of the compactor thread.
pub(super) fn run(store: &Store) {
    while store.wait_for_compaction() {
        match store.compact_all() {
            Ok(()) => {}
            // The inputs stay; the next checkpoint that finds space compacts again.
            Err(KvError::NoSpace) => tracing::error!("no space to compact the metadata store"),
            Err(error) => {
                store.fail(&error);
                return;
            }
        }
    }
}

impl Store {
    fn wait_for_compaction(&self) -> bool {
        let mut state = self.lock();
        while !state.compaction_wanted && !state.is_over() {
            state = self.compactions.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.compaction_wanted = false;
        !state.is_over()
    }

    /// Compacts until nothing changes, at most a bounded number of times.
    fn compact_all(&self) -> Result<(), KvError> {
        for _ in 0..PASSES_MAX {
            let before = self.shape();
            self.compact_once()?;
            if self.shape() == before || self.lock().is_over() {
                break;
            }
        }
        Ok(())
    }

    /// One step of leveled compaction. Versions that no view reads are dropped.
    pub(super) fn compact_once(&self) -> Result<(), KvError> {
        let compacted = self.tree.compact(Arc::new(Leveled::default()), self.views.watermark());
        compacted.map_err(|error| self.tree_error("cannot compact", &error))
    }

    fn shape(&self) -> [usize; LEVELS] {
        std::array::from_fn(|level| self.tree.level_table_count(level).unwrap_or(0))
    }
}

/// Compactions after one checkpoint.
const PASSES_MAX: usize = 16;
/// Levels of the tree.
const LEVELS: usize = 7;
