//! What can be set about the file system.

use std::time::Duration;

/// Bounds of one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory for cached blocks, records and dirty data together, in bytes.
    pub memory_bytes: u64,
    /// Space of the data store that is kept free for the metadata engine and for removals, in bytes.
    pub ballast_bytes: u64,
    /// How long after a start locks are kept for those who had them before; shorter when all of them have come back.
    pub grace: Duration,
}

impl Settings {
    /// Bytes of dirty data above which writers are made to flush: a quarter of the memory.
    #[must_use]
    pub fn dirty_bytes_max(&self) -> u64 {
        self.memory_bytes / 4
    }

    /// Bytes of clean blocks that are kept: half of the memory.
    #[must_use]
    pub fn block_cache_bytes(&self) -> u64 {
        self.memory_bytes / 2
    }

    /// Bytes of listed directory entries that are kept: a thirty-second of the memory.
    #[must_use]
    pub fn listing_cache_bytes(&self) -> usize {
        usize::try_from(self.memory_bytes / 32).unwrap_or(usize::MAX)
    }

    /// Records of each kind that are kept: the rest of the memory, by the typical size of one.
    #[must_use]
    pub fn records_max(&self) -> usize {
        usize::try_from(self.memory_bytes / 32 * 7 / RECORD_BYTES_TYPICAL).unwrap_or(usize::MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, ballast_bytes: 1 << 28, grace: GRACE }
    }
}

/// Clients look for their locks again when they hear of the restart, or when their next request is refused.
const GRACE: Duration = Duration::from_secs(45);
/// What an inode with its dentry, usage and cache entries takes in memory, roughly.
const RECORD_BYTES_TYPICAL: u64 = 1024;
