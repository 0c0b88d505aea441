//! The engine: creates or opens a store, and swaps the running one on reopen.

use std::future::poll_fn;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::Poll;

use kv::{Batch, Engine, EngineFigures, JournalEntry, KvError, Version, limits};

use crate::create::{load_or_create, open_store};
use crate::directory::Directory;
use crate::log::device::{FileDevice, LogDevice};
use crate::log::planned::PlannedDisk;
use crate::reply::run_apart;
use crate::settings::Settings;
use crate::store::{Running, Store};
use crate::superblock::SuperblockFile;
use crate::view::LocalView;

/// A store in a local directory. Dropping it stops its threads; what was committed is in the log.
#[derive(Debug)]
pub struct LocalEngine {
    shared: Arc<Shared>,
}

impl LocalEngine {
    /// Opens the store in the directory, or creates one if the directory is empty or missing. Blocks.
    ///
    /// Errors: `Io` (another owner has it; settings; the file system), `NoSpace`, `Damaged` (it says which file and
    /// where; nothing was changed).
    pub fn open(settings: Settings) -> Result<Self, KvError> {
        match settings.faults.clone() {
            None => Self::open_on(settings, Box::new(FileDisk)),
            Some(faults) => Self::open_on(settings, Box::new(PlannedDisk(faults))),
        }
    }

    /// As `open`, with the log on any device.
    pub(crate) fn open_on(settings: Settings, disk: Box<dyn Disk>) -> Result<Self, KvError> {
        settings.validate()?;
        let superblock = load_or_create(Directory::open(&settings.directory)?, &settings, &*disk)?;
        let (store_id, log_bytes) = superblock.with(|superblock| (superblock.store_id, superblock.log_bytes));
        if log_bytes != settings.log_bytes {
            tracing::warn!(kept = log_bytes, "the size of the log is fixed at creation");
        }
        let (running, lifecycle) = (RwLock::new(None), Mutex::new(()));
        let shared = Shared { settings, superblock, store_id, log_bytes, disk, running, lifecycle };
        shared.start()?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The random identity of the store, which other parts of the house record beside their own data.
    #[must_use]
    pub fn store_id(&self) -> u128 {
        self.shared.store_id
    }
}

impl Engine for LocalEngine {
    type View = LocalView;

    async fn view(&self) -> Result<LocalView, KvError> {
        let store = self.shared.store()?;
        store.check()?;
        Ok(LocalView::open(&store))
    }

    async fn commit(&self, mut batch: Batch) -> Result<Version, KvError> {
        limits::check(&batch)?;
        let queued = poll_fn(|context| match self.shared.store() {
            Ok(store) => store.enqueue(&mut batch, context),
            Err(error) => Poll::Ready(Err(error)),
        });
        let reply = queued.await?;
        reply.await.unwrap_or_else(|| Err(KvError::Unknown("the metadata store stopped".to_owned())))
    }

    async fn reopen(&self) -> Result<(), KvError> {
        let shared = Arc::clone(&self.shared);
        let done = run_apart("kv-reopen", move || shared.reopen()).await;
        done.unwrap_or_else(|| Err(KvError::Io("the reopening thread ended".to_owned())))
    }

    async fn journal(&self, after: u64, bytes_max: usize) -> Result<Vec<JournalEntry>, KvError> {
        let store = self.shared.store()?;
        let read = run_apart("kv-journal", move || store.journal(after, bytes_max)).await;
        read.unwrap_or_else(|| Err(KvError::Io("the thread that read the journal ended".to_owned())))
    }

    fn release_journal(&self, before: u64) {
        if let Ok(store) = self.shared.store() {
            store.release_journal(before);
        }
    }

    fn journal_bytes_max(&self) -> u64 {
        let log_bytes = self.shared.log_bytes;
        if log_bytes < JOURNAL_LOG_BYTES_MIN { 0 } else { log_bytes / 4 }
    }

    fn reserve_bytes(&self) -> u64 {
        let table_bytes = self.shared.store().map_or(0, |store| store.table_bytes());
        let memtables = 4 * self.shared.settings.memtable_bytes;
        let inputs = table_bytes.min(memtables + COMPACTION_LEVEL_BYTES);
        let reserve = inputs + memtables;
        reserve + reserve / 10
    }

    fn figures(&self) -> EngineFigures {
        self.shared.store().map_or_else(|_| EngineFigures::default(), |store| store.figures())
    }

    async fn close(&self) -> Result<(), KvError> {
        let shared = Arc::clone(&self.shared);
        let done = run_apart("kv-close", move || shared.stop(true)).await;
        done.unwrap_or_else(|| Err(KvError::Io("the closing thread ended".to_owned())))
    }
}

/// Where the log lies: a file, or in tests something that fails on demand.
pub(crate) trait Disk: Send + Sync + std::fmt::Debug {
    /// Makes a new log of this size.
    fn create(&self, path: &Path, size_bytes: u64) -> Result<(), KvError>;

    /// Opens a log.
    fn open(&self, path: &Path, size_bytes: u64) -> Result<Arc<dyn LogDevice>, KvError>;
}

#[derive(Debug)]
struct FileDisk;

impl Disk for FileDisk {
    fn create(&self, path: &Path, size_bytes: u64) -> Result<(), KvError> {
        FileDevice::create(path, size_bytes)
    }

    fn open(&self, path: &Path, size_bytes: u64) -> Result<Arc<dyn LogDevice>, KvError> {
        Ok(Arc::new(FileDevice::open(path, size_bytes)?))
    }
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    superblock: SuperblockFile,
    store_id: u128,
    log_bytes: u64,
    disk: Box<dyn Disk>,
    /// `None` while closed or being reopened.
    running: RwLock<Option<Running>>,
    /// Held by the one who opens or closes.
    lifecycle: Mutex<()>,
}

impl Shared {
    fn store(&self) -> Result<Arc<Store>, KvError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let store = running.as_ref().map(|running| Arc::clone(&running.store));
        store.ok_or_else(|| KvError::Io("the metadata store is closed".to_owned()))
    }

    fn start(&self) -> Result<(), KvError> {
        let running = open_store(&self.superblock, &self.settings, &*self.disk)?.run()?;
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    fn reopen(&self) -> Result<(), KvError> {
        let _alone = self.alone();
        self.stop_running(false)?;
        self.start()
    }

    fn stop(&self, is_clean: bool) -> Result<(), KvError> {
        let _alone = self.alone();
        self.stop_running(is_clean)
    }

    fn stop_running(&self, is_clean: bool) -> Result<(), KvError> {
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return Ok(()) };
        let last_group = running.stop(is_clean)?;
        self.superblock.note(|log| log.group = log.group.max(last_group))
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Size of the first sorted level of the tree: the most that a compaction of the top level reads beside it.
const COMPACTION_LEVEL_BYTES: u64 = 256 * 1024 * 1024;
/// A smaller log has no room to keep entries of the journal and carry them on: none are wanted there.
const JOURNAL_LOG_BYTES_MIN: u64 = 16 * 1024 * 1024;
