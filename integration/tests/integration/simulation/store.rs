//! A small store on a temporary directory, over a plan of faults.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chunk_local::LocalStore;
use filesystem::{Filesystem, Parts, Settings};
use kv_local::{LocalEngine, LogPlace};
use pages::{Pool, PoolSettings};
use tempfile::TempDir;
use testkit::{ManualClock, Random};

use super::devices::Devices;

pub(super) type House = Filesystem<LocalEngine, LocalStore>;

/// Where a store lies and how small everything is, as a seed has it.
#[derive(Debug)]
pub(super) struct Site {
    directory: TempDir,
    /// Where the log lies, when that is another device.
    log: Option<TempDir>,
    pub(super) clock: Arc<ManualClock>,
    log_bytes: u64,
    memtable_bytes: u64,
    segment_bytes: u64,
    memory_bytes: u64,
    kept_bytes_max: u64,
    plenty_bytes: u64,
}

impl Site {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            directory: folder(),
            log: random.chance(30).then(folder),
            clock: Arc::new(ManualClock::ticking(Duration::from_micros(1))),
            log_bytes: random.pick(&[4 << 20, 4 << 20, 16 << 20]),
            memtable_bytes: random.pick(&[8 << 10, 64 << 10, 1 << 20]),
            segment_bytes: random.pick(&[64 << 10, 512 << 10, 4 << 20]),
            memory_bytes: random.pick(&[4 << 20, 16 << 20, 64 << 20]),
            kept_bytes_max: random.pick(&[0, 1 << 20, 16 << 20]),
            // Where no room is plenty, free blocks are given back at once and sparse segments emptied.
            plenty_bytes: random.pick(&[0, u64::MAX]),
        }
    }

    pub(super) fn is_log_apart(&self) -> bool {
        self.log.is_some()
    }

    /// Opens what is there, or makes it.
    ///
    /// Errors: what does not say that the store is damaged: that one must never come.
    pub(super) async fn open(&self, devices: Option<&Devices>) -> Result<House, String> {
        let engine = self.engine(devices)?;
        let id = engine.store_id();
        let for_chunks = chunk_local::Settings {
            segment_bytes: self.segment_bytes,
            piece_bytes: self.segment_bytes / 4,
            kept_bytes_max: self.kept_bytes_max,
            plenty_bytes: self.plenty_bytes,
            free_bytes_min: 0,
            direct: false,
            ring: false,
            writers_max: 4,
            read_handles_max: 4,
            faults: devices.map(|devices| Arc::clone(&devices.store)),
            ..chunk_local::Settings::new(self.directory.path().join("blocks"), id)
        };
        let pool = Pool::new(PoolSettings { bytes_max: 64 << 20, huge_pages: false });
        let chunks = LocalStore::open(for_chunks, pool).map_err(|error| error.to_string())?;
        let settings = Settings { memory_bytes: self.memory_bytes, ballast_bytes: 0, ..Settings::default() };
        let clock = Arc::clone(&self.clock) as Arc<dyn vfs::Clock>;
        let parts = Parts { engine, chunks, clock, settings, seed: [7; 64] };
        Filesystem::open(parts).await.map_err(|error| honest(error.to_string()))
    }

    /// What `berth check` finds.
    pub(super) async fn check(&self) -> Result<(), String> {
        let engine = self.engine(None)?;
        let view = kv::Engine::view(&engine).await.map_err(|error| error.to_string())?;
        let report = meta::check::check(&view).await.map_err(|error| error.to_string())?;
        drop(view);
        kv::Engine::close(&engine).await.map_err(|error| error.to_string())?;
        if report.problems.is_empty() { Ok(()) } else { Err(format!("{report:#?}")) }
    }

    fn engine(&self, devices: Option<&Devices>) -> Result<LocalEngine, String> {
        let settings = kv_local::Settings {
            log_bytes: self.log_bytes,
            memtable_bytes: self.memtable_bytes,
            cache_bytes: 1 << 20,
            log_place: self.log.as_ref().map_or(LogPlace::Beside, |folder| LogPlace::Apart(folder.path().to_owned())),
            faults: devices.map(|devices| Arc::clone(&devices.log)),
            ..kv_local::Settings::new(self.directory.path().join("metadata"))
        };
        for _ in 0..HELD_MS_MAX {
            match LocalEngine::open(settings.clone()) {
                // Whoever had it before is on a thread of its own and may need a moment to be gone.
                Err(error) if error.to_string().contains("in use by another") => {
                    thread::sleep(Duration::from_millis(1))
                }
                outcome => return outcome.map_err(|error| honest(format!("{error:?}"))),
            }
        }
        panic!("the store is held by somebody");
    }
}

/// In memory, where there is such a file system.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.unwrap()
}

/// An error of an opening, which may be one of the plan's but never says that something is missing.
fn honest(error: String) -> String {
    let is_damage = ["Damaged", "damaged", "Missing", "missing", "not there"].iter().any(|word| error.contains(word));
    assert!(!is_damage, "the store counts as damaged: {error}");
    error
}

const HELD_MS_MAX: u32 = 10_000;
