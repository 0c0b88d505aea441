//! Houses of memory for tests.

use std::sync::Arc;

use chunk::MemoryStore;
use filesystem::{Filesystem, Parts, Settings};
use kv::MemoryEngine;
use testkit::ManualClock;

/// A file system whose engines live in memory and outlast it.
pub(crate) type House = Filesystem<MemoryEngine, MemoryStore>;

/// The engines of a house.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engines {
    pub(crate) engine: MemoryEngine,
    pub(crate) chunks: MemoryStore,
}

impl Engines {
    /// Opens a house on these engines.
    pub(crate) async fn open(&self, clock: Arc<ManualClock>) -> House {
        let settings = Settings { memory_bytes: 64 << 20, ballast_bytes: 0, ..Settings::default() };
        let parts = Parts { engine: self.engine.clone(), chunks: self.chunks.clone(), clock, settings, seed: [7; 64] };
        Filesystem::open(parts).await.unwrap()
    }

    /// Proves the store from its records alone. Returns what is in it.
    pub(crate) async fn check(&self) -> meta::check::Counts {
        let view = kv::Engine::view(&self.engine).await.unwrap();
        let report = meta::check::check(&view).await.unwrap();
        assert!(report.problems.is_empty(), "{report:#?}");
        report.counts
    }
}
