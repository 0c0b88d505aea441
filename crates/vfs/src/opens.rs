//! Opens, byte-range locks and leases.

use std::future::Future;
use std::sync::Arc;

use crate::acl::AccessMask;
use crate::{
    Attributes, Case, Change, ClientId, Failure, FsError, InodeId, Mailbox, Name, OpContext, OpenId, SessionId,
    SetAttributes,
};

/// What is to be opened.
#[derive(Clone, Debug)]
pub enum OpenTarget {
    /// An inode already known.
    Inode(InodeId),
    /// A name in a directory; the last component of a path that was walked.
    Child {
        /// The directory.
        parent: InodeId,
        /// The name in it.
        name: Name,
        /// A named stream of the file (MS-FSCC 2.1.5); `None` is the file itself.
        stream: Option<Name>,
        /// How names are compared.
        case: Case,
    },
}

/// What happens when the target exists or not (MS-SMB2 2.2.13 `CreateDisposition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Open; it must exist.
    Open,
    /// Create; it must not exist.
    Create,
    /// Open, or create when it does not exist.
    OpenOrCreate,
    /// Truncate and open; it must exist.
    Overwrite,
    /// Truncate and open, or create.
    OverwriteOrCreate,
    /// Replace (attributes and descriptor too), or create.
    Supersede,
}

/// What others may do while an open lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareMode {
    /// Others may read.
    pub read: bool,
    /// Others may write.
    pub write: bool,
    /// Others may delete or rename.
    pub delete: bool,
}

/// What a client may cache (MS-SMB2 2.2.13.2.8 lease states; covers oplocks and delegations).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Reads.
    pub read: bool,
    /// Opens.
    pub handle: bool,
    /// Writes.
    pub write: bool,
}

/// Opening of a file or directory.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// What is to be opened.
    pub target: OpenTarget,
    /// What happens when it exists or not.
    pub disposition: Disposition,
    /// Must be a directory (`Some(true)`), must not be one (`Some(false)`), or either.
    pub directory: Option<bool>,
    /// The rights wanted; `MAXIMUM_ALLOWED` asks for all there are.
    pub access: AccessMask,
    /// What others may do meanwhile.
    pub share: ShareMode,
    /// The lease wanted, and its key.
    pub lease: Option<(LeaseState, u128)>,
    /// Whether the file goes when the last open does.
    pub delete_on_close: bool,
    /// Attributes of a file that is created.
    pub attributes: SetAttributes,
    /// Survive a lost connection: the create GUID.
    pub durable: Option<u128>,
    /// Where events of this open go.
    pub mailbox: Arc<Mailbox>,
}

/// What an open did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedHow {
    /// It existed.
    Opened,
    /// It was created.
    Created,
    /// It was truncated.
    Overwritten,
    /// It was replaced.
    Superseded,
}

/// A granted open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReply {
    /// The open.
    pub open: OpenId,
    /// What happened.
    pub how: OpenedHow,
    /// The rights granted.
    pub granted: AccessMask,
    /// All rights that could have been granted.
    pub maximal: AccessMask,
    /// The lease granted.
    pub lease: LeaseState,
    /// The inode.
    pub attributes: Attributes,
}

/// The end of an open.
#[derive(Clone, Copy, Debug)]
pub struct CloseRequest {
    /// The open.
    pub open: OpenId,
}

/// Outcome of a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReply {
    /// The inode; `None` when it went with this close.
    pub change: Option<Change>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LockOwner {
    /// An owner of a network lock manager client: opaque bytes of one client (NLM `oh` and `svid`).
    Nlm {
        /// The client.
        client: ClientId,
        /// Its opaque owner.
        owner: bytes::Bytes,
    },
    /// An open.
    Open(OpenId),
}

/// Bytes that a lock covers; a length of 0 reaches to the end of all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRange {
    /// First byte.
    pub offset: u64,
    /// Bytes; 0 means all from the offset on.
    pub length: u64,
}

/// Kind of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Many may hold it.
    Shared,
    /// One may hold it.
    Exclusive,
}

/// A lock to take, test or give back.
#[derive(Clone, Debug)]
pub struct LockRequest {
    /// The file.
    pub inode: InodeId,
    /// For whom.
    pub owner: LockOwner,
    /// Which bytes.
    pub range: LockRange,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Binds reads and writes of others too (SMB).
    pub mandatory: bool,
    /// Wait in the queue when another holds it; the grant comes as an event in this mailbox.
    pub wait: Option<Arc<Mailbox>>,
}

/// Outcome of asking for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockReply {
    /// Granted.
    Granted,
    /// Queued; the grant comes as an event.
    Queued,
}

/// Who is in the way of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLockReply {
    /// The first lock in the way: its owner, range and kind; `None` when it would be granted.
    pub conflict: Option<(LockOwner, LockRange, LockKind)>,
}

/// Opens, locks and leases. A house that serves no such protocol yet answers `NotSupported`.
pub trait Opens: Send + Sync + 'static {
    /// Opens, atomically with creation or truncation (MS-SMB2 3.3.5.9).
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (search), `NotFound` or `Exists` (against the
    /// disposition), `DeletePending`, `IsDirectory` or `NotDirectory` (against `directory`), `AccessDenied`,
    /// `ShareConflict`, `QuotaExceeded`, `NoSpace`, `Io`.
    fn open(&self, _ctx: &OpContext, _request: OpenRequest) -> impl Future<Output = Result<OpenReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Takes over a durable open after its connection was lost: same user, client and create GUID.
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied`, `Io`.
    fn reopen(
        &self,
        _ctx: &OpContext,
        _open: OpenId,
        _create_guid: u128,
    ) -> impl Future<Output = Result<OpenReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Ends an open; its locks and lease go with it.
    ///
    /// Errors, in order: `BadOpen`, `Io` (written data could not be made stable; the open is gone all the same).
    fn close(
        &self,
        _ctx: &OpContext,
        _request: CloseRequest,
    ) -> impl Future<Output = Result<CloseReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Takes a lock, or queues for it.
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument` (range overflows), `LockConflict` (and no wait wanted), `Io`.
    fn lock(&self, _ctx: &OpContext, _request: LockRequest) -> impl Future<Output = Result<LockReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Tells who is in the way of a lock.
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument`, `Io`.
    fn test_lock(
        &self,
        _ctx: &OpContext,
        _request: LockRequest,
    ) -> impl Future<Output = Result<TestLockReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Gives a range back, held or queued; one that is not held is no error.
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument`, `Io`.
    fn unlock(&self, _ctx: &OpContext, _request: LockRequest) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Answers a lease break with what is kept.
    ///
    /// Errors, in order: `BadOpen`, `InvalidArgument` (more than was offered).
    fn acknowledge_break(
        &self,
        _ctx: &OpContext,
        _open: OpenId,
        _kept: LeaseState,
    ) -> impl Future<Output = Result<LeaseState, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Ends everything that a session held.
    fn end_session(&self, _session: SessionId) -> impl Future<Output = ()> + Send {
        async {}
    }
}
