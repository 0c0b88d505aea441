//! What can go wrong in an engine.

use thiserror::Error;

/// Why an engine refused or failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KvError {
    /// The expectation with this index did not hold; nothing was applied.
    #[error("expectation {0} of the batch did not hold")]
    Conflict(usize),
    /// The batch may or may not have been applied.
    #[error("the outcome of the batch is unknown: {0}")]
    Unknown(String),
    /// Another owner has taken the store.
    #[error("another owner has taken the store")]
    Fenced,
    /// No space for the batch; nothing was applied.
    #[error("no space left in the metadata store")]
    NoSpace,
    /// A key, value or batch is above the house limits.
    #[error("over the limits of the metadata store: {0}")]
    TooLarge(&'static str),
    /// The view is too old to be read.
    #[error("the view has expired; take a new one")]
    Expired,
    /// What lies on stable storage contradicts itself.
    #[error("the metadata store is damaged: {0}")]
    Damaged(String),
    /// The device or file system below failed.
    #[error("metadata store: {0}")]
    Io(String),
}

impl KvError {
    /// Whether the same request can succeed when it is sent again without a repair.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Expired | Self::Unknown(_))
    }
}
