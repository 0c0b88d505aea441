//! LOOKUP, walk and READLINK: reading names without the shard's turn.

use vfs::{
    Attributes, Case, Failure, FileType, FsError, InodeId, LookupName, LookupReply, LookupRequest, Name, OpContext,
    ReadlinkReply, ShardId, WalkReply, WalkRequest,
};

use crate::Filesystem;
use crate::access::{SEARCH, require};
use crate::cache::{Miss, Seen};
use crate::snapshot::leads_to_past;
use crate::turn::{Found, Scratch, find_in};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_lookup(&self, ctx: &OpContext, request: LookupRequest) -> Result<LookupReply, Failure> {
        let mut seen = Seen::default();
        let looked = self.look(ctx, &request, &mut seen).await;
        // A name that is not there is an answer too: it must not come back after a crash.
        self.settle(seen.0).await?;
        looked
    }

    async fn look(&self, ctx: &OpContext, request: &LookupRequest, seen: &mut Seen) -> Result<LookupReply, Failure> {
        for _ in 0..RACES_MAX {
            let record = self.live(request.parent, seen).await?;
            let parent = self.attributes(request.parent, &record);
            require_directory(&parent)?;
            require(&parent, &ctx.credentials, SEARCH).map_err(|error| Failure::with(error, parent.clone()))?;
            let target = self.target(ctx, (request, seen), &parent).await?;
            if let Some(found) = self.inode(target, seen).await?.filter(|record| record.links > 0) {
                return Ok(LookupReply { attributes: self.attributes(target, &found), parent });
            }
        }
        Err(FsError::Delay.into())
    }

    async fn target(
        &self,
        ctx: &OpContext,
        (request, seen): (&LookupRequest, &mut Seen),
        parent: &Attributes,
    ) -> Result<InodeId, Failure> {
        match &request.name {
            LookupName::Itself => Ok(request.parent),
            LookupName::Parent => self.parent(ctx, request.parent, seen).await,
            LookupName::Child(name) => {
                check_length(ctx, name).map_err(|error| Failure::with(error, parent.clone()))?;
                if leads_to_past(ctx, request.parent, (name, request.case)) {
                    return Box::pin(self.past_entry(request.parent, (name, request.case))).await;
                }
                let found = self.entry(request.parent, (name, request.case), seen).await?;
                found.map(|found| found.target).ok_or_else(|| Failure::with(FsError::NotFound, parent.clone()))
            }
        }
    }

    /// The directory above. `..` never leads out of the context: at its root, and anywhere that is not below its root
    /// (any more), a directory is its own parent.
    ///
    /// Errors: `Io`.
    pub(super) async fn parent(
        &self,
        ctx: &OpContext,
        directory: InodeId,
        seen: &mut Seen,
    ) -> Result<InodeId, Failure> {
        let (mut above, mut at) = (None, directory);
        for _ in 0..=STEPS_UP_MAX {
            if at == ctx.root || self.is_top_of_past(ctx, at) {
                return Ok(above.unwrap_or(directory));
            }
            let Some(next) = self.step_up(at, seen).await? else { break };
            above = above.or(Some(next));
            at = next;
        }
        Ok(directory)
    }

    /// Whether nothing above is shown of the past: it is where a snapshot stands, or the root of the context.
    fn is_top_of_past(&self, ctx: &OpContext, at: InodeId) -> bool {
        at.tree.is_past()
            && (at.number == ctx.root.number || self.known(at).is_none_or(|known| known.record.root == at.number))
    }

    /// The directory that holds this one, or the junction to its shard; `None` at the root of the house.
    async fn step_up(&self, at: InodeId, seen: &mut Seen) -> Result<Option<InodeId>, Failure> {
        if at == InodeId::root_of(ShardId::ROOT) {
            return Ok(None);
        }
        if at == InodeId::root_of(at.shard) {
            return Ok(Some(self.shard(at.shard)?.turn().record.parent));
        }
        Ok(self.inode(at, seen).await?.map(|record| self.above(at, record.home_parent)))
    }

    /// An entry of a directory.
    ///
    /// Errors: `Io`.
    pub(crate) async fn entry(
        &self,
        directory: InodeId,
        (name, case): (&Name, Case),
        seen: &mut Seen,
    ) -> Result<Option<Found>, Failure> {
        let key = (directory, self.hasher.hash47(name));
        for _ in 0..RACES_MAX {
            if let Some(slot) = self.records.buckets.get(&key) {
                seen.note(slot.version);
                return Ok(find_in(directory, &slot.value, (name, case)));
            }
            self.load(Miss::Bucket(key), &mut Scratch::default()).await?;
        }
        Err(FsError::Delay.into())
    }

    pub(crate) async fn do_walk(&self, ctx: &OpContext, request: WalkRequest) -> Result<WalkReply, Failure> {
        if request.path.len() > vfs::limits::WALK_COMPONENTS_MAX {
            return Err(FsError::InvalidArgument.into());
        }
        let mut seen = Seen::passing();
        let walked = self.walk_down(ctx, request, &mut seen).await;
        self.settle(seen.0).await?;
        walked
    }

    async fn walk_down(&self, ctx: &OpContext, request: WalkRequest, seen: &mut Seen) -> Result<WalkReply, Failure> {
        let record = self.live(request.start, seen).await?;
        let mut attributes = self.attributes(request.start, &record);
        for name in request.path {
            let step = LookupRequest { parent: attributes.inode, name: LookupName::Child(name), case: request.case };
            attributes = self.look(ctx, &step, seen).await?.attributes;
        }
        Ok(WalkReply { attributes })
    }

    pub(crate) async fn do_readlink(&self, _ctx: &OpContext, inode: InodeId) -> Result<ReadlinkReply, Failure> {
        let mut seen = Seen::default();
        let record = self.live(inode, &mut seen).await?;
        self.settle(seen.0).await?;
        let attributes = self.attributes(inode, &record);
        if record.file_type != FileType::Symlink {
            return Err(Failure::with(FsError::InvalidArgument, attributes));
        }
        Ok(ReadlinkReply { target: record.symlink.clone(), attributes })
    }
}

/// Refuses what is no directory.
pub(crate) fn require_directory(attributes: &Attributes) -> Result<(), Failure> {
    if attributes.is_directory() { Ok(()) } else { Err(Failure::with(FsError::NotDirectory, attributes.clone())) }
}

/// Refuses a name that is too long for the protocol.
pub(crate) fn check_length(ctx: &OpContext, name: &Name) -> Result<(), FsError> {
    let longest = match ctx.protocol {
        vfs::Protocol::Nfs3 => vfs::limits::NFS_NAME_BYTES_MAX,
        vfs::Protocol::Smb | vfs::Protocol::Internal => vfs::limits::NAME_BYTES_MAX,
    };
    if name.as_bytes().len() > longest { Err(FsError::NameTooLong) } else { Ok(()) }
}

/// Times a look-up starts again because the entry went to an inode that was removed meanwhile.
const RACES_MAX: usize = 64;
/// Most directories above one another: a shard in the root shard, each as deep as may be, and zones that overlap.
const STEPS_UP_MAX: u32 = 4 * vfs::limits::DEPTH_MAX;
