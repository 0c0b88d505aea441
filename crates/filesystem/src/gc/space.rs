//! Folding what changes said about blocks into the records of segments, so that a start has little to read.

use std::sync::PoisonError;
use std::time::Duration;

use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Folds space records, at most once a second. Says whether there were any.
    pub(crate) async fn space_round(&self) -> bool {
        let now = self.clock.monotonic();
        {
            let mut last = self.data.folded.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| now < last + INTERVAL) {
                return false;
            }
            *last = Some(now);
        }
        match self.meta.fold_space(RECORDS_PER_ROUND).await {
            Ok((folded, _)) => folded > 0,
            Err(error) => {
                tracing::warn!(%error, "space records were not folded");
                false
            }
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
/// Space records of one shard that are folded at once.
const RECORDS_PER_ROUND: usize = 1024;
