//! What administration asks: roots of zones, quotas and snapshots now; policies and jobs join here.

use std::future::Future;

use crate::{
    Attributes, ChangeSnapshotRequest, ChangedRangesReply, ChangedRangesRequest, ChangesReply, ChangesRequest,
    CloneTree, Failure, FsError, InodeId, MakeCloneRequest, Name, OpContext, OwnerQuotasRequest, PastInode, Quota,
    QuotaRefused, Revert, SetAttributes, SetQuotaRequest, Snapshot, SnapshotId, TakeSnapshotRequest, TreeId,
};

/// The base directory of an access zone, which is made when it does not exist.
#[derive(Clone, Debug)]
pub struct ZoneRootRequest {
    /// Path of the base in the one namespace; empty is the root.
    pub base: Vec<Name>,
    /// Attributes of the directories that are made.
    pub attributes: SetAttributes,
}

/// The base directory of an access zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRootReply {
    /// The directory.
    pub attributes: Attributes,
}

/// How the house is doing. Counters rise from the start of the process; everything is in bytes unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HouseFigures {
    /// Each cache.
    pub caches: Vec<CacheFigures>,
    /// What is read of files before it is asked for.
    pub read_ahead: ReadAheadFigures,
    /// Stored blocks that were found not to match their checksums, each time that one was looked at.
    pub damaged_blocks: u64,
    /// Data that is written and not on stable storage yet.
    pub dirty_bytes: u64,
    /// How much of it there may be.
    pub dirty_bytes_max: u64,
    /// The metadata log.
    pub log: LogFigures,
    /// The store.
    pub space: SpaceFigures,
    /// Moving what is live out of sparse segments.
    pub evacuation: EvacuationFigures,
    /// Ranges that were to be shared between files.
    pub sharing: SharingFigures,
    /// Each kind of work that is done behind what clients ask for.
    pub jobs: Vec<JobFigures>,
    /// Locks.
    pub locks: LockFigures,
    /// Reloads after a failure of the metadata store.
    pub reloads: u64,
}

/// One cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// What it holds: `inode`, `dentry`, `block`.
    pub name: &'static str,
    /// Entries held.
    pub entries: u64,
    /// Most entries; 0 when bytes bound it.
    pub entries_max: u64,
    /// Bytes held; 0 when entries are counted.
    pub bytes: u64,
    /// Most bytes; 0 when entries bound it.
    pub bytes_max: u64,
    /// Look-ups that found what they wanted.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}

/// Reading ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadAheadFigures {
    /// Begun to be read.
    pub bytes: u64,
    /// Of these, dropped before anybody asked for them.
    pub dropped_bytes: u64,
    /// Times that there was no room to read on.
    pub given_up: u64,
    /// In memory or on their way, and not asked for yet.
    pub held_bytes: u64,
}

/// The metadata log and the commits that go through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFigures {
    /// Groups made durable.
    pub groups: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes of the log that hold what is nowhere else yet.
    pub bytes_used: u64,
    /// Size of the log.
    pub bytes_max: u64,
}

/// The store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceFigures {
    /// What the file systems that hold the store have in all.
    pub total_bytes: u64,
    /// What can still be stored.
    pub free_bytes: u64,
    /// Segment files.
    pub segments: u64,
}

/// Segments of which little is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvacuationFigures {
    /// Those found at the last look.
    pub sparse_segments: u64,
    /// Segments that were emptied by moving what was live.
    pub segments: u64,
    /// What was moved for that.
    pub moved_bytes: u64,
}

/// Ranges that were to be shared between files, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharingFigures {
    /// Bytes of those that were.
    pub bytes: u64,
    /// Ranges that could not be, for whatever reason: what asked then copies, or does without.
    pub refused: u64,
}

/// One kind of work that is done behind what clients ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFigures {
    /// Which.
    pub kind: JobKind,
    /// What it is known to have before it, in its own unit.
    pub left: u64,
    /// What it has done, in the same.
    pub done: u64,
    /// Whether it lets clients go first now.
    pub is_waiting: bool,
}

/// What a job does, and what it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobKind {
    /// Takes apart what was removed or cut off and is too large for one change: files.
    #[default]
    Removal,
    /// Puts in order what was read in order and found scattered: parts of files of up to 4 MiB.
    Reordering,
    /// Moves what is live out of sparse segments: the segments that were chosen.
    Evacuation,
    /// Makes directories again what snapshots show of them: the directories. What was done is changes.
    Revert,
}

