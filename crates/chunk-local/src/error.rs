//! Errors of the file system as errors of a store.

use std::io;

use chunk::{ChunkError, SegmentId};

/// What an I/O error means for the store; `what` says what was tried.
pub(crate) fn io_error(what: &str, segment: SegmentId, error: &io::Error) -> ChunkError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ChunkError::NoSpace,
        _ => ChunkError::Io(format!("{what} segment {}: {error}", segment.0)),
    }
}

pub(crate) fn missing(segment: SegmentId, what: &str) -> ChunkError {
    ChunkError::Missing(format!("segment {}: {what}", segment.0))
}
