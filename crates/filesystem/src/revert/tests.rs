//! Reverts of what random operations do not reach, and those that cannot go on.

use std::sync::Arc;
use std::time::Duration;

use chunk::MemoryStore;
use kv::MemoryEngine;
use testkit::{ManualClock, block_on, copy_tree};
use vfs::acl::AccessMask;
use vfs::{
    Admin, AttributeIo, Case, CloseRequest, CreateHow, CreateRequest, Disposition, FileIo, FsError, InodeId,
    InodeNumber, LeftOut, MkdirRequest, Name, Namespace, OpContext, OpenRequest, OpenTarget, Opens, QuotaDomain,
    QuotaLimits, QuotaSettings, RemoveKind, RemoveRequest, RenameRequest, Revert, RevertState, SetAttributes,
    SetQuotaRequest, SetattrRequest, ShardId, ShareMode, Snapshot, Stability, TakeSnapshotRequest, TreeId, Via,
    WriteRequest, XattrChange,
};

use crate::{Filesystem, Parts, Settings};

/// A house with a directory in it.
struct House {
    house: Filesystem<MemoryEngine, MemoryStore>,
    engine: MemoryEngine,
    clock: Arc<ManualClock>,
    directory: InodeId,
}

const ROOT: InodeId = InodeId { shard: ShardId::ROOT, tree: TreeId::LIVE, number: InodeNumber::ROOT };

impl House {
    async fn open() -> Self {
        let (engine, clock) = (MemoryEngine::default(), Arc::new(ManualClock::standing()));
        let settings = Settings { memory_bytes: 16 << 20, ballast_bytes: 0, ..Settings::default() };
        let (chunks, time) = (MemoryStore::default(), Arc::clone(&clock));
        let parts = Parts { engine: engine.clone(), chunks, clock: time, settings, seed: [7; 64] };
        let house = Filesystem::open(parts).await.unwrap();
        let mut made = Self { house, engine, clock, directory: ROOT };
        made.directory = made.mkdir(ROOT, "directory").await;
        made
    }

    fn ctx() -> OpContext {
        OpContext::internal(ROOT)
    }

    async fn mkdir(&self, parent: InodeId, name: &str) -> InodeId {
        let request = MkdirRequest { parent, name: named(name), attributes: SetAttributes::default() };
        self.house.mkdir(&Self::ctx(), request).await.unwrap().attributes.inode
    }

    async fn create(&self, name: &str) -> InodeId {
        let how = CreateHow::Guarded(SetAttributes::default());
        let request = CreateRequest { parent: self.directory, name: named(name), how };
        self.house.create(&Self::ctx(), request).await.unwrap().attributes.inode
    }

    async fn write(&self, inode: InodeId, byte: u8, length: usize) {
        let (data, stability) = (vec![byte; length].into(), Stability::Unstable);
        let request = WriteRequest { inode, via: Via::Anonymous, offset: 0, data, stability };
        self.house.write(&Self::ctx(), request).await.unwrap();
    }

    async fn take(&self) -> Snapshot {
        let request = TakeSnapshotRequest { directory: self.directory, name: named("then"), expires: None };
        self.house.take_snapshot(&Self::ctx(), request).await.unwrap()
    }

    async fn set(&self, inode: InodeId, attributes: SetAttributes) {
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        self.house.setattr(&Self::ctx(), request).await.unwrap();
    }

    async fn remove(&self, parent: InodeId, name: &str) {
        let request = RemoveRequest { parent, name: named(name), kind: RemoveKind::Any };
        self.house.remove(&Self::ctx(), request).await.unwrap();
    }

    /// Opens a file, or a stream of it, for all.
    async fn open_file(&self, name: &str, stream: Option<&str>, share: ShareMode) -> (InodeId, vfs::OpenId) {
        let request = OpenRequest {
            target: OpenTarget::Child { parent: self.directory, name: named(name), case: Case::Sensitive },
            stream: stream.map(named),
            disposition: Disposition::OpenOrCreate,
            directory: None,
            opens_links: true,
            access: AccessMask::ALL.without(AccessMask::EXECUTE),
            share,
            lease: None,
            delete_on_close: false,
            attributes: SetAttributes::default(),
            persistent: None,
            mailbox: Arc::default(),
        };
        let opened = Opens::open(&self.house, &Self::ctx(), request).await.unwrap();
        (opened.attributes.inode, opened.open)
    }

