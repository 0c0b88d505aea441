//! How a store is opened.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use uring::Faults;

/// Where a store lies and how it works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directory of the store; made when it is not there.
    pub directory: PathBuf,
    /// The id that superblock and segments carry; an existing store with another one is refused.
    pub store_id: u128,
    /// Size of a new segment file, its header block included: 8 KiB to 64 GiB.
    pub segment_bytes: u64,
    /// How much room a segment asks the file system for at a time.
    pub piece_bytes: u64,
    /// Free blocks are given back to the file system in runs of at least this; smaller ones keep their room until their
    /// neighbours are free too, their segment is, or room is short.
    pub punch_bytes_min: u64,
    /// Free blocks in runs that are large enough to be given back keep their room until there is more than this of it,
    /// and so do files of segments of which every block is free, for the next segments: while the file system has plenty.
    pub kept_bytes_max: u64,
    /// With less than this beyond `free_bytes_min` free in the file system, room that nothing needs is given back little by
    /// little, and with less than a quarter of it whoever grows gives back as much as it takes: the metadata engine may
    /// need it before anything here grows again, and more.
    pub plenty_bytes: u64,
    /// Below this much free room in the file system nothing grows: others live there too (the metadata engine).
    pub free_bytes_min: u64,
    /// Most bytes of blocks the store holds; `None` for what the file system has.
    pub bytes_max: Option<u64>,
    /// Go around the page cache; falls back with a warning where the file system refuses.
    pub direct: bool,
    /// Use the ring of the runtime thread.
    pub ring: bool,
    /// Segment files kept open for reading.
    pub read_handles_max: usize,
    /// Owners with an open segment at a time; beyond, an idle one is sealed.
    pub writers_max: usize,
    /// Faults to inject; for tests.
    pub faults: Option<Arc<Faults>>,
}

impl Settings {
    /// The defaults for a store in `directory`.
    #[must_use]
    pub fn new(directory: PathBuf, store_id: u128) -> Self {
        Self {
            directory,
            store_id,
            segment_bytes: 256 << 20,
            piece_bytes: 8 << 20,
            punch_bytes_min: 256 << 10,
            kept_bytes_max: 1 << 30,
            plenty_bytes: 4 << 30,
            free_bytes_min: 128 << 20,
            bytes_max: None,
            direct: true,
            ring: true,
            read_handles_max: 512,
            writers_max: 1024,
            faults: None,
        }
    }

    /// Data blocks of a new segment.
    pub(crate) fn segment_blocks(&self) -> u32 {
        let blocks = (self.segment_bytes / pages::BLOCK_SIZE as u64).saturating_sub(1);
        u32::try_from(blocks).unwrap_or(u32::MAX).clamp(1, BLOCKS_PER_SEGMENT_MAX)
    }

    /// Free blocks in a run that are given back at once.
    pub(crate) fn punch_blocks_min(&self) -> u32 {
        u32::try_from(self.punch_bytes_min / pages::BLOCK_SIZE as u64).unwrap_or(u32::MAX).max(1)
    }

    /// Free blocks that may wait to be given back.
    pub(crate) fn kept_blocks_max(&self) -> u64 {
        self.kept_bytes_max / pages::BLOCK_SIZE as u64
    }

    /// Files that may wait for the next segments.
    pub(crate) fn spares_max(&self) -> usize {
        usize::try_from(self.kept_bytes_max / self.segment_bytes.max(1)).unwrap_or(usize::MAX)
    }

    /// Below this beyond `free_bytes_min` whoever grows gives room back.
    pub(crate) fn scarce_bytes(&self) -> u64 {
        self.plenty_bytes / 4
    }

    /// Blocks that a segment grows by.
    pub(crate) fn piece_blocks(&self) -> u32 {
        u32::try_from(self.piece_bytes / pages::BLOCK_SIZE as u64).unwrap_or(u32::MAX).max(1)
    }
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error("the store in {0} is open already")]
    Locked(PathBuf),
    /// It carries another store id than the one expected.
    #[error("the store in {directory} is {found:032x}, not {expected:032x}")]
    OtherStore {
        /// Where it lies.
        directory: PathBuf,
        /// The id in its superblock.
        found: u128,
        /// The id in the settings.
        expected: u128,
    },
    /// Its superblock is missing though there are segments, damaged, or of a version or with features unknown here.
    #[error("the superblock of the store in {directory}: {why}")]
    Superblock {
        /// Where it lies.
        directory: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file system failed.
    #[error("the store in {directory}: {error}")]
    Io {
        /// Where it lies.
        directory: PathBuf,
        /// What the file system said.
        error: io::Error,
    },
}

/// What a placement can name.
const BLOCKS_PER_SEGMENT_MAX: u32 = 1 << 24;
