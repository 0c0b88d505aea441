//! What can go wrong in a store.

use thiserror::Error;

/// Why a store refused or failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChunkError {
    /// The payload is not a whole number of blocks.
    #[error("{0} bytes are not a whole number of blocks")]
    Unaligned(usize),
    /// A segment or block that should be there is not.
    #[error("missing: {0}")]
    Missing(String),
    /// No room for more blocks.
    #[error("no space left in the data store")]
    NoSpace,
    /// The device or file system below failed.
    #[error("data store: {0}")]
    Io(String),
}

impl ChunkError {
    /// Whether placing the same blocks again, elsewhere, can succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}
