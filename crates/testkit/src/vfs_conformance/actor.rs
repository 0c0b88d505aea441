//! The stage of a theme and who acts on it. All calls answer with the bare error, as that is what tests compare.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vfs::acl::AccessMask;
use vfs::{
    AccessRequest, Attributes, Case, CommitRequest, Cookie, CreateHow, CreateReply, CreateRequest, Credentials,
    FsError, InodeId, LinkReply, LinkRequest, ListedAttributes, LookupName, LookupRequest, MkdirRequest, MknodRequest,
    Name, NodeKind, OpContext, Protocol, ReadReply, ReadRequest, ReaddirReply, ReaddirRequest, RemoveKind, RemoveReply,
    RemoveRequest, RenameReply, RenameRequest, SetAttributes, SetattrReply, SetattrRequest, ShardId, Stability,
    SymlinkRequest, Timestamp, Vfs, Via, WriteReply, WriteRequest, ZoneRootRequest,
};

use crate::ManualClock;
use crate::operations::Caller;

const STEP: Duration = Duration::from_millis(10);

/// A zone with an empty root that everyone may write to.
pub(super) struct Scene<'a, V> {
    pub(super) house: &'a V,
    clock: &'a ManualClock,
    pub(super) root: InodeId,
}

/// A user who acts in a scene.
pub(super) struct Actor<'a, V> {
    pub(super) house: &'a V,
    clock: &'a ManualClock,
    pub(super) ctx: OpContext,
}

impl<'a, V: Vfs> Scene<'a, V> {
    pub(super) async fn set(name: &str, house: &'a V, clock: &'a ManualClock) -> Self {
        let root = zone(house, &["conformance", name]).await.unwrap();
        Self { house, clock, root }
    }

    pub(super) fn actor(&self, credentials: Credentials) -> Actor<'a, V> {
        let ctx = OpContext {
            credentials: Arc::new(credentials),
            protocol: Protocol::Nfs3,
            ..OpContext::internal(self.root)
        };
        Actor { house: self.house, clock: self.clock, ctx }
    }

    pub(super) fn superuser(&self) -> Actor<'a, V> {
        self.actor(Caller::Root.credentials())
    }

    /// uid 1000, gid 100, also in group 200.
    pub(super) fn alice(&self) -> Actor<'a, V> {
        self.actor(Caller::Alice.credentials())
    }

    /// uid 1001, gid 100.
    pub(super) fn bob(&self) -> Actor<'a, V> {
        self.actor(Caller::Bob.credentials())
    }

    /// uid 1002, gid 200, also in group 300.
    pub(super) fn carol(&self) -> Actor<'a, V> {
        self.actor(Caller::Carol.credentials())
    }

    /// A new directory in the root that belongs to Alice.
    pub(super) async fn stage(&self, name: &str, mode: u32) -> InodeId {
        let made = self.alice().mkdir(self.root, name, mode).await.unwrap();
        self.superuser().chmod(made, mode).await.unwrap();
        made
    }
}

