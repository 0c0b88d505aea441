//! How much room there is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    cannot_punch: AtomicBool,
}

impl Space {
    pub(crate) fn new(settings: &Settings) -> Self {
        let blocks_max = settings.bytes_max.map_or(u64::MAX, |bytes| bytes / BLOCK_SIZE as u64);
        Self {
            blocks_max,
            used_blocks: AtomicU64::new(0),
            taken_bytes: AtomicU64::new(0),
            cannot_punch: AtomicBool::new(false),
        }
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

    /// The file system has no holes. Says whether that was known.
    pub(crate) fn cannot_punch(&self) -> bool {
        self.cannot_punch.swap(true, Ordering::Relaxed)
    }

    /// The smaller of what the file system and the settings allow. Free blocks that keep their room, so many, count as
    /// free: it is given back when it is needed.
    pub(crate) fn capacity(&self, settings: &Settings, kept_blocks: u64) -> Result<Capacity, ChunkError> {
        let (total_bytes, free_bytes) = file_system_room(&settings.directory)?;
        let kept_blocks = if self.cannot_punch.load(Ordering::Relaxed) { 0 } else { kept_blocks };
        let free_bytes = free_bytes.saturating_add(kept_blocks.saturating_mul(BLOCK_SIZE as u64));
        let free_bytes = free_bytes.saturating_sub(settings.free_bytes_min);
        let Some(bytes_max) = settings.bytes_max else { return Ok(Capacity { total_bytes, free_bytes }) };
        let used = self.used_blocks.load(Ordering::Relaxed) * BLOCK_SIZE as u64;
        Ok(Capacity {
            total_bytes: total_bytes.min(bytes_max),
            free_bytes: free_bytes.min(bytes_max.saturating_sub(used)),
        })
    }

    /// Whether the file system has so much that room which free blocks keep is missed by nobody.
    pub(crate) fn has_plenty(settings: &Settings, bytes: u64) -> Result<bool, ChunkError> {
        Self::has(settings, settings.plenty_bytes.saturating_add(bytes))
    }

    /// Whether the file system has so much that who takes `bytes` of it may leave it to others to give room back.
    pub(crate) fn has_enough(settings: &Settings, bytes: u64) -> Result<bool, ChunkError> {
        Self::has(settings, settings.scarce_bytes().saturating_add(bytes))
    }

    /// Whether so many bytes are free beyond what is left to others.
    fn has(settings: &Settings, bytes: u64) -> Result<bool, ChunkError> {
        let (_, free) = file_system_room(&settings.directory)?;
        Ok(free.saturating_sub(settings.free_bytes_min) >= bytes && free >= settings.free_bytes_min)
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
