//! How much room there is.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use chunk::{Capacity, ChunkError};
use pages::BLOCK_SIZE;
use rustix::fs::statvfs;

use crate::settings::Settings;

/// Blocks that are placed and not freed, against the bound of the settings.
#[derive(Debug)]
pub(crate) struct Space {
    blocks_max: u64,
    used_blocks: AtomicU64,
    /// By which files have grown since the store was opened.
    taken_bytes: AtomicU64,
}

impl Space {
    pub(crate) fn new(settings: &Settings) -> Self {
        let blocks_max = settings.bytes_max.map_or(u64::MAX, |bytes| bytes / BLOCK_SIZE as u64);
        Self { blocks_max, used_blocks: AtomicU64::new(0), taken_bytes: AtomicU64::new(0) }
    }

    /// Takes room for blocks, or says `NoSpace`.
    pub(crate) fn take(&self, blocks: u64) -> Result<(), ChunkError> {
        let within = |used: u64| used.checked_add(blocks).filter(|sum| *sum <= self.blocks_max);
        let taken = self.used_blocks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
        taken.map(|_| ()).map_err(|_| ChunkError::NoSpace)
    }

    pub(crate) fn give_back(&self, blocks: u64) {
        self.used_blocks.fetch_sub(blocks, Ordering::Relaxed);
    }

    pub(crate) fn set_used(&self, blocks: u64) {
        self.used_blocks.store(blocks, Ordering::Relaxed);
    }

    /// A file has grown, or perhaps by less when that failed.
    pub(crate) fn grown(&self, bytes: u64) {
        self.taken_bytes.fetch_add(bytes, Ordering::Release);
    }

    pub(crate) fn taken_bytes(&self) -> u64 {
        self.taken_bytes.load(Ordering::Acquire)
    }

    /// The smaller of what the file system and the settings allow.
    pub(crate) fn capacity(&self, settings: &Settings) -> Result<Capacity, ChunkError> {
        let (total_bytes, free_bytes) = file_system_room(&settings.directory)?;
        let free_bytes = free_bytes.saturating_sub(settings.free_bytes_min);
        let Some(bytes_max) = settings.bytes_max else { return Ok(Capacity { total_bytes, free_bytes }) };
        let used = self.used_blocks.load(Ordering::Relaxed) * BLOCK_SIZE as u64;
        Ok(Capacity {
            total_bytes: total_bytes.min(bytes_max),
            free_bytes: free_bytes.min(bytes_max.saturating_sub(used)),
        })
    }

    /// Whether the file system may give `bytes` more.
    pub(crate) fn check_growth(settings: &Settings, bytes: u64) -> Result<(), ChunkError> {
        let (_, free) = file_system_room(&settings.directory)?;
        if free.saturating_sub(bytes) < settings.free_bytes_min { Err(ChunkError::NoSpace) } else { Ok(()) }
    }
}

fn file_system_room(directory: &Path) -> Result<(u64, u64), ChunkError> {
    let stat = statvfs(directory).map_err(|error| ChunkError::Io(format!("statvfs: {error}")))?;
    Ok((stat.f_blocks.saturating_mul(stat.f_frsize), stat.f_bavail.saturating_mul(stat.f_frsize)))
}