    async fn close(&self, open: vfs::OpenId) {
        Opens::close(&self.house, &Self::ctx(), CloseRequest { open }).await.unwrap();
    }

    async fn revert(&self, snapshot: &Snapshot) -> u64 {
        self.house.revert(&Self::ctx(), snapshot.root).await.unwrap().id
    }

    fn told(&self, id: u64) -> Revert {
        let all = self.house.reverts(&Self::ctx(), ROOT).unwrap();
        all.into_iter().find(|revert| revert.id == id).unwrap()
    }

    /// Goes on until nothing more is done now.
    async fn work(&self, id: u64) -> Revert {
        for _ in 0..1000 {
            self.house.background_round().await;
            self.clock.advance(Duration::from_millis(150));
            let told = self.told(id);
            if told.state.is_ended() || told.state == RevertState::Waiting {
                return told;
            }
        }
        panic!("{:#?}", self.told(id));
    }

    async fn check(&self) {
        self.house.flush_all().await.unwrap();
        let view = kv::Engine::view(&self.engine).await.unwrap();
        let report = meta::check::check(&view).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }

    /// What is there is what was, but for when it was changed last.
    async fn assert_same(&self, snapshot: &Snapshot) {
        let [mut then, mut now] =
            [copy_tree(&self.house, snapshot.root).await, copy_tree(&self.house, self.directory).await];
        for node in then.values_mut().chain(now.values_mut()) {
            (node.attributes.change, node.attributes.changed) = (0, vfs::Timestamp::default());
            node.attributes.inode = InodeId::default();
        }
        assert_eq!(then, now);
    }
}

const EVERYTHING: ShareMode = ShareMode { read: true, write: true, delete: true };
const NOTHING: ShareMode = ShareMode { read: false, write: false, delete: false };

fn named(name: &str) -> Name {
    Name::try_from(name).unwrap()
}

fn xattr(value: Option<&'static [u8]>) -> SetAttributes {
    let value = value.map(bytes::Bytes::from_static);
    let xattrs = vec![XattrChange { name: bytes::Bytes::from_static(b"note"), value }];
    SetAttributes { xattrs, ..SetAttributes::default() }
}

#[test]
fn streams_xattrs_and_rights_come_back() {
    block_on(async {
        let house = House::open().await;
        let file = house.create("file").await;
        house.write(file, 1, 10_000).await;
        for (stream, byte) in [("kept", 1), ("gone", 2)] {
            let (inode, open) = house.open_file("file", Some(stream), EVERYTHING).await;
            house.write(inode, byte, 5000).await;
            house.close(open).await;
        }
        house.set(file, xattr(Some(b"then"))).await;
        let given = vfs::acl::SecurityDescriptor { dacl: Some(Vec::new()), ..Default::default() };
        house.set(file, SetAttributes { descriptor: Some(Arc::new(given)), ..SetAttributes::default() }).await;
        let plain = house.create("plain").await;
        house.set(plain, xattr(Some(b"plain"))).await;
        let snapshot = house.take().await;

        let (kept, open) = house.open_file("file", Some("kept"), EVERYTHING).await;
        house.write(kept, 9, 9000).await;
        house.close(open).await;
        let (gone, open) = house.open_file("file", Some("gone"), EVERYTHING).await;
        house.house.mutate(ROOT.shard, |turn| turn.lose_stream(file, gone)).await.unwrap();
        house.close(open).await;
        let (new, open) = house.open_file("file", Some("new"), EVERYTHING).await;
        house.write(new, 3, 100).await;
        house.close(open).await;
        house.set(file, xattr(Some(b"now"))).await;
        house.set(file, SetAttributes { mode: Some(0o777), ..SetAttributes::default() }).await;
        house.write(file, 2, 20_000).await;
        house.remove(house.directory, "plain").await;

        let id = house.revert(&snapshot).await;
        assert_eq!(house.work(id).await.state, RevertState::Done);
        house.assert_same(&snapshot).await;
        let read = |inode| {
            let request = vfs::ReadRequest { inode, via: Via::Anonymous, offset: 0, length: 20_000 };
            async { house.house.read(&House::ctx(), request).await.unwrap().data.to_bytes().to_vec() }
        };
        assert_eq!(read(file).await, vec![1; 10_000]);
        for (stream, byte) in [("kept", 1), ("gone", 2)] {
            let (inode, open) = house.open_file("file", Some(stream), EVERYTHING).await;
            assert_eq!(read(inode).await, vec![byte; 5000], "{stream}");
            house.close(open).await;
        }
        house.check().await;
    });
}

