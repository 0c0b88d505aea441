//! The store of records over an engine: what is submitted is at once visible here, and durable in order.

mod group;
mod journal;
mod open;
mod queue;
mod read;
mod space;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use queue::Queue;
pub(crate) use read::Cut;
pub use read::Seen;
pub use space::{LiveSegment, LiveSegments};
use vfs::FencingEpoch;

use crate::keys::NameHasher;
use crate::records::Superblock;
use crate::{Change, MetaError};

/// The number of a submitted change; later ones have higher numbers, also over restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// What was made durable since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetaFigures {
    /// Groups.
    pub groups: u64,
    /// Changes in them.
    pub changes: u64,
}

/// Records over an engine: ordered submit, group commit, durable watermark, and the overlay of what is not durable yet.
///
/// There is no task in the background: whoever waits for durability drives the commit in flight, all together. After a
/// failed commit everything answers `Failed` until [`Meta::reopen`].
pub struct Meta<K: kv::Engine> {
    inner: Arc<Inner<K>>,
    superblock: Superblock,
}

/// What a commit in flight keeps alive too.
struct Inner<K> {
    engine: K,
    queue: Mutex<Queue>,
    /// Everything up to here is durable and stays so, whatever fails: known without the lock.
    settled: AtomicU64,
}

impl<K> Inner<K> {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the commit in flight.
    fn finish(&self, result: Result<kv::Version, kv::KvError>) -> group::Writes {
        let mut queue = self.queue();
        let written = queue.finish(result);
        self.settled.fetch_max(queue.settled().0, Ordering::AcqRel);
        written
    }
}

impl<K: kv::Engine> Meta<K> {
    /// Name of the store.
    #[must_use]
    pub fn store_id(&self) -> u128 {
        self.superblock.store_id
    }

    /// The head of the store.
    #[must_use]
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// Hashes names with the key of the store.
    #[must_use]
    pub fn hasher(&self) -> NameHasher {
        NameHasher::new(&self.superblock.hash_key)
    }

    /// The engine below.
    #[must_use]
    pub fn engine(&self) -> &K {
        &self.inner.engine
    }

    /// Raised durably by every open and reopen.
    #[must_use]
    pub fn fencing_epoch(&self) -> FencingEpoch {
        self.inner.queue().fencing_epoch()
    }

    /// How often the store has been reopened: what was loaded before another value must be loaded again.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inner.queue().generation()
    }

    /// What was made durable so far.
    #[must_use]
    pub fn figures(&self) -> MetaFigures {
        self.inner.queue().figures()
    }

    /// Takes the next place in the order: the change is visible to every read that starts after this call, and becomes
    /// durable after all before it and together or before all behind it. An empty change takes no place and gives the
    /// last one.
    ///
    /// # Errors
    /// In order: `Failed`, `TooLarge`.
    pub fn submit(&self, change: Change) -> Result<Version, MetaError> {
        self.inner.queue().submit(change)
    }

    /// The last submitted change.
    #[must_use]
    pub fn submitted(&self) -> Version {
        self.inner.queue().submitted()
    }

    /// Everything up to this change is durable.
    #[must_use]
    pub fn watermark(&self) -> Version {
        self.inner.queue().durable()
    }

    /// Whether a group is on its way to the engine's log.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.inner.queue().is_committing()
    }

    /// Returns when the change, and so all before it, is durable. Dropping the wait loses nothing, but somebody must
    /// wait for a change for it to be committed.
    ///
    /// # Errors
    /// `Failed`: it is not durable and will not be; also for a change that an earlier failure took back.
    pub async fn durable(&self, version: Version) -> Result<(), MetaError> {
        // Most of what is answered was durable long ago: threads need not meet to see it.
        if version.0 <= self.inner.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut has_yielded = false;
        loop {
            let step = self.inner.queue().step(version)?;
            match step {
                queue::Step::Done => return Ok(()),
                queue::Step::Wait(commit) => commit.await,
                // What came in with this request is in the same group then.
                queue::Step::Start if !has_yielded => {
                    has_yielded = true;
                    yield_once().await;
                }
                queue::Step::Start => self.start(),
            }
        }
    }

    /// Returns when there is room for more: fewer than [`BACKLOG_CHANGES_MAX`] changes wait for their commit. Callers
    /// come here before they submit, so that the backlog stays bounded.
    ///
    /// # Errors
    /// `Failed`.
    pub async fn room(&self) -> Result<(), MetaError> {
        loop {
            let Some(oldest) = self.inner.queue().crowded()? else { return Ok(()) };
            self.durable(oldest).await?;
        }
    }

    /// Whether changes and reads are answered. The engine may have failed by itself, with no commit that told of it.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`.
    pub async fn serves(&self) -> Result<(), MetaError> {
        self.room().await?;
        self.inner.engine.view().await?;
        Ok(())
    }

    /// Begins the next group, unless somebody else has.
    fn start(&self) {
        let mut queue = self.inner.queue();
        let Some((last, batch)) = queue.next_group() else { return };
        let inner = Arc::clone(&self.inner);
        queue.begin(last, async move {
            let result = inner.engine.commit(batch).await;
            let written = inner.finish(result);
            drop(written);
        });
    }
}

impl<K: kv::Engine> fmt::Debug for Meta<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Meta").field("superblock", &self.superblock).finish_non_exhaustive()
    }
}

impl<K: kv::Engine> Drop for Meta<K> {
    fn drop(&mut self) {
        // The commit in flight holds `inner`, which holds it.
        let commit = self.inner.queue().abandon();
        drop(commit);
    }
}

/// Lets others of this thread run first.
async fn yield_once() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Most changes that wait for their commit before [`Meta::room`] makes callers wait.
pub const BACKLOG_CHANGES_MAX: usize = 16_384;
