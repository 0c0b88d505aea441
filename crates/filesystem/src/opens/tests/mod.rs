//! Opens and locks of the house, its clients, and restarts; on engines in memory.

mod clients;
mod lock;
mod open;
mod persistent;
mod restart;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use chunk::MemoryStore;
use kv::MemoryEngine;
use testkit::ManualClock;
use testkit::faulty::{Faults, FaultyEngine};
use vfs::{
    Admin, ClientId, CreateHow, CreateRequest, Credentials, Event, FsError, InodeId, LockClient, LockKind, LockOwner,
    LockRange, LockReply, LockRequest, Mailbox, Name, Namespace, OpContext, Opens, RemoveKind, RemoveRequest,
    SetAttributes, ShardId, ShareMode, ShareRequest, Timestamp, ZoneRootRequest,
};

use crate::{Filesystem, Parts, Settings};

/// Engines that outlast their houses.
struct Rig {
    engine: FaultyEngine<MemoryEngine>,
    faults: Faults,
    chunks: MemoryStore,
    grace: Duration,
    clock: Arc<ManualClock>,
}

/// A house that goes without a farewell when it is dropped.
struct House {
    filesystem: Arc<Filesystem<FaultyEngine<MemoryEngine>, MemoryStore>>,
    ctx: OpContext,
    clock: Arc<ManualClock>,
    mailbox: Arc<Mailbox>,
}

impl Rig {
    fn new() -> Self {
        let faults = Faults::none();
        let engine = FaultyEngine::new(MemoryEngine::new(), faults.clone());
        Self { engine, faults, chunks: MemoryStore::default(), grace: GRACE, clock: Arc::new(ManualClock::standing()) }
    }

    async fn open(&self) -> House {
        let parts = Parts {
            engine: self.engine.clone(),
            chunks: self.chunks.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn vfs::Clock>,
            settings: Settings { memory_bytes: 4 << 20, ballast_bytes: 0, grace: self.grace },
            seed: [3; 64],
        };
        let filesystem = Filesystem::open(parts).await.unwrap();
        let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
        let filesystem = Arc::new(filesystem);
        House { filesystem, ctx, clock: Arc::clone(&self.clock), mailbox: Arc::default() }
    }

    /// Proves the store from its records alone.
    async fn check(&self) {
        let view = kv::Engine::view(&self.engine).await.unwrap();
        let report = meta::check::check(&view).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

impl House {
    /// The same house, as the clients of a zone see it.
    async fn zone(&self, name: &str) -> Self {
        let attributes = SetAttributes { mode: Some(0o755), ..SetAttributes::default() };
        let request = ZoneRootRequest { base: vec![named(name)], attributes };
        let root = self.filesystem.zone_root(&self.ctx, request).await.unwrap().attributes.inode;
        let (filesystem, clock, mailbox) = (Arc::clone(&self.filesystem), Arc::clone(&self.clock), Arc::default());
        Self { filesystem, ctx: OpContext::internal(root), clock, mailbox }
    }

    async fn create(&self, name: &str, mode: u32) -> InodeId {
        let how = CreateHow::Guarded(SetAttributes { mode: Some(mode), ..SetAttributes::default() });
        let request = CreateRequest { parent: self.ctx.root, name: named(name), how };
        self.filesystem.create(&self.ctx, request).await.unwrap().attributes.inode
    }

    async fn remove(&self, name: &str) {
        let request = RemoveRequest { parent: self.ctx.root, name: named(name), kind: RemoveKind::File };
        self.filesystem.remove(&self.ctx, request).await.unwrap();
    }

    async fn remember(&self, number: u64) -> Result<(), FsError> {
        self.remember_client(client(number)).await
    }

    async fn remember_client(&self, client: LockClient) -> Result<(), FsError> {
        self.filesystem.remember_lock_client(&self.ctx, client).await.map_err(|failure| failure.error)
    }

    async fn free(&self, number: u64) {
        self.filesystem.free_lock_client(&self.ctx, ClientId(number)).await.unwrap();
    }

    async fn lock(&self, request: LockRequest) -> Result<LockReply, FsError> {
        self.filesystem.lock(&self.ctx, request).await.map_err(|failure| failure.error)
    }

    async fn unlock(&self, request: LockRequest) {
        self.filesystem.unlock(&self.ctx, request).await.unwrap();
    }

    async fn share(&self, request: ShareRequest) -> Result<(), FsError> {
        self.filesystem.share(&self.ctx, request).await.map_err(|failure| failure.error)
    }

    /// As [`exclusive`], and waits.
    fn waiting(&self, inode: InodeId, number: u64) -> LockRequest {
        LockRequest { wait: Some(Arc::clone(&self.mailbox)), ..exclusive(inode, number) }
    }

    /// The clients that were told of a grant since they were asked last.
    fn told(&self) -> Vec<LockOwner> {
        let (events, _) = self.mailbox.take(Waker::noop());
        let owner = |event| match event {
            Event::LockGranted { owner, .. } => owner,
            other => panic!("unexpected {other:?}"),
        };
        events.into_iter().map(owner).collect()
    }

    /// The numbers of the clients that are remembered.
    fn clients(&self) -> Vec<u64> {
        self.filesystem.lock_clients().into_iter().map(|client| client.id.0).collect()
    }

    fn grace_left(&self) -> Option<Duration> {
        self.filesystem.lock_recovery().grace_left
    }

    /// Time passes, and the background does what there is to do.
    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        while self.filesystem.background_round().await {}
    }
}

fn named(name: &str) -> Name {
    Name::new(name.as_bytes().to_vec().into()).unwrap()
}

fn client(number: u64) -> LockClient {
    LockClient {
        id: ClientId(number),
        name: Bytes::from(format!("client-{number}")),
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, u8::try_from(number % 250).unwrap())),
        server: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        state: 0,
        since: Timestamp { seconds: 1000, nanoseconds: 0 },
    }
}

fn owner(number: u64) -> LockOwner {
    LockOwner::Nlm { client: ClientId(number), owner: Bytes::from_static(b"process 1") }
}

/// All of a file, for a process of this client.
fn exclusive(inode: InodeId, number: u64) -> LockRequest {
    LockRequest {
        inode,
        owner: owner(number),
        range: LockRange { offset: 0, length: 0 },
        kind: LockKind::Exclusive,
        mandatory: false,
        wait: None,
        reclaim: false,
    }
}

fn reclaim(inode: InodeId, number: u64) -> LockRequest {
    LockRequest { reclaim: true, ..exclusive(inode, number) }
}

/// Writes, and lets nobody else do so.
fn sharing(inode: InodeId, number: u64) -> ShareRequest {
    let writes = ShareMode { write: true, ..ShareMode::default() };
    ShareRequest { inode, owner: owner(number), access: writes, deny: writes, reclaim: false }
}

fn as_user(ctx: &OpContext, uid: u32) -> OpContext {
    OpContext { credentials: Arc::new(Credentials::unix(uid, uid, &[])), ..ctx.clone() }
}

const GRACE: Duration = Duration::from_secs(45);
