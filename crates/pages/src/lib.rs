//! Pooled, aligned, bounded memory that sockets, rings and caches share as owned blocks.
#![allow(unsafe_code, reason = "this crate maps memory and hands out slices of it; every block says why it is sound")]

mod block;
mod budget;
mod mapping;
mod payload;
mod pool;

pub use block::PageBuf;
pub use budget::{Budget, Reservation};
pub use payload::Payload;
pub use pool::{Exhausted, Pool, PoolSettings, PoolUsage, SIZE_CLASSES, held_bytes};

/// Bytes in one block: the unit of checksums, of freeing and of direct I/O alignment.
pub const BLOCK_SIZE: usize = 4096;
