//! The reference with a bug.

use vfs::{
    AccessReply, AccessRequest, Admin, AttributeIo, CommitReply, CommitRequest, CreateReply, CreateRequest, Failure,
    FileIo, GetattrReply, InodeId, LinkReply, LinkRequest, LookupReply, LookupRequest, MkdirRequest, MknodRequest,
    Namespace, OpContext, Opens, ReadReply, ReadRequest, ReaddirReply, ReaddirRequest, ReadlinkReply, RemoveReply,
    RemoveRequest, RenameReply, RenameRequest, SetattrReply, SetattrRequest, StatFsReply, SymlinkRequest, WalkReply,
    WalkRequest, Watch, WriteReply, WriteRequest, WriteVerifier, ZoneRootReply, ZoneRootRequest,
};

use crate::ReferenceFilesystem;

const REGION: u64 = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    LosesTheByteBeforeARegion,
    IgnoresGuards,
    HidesDirectories,
}

pub(super) struct Broken {
    pub(super) house: ReferenceFilesystem,
    pub(super) bug: Bug,
}

/// Methods that pass the call on.
macro_rules! pass {
    ($($name:ident($request:ty) -> $reply:ty;)*) => {
        $(async fn $name(&self, ctx: &OpContext, request: $request) -> Result<$reply, Failure> {
            self.house.$name(ctx, request).await
        })*
    };
}

impl Namespace for Broken {
    pass! {
        lookup(LookupRequest) -> LookupReply;
        walk(WalkRequest) -> WalkReply;
        create(CreateRequest) -> CreateReply;
        mkdir(MkdirRequest) -> CreateReply;
        symlink(SymlinkRequest) -> CreateReply;
        mknod(MknodRequest) -> CreateReply;
        link(LinkRequest) -> LinkReply;
        remove(RemoveRequest) -> RemoveReply;
        rename(RenameRequest) -> RenameReply;
        readlink(InodeId) -> ReadlinkReply;
    }

    async fn readdir(&self, ctx: &OpContext, request: ReaddirRequest) -> Result<ReaddirReply, Failure> {
        let mut reply = self.house.readdir(ctx, request).await?;
        if self.bug == Bug::HidesDirectories {
            reply.entries.retain(|entry| entry.file_type != vfs::FileType::Directory || entry.name.starts_with(b"."));
        }
        Ok(reply)
    }
}

impl FileIo for Broken {
    pass! {
        read(ReadRequest) -> ReadReply;
        commit(CommitRequest) -> CommitReply;
    }

    async fn write(&self, ctx: &OpContext, mut request: WriteRequest) -> Result<WriteReply, Failure> {
        let end = request.offset.saturating_add(request.data.len() as u64);
        if self.bug == Bug::LosesTheByteBeforeARegion && request.offset < REGION && REGION <= end {
            let mut data = request.data.to_bytes().to_vec();
            data[usize::try_from(REGION - 1 - request.offset).unwrap()] = 0;
            request.data = data.into();
        }
        self.house.write(ctx, request).await
    }

    fn write_verifier(&self) -> WriteVerifier {
        self.house.write_verifier()
    }
}

impl AttributeIo for Broken {
    pass! {
        getattr(InodeId) -> GetattrReply;
        access(AccessRequest) -> AccessReply;
        stat_fs(InodeId) -> StatFsReply;
    }

    async fn setattr(&self, ctx: &OpContext, mut request: SetattrRequest) -> Result<SetattrReply, Failure> {
        if self.bug == Bug::IgnoresGuards {
            request.guard = None;
        }
        self.house.setattr(ctx, request).await
    }
}

impl Admin for Broken {
    pass! {
        zone_root(ZoneRootRequest) -> ZoneRootReply;
    }
}

impl Opens for Broken {}

impl Watch for Broken {}
