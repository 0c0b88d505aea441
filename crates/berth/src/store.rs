//! The store below the doors: both engines in a data directory and the file system over them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chunk_local::LocalStore;
use filesystem::{Filesystem, Parts};
use kv_local::LocalEngine;
use nfs_server::HandleKeys;
use pages::Pool;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use vfs::Clock;

use crate::data_directory::DataDirectory;
use crate::runtime::on_this_thread;
use crate::settings::Settings;

/// The file system on local engines.
pub(crate) type LocalFilesystem = Filesystem<LocalEngine, LocalStore>;

/// An open store and its background work.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) filesystem: Arc<LocalFilesystem>,
    /// The memory of blocks.
    pub(crate) pool: Pool,
    stop: watch::Sender<bool>,
    work: [thread::JoinHandle<()>; 2],
    _directory: DataDirectory,
}

/// Both engines of a data directory, opened and not yet looked into.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) metadata: LocalEngine,
    pub(crate) blocks: LocalStore,
    pub(crate) pool: Pool,
    pub(crate) directory: DataDirectory,
}

impl Engines {
    /// Opens the engines, or makes them in an empty directory; recovers the metadata log. Blocks.
    pub(crate) fn open(settings: &Settings, directory: DataDirectory) -> Result<Self> {
        let metadata = LocalEngine::open(settings.for_metadata(&directory));
        let metadata = metadata.with_context(|| format!("cannot open {}", directory.metadata().display()))?;
        warn_of_one_device(settings, &directory);
        let for_blocks = settings.for_blocks(&directory, metadata.store_id());
        let pool = Pool::new(settings.for_pages());
        let blocks = LocalStore::open(for_blocks, pool.clone());
        let blocks = blocks.with_context(|| format!("cannot open {}", directory.blocks().display()))?;
        Ok(Self { metadata, blocks, pool, directory })
    }
}

impl OpenStore {
    /// Opens the store of the settings, or makes it: when this returns, everything acknowledged is there. Jobs run on
    /// a thread of their own, as their scans wait for disks, and dirty data is written back on another, as clients wait for
    /// that.
    pub(crate) async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let (settings, for_filesystem) = (settings.clone(), settings.for_filesystem());
        let engines = spawn_blocking(move || {
            let directory = DataDirectory::create(&settings.data)?;
            Engines::open(&settings, directory)
        });
        let Engines { metadata, blocks, pool, directory } = engines.await.context("opening the engines")??;
        let seed = seed(metadata.store_id())?;
        let parts = Parts { engine: metadata, chunks: blocks, clock, settings: for_filesystem, seed };
        let opened = Filesystem::open(parts).await.context(
            "the store cannot be served; `berth check` on the same configuration lists what is wrong and changes nothing",
        )?;
        let filesystem = Arc::new(opened);
        let (stop, stopped) = watch::channel(false);
        let jobs = start(JOBS, work(Arc::clone(&filesystem), stopped.clone()))?;
        let write_back = start(WRITE_BACK, write_back(Arc::clone(&filesystem), stopped))?;
        let work = [jobs, write_back];
        Ok(Self { filesystem, pool, stop, work, _directory: directory })
    }

    /// The keys that seal file handles.
    pub(crate) fn handle_keys(&self) -> Result<HandleKeys> {
        let superblock = self.filesystem.superblock();
        let keys: Vec<_> = superblock.handle_keys.iter().map(|key| (u16::from(key.id), key.key)).collect();
        Ok(HandleKeys::new(&keys)?)
    }

    /// Names this server to SMB clients: the id of the store, the same at every start.
    pub(crate) fn server_guid(&self) -> [u8; 16] {
        self.filesystem.superblock().store_id.to_be_bytes()
    }

    /// Ends the background work after the round it is in, writes back what is dirty and closes the engines. Gives up
    /// after this time, which loses nothing that clients were told is stable.
    pub(crate) async fn close(self, time: Duration) -> Result<()> {
        self.stop.send_replace(true);
        let work = self.work;
        let closing = async {
            let joined = spawn_blocking(move || work.map(thread::JoinHandle::join)).await;
            if !matches!(joined, Ok([Ok(()), Ok(())])) {
                tracing::error!("the background work had failed");
            }
            self.filesystem.close().await
        };
        match tokio::time::timeout(time, closing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => bail!("not everything could be written back ({:?}); the log says why", failure.error),
            Err(_) => {
                tracing::warn!("the time to write back is over; clients send again what was not stable yet");
                Ok(())
            }
        }
    }
}

/// A log whose device is not mounted would lie on the store's, and never be found again when it is.
fn warn_of_one_device(settings: &Settings, directory: &DataDirectory) {
    let Some(log) = &settings.metadata.log else { return };
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    if device(log) == device(&directory.metadata()) {
        tracing::warn!(folder = %log.display(), "the log lies on the file system of the store; is its own mounted?");
    }
}

/// What the house does by itself, round after round.
async fn work(filesystem: Arc<LocalFilesystem>, mut stop: watch::Receiver<bool>) {
    // Who dropped the store without closing it is gone.
    while !*stop.borrow() && stop.has_changed().is_ok() {
        if filesystem.jobs_round().await {
            continue;
        }
        let stopped = stop.wait_for(|is_stopping| *is_stopping);
        // Over time: the next round.
        drop(tokio::time::timeout(ROUND_PAUSE, stopped).await);
    }
}

/// Writes dirty data back, round after round.
async fn write_back(filesystem: Arc<LocalFilesystem>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() && stop.has_changed().is_ok() {
        if filesystem.write_back_round().await {
            continue;
        }
        tokio::select! {
            _ = stop.wait_for(|is_stopping| *is_stopping) => {}
            () = filesystem.write_back_is_due() => {}
            () = tokio::time::sleep(ROUND_PAUSE) => {}
        }
    }
}

/// Starts a thread of this name with a runtime of its own.
fn start(name: &str, work: impl Future<Output = ()> + Send + 'static) -> Result<thread::JoinHandle<()>> {
    let runtime = on_this_thread().with_context(|| format!("cannot start a runtime for {name}"))?;
    Ok(thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(work))?)
}

/// Randomness for a store that is made now; it begins with the id that the engines carry, so that all parts of a store
/// have one.
fn seed(store_id: u128) -> Result<[u8; 64]> {
    let mut seed = [0; 64];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    seed.iter_mut().zip(store_id.to_be_bytes()).for_each(|(place, byte)| *place = byte);
    Ok(seed)
}

/// Between rounds of background work that found nothing to do.
const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// Name of the thread that does jobs.
const JOBS: &str = "jobs";
/// Name of the thread that writes dirty data back.
const WRITE_BACK: &str = "write-back";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    /// Whether this process has a thread of this name.
    fn has_thread(name: &str) -> bool {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.into_iter().any(|found| found.trim_end() == name)
    }

    #[test]
    fn jobs_and_write_back_run_on_threads_of_their_own_until_the_store_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::for_data(&directory.path().join("data"));
        on_this_thread().unwrap().block_on(async {
            let store = OpenStore::open(&settings, Arc::new(SystemClock::new())).await.unwrap();
            // A thread names itself, some time after it was started.
            let seen = (0..60_000).any(|_| {
                thread::sleep(Duration::from_millis(1));
                has_thread(JOBS) && has_thread(WRITE_BACK)
            });
            assert!(seen);
            store.close(Duration::from_secs(60)).await.unwrap();
            assert!(!has_thread(JOBS) && !has_thread(WRITE_BACK));
        });
    }
}
