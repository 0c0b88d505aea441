//! The store below the doors: both engines in a data directory and the file system over them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chunk_local::LocalStore;
use filesystem::{Filesystem, Parts};
use kv_local::LocalEngine;
use nfs_server::HandleKeys;
use pages::Pool;
use tokio::task::{JoinSet, spawn_blocking};
use vfs::Clock;

use crate::data_directory::DataDirectory;
use crate::settings::Settings;

/// The file system on local engines.
pub(crate) type LocalFilesystem = Filesystem<LocalEngine, LocalStore>;

/// An open store and its background work.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) filesystem: Arc<LocalFilesystem>,
    jobs: JoinSet<()>,
    _directory: DataDirectory,
}

/// Both engines of a data directory, opened and not yet looked into.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) metadata: LocalEngine,
    pub(crate) blocks: LocalStore,
    pub(crate) directory: DataDirectory,
}

impl Engines {
    /// Opens the engines, or makes them in an empty directory; recovers the metadata log. Blocks.
    pub(crate) fn open(settings: &Settings, directory: DataDirectory) -> Result<Self> {
        if let Err(why) = uring::probe() {
            tracing::warn!(%why, "file I/O takes the slower way");
        }
        let metadata = LocalEngine::open(settings.for_metadata(&directory));
        let metadata = metadata.with_context(|| format!("cannot open {}", directory.metadata().display()))?;
        let mut for_blocks = settings.for_blocks(&directory, metadata.store_id());
        for_blocks.free_bytes_min = for_blocks.free_bytes_min.max(kv::Engine::reserve_bytes(&metadata));
        let blocks = LocalStore::open(for_blocks, Pool::new(settings.for_pages()));
        let blocks = blocks.with_context(|| format!("cannot open {}", directory.blocks().display()))?;
        Ok(Self { metadata, blocks, directory })
    }
}

impl OpenStore {
    /// Opens the store of the settings, or makes it: when this returns, everything acknowledged is there. Jobs run on
    /// the calling runtime.
    pub(crate) async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let (settings, for_filesystem) = (settings.clone(), settings.for_filesystem());
        let engines = spawn_blocking(move || {
            let directory = DataDirectory::create(&settings.data)?;
            Engines::open(&settings, directory)
        });
        let Engines { metadata, blocks, directory } = engines.await.context("opening the engines")??;
        let seed = seed(metadata.store_id())?;
        let parts = Parts { engine: metadata, chunks: blocks, clock, settings: for_filesystem, seed };
        let opened = Filesystem::open(parts).await.context(
            "the store cannot be served; `berth check` on the same configuration lists what is wrong and changes nothing",
        )?;
        let filesystem = Arc::new(opened);
        let mut jobs = JoinSet::new();
        jobs.spawn(work(Arc::clone(&filesystem)));
        Ok(Self { filesystem, jobs, _directory: directory })
    }

    /// The keys that seal file handles.
    pub(crate) fn handle_keys(&self) -> Result<HandleKeys> {
        let superblock = self.filesystem.superblock();
        let keys: Vec<_> = superblock.handle_keys.iter().map(|key| (u16::from(key.id), key.key)).collect();
        Ok(HandleKeys::new(&keys)?)
    }

    /// Ends the background work, writes back what is dirty and closes the engines; gives up after this time, which loses nothing
    /// that clients were told is stable.
    pub(crate) async fn close(mut self, time: Duration) -> Result<()> {
        self.jobs.shutdown().await;
        let flushed = tokio::time::timeout(time, self.filesystem.flush_all()).await;
        match flushed.context("the time to write back is over: what no client was told is stable may be lost")? {
            Ok(()) => Ok(()),
            Err(failure) => bail!("not everything could be written back ({:?}); the log says why", failure.error),
        }
    }
}

/// What the house does by itself, round after round.
async fn work(filesystem: Arc<LocalFilesystem>) {
    loop {
        if !filesystem.background_round().await {
            tokio::time::sleep(ROUND_PAUSE).await;
        }
    }
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
