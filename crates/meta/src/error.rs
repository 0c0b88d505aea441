//! What can go wrong between the core and its engine.

use kv::KvError;
use thiserror::Error;

use crate::{Key, RecordError};

/// Why the metadata store refused or failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MetaError {
    /// A commit failed; nothing is accepted or answered until `reopen`.
    #[error("the metadata store has failed and must be reopened: {0}")]
    Failed(String),
    /// Another owner has taken the store.
    #[error("another owner has taken the metadata store")]
    Fenced,
    /// One change is above what an engine takes in one batch: a bug of the floor above.
    #[error("one change is too large: {keys} keys, {bytes} bytes, {runs} runs of blocks")]
    TooLarge {
        /// Keys it writes.
        keys: usize,
        /// Bytes it writes.
        bytes: usize,
        /// Runs of blocks it names and releases.
        runs: usize,
    },
    /// A record does not decode, or contradicts its key.
    #[error("record {key}: {problem}")]
    Damaged {
        /// Where it stands.
        key: Key,
        /// What is wrong with it.
        problem: RecordError,
    },
    /// The store was made by a house that this one does not understand.
    #[error("the store cannot be opened: {0}")]
    Incompatible(String),
    /// The engine failed while reading.
    #[error(transparent)]
    Engine(#[from] KvError),
}
