//! The bytes of files, on engines in memory.

mod ahead;
mod evacuate;
mod faults;
mod given_up;
mod huge;
mod journal;
mod model;
mod movers;
mod race;
mod removed;
mod shared;
mod space;
mod together;
mod zones;

use std::sync::Arc;
use std::time::Duration;

use chunk::{MemorySettings, MemoryStore};
use kv::MemoryEngine;
use pages::Payload;
use testkit::ManualClock;
use testkit::faulty::{Faults, FaultyEngine};
use vfs::{
    Admin, CommitRequest, CreateHow, CreateRequest, Failure, FileIo, FsError, InodeId, Name, Namespace, OpContext,
    ReadRequest, RemoveKind, RemoveRequest, SetAttributes, SetattrReply, SetattrRequest, ShardId, Snapshot, Stability,
    TakeSnapshotRequest, Via, WriteReply, WriteRequest,
};

use super::BLOCK_BYTES;
use crate::{Filesystem, Parts, Settings};

/// Engines that outlast their houses.
#[derive(Clone, Debug)]
struct Rig<C> {
    engine: FaultyEngine<MemoryEngine>,
    /// Of the engine.
    faults: Faults,
    chunks: C,
    clock: Arc<ManualClock>,
    settings: Settings,
}

/// A house and its root.
struct House<C: chunk::Store> {
    filesystem: Filesystem<FaultyEngine<MemoryEngine>, C>,
    ctx: OpContext,
    clock: Arc<ManualClock>,
}

impl Rig<MemoryStore> {
    fn new() -> Self {
        Self::over(MemoryStore::new(MemorySettings { blocks_max: 1 << 24, segment_blocks: 512 }))
    }
}

impl<C: chunk::Store + Clone> Rig<C> {
    fn over(chunks: C) -> Self {
        let clock = Arc::new(ManualClock::ticking(Duration::from_nanos(1)));
        let settings = Settings { memory_bytes: 4 << 20, ballast_bytes: 0, ..Settings::default() };
        let faults = Faults::none();
        Self { engine: FaultyEngine::new(MemoryEngine::new(), faults.clone()), faults, chunks, clock, settings }
    }

    /// With room for so many bytes in the journal; without any, all that is stable is placed.
    fn with_journal(self, bytes_max: u64) -> Self {
        let engine = MemoryEngine::new().with_journal_bytes(bytes_max);
        Self { engine: FaultyEngine::new(engine, self.faults.clone()), ..self }
    }

    async fn open(&self) -> House<C> {
        let parts = Parts {
            engine: self.engine.clone(),
            chunks: self.chunks.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn vfs::Clock>,
            settings: self.settings,
            seed: [3; 64],
        };
        let filesystem = Filesystem::open(parts).await.unwrap();
        let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
        House { filesystem, ctx, clock: Arc::clone(&self.clock) }
    }

    /// Proves the store from its records alone.
    async fn check(&self) {
        let view = kv::Engine::view(&self.engine).await.unwrap();
        let report = meta::check::check(&view).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

impl<C: chunk::Store> House<C> {
    async fn create(&self, name: &str) -> InodeId {
        let how = CreateHow::Guarded(SetAttributes { mode: Some(0o644), ..SetAttributes::default() });
        let request = CreateRequest { parent: self.ctx.root, name: named(name), how };
        self.filesystem.create(&self.ctx, request).await.unwrap().attributes.inode
    }

    async fn remove(&self, name: &str) {
        let request = RemoveRequest { parent: self.ctx.root, name: named(name), kind: RemoveKind::File };
        self.filesystem.remove(&self.ctx, request).await.unwrap();
    }

    async fn write_as(
        &self,
        inode: InodeId,
        (offset, bytes): (u64, Vec<u8>),
        stability: Stability,
    ) -> Result<WriteReply, Failure> {
        let request = WriteRequest { inode, via: Via::Anonymous, offset, data: Payload::from(bytes), stability };
        self.filesystem.write(&self.ctx, request).await
    }

    async fn write(&self, inode: InodeId, offset: u64, bytes: Vec<u8>) {
        self.write_as(inode, (offset, bytes), Stability::Unstable).await.unwrap();
    }

    async fn commit(&self, inode: InodeId) -> Result<(), FsError> {
        let request = CommitRequest { inode, via: Via::Anonymous, offset: 0, length: 0 };
        self.filesystem.commit(&self.ctx, request).await.map(|_| ()).map_err(|failure| failure.error)
    }

    async fn truncate(&self, inode: InodeId, size: u64) -> SetattrReply {
        let attributes = SetAttributes { size: Some(size), ..SetAttributes::default() };
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        vfs::AttributeIo::setattr(&self.filesystem, &self.ctx, request).await.unwrap()
    }

    async fn try_read(&self, inode: InodeId, offset: u64, length: usize) -> Result<Vec<u8>, FsError> {
        let length = u32::try_from(length).unwrap();
        let request = ReadRequest { inode, via: Via::Anonymous, offset, length };
        let reply = self.filesystem.read(&self.ctx, request).await.map_err(|failure| failure.error)?;
        let end = reply.attributes.size <= offset + u64::from(length);
        assert_eq!(reply.end_of_file, end);
        Ok(reply.data.to_bytes().to_vec())
    }

    async fn read(&self, inode: InodeId, offset: u64, length: usize) -> Vec<u8> {
        self.try_read(inode, offset, length).await.unwrap()
    }

    async fn attributes(&self, inode: InodeId) -> vfs::Attributes {
        vfs::AttributeIo::getattr(&self.filesystem, &self.ctx, inode).await.unwrap().attributes
    }

    async fn snapshot(&self, name: &str) -> Snapshot {
        let request = TakeSnapshotRequest { directory: self.ctx.root, name: named(name), expires: None };
        self.filesystem.take_snapshot(&self.ctx, request).await.unwrap()
    }

    async fn forget(&self, snapshot: &Snapshot) {
        self.filesystem.delete_snapshot(&self.ctx, self.ctx.root, snapshot.id).await.unwrap();
    }

    /// Lets the background do all that there is to do.
    async fn rest(&self) {
        self.clock.advance(Duration::from_secs(10));
        while self.filesystem.background_round().await {}
    }
}

fn named(name: &str) -> Name {
    Name::new(name.as_bytes().to_vec().into()).unwrap()
}

fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut random = testkit::Random::new(seed);
    std::iter::repeat_with(|| random.bits().to_le_bytes()).flatten().take(length).collect()
}
