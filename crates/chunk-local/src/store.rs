//! The store and its parts.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chunk::{
    Capacity, ChunkError, LiveSegment, Owner, Placed, Placement, SegmentId, SegmentSummary, Store, StoreFigures,
};
use pages::{Payload, Pool};
use rustix::fs::{FlockOperation, flock};
use uring::{Create, Directory, File, OpenHow};

use crate::error::missing;
use crate::free::Waiting;
use crate::handles::Handles;
use crate::layout::{parse_file_name, segment_file_name};
use crate::segment::{Run, Segment};
use crate::settings::{OpenError, Settings};
use crate::space::Space;
use crate::spare::Spare;
use crate::superblock::Superblock;
use crate::sync::Rounds;

/// Blocks in segment files of one directory. Clones are the same store.
///
/// When a sync fails, the blocks placed since the last good one are lost, whoever placed them, and [`Store::sync`]
/// fails for everybody until each of these blocks has been given to [`Store::free`]: the store cannot know which
/// caller counts on which block, and a sync must never be reported as good to one whose blocks are lost. So: after an
/// `Io` from `sync`, free what was placed since the last good one, place it again, and sync again.
#[derive(Clone)]
pub struct LocalStore(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) entries: Directory,
    pub(crate) superblock: Mutex<Superblock>,
    pub(crate) segments: Mutex<BTreeMap<SegmentId, Arc<Segment>>>,
    pub(crate) writers: Mutex<HashMap<Owner, Writer>>,
    /// Segments with blocks that were not synced.
    pub(crate) unsynced: Mutex<BTreeMap<SegmentId, Arc<Segment>>>,
    pub(crate) handles: Handles,
    pub(crate) space: Space,
    pub(crate) waiting: Waiting,
    /// Segments that are gone and whose files wait for the next ones.
    pub(crate) spares: Mutex<Vec<Spare>>,
    pub(crate) rounds: Rounds,
    _lock: OwnedFd,
}

/// The segment an owner appends to; held while it is made or grown.
pub(crate) type Writer = Arc<tokio::sync::Mutex<Option<Arc<Segment>>>>;

impl LocalStore {
    /// Opens the store, or makes it, on the calling thread. [`Store::recover`] comes next. Buffers come from `pool`.
    ///
    /// # Errors
    /// In order: `Io` (the directory), `Locked`, `Superblock`, `OtherStore`, `Io`.
    pub fn open(settings: Settings, pool: Pool) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io { directory: settings.directory.clone(), error };
        let segments = settings.directory.join(SEGMENTS);
        fs::create_dir_all(&segments).map_err(failed)?;
        fs::File::open(&settings.directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        let lock = lock_directory(&settings.directory).map_err(failed)?;
        let lock = lock.ok_or_else(|| OpenError::Locked(settings.directory.clone()))?;
        let has_segments = !segment_files(&settings.directory).map_err(failed)?.is_empty();
        let superblock = Superblock::open(&settings, has_segments)?;
        let entries = Directory::open(&segments, settings.ring, settings.faults.clone()).map_err(failed)?;
        Ok(Self(Arc::new(Shared {
            pool,
            entries,
            superblock: Mutex::new(superblock),
            segments: Mutex::default(),
            writers: Mutex::default(),
            unsynced: Mutex::default(),
            handles: Handles::new(settings.read_handles_max),
            space: Space::new(&settings),
            waiting: Waiting::default(),
            spares: Mutex::default(),
            rounds: Rounds::default(),
            settings,
            _lock: lock,
        })))
    }
}

impl Shared {
    pub(crate) fn segment(&self, id: SegmentId) -> Result<Arc<Segment>, ChunkError> {
        let segment = lock(&self.segments).get(&id).cloned();
        segment.ok_or_else(|| missing(id, "not there"))
    }

    /// Opens a segment file for reading and writing.
    pub(crate) fn open_file(&self, segment: SegmentId, create: Create) -> io::Result<File> {
        let path = self.settings.directory.join(SEGMENTS).join(segment_file_name(segment));
        let (direct, ring, faults) = (self.settings.direct, self.settings.ring, self.settings.faults.clone());
        File::open(&path, &OpenHow { write: true, create, direct, ring, faults })
    }

