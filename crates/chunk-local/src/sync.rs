//! Syncing: one sync per file for everybody who waits at the time.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chunk::ChunkError;
use futures_util::future::join_all;

use crate::segment::Segment;
use crate::store::{Shared, lock};

/// Counts rounds of syncs, so that a caller can tell one that began after its call.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// Held by whoever runs a round; the others wait here.
    turn: tokio::sync::Mutex<()>,
    numbers: Mutex<Numbers>,
    /// Blocks that a failed sync covered and that nobody has freed since.
    lost_blocks: AtomicU64,
}

#[derive(Debug, Default)]
struct Numbers {
    begun: u64,
    /// The last that ran to its end, well or not. A dropped round never counts.
    ended: u64,
}

impl Rounds {
    /// Lost blocks that were freed: nobody counts on them any more.
    pub(crate) fn found(&self, blocks: u64) {
        self.lost_blocks.fetch_sub(blocks, Ordering::Relaxed);
    }

    pub(crate) fn forget_losses(&self) {
        self.lost_blocks.store(0, Ordering::Relaxed);
    }

    fn outcome(&self) -> Result<(), ChunkError> {
        match self.lost_blocks.load(Ordering::Relaxed) {
            0 => Ok(()),
            blocks => Err(ChunkError::Io(format!("a sync failed: {blocks} blocks must be placed again"))),
        }
    }
}

impl Shared {
    pub(crate) async fn sync(&self) -> Result<(), ChunkError> {
        let needed = lock(&self.rounds.numbers).begun + 1;
        let _turn = self.rounds.turn.lock().await;
        if lock(&self.rounds.numbers).ended < needed {
            let round = begin(&mut lock(&self.rounds.numbers));
            let failure = self.sync_round().await;
            lock(&self.rounds.numbers).ended = round;
            failure?;
        }
        self.rounds.outcome()
    }

    /// Syncs every file with unsynced blocks, at the same time, then their directory if one of them is new. Segments
    /// stay listed as unsynced until they are not, so that dropping this half-way loses nothing.
    async fn sync_round(&self) -> Result<(), ChunkError> {
        let segments: Vec<_> = lock(&self.unsynced).values().cloned().collect();
        let outcomes = join_all(segments.iter().map(sync_file)).await;
        let new = segments.iter().any(|segment| segment.needs_entry());
        let entries = if new { self.entries.sync().await } else { Ok(()) };
        let mut failure = Ok(());
        for (segment, outcome) in segments.iter().zip(outcomes) {
            let entry =
                if segment.needs_entry() { entries.as_ref().map_or_else(copy_error, |()| Ok(())) } else { Ok(()) };
            match outcome.and(entry) {
                Ok(()) => self.settle(segment),
                Err(error) => failure = Err(self.fail(segment, &error)),
            }
        }
        failure
    }

    fn settle(&self, segment: &Segment) {
        let mut unsynced = lock(&self.unsynced);
        if segment.synced() {
            unsynced.remove(&segment.id);
        }
    }

    fn fail(&self, segment: &Segment, error: &io::Error) -> ChunkError {
        let mut unsynced = lock(&self.unsynced);
        let lost = segment.sync_failed();
        unsynced.remove(&segment.id);
        self.rounds.lost_blocks.fetch_add(lost, Ordering::Relaxed);
        tracing::error!(segment = segment.id.0, blocks = lost, %error, "a sync failed; the segment is abandoned");
        ChunkError::Io(format!("syncing segment {}: {error}", segment.id.0))
    }
}

fn begin(numbers: &mut Numbers) -> u64 {
    numbers.begun += 1;
    numbers.begun
}

async fn sync_file(segment: &Arc<Segment>) -> io::Result<()> {
    match segment.begin_sync() {
        Some(file) => file.sync_data().await,
        None => Ok(()),
    }
}

fn copy_error(error: &io::Error) -> io::Result<()> {
    Err(io::Error::new(error.kind(), error.to_string()))
}
