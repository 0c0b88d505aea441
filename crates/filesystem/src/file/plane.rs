//! Everything of the house that has to do with bytes rather than names.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use vfs::InodeId;

use super::ahead::ReadAhead;
use super::dirty::DirtyBytes;
use super::journal::JournalTable;
use super::{ReadGate, ScatteredParts};
use crate::Settings;
use crate::cache::BlockCache;
use crate::gc::{Evacuation, IntentQueue, ReleaseQueue};

/// The block store with its cache, what is dirty, and what waits to be given back.
#[derive(Debug)]
pub(crate) struct DataPlane<C> {
    /// The store; what is read ahead may outlast the file system.
    pub(crate) chunks: Arc<C>,
    /// Clean blocks.
    pub(crate) cache: BlockCache,
    /// What is read before it is asked for.
    pub(crate) ahead: ReadAhead,
    /// Who reads.
    pub(crate) gate: ReadGate,
    /// How much is dirty.
    pub(crate) dirty: DirtyBytes,
    /// What of it stands in the journal.
    pub(crate) journal: JournalTable,
    /// Released blocks that are not free yet.
    pub(crate) releases: ReleaseQueue,
    /// Work that was promised.
    pub(crate) intents: IntentQueue,
    /// What is done about sparse segments.
    pub(crate) evacuation: Evacuation,
    /// What is to be put in order.
    pub(crate) scattered: ScatteredParts,
    /// How often unstable data was dropped: part of the write verifier.
    pub(crate) drops: AtomicU64,
    /// Syncs of the store that failed: what was placed before may be lost, whoever placed it.
    pub(crate) failed_syncs: AtomicU64,
    /// Blocks found that did not match their checksum.
    pub(crate) damaged: AtomicU64,
    /// Bytes of ranges that were shared, and ranges that could not be.
    pub(crate) shared_bytes: AtomicU64,
    pub(crate) unshared: AtomicU64,
    /// When space records were folded last, on the monotonic clock.
    pub(crate) folded: Mutex<Option<Duration>>,
    /// When the store was last asked to give back what it keeps.
    pub(crate) given_back: Mutex<Option<Duration>>,
    /// When it was last asked to do so because room is short.
    pub(crate) relieved: Mutex<Option<Duration>>,
    /// Dirty files with the time they became so, oldest first; each at most once.
    queue: Mutex<VecDeque<(InodeId, Duration)>>,
    /// Files of which much is dirty; each at most once.
    large: Mutex<VecDeque<InodeId>>,
    /// Told when there is something to write back now.
    write_back: Notify,
}

impl<C: chunk::Store> DataPlane<C> {
    /// Over a store, with nothing in memory.
    pub(crate) fn new(chunks: C, settings: &Settings) -> Self {
        Self {
            chunks: Arc::new(chunks),
            cache: BlockCache::new(settings.block_cache_bytes()),
            ahead: ReadAhead::new(settings.block_cache_bytes()),
            gate: ReadGate::default(),
            dirty: DirtyBytes::new(settings.dirty_bytes_max()),
            journal: JournalTable::default(),
            releases: ReleaseQueue::default(),
            intents: IntentQueue::default(),
            evacuation: Evacuation::default(),
            scattered: ScatteredParts::default(),
            drops: AtomicU64::new(0),
            failed_syncs: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            shared_bytes: AtomicU64::new(0),
            unshared: AtomicU64::new(0),
            folded: Mutex::new(None),
            given_back: Mutex::new(None),
            relieved: Mutex::new(None),
            queue: Mutex::new(VecDeque::new()),
            large: Mutex::new(VecDeque::new()),
            write_back: Notify::new(),
        }
    }

    /// A file has become dirty.
    pub(crate) fn queue_file(&self, inode: InodeId, since: Duration) {
        self.queue().push_back((inode, since));
    }

    /// Takes the oldest dirty file off the queue if it has been dirty since this time or longer.
    pub(crate) fn next_file(&self, since: Duration) -> Option<InodeId> {
        self.queue().pop_front_if(|(_, queued)| *queued <= since).map(|(inode, _)| inode)
    }

    /// How many files are queued.
    pub(crate) fn queued_files(&self) -> usize {
        self.queue().len()
    }

    /// Much of a file has become dirty: writing it back begins now.
    pub(crate) fn queue_large(&self, inode: InodeId) {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).push_back(inode);
        self.write_back.notify_one();
    }

    /// Takes a file off the queue of those of which much is dirty.
    pub(crate) fn next_large(&self) -> Option<InodeId> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Lets whoever writes back begin.
    pub(crate) fn hurry(&self) {
        self.write_back.notify_one();
    }

    /// Waits until there is something to write back at once.
    pub(crate) async fn is_hurried(&self) {
        self.write_back.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(InodeId, Duration)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