    /// The open file of a segment, from the cache.
    pub(crate) fn file(&self, segment: SegmentId) -> io::Result<File> {
        self.handles.get(segment, || self.open_file(segment, Create::Never))
    }

    /// Lets a segment go that is sealed and of which every block is free: its file is removed, or waits for the next one.
    /// Says whether it did.
    pub(crate) fn remove_if_garbage(&self, segment: &Segment) -> io::Result<bool> {
        let Some(is_reusable) = segment.let_go(self.settings.segment_blocks()) else { return Ok(false) };
        lock(&self.segments).remove(&segment.id);
        self.waiting.forget(segment.id);
        lock(&self.unsynced).remove(&segment.id);
        self.handles.close(segment.id);
        if is_reusable && self.keep_spare(segment.id) {
            return Ok(true);
        }
        self.entries.remove(&segment_file_name(segment.id))?;
        Ok(true)
    }
}

impl Store for LocalStore {
    async fn place(&self, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
        self.0.place(owner, blocks).await
    }

    async fn read(&self, placement: Placement, blocks: u32) -> Result<Payload, ChunkError> {
        self.0.read(placement.segment(), Run { start: placement.block(), blocks }).await
    }

    async fn free(&self, placement: Placement, blocks: u32) -> Result<(), ChunkError> {
        self.0.free(placement.segment(), Run { start: placement.block(), blocks }).await
    }

    async fn give_back_kept(&self) -> Result<(), ChunkError> {
        self.0.give_back_kept().await;
        Ok(())
    }

    async fn relieve(&self) -> Result<bool, ChunkError> {
        self.0.relieve().await
    }

    fn has_plenty(&self) -> bool {
        // Who cannot say it is asked again; where nothing can be given back nothing is missed.
        Space::has_plenty(&self.0.settings, 0).unwrap_or(true)
    }

    async fn sync(&self) -> Result<(), ChunkError> {
        self.0.sync().await
    }

    async fn list(&self, after: Option<SegmentId>, limit: usize) -> Result<Vec<SegmentSummary>, ChunkError> {
        let from = SegmentId(after.map_or(0, |after| after.0.saturating_add(1)));
        let segments = lock(&self.0.segments);
        let placed = segments.range(from..).map(|(_, segment)| segment.summary()).filter(|found| found.blocks > 0);
        Ok(placed.take(limit).collect())
    }

    async fn recover(&self, live: Vec<LiveSegment>, next_segment: SegmentId) -> Result<(), ChunkError> {
        self.0.recover(live, next_segment).await
    }

    fn capacity(&self) -> Result<Capacity, ChunkError> {
        let kept_blocks: u64 = lock(&self.0.segments).values().map(|segment| segment.kept_blocks()).sum();
        self.0.space.capacity(&self.0.settings, kept_blocks.saturating_add(self.0.spare_blocks()))
    }

    fn taken_bytes(&self) -> Option<u64> {
        self.0.settings.bytes_max.is_none().then(|| self.0.space.taken_bytes())
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures { segments: lock(&self.0.segments).len() as u64 }
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LocalStore").field(&self.0.settings.directory).finish()
    }
}

/// The segment files of a store.
pub(crate) fn segment_files(directory: &Path) -> io::Result<Vec<SegmentId>> {
    let names = fs::read_dir(directory.join(SEGMENTS))?.map(|entry| entry.map(|entry| entry.file_name()));
    let found = names.map(|name| name.map(|name| name.to_str().and_then(parse_file_name)));
    found.filter_map(Result::transpose).collect()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` when somebody else has it.
fn lock_directory(directory: &Path) -> io::Result<Option<OwnedFd>> {
    let file = fs::File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        outcome => outcome.map(|()| Some(file.into())).map_err(io::Error::from),
    }
}

const SEGMENTS: &str = "segments";
const LOCK: &str = "lock";