/// Locks of all zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockFigures {
    /// Byte-range locks held.
    pub held: u64,
    /// Requests that wait.
    pub waiting: u64,
    /// DOS shares held.
    pub shares: u64,
    /// Clients remembered.
    pub clients: u64,
}

/// What administration asks.
pub trait Admin: Send + Sync + 'static {
    /// Finds or makes the base directory of a zone. One that is made becomes the root of a shard of its own; one that
    /// exists keeps its shard.
    ///
    /// Errors, in order: `NotDirectory` (something else stands in the way), `TooDeep`, `NoSpace`, `Io`.
    fn zone_root(
        &self,
        ctx: &OpContext,
        request: ZoneRootRequest,
    ) -> impl Future<Output = Result<ZoneRootReply, Failure>> + Send;

    /// Takes a snapshot of a directory and everything below it: one moment for all protocols, whatever is being written.
    /// What was written and not asked to be stable before belongs to it, but a crash may take that back.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `InvalidArgument` (the name of no entry), `Exists` (another of the
    /// shard has the name), `NoSpace` (too many snapshots, or no room), `Io`; `NotSupported` by houses that cannot.
    fn take_snapshot(
        &self,
        _ctx: &OpContext,
        _request: TakeSnapshotRequest,
    ) -> impl Future<Output = Result<Snapshot, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The snapshots of the shard of an inode, oldest first, those that are going included.
    ///
    /// Errors: `StaleHandle`.
    fn snapshots(&self, _ctx: &OpContext, _within: InodeId) -> Result<Vec<Snapshot>, FsError> {
        Ok(Vec::new())
    }

    /// The names that led from the root of its shard to an inode, where it is or was; of a file that has several links by the
    /// one that it is charged to. What is in a snapshot that is going, or has no name, has none any more.
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn path_of(&self, _ctx: &OpContext, _inode: InodeId) -> impl Future<Output = Result<Vec<Name>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// A live inode in each snapshot that has it, newest first: where the directories above it led, at that time, to the
    /// one that the snapshot stands on.
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn past_of(
        &self,
        _ctx: &OpContext,
        _inode: InodeId,
    ) -> impl Future<Output = Result<Vec<PastInode>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Changes a snapshot.
    ///
    /// Errors, in order: `StaleHandle`, `NotFound` (or it is going), `InvalidArgument` (the name of no entry), `Exists`,
    /// `Io`; `NotSupported` by houses without snapshots.
    fn change_snapshot(
        &self,
        _ctx: &OpContext,
        _request: ChangeSnapshotRequest,
    ) -> impl Future<Output = Result<Snapshot, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// What differs of a directory and all below it between a snapshot and a younger one, or now; a page of it. The work
    /// grows with what differs and with the entries of directories that do, not with all that is there. What differs is
    /// told once, over all pages. Against now, what changes between two pages may be told or not. What lies in other
    /// shards and clones is not told.
    ///
    /// Errors, in order: `StaleHandle` (the snapshots, or the directory in one of them), `InvalidArgument` (not younger, or
    /// not of the same tree), `NotDirectory`, `BadCookie` (the cursor was given for something else), `Io`; `NotSupported`
    /// by houses without snapshots.
    fn changes(
        &self,
        _ctx: &OpContext,
        _request: ChangesRequest,
    ) -> impl Future<Output = Result<ChangesReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// In which ranges a file differs between a snapshot and a younger one, or now; a page of them.
    ///
    /// Errors, in order: `StaleHandle` (the snapshots, or the file in one of them), `InvalidArgument` (not younger, or not
    /// of the same tree), `WrongType` (not a file), `Io`; `NotSupported` by houses without snapshots.
    fn changed_ranges(
        &self,
        _ctx: &OpContext,
        _request: ChangedRangesRequest,
    ) -> impl Future<Output = Result<ChangedRangesReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Makes a directory and all below it again what a snapshot shows of it. It is promised when this returns, and done in
    /// the background by ordinary changes, so that clients see states between; a restart goes on with it. What was there
    /// then and is below the directory still keeps its number; what was moved elsewhere stays there, and is copied. Files
    /// share the blocks of the snapshot. What lies in other shards and clones is left as it is.
    ///
    /// Errors, in order: `StaleHandle` (the snapshot, or the directory in it or now), `NotDirectory`, `Exists` (another revert
    /// of the tree goes on), `Io`; `NotSupported` by houses without snapshots.
    fn revert(&self, _ctx: &OpContext, _past: InodeId) -> impl Future<Output = Result<Revert, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The reverts of the shard of an inode that go on, and the last ones that ended since the start; oldest first.
    ///
    /// Errors: `StaleHandle`.
    fn reverts(&self, _ctx: &OpContext, _within: InodeId) -> Result<Vec<Revert>, FsError> {
        Ok(Vec::new())
    }

    /// Gives up a revert: what it has done stays.
    ///
    /// Errors, in order: `NotFound` (or it has ended), `Io`; `NotSupported` by houses without snapshots.
    fn cancel_revert(
        &self,
        _ctx: &OpContext,
        _within: InodeId,
        _id: u64,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Makes a writable clone of a directory of a snapshot: a tree of its own that hangs in another directory of the same
    /// shard. It costs the same however much is below; what it has of its own counts above it from then on.
    ///
    /// Errors, in order: `StaleHandle`, `ReadOnly` (the parent is of the past), `Exists` (the entry is `.snapshot`),
    /// `CrossDevice` (another shard), `NotFound` (no such snapshot), `NotDirectory`, `InvalidArgument` (the name is too
    /// long), `Exists` (a clone has the name, or the directory the entry), `TooManyLinks` (too many clones, or made one of
    /// the other), `TooDeep`, `QuotaExceeded`, `NoSpace`, `Io`; `NotSupported` by houses without clones.
    fn make_clone(
        &self,
        _ctx: &OpContext,
        _request: MakeCloneRequest,
    ) -> impl Future<Output = Result<CloneTree, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The clones of the shard of an inode, those that are going included.
    ///
    /// Errors: `StaleHandle`.
    fn clones(&self, _ctx: &OpContext, _within: InodeId) -> Result<Vec<CloneTree>, FsError> {
        Ok(Vec::new())
    }

    /// Deletes a clone with its snapshots: nobody sees it from now on, and its space comes back in the background, once
    /// nothing is made of it any more.
    ///
    /// Errors, in order: `StaleHandle`, `NotFound`, `NotEmpty` (another clone hangs in it), `NotPermitted` (a snapshot of it is locked), `Delay` (owners are being
    /// counted above it: it goes when they are), `Io`; `NotSupported` by houses without clones.
    fn delete_clone(
        &self,
        _ctx: &OpContext,
        _within: InodeId,
        _tree: TreeId,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Deletes a snapshot: nobody sees it from now on, and what only it needed comes back in the background.
    ///
    /// Errors, in order: `StaleHandle`, `NotFound` (or it is going), `NotPermitted` (it is locked), `Io`; `NotSupported`
    /// by houses without snapshots.
    fn delete_snapshot(
        &self,
        _ctx: &OpContext,
        _within: InodeId,
        _id: SnapshotId,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Sets or removes a quota. What is used counts from the first moment, and limits may lie below it: then nothing grows.
    ///
    /// Errors, in order: `InvalidArgument` (limits that contradict each other, a soft one without grace), `StaleHandle`,
    /// `NotDirectory`, `NotSync` (guard), `NotFound` (none to remove), `NoSpace` (too many), `Io`; `NotSupported` by houses
    /// without quotas, and for domains that they do not count.
    fn set_quota(
        &self,
        _ctx: &OpContext,
        _request: SetQuotaRequest,
    ) -> impl Future<Output = Result<Option<Quota>, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The quotas of a directory and everything below it, in no order.
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn quotas(&self, _ctx: &OpContext, _below: InodeId) -> impl Future<Output = Result<Vec<Quota>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Which quotas of the shard of an inode have refused something to a client since this was last asked; since it was asked
    /// first. At most some thousands.
    fn quota_refusals(&self, _of: InodeId) -> Vec<QuotaRefused> {
        Vec::new()
    }

    /// The limits that bind a user or group in the directory of an inode, or in it: there and above, the lowest first. Their
    /// paths are not told.
    ///
    /// Errors, in order: `InvalidArgument` (neither a user nor a group), `StaleHandle`, `Io`.
    fn owner_quotas(
        &self,
        _ctx: &OpContext,
        _request: OwnerQuotasRequest,
    ) -> impl Future<Output = Result<Vec<Quota>, Failure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Whether the metadata store failed and is not read again yet: nothing is answered meanwhile.
    fn is_reloading(&self) -> bool {
        false
    }

    /// How the house is doing; cheap enough to be asked every second.
    fn figures(&self) -> HouseFigures {
        HouseFigures::default()
    }
}
