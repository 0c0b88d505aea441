//! Contract of an ordered key-value engine, an in-memory engine, and the conformance suite all engines run.
//!
//! An engine knows nothing of inodes. It stores byte strings in byte order, shows consistent views, and makes one
//! atomic batch durable at a time. Everything above it (versions, counters, grouping) is `meta`'s business.

mod batch;
pub mod conformance;
mod error;
pub mod limits;
pub mod memory;

use std::future::Future;

pub use batch::{Batch, JOURNAL_HEAD_BYTES, JournalEntry, Token};
use bytes::Bytes;
pub use error::KvError;
pub use memory::{MemoryEngine, MemoryView};

/// The number of a durable commit; later commits have higher numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest key up.
    Forward,
    /// From the highest key down.
    Backward,
}

/// A half-open range of keys with a bound on how many are returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// First key of the range, included.
    pub start: Bytes,
    /// End of the range, excluded.
    pub end: Bytes,
    /// Most entries to return.
    pub limit: usize,
    /// From which end to start.
    pub direction: Direction,
}

/// An entry found by a scan.
pub type Entry = (Bytes, Bytes);

/// How an engine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineFigures {
    /// Bytes of the log that hold what is nowhere else yet.
    pub log_bytes_used: u64,
    /// Bytes that the log has for it.
    pub log_bytes_max: u64,
}

/// An ordered key-value engine with durable atomic batches.
pub trait Engine: Send + Sync + 'static {
    /// A consistent state of the whole store.
    type View: View;

    /// A view that holds every commit acknowledged before this call, and none that is not whole.
    ///
    /// Errors: `Fenced`, `Io`.
    fn view(&self) -> impl Future<Output = Result<Self::View, KvError>> + Send;

    /// Applies the batch if every expectation holds, and returns when it is on stable storage.
    ///
    /// Errors, in order: `TooLarge`, `Fenced`, `Conflict` (nothing was applied), `NoSpace` (nothing was applied),
    /// `Unknown` (it may or may not have been applied: read the token's key again), `Io` (the engine needs `reopen`).
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Version, KvError>> + Send;

    /// Drops what is in memory and recovers from stable storage: what an owner does after `Io` or `Unknown`.
    ///
    /// Errors: `Damaged`, `Io`.
    fn reopen(&self) -> impl Future<Output = Result<(), KvError>> + Send;

    /// Entries of the journal above `after` in rising order: those kept from before the engine was opened, and those
    /// that were committed since. Not more than `bytes_max` bytes of them, but at least one if there is any.
    ///
    /// Every entry that was acknowledged and never released is among them. After an open or reopen released ones may
    /// be there again, and those of the last batch that was not acknowledged.
    ///
    /// Errors: `Fenced`, `Damaged`, `Io`.
    fn journal(&self, after: u64, bytes_max: usize) -> impl Future<Output = Result<Vec<JournalEntry>, KvError>> + Send;

    /// Entries of the journal before this one are needed no more. A hint that a crash may forget.
    fn release_journal(&self, before: u64);

    /// Most bytes of entries ([`JournalEntry::size_bytes`], released ones between others included) that may stand in
    /// the journal at once; who writes them sees to it. 0: no journal is wanted.
    fn journal_bytes_max(&self) -> u64;

    /// Bytes the engine needs to keep free on its file system to stay able to compact and commit.
    fn reserve_bytes(&self) -> u64;

    /// How it is doing; cheap enough to be asked every second. All zero for an engine without a log, or a closed one.
    fn figures(&self) -> EngineFigures {
        EngineFigures::default()
    }

    /// Flushes what is in memory to its long-term place and closes the files. Losing power instead is safe.
    ///
    /// Errors: `Io`.
    fn close(&self) -> impl Future<Output = Result<(), KvError>> + Send;
}

/// A consistent state of the store; may expire 60 seconds after it was taken.
pub trait View: Send + Sync + 'static {
    /// The highest commit that this view holds.
    fn version(&self) -> Version;

    /// The value of a key, if there is one.
    ///
    /// Errors: `Expired`, `Damaged`, `Io`.
    fn get(&self, key: &[u8]) -> impl Future<Output = Result<Option<Bytes>, KvError>> + Send;

    /// The values of many keys, in the order asked. Cheaper when the keys are sorted.
    ///
    /// Errors: as `get`.
    fn get_many(&self, keys: &[Bytes]) -> impl Future<Output = Result<Vec<Option<Bytes>>, KvError>> + Send;

    /// The entries of a range in scan order, at most `limit`.
    ///
    /// Errors: as `get`.
    fn scan(&self, scan: Scan) -> impl Future<Output = Result<Vec<Entry>, KvError>> + Send;
}
