//! Pooled, aligned, bounded memory that sockets, rings and caches share as owned blocks.

mod payload;

pub use payload::Payload;

/// Bytes in one block: the unit of checksums, of freeing and of direct I/O alignment.
pub const BLOCK_SIZE: usize = 4096;