#[test]
fn what_is_in_use_or_over_a_quota_is_waited_for() {
    block_on(async {
        let house = House::open().await;
        let large = house.create("large").await;
        house.write(large, 1, 900 << 10).await;
        let snapshot = house.take().await;
        let elsewhere = house.mkdir(ROOT, "elsewhere").await;
        let request = RenameRequest {
            from_parent: house.directory,
            from_name: named("large"),
            to_parent: elsewhere,
            to_name: named("large"),
            replace: false,
        };
        house.house.rename(&House::ctx(), request).await.unwrap();
        let (_, open) = house.open_file("used", None, NOTHING).await;
        let limit = async |hard| {
            let bytes = QuotaLimits { hard, ..QuotaLimits::default() };
            let settings = Some(QuotaSettings { bytes, enforced: true, ..QuotaSettings::default() });
            let (directory, domain) = (house.directory, QuotaDomain::Directory);
            let request = SetQuotaRequest { directory, domain, settings, guard: vfs::QuotaGuard::Any };
            house.house.set_quota(&House::ctx(), request).await.unwrap();
        };
        limit(Some(100 << 10)).await;
        let id = house.revert(&snapshot).await;
        let told = house.work(id).await;
        assert_eq!(told.state, RevertState::Waiting);
        let left_out = |name, error| LeftOut { path: vec![named(name)], error };
        assert!(told.left_out.contains(&left_out("used", FsError::ShareConflict)), "{told:#?}");
        assert!(told.left_out.contains(&left_out("large", FsError::QuotaExceeded)), "{told:#?}");
        assert_eq!(told.left_out.len(), 2, "{told:#?}");
        house.close(open).await;
        limit(None).await;
        house.house.reload().await.unwrap();
        let told = house.work(id).await;
        assert_eq!((told.state, &told.left_out), (RevertState::Done, &Vec::new()));
        house.assert_same(&snapshot).await;
        assert_eq!(copy_tree(&house.house, elsewhere).await.len(), 2, "what was moved elsewhere stays");
        house.check().await;
    });
}

#[test]
fn one_that_waits_goes_on_by_itself() {
    block_on(async {
        let house = House::open().await;
        let snapshot = house.take().await;
        let (_, open) = house.open_file("used", None, NOTHING).await;
        let id = house.revert(&snapshot).await;
        assert_eq!(house.work(id).await.state, RevertState::Waiting);
        house.close(open).await;
        assert_eq!(house.work(id).await.state, RevertState::Waiting, "for a while");
        house.clock.advance(Duration::from_secs(31));
        house.house.background_round().await;
        assert_eq!(house.work(id).await.state, RevertState::Done);
        house.assert_same(&snapshot).await;
    });
}

#[test]
fn one_can_be_given_up_and_ends_with_its_directory() {
    block_on(async {
        let house = House::open().await;
        house.create("file").await;
        let snapshot = house.take().await;
        house.remove(house.directory, "file").await;
        let id = house.revert(&snapshot).await;
        house.house.cancel_revert(&House::ctx(), ROOT, id).await.unwrap();
        let again = house.house.cancel_revert(&House::ctx(), ROOT, id).await.unwrap_err();
        assert_eq!((again.error, house.told(id).state), (FsError::NotFound, RevertState::Cancelled));
        house.house.reload().await.unwrap();
        while house.house.background_round().await {}
        assert_eq!(copy_tree(&house.house, house.directory).await.len(), 1, "nothing was done");

        let id = house.revert(&snapshot).await;
        house.remove(ROOT, "directory").await;
        assert_eq!(house.work(id).await.state, RevertState::Failed);
        let refused = house.house.revert(&House::ctx(), snapshot.root).await.unwrap_err();
        assert_eq!(refused.error, FsError::StaleHandle);
        house.check().await;
    });
}