impl<V: Vfs> Actor<'_, V> {
    /// The circumstances of the next operation, a little later than the last.
    pub(super) fn next(&self) -> &OpContext {
        self.clock.advance(STEP);
        &self.ctx
    }

    pub(super) async fn create_how(&self, parent: InodeId, name: &str, how: CreateHow) -> Result<CreateReply, FsError> {
        let request = CreateRequest { parent, name: named(name), how };
        self.house.create(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn create(&self, parent: InodeId, name: &str, mode: u32) -> Result<InodeId, FsError> {
        let how = CreateHow::Guarded(SetAttributes { mode: Some(mode), ..SetAttributes::default() });
        Ok(self.create_how(parent, name, how).await?.attributes.inode)
    }

    pub(super) async fn mkdir_with(
        &self,
        parent: InodeId,
        name: &str,
        attributes: SetAttributes,
    ) -> Result<CreateReply, FsError> {
        let request = MkdirRequest { parent, name: named(name), attributes };
        self.house.mkdir(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn mkdir(&self, parent: InodeId, name: &str, mode: u32) -> Result<InodeId, FsError> {
        let attributes = SetAttributes { mode: Some(mode), ..SetAttributes::default() };
        Ok(self.mkdir_with(parent, name, attributes).await?.attributes.inode)
    }

    pub(super) async fn symlink(&self, parent: InodeId, name: &str, target: &[u8]) -> Result<CreateReply, FsError> {
        let (name, target) = (named(name), Bytes::copy_from_slice(target));
        let request = SymlinkRequest { parent, name, target, attributes: SetAttributes::default() };
        self.house.symlink(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn mknod(&self, parent: InodeId, name: &str, kind: NodeKind) -> Result<Attributes, FsError> {
        let attributes = SetAttributes { mode: Some(0o644), ..SetAttributes::default() };
        let request = MknodRequest { parent, name: named(name), kind, attributes };
        let reply = self.house.mknod(self.next(), request).await;
        reply.map(|reply| reply.attributes).map_err(|failure| failure.error)
    }

    pub(super) async fn readlink(&self, inode: InodeId) -> Result<Bytes, FsError> {
        let reply = self.house.readlink(self.next(), inode).await;
        reply.map(|reply| reply.target).map_err(|failure| failure.error)
    }

    pub(super) async fn link(&self, inode: InodeId, parent: InodeId, name: &str) -> Result<LinkReply, FsError> {
        let request = LinkRequest { inode, parent, name: named(name), replace: false };
        self.house.link(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn link_over(&self, inode: InodeId, parent: InodeId, name: &str) -> Result<LinkReply, FsError> {
        let request = LinkRequest { inode, parent, name: named(name), replace: true };
        self.house.link(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn remove_kind(
        &self,
        parent: InodeId,
        name: &str,
        kind: RemoveKind,
    ) -> Result<RemoveReply, FsError> {
        let request = RemoveRequest { parent, name: named(name), kind };
        self.house.remove(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn remove(&self, parent: InodeId, name: &str) -> Result<Attributes, FsError> {
        Ok(self.remove_kind(parent, name, RemoveKind::File).await?.removed)
    }

    pub(super) async fn rmdir(&self, parent: InodeId, name: &str) -> Result<Attributes, FsError> {
        Ok(self.remove_kind(parent, name, RemoveKind::Directory).await?.removed)
    }

    pub(super) async fn rename(&self, from: (InodeId, &str), to: (InodeId, &str)) -> Result<RenameReply, FsError> {
        self.rename_how(from, to, true).await
    }

    pub(super) async fn rename_how(
        &self,
        (from_parent, from_name): (InodeId, &str),
        (to_parent, to_name): (InodeId, &str),
        replace: bool,
    ) -> Result<RenameReply, FsError> {
        let (from_name, to_name) = (named(from_name), named(to_name));
        let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace };
        self.house.rename(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn lookup_name(&self, parent: InodeId, name: LookupName) -> Result<Attributes, FsError> {
        let request = LookupRequest { parent, name, case: Case::Sensitive };
        let reply = self.house.lookup(self.next(), request).await;
        reply.map(|reply| reply.attributes).map_err(|failure| failure.error)
    }

    pub(super) async fn lookup(&self, parent: InodeId, name: &str) -> Result<Attributes, FsError> {
        self.lookup_name(parent, LookupName::Child(named(name))).await
    }

    /// Whether a name is there.
    pub(super) async fn has(&self, parent: InodeId, name: &str) -> bool {
        match self.lookup(parent, name).await {
            Ok(_) => true,
            Err(FsError::NotFound) => false,
            Err(error) => panic!("{name}: {error:?}"),
        }
    }

    pub(super) async fn page(
        &self,
        directory: InodeId,
        after: Cookie,
        entries_max: usize,
    ) -> Result<ReaddirReply, FsError> {
        let request = ReaddirRequest { directory, after, entries_max, attributes: ListedAttributes::All };
        self.house.readdir(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn page_of_readable(&self, directory: InodeId, after: Cookie, entries_max: usize) -> ReaddirReply {
        let request = ReaddirRequest { directory, after, entries_max, attributes: ListedAttributes::OfReadable };
        self.house.readdir(self.next(), request).await.unwrap()
    }

    pub(super) async fn read(&self, inode: InodeId, offset: u64, length: u32) -> Result<ReadReply, FsError> {
        let request = ReadRequest { inode, via: Via::Anonymous, offset, length };
        self.house.read(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn write(&self, inode: InodeId, offset: u64, data: &[u8]) -> Result<WriteReply, FsError> {
        let (via, data) = (Via::Anonymous, data.to_vec().into());
        let request = WriteRequest { inode, via, offset, data, stability: Stability::Unstable };
        self.house.write(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn commit(&self, inode: InodeId) -> Result<Attributes, FsError> {
        let request = CommitRequest { inode, via: Via::Anonymous, offset: 0, length: 0 };
        let reply = self.house.commit(self.next(), request).await;
        reply.map(|reply| reply.change.after).map_err(|failure| failure.error)
    }

    pub(super) async fn attributes(&self, inode: InodeId) -> Result<Attributes, FsError> {
        let reply = self.house.getattr(self.next(), inode).await;
        reply.map(|reply| reply.attributes).map_err(|failure| failure.error)
    }

    pub(super) async fn set(&self, inode: InodeId, attributes: SetAttributes) -> Result<SetattrReply, FsError> {
        self.set_guarded(inode, attributes, None).await
    }

    pub(super) async fn set_guarded(
        &self,
        inode: InodeId,
        attributes: SetAttributes,
        guard: Option<Timestamp>,
    ) -> Result<SetattrReply, FsError> {
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard };
        self.house.setattr(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(super) async fn chmod(&self, inode: InodeId, mode: u32) -> Result<u32, FsError> {
        let reply = self.set(inode, SetAttributes { mode: Some(mode), ..SetAttributes::default() }).await?;
        Ok(reply.change.after.mode)
    }

    pub(super) async fn truncate(&self, inode: InodeId, size: u64) -> Result<Attributes, FsError> {
        let reply = self.set(inode, SetAttributes { size: Some(size), ..SetAttributes::default() }).await?;
        Ok(reply.change.after)
    }

    pub(super) async fn access(&self, inode: InodeId, wanted: AccessMask) -> AccessMask {
        self.house.access(self.next(), AccessRequest { inode, wanted }).await.unwrap().granted
    }
}

/// The root of a zone, made with mode 0777 if it is not there.
pub(super) async fn zone<V: Vfs>(house: &V, base: &[&str]) -> Result<InodeId, FsError> {
    let attributes = SetAttributes { mode: Some(0o777), ..SetAttributes::default() };
    let request = ZoneRootRequest { base: base.iter().map(|name| named(name)).collect(), attributes };
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let reply = house.zone_root(&ctx, request).await;
    reply.map(|reply| reply.attributes.inode).map_err(|failure| failure.error)
}

pub(super) fn named(name: &str) -> Name {
    Name::try_from(name).unwrap()
}
