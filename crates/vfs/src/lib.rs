//! The words and the contract: what a protocol may ask of the file system.
//!
//! Every door (NFS, SMB, later S3 and HDFS) asks through the traits of this crate and nothing else. Rules of the
//! contract: the context comes first and is explicit; one request struct, one reply struct; every reply carries the
//! attributes that the protocol will want next, so nobody asks twice; buffers are owned; a docstring lists the errors
//! in the order in which they are checked.

pub mod acl;
mod admin;
mod attribute_io;
mod attributes;
mod calendar;
mod changes;
mod clock;
mod clones;
mod context;
mod credentials;
mod error;
mod event;
mod file_io;
mod ids;
mod leases;
pub mod limits;
mod name;
mod namespace;
mod opens;
mod quota;
mod reverts;
mod snapshots;
mod watch;

pub use admin::{
    Admin, CacheFigures, EvacuationFigures, HouseFigures, JobFigures, JobKind, LockFigures, LogFigures,
    ReadAheadFigures, SharingFigures, SpaceFigures, ZoneRootReply, ZoneRootRequest,
};
pub use attribute_io::{
    AccessReply, AccessRequest, AttributeIo, FileSystemStatistics, GetattrReply, SetattrReply, SetattrRequest,
    StatFsReply, StreamEntry, StreamListReply, StreamListRequest, XattrListReply, XattrListRequest,
};
pub use attributes::{
    Attributes, Change, DeviceNumber, DosAttributes, FileType, PreAttributes, SetAttributes, SetTime, Timestamp,
    XattrChange, xattr_list_bytes,
};
pub use calendar::date;
pub use changes::{
    CHANGES_MAX, ChangeKind, ChangedEntry, ChangedPart, ChangedRange, ChangedRangesReply, ChangedRangesRequest,
    ChangesCursor, ChangesReply, ChangesRequest,
};
pub use clock::Clock;
pub use clones::{CloneTree, MakeCloneRequest};
pub use context::{OpContext, Priority, Protocol, ReplayKey, SnapshotAccess};
pub use credentials::{Credentials, Flavor, Identity, Principal, Sid};
pub use error::{Failure, FsError};
pub use event::{Event, Mailbox};
pub use file_io::{
    CloneRangeRequest, CommitReply, CommitRequest, ExtentLocation, FileIo, LocateReply, RangeRequest, ReadReply,
    ReadRequest, SeekKind, SeekReply, SeekRequest, Stability, Via, WriteReply, WriteRequest, WriteVerifier,
};
pub use ids::{
    ClientId, Cookie, Epoch, FencingEpoch, InodeId, InodeNumber, OpenId, OperationId, SessionId, ShardId, SnapshotId,
    TreeId, ZoneId,
};
pub use leases::{
    AcknowledgementRefusal, Awaited, BreakAcknowledgement, LeaseBreak, LeaseGrant, LeaseKey, LeaseOwner, LeaseRequest,
    LeaseState,
};
pub use name::{Case, Name, NameError};
pub use namespace::{
    CreateHow, CreateReply, CreateRequest, CreateUnlinkedReply, CreateUnlinkedRequest, DirectoryEntry, LinkReply,
    LinkRequest, ListedAttributes, LookupName, LookupReply, LookupRequest, MkdirRequest, MknodRequest, Namespace,
    NodeKind, ReaddirReply, ReaddirRequest, ReadlinkReply, RemoveKind, RemoveReply, RemoveRequest, RenameReply,
    RenameRequest, SymlinkRequest, WalkReply, WalkRequest,
};
pub use opens::{
    CloseReply, CloseRequest, DeletePendingRequest, Disposition, LockClient, LockEntry, LockKind, LockOwner, LockRange,
    LockRecovery, LockReply, LockRequest, LockState, LockedWhat, MakeSymlinkRequest, OpenReply, OpenRequest, OpenState,
    OpenTarget, OpenedHow, Opens, RenameOpenRequest, RenameStreamRequest, RestoredOpen, ShareMode, ShareRequest,
    TakeOverRequest, TestLockReply,
};
pub use quota::{
    OwnerQuotasRequest, Quota, QuotaBasis, QuotaDomain, QuotaGuard, QuotaLimits, QuotaRefused, QuotaSettings,
    QuotaUsage, SetQuotaRequest,
};
pub use reverts::{LEFT_OUT_MAX, LeftOut, Revert, RevertState};
pub use snapshots::{ChangeSnapshotRequest, PastInode, Snapshot, TakeSnapshotRequest};
pub use watch::{Notice, NoticeKind, Noticed, Notices, Watch, WatchFilter, WatchRequest};

/// Everything a door may ask.
pub trait Vfs: Namespace + FileIo + AttributeIo + Opens + Watch + Admin {}

impl<T: Namespace + FileIo + AttributeIo + Opens + Watch + Admin> Vfs for T {}
