//! Tests of the whole engine.

mod apart;
mod crash;
mod damage;
mod journal;
mod kill;
mod model;
mod planned;
mod views;

use bytes::Bytes;
use kv::{Batch, Direction, Engine, Entry, Scan, View};
use tempfile::TempDir;

use crate::log::simulated::SimulatedDisk;
use crate::{LocalEngine, Settings};

#[tokio::test]
async fn conforms() {
    let mut directories = Vec::new();
    kv::conformance::all(async || {
        directories.push(TempDir::new().unwrap());
        LocalEngine::open(small(directories.last().unwrap())).unwrap()
    })
    .await;
}

#[tokio::test]
async fn conforms_while_checkpoints_run_all_the_time() {
    let mut directories = Vec::new();
    kv::conformance::all(async || {
        directories.push(TempDir::new().unwrap());
        let settings = Settings { memtable_bytes: 2000, ..small(directories.last().unwrap()) };
        LocalEngine::open_on(settings, Box::new(SimulatedDisk::new(1))).unwrap()
    })
    .await;
}

/// Settings with a log so small that it wraps soon.
fn small(directory: &TempDir) -> Settings {
    Settings { log_bytes: LOG_BYTES, cache_bytes: 1 << 20, ..Settings::new(directory.path().join("store")) }
}

fn on(disk: &SimulatedDisk, settings: Settings) -> LocalEngine {
    LocalEngine::open_on(settings, Box::new(disk.clone())).unwrap()
}

fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Batch {
    puts([(key, value)])
}

fn puts<K: AsRef<[u8]>, V: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, V)>) -> Batch {
    let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let puts = entries.into_iter().map(|(key, value)| (copy(key.as_ref()), copy(value.as_ref()))).collect();
    Batch { puts, ..Batch::default() }
}

async fn get(engine: &LocalEngine, key: impl AsRef<[u8]>) -> Option<Bytes> {
    engine.view().await.unwrap().get(key.as_ref()).await.unwrap()
}

async fn everything(engine: &LocalEngine) -> Vec<Entry> {
    engine.view().await.unwrap().scan(whole()).await.unwrap()
}

fn whole() -> Scan {
    Scan { start: Bytes::new(), end: Bytes::from(vec![255; 600]), limit: usize::MAX, direction: Direction::Forward }
}

/// A small generator, so that a failing run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn value(&mut self, len_max: u64) -> Vec<u8> {
        let byte = u8::try_from(self.below(256)).unwrap();
        vec![byte; usize::try_from(self.below(len_max + 1)).unwrap()]
    }
}

const LOG_BYTES: u64 = 4 << 20;
