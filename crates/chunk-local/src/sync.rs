//! Syncing: one sync per file for everybody who waits at the time.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use chunk::ChunkError;
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture, join_all};

use crate::segment::Segment;
use crate::store::{Shared, lock};

/// Counts rounds of syncs, so that a caller can tell one that began after its call.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    numbers: Mutex<Numbers>,
    /// Blocks that a failed sync covered and that nobody has freed since.
    lost_blocks: AtomicU64,
}

#[derive(Debug, Default)]
struct Numbers {
    begun: u64,
    /// The last that ran to its end, well or not.
    ended: u64,
    /// The one that began last, until it ends.
    running: Option<Round>,
}

/// A round that everybody who waits polls: it does not end with the caller who began it, because the device tells an
/// error once, to the sync that was in flight.
type Round = future::Shared<BoxFuture<'static, Result<(), ChunkError>>>;

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

    fn end(&self, number: u64) {
        let mut numbers = lock(&self.numbers);
        numbers.ended = number;
        numbers.running = None;
    }
}

impl Shared {
    /// Dropping this half-way loses nothing: the next caller drives the round to its end and hears of its errors.
    pub(crate) async fn sync(self: &Arc<Self>) -> Result<(), ChunkError> {
        let needed = lock(&self.rounds.numbers).begun + 1;
        while let Some((number, round)) = self.join_round(needed) {
            let outcome = round.await;
            if number >= needed {
                outcome?;
            }
        }
        self.rounds.outcome()
    }

    /// The round in flight, or else a new one; `None` once the needed one has ended.
    fn join_round(self: &Arc<Self>, needed: u64) -> Option<(u64, Round)> {
        let mut numbers = lock(&self.rounds.numbers);
        if numbers.ended >= needed {
            return None;
        }
        if let Some(round) = &numbers.running {
            return Some((numbers.begun, round.clone()));
        }
        numbers.begun += 1;
        // Not the store itself: a round that nobody drives any more must not keep it open.
        let round = run_round(Arc::downgrade(self), numbers.begun).boxed().shared();
        numbers.running = Some(round.clone());
        Some((numbers.begun, round))
    }

    /// Notes how the syncs of a round went; one that went well counts only with the entry of its file.
    fn conclude(
        &self,
        synced: Vec<(Arc<Segment>, io::Result<()>)>,
        entries: &io::Result<()>,
    ) -> Result<(), ChunkError> {
        let mut failure = Ok(());
        for (segment, outcome) in synced {
            let entry =
                if segment.needs_entry() { entries.as_ref().map_or_else(copy_error, |()| Ok(())) } else { Ok(()) };
            match outcome.and(entry) {
                Ok(()) => self.settle(&segment),
                Err(error) => failure = Err(self.fail(&segment, &error)),
            }
        }
        failure
    }

    fn unsynced_segments(&self) -> Vec<Arc<Segment>> {
        lock(&self.unsynced).values().cloned().collect()
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

/// Syncs every file with unsynced blocks, at the same time, then their directory if one of them is new.
async fn run_round(store: Weak<Shared>, number: u64) -> Result<(), ChunkError> {
    let Some((segments, directory)) = store.upgrade().map(|store| (store.unsynced_segments(), store.entries.clone()))
    else {
        return Err(closed());
    };
    let outcomes = join_all(segments.iter().map(sync_file)).await;
    let new = segments.iter().any(|segment| segment.needs_entry());
    let entries = if new { directory.sync().await } else { Ok(()) };
    let store = store.upgrade().ok_or_else(closed)?;
    let outcome = store.conclude(segments.into_iter().zip(outcomes).collect(), &entries);
    store.rounds.end(number);
    outcome
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

/// Nobody is left to hear it: whoever waits for a round has the store.
fn closed() -> ChunkError {
    ChunkError::Io("the store was closed during a sync".to_owned())
}
