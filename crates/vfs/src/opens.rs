//! Opens, byte-range locks and leases.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::acl::AccessMask;
use crate::{
    AcknowledgementRefusal, Attributes, Awaited, BreakAcknowledgement, Case, Change, ClientId, Failure, FsError,
    InodeId, LeaseGrant, LeaseKey, LeaseRequest, LeaseState, Mailbox, Name, OpContext, OpenId, RenameReply, SessionId,
    SetAttributes, Timestamp,
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
    /// As `OverwriteOrCreate`, and needs the right to delete what is replaced.
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

/// Opening of a file or directory.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// What is to be opened.
    pub target: OpenTarget,
    /// The stream of it that is to be opened (MS-FSCC 2.1.5.1); `None` is the file itself.
    pub stream: Option<Name>,
    /// What happens when it exists or not.
    pub disposition: Disposition,
    /// Must be a directory (`Some(true)`), must not be one (`Some(false)`), or either.
    pub directory: Option<bool>,
    /// Whether a symbolic link may be opened itself.
    pub opens_links: bool,
    /// The rights wanted, generic ones spelt out; `MAXIMUM_ALLOWED` asks for all there are.
    pub access: AccessMask,
    /// What others may do meanwhile.
    pub share: ShareMode,
    /// The lease wanted.
    pub lease: Option<LeaseRequest>,
    /// Whether the close of this open makes the name one that is deleted with its last open (see
    /// [`Opens::set_delete_pending`]). A directory that is not empty then stays.
    pub delete_on_close: bool,
    /// Attributes of a file that is created. One that is overwritten gets the DOS attributes of them, if there are any.
    pub attributes: SetAttributes,
    /// It survives a restart, and is durable with its reply: what its door has to know to give it back, at most
    /// [`crate::limits::OPEN_NOTE_BYTES_MAX`].
    pub persistent: Option<Bytes>,
    /// Where events of this open go.
    pub mailbox: Arc<Mailbox>,
}

/// An open that was there before the house restarted, and that nobody has taken over yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredOpen {
    /// The open; it belongs to [`SessionId::RESTORED`].
    pub open: OpenId,
    /// What it has open.
    pub inode: InodeId,
    /// The file: the same, or that whose stream it is.
    pub file: InodeId,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The rights granted.
    pub granted: AccessMask,
    /// The key of its lease, where it has one.
    pub lease: Option<LeaseKey>,
    /// What its door noted.
    pub note: Bytes,
}

/// An open that changes hands: its client lost its connection, or came back.
#[derive(Clone, Debug)]
pub struct TakeOverRequest {
    /// The open.
    pub open: OpenId,
    /// Whose it was.
    pub from: SessionId,
    /// Where events of this open go.
    pub mailbox: Arc<Mailbox>,
    /// Nobody answers breaks there: while another open of the same lease has a client that is there, that one is told.
    pub is_away: bool,
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
    pub lease: LeaseGrant,
    /// The inode.
    pub attributes: Attributes,
}

/// An open as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenState {
    /// The inode.
    pub inode: InodeId,
    /// The rights granted.
    pub granted: AccessMask,
    /// Directory and name that it was opened by, also after renames; `None` when it was opened without a name, and when
    /// the name was removed meanwhile.
    pub name: Option<(InodeId, Name)>,
    /// The stream of that which it was opened by, also after renames.
    pub stream: Option<Name>,
    /// Whether what it was opened by is deleted with its last open.
    pub delete_pending: bool,
}

/// Marking of the name of an open for deletion (MS-FSCC 2.4.11 `FileDispositionInformation`).
#[derive(Clone, Copy, Debug)]
pub struct DeletePendingRequest {
    /// The open.
    pub open: OpenId,
    /// Whether the name goes with its last open, or stays.
    pub pending: bool,
}

/// Making a symbolic link of what is open (MS-FSCC 2.3.81 `FSCTL_SET_REPARSE_POINT`).
#[derive(Clone, Debug)]
pub struct MakeSymlinkRequest {
    /// The open.
    pub open: OpenId,
    /// Where the link leads: 1 to 4095 bytes without NUL.
    pub target: Bytes,
}

/// Rename through an open (MS-FSCC 2.4.42 `FileRenameInformation`).
#[derive(Clone, Debug)]
pub struct RenameOpenRequest {
    /// The open.
    pub open: OpenId,
    /// Directory of the new name.
    pub to_parent: InodeId,
    /// The new name.
    pub to_name: Name,
    /// Whether an existing target is replaced.
    pub replace: bool,
    /// How the new name is compared with those that are there.
    pub case: Case,
}

/// Rename of a stream through an open of it.
#[derive(Clone, Debug)]
pub struct RenameStreamRequest {
    /// The open.
    pub open: OpenId,
    /// The new name, in the same file.
    pub to_name: Name,
    /// Whether an existing target is replaced.
    pub replace: bool,
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
        /// The client: [`LockClient::id`].
        client: ClientId,
        /// Its opaque owner.
        owner: Bytes,
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
    /// A lock of an open that binds reads and writes too (MS-FSA 2.1.5.8): reads and writes of others where it is
    /// exclusive, all writes where it is shared. Each is held by itself: an open's own locks are in the
    /// way of its exclusive ones, and it is given back with exactly its range. Length 0 is no byte at all.
    pub mandatory: bool,
    /// Wait in the queue when another holds it; the grant comes as [`crate::Event::LockGranted`] in this mailbox. A
    /// request that waits already is not queued twice. A mandatory one has no place in the queue: it hears once of
    /// [`crate::Event::LockFreed`], and is to be asked for again; it is forgotten with its mailbox.
    pub wait: Option<Arc<Mailbox>>,
    /// Its client held it before the house restarted and takes it again: let through while the grace period lasts.
    pub reclaim: bool,
}

/// A DOS share of a file, as NLM knows it (Open Group C702, `NLM_SHARE`).
#[derive(Clone, Debug)]
pub struct ShareRequest {
    /// The file.
    pub inode: InodeId,
    /// For whom.
    pub owner: LockOwner,
    /// What the owner does; it deletes nothing.
    pub access: ShareMode,
    /// What others may not do meanwhile.
    pub deny: ShareMode,
    /// Its client held it before the house restarted and takes it again.
    pub reclaim: bool,
}

/// A client of the network lock manager. It is remembered durably while it may hold locks, so that it hears of a
/// restart (NSM) and may take its locks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockClient {
    /// The client, one number for each zone, address and name. The door makes it.
    pub id: ClientId,
    /// The name that it gave itself (`caller_name`); at most 1024 bytes.
    pub name: Bytes,
    /// Where it is.
    pub address: IpAddr,
    /// The address of the zone that it came to.
    pub server: IpAddr,
    /// Its NSM state number, 0 when not known.
    pub state: u32,
    /// When it took its first lock.
    pub since: Timestamp,
}

/// What a restart left to do for locks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockRecovery {
    /// The NSM state number of this life of the house: odd, and higher after every start.
    pub state: u32,
    /// Clients that may have held locks when the house went down, and are to be told of the restart.
    pub clients: Vec<LockClient>,
    /// How long only locks held before may be taken, where that lasts longest; `None` when the grace period is over in
    /// all zones.
    pub grace_left: Option<Duration>,
}

/// Whether an entry of the lock table is held or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Held.
    Held,
    /// Waits for others.
    Waiting,
}

/// One entry of the lock table, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockEntry {
    /// The file.
    pub inode: InodeId,
    /// Whose it is.
    pub owner: LockOwner,
    /// The client, where the owner is one of the network lock manager.
    pub client: Option<LockClient>,
    /// Held or waiting.
    pub state: LockState,
    /// What it is.
    pub what: LockedWhat,
    /// Since when.
    pub since: Timestamp,
}

/// What an entry of the lock table locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedWhat {
    /// A range of bytes.
    Range(LockRange, LockKind),
    /// The file as a whole, against what others may not do.
    Share {
        /// What the owner does.
        access: ShareMode,
        /// What others may not do.
        deny: ShareMode,
    },
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
    /// Opens, atomically with creation or truncation (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1): of two who create one name one
    /// creates it, and nobody sees a file that is open by halves.
    ///
    /// Rights: those that the mode gives; `DELETE` where the directory gives `DELETE_CHILD`; everything to who creates.
    /// Overwriting needs `WRITE_DATA`, superseding `DELETE` too, without being granted them. A READONLY file is neither
    /// written to nor deleted, a HIDDEN or SYSTEM file is overwritten only as such. Of a symbolic link the link itself
    /// is opened.
    ///
    /// Share modes bind all opens of a file both ways, but for those that only look at attributes and descriptor, and
    /// anonymous operations: reads and writes, setting the size, and removing and renaming a name. DOS shares of NLM bind
    /// opens, and opens them, but not anonymous operations.
    ///
    /// A file whose last name goes while it is open stays until its last open is closed. An open does not outlive its
    /// session, unless another takes it over.
    ///
    /// A stream (`stream`) has an inode, bytes, opens, locks and leases of its own; name, rights and attributes are those of
    /// its file, which a disposition that creates makes too where it is missing. Names of streams are compared without
    /// regard to case. Who creates one needs `WRITE_DATA`, and who has that may delete them. Opens of a file and of its streams let each other do everything,
    /// but that what an open of a stream does not let others delete is not deleted with its file. The file goes with the
    /// last open of it and its streams; overwriting it takes its streams. There are at most
    /// [`crate::limits::STREAMS_MAX`].
    ///
    /// A lease is granted as far as others leave room for it; one that is in the way is broken first (`Breaking`): what
    /// others cache of writes, and of opens where a share mode is in the way, but not by an open that only looks at or
    /// sets attributes. Other operations break leases as well: writing, locking and setting the size what others cache at all,
    /// reading without an open what they cache of writes, taking or changing a name what they cache of opens, and what
    /// changes in a directory what they cache of it.
    ///
    /// Errors, in order: `InvalidArgument` (a directory that would be overwritten), `NotDirectory` (a stream as a directory),
    /// `StaleHandle`, `NotDirectory`, `AccessDenied` (search), `NameTooLong`, `NotFound` or `Exists` (against the
    /// disposition), `DeletePending` (also of the directory to create in), `IsSymlink` (where links are not opened), `IsDirectory` or `NotDirectory` (against
    /// `directory`), `AccessDenied`, `NotPermitted` (deleting a READONLY file or the root of a zone), `TooManyLinks` (streams), `InvalidArgument` (the key of the lease
    /// is that of another file), `Breaking`, `ShareConflict`, `TooManyLocks` (opens of the session or the house), `QuotaExceeded`, `NoSpace`, `Io`; as `create` and `mkdir`
    /// where it creates.
    fn open(&self, _ctx: &OpContext, _request: OpenRequest) -> impl Future<Output = Result<OpenReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Opens that were there before the house restarted, and that nobody has taken over yet: their share modes, locks and
    /// leases bind.
    fn restored_opens(&self) -> Vec<RestoredOpen> {
        Vec::new()
    }

    /// Makes an open of another session one of this session, with its locks and its lease. Returns what it may cache by now;
    /// what others break from now on is told in the new mailbox, and once more what waits for an answer, unless nobody is there.
    /// The door knows whose it may be.
    ///
    /// Errors, in order: `BadOpen`, `TooManyLocks` (opens of the session).
    fn take_over(&self, _ctx: &OpContext, _request: TakeOverRequest) -> Result<LeaseGrant, FsError> {
        Err(FsError::NotSupported)
    }

    /// Ends an open; its locks and lease go with it. The last open of a name that is marked for deletion takes the name
    /// with it; opens are `DeletePending` until then.
    ///
    /// Errors, in order: `BadOpen`, `Io` (the name could not be deleted; the open is gone all the same).
    fn close(
        &self,
        _ctx: &OpContext,
        _request: CloseRequest,
    ) -> impl Future<Output = Result<CloseReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Marks the name of an open for deletion with its last open, or takes the mark back. One whose name is gone has
    /// nothing to mark.
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied` (without `DELETE`), `NotPermitted` (a READONLY file, the root of a
    /// zone, an open without a name), `NotEmpty`, `Io`.
    fn set_delete_pending(
        &self,
        _ctx: &OpContext,
        _request: DeletePendingRequest,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Puts a symbolic link in the place of the empty file or directory that an open has open, under the name that it was
    /// opened by. The link is an inode of its own, as what an inode is never changes, and belongs to who makes it; the open
    /// goes on without a name.
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied` (without `WRITE_DATA` and `WRITE_ATTRIBUTES`), `WrongType` (a stream),
    /// `NotFound` (its name is gone), `WrongType` (neither file nor directory), `NotEmpty` (it holds something, or has
    /// other names), then as `symlink`.
    fn make_symlink(
        &self,
        _ctx: &OpContext,
        _request: MakeSymlinkRequest,
    ) -> impl Future<Output = Result<Attributes, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Renames what an open has open, by the name that it was opened by (MS-FSA 2.1.5.15.11).
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied` (without `DELETE`), `NotFound` (its name is gone), then as `rename`;
    /// also `AccessDenied` for a directory of which something below is open, and for a target that is open, a
    /// directory or READONLY.
    fn rename_open(
        &self,
        _ctx: &OpContext,
        _request: RenameOpenRequest,
    ) -> impl Future<Output = Result<RenameReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Gives a stream that an open has open another name (MS-FSA 2.1.5.15.11).
    ///
    /// Errors, in order: `BadOpen`, `AccessDenied` (without `DELETE`), `WrongType` (no stream), `NotFound` (its name is
    /// gone), `Exists`, `AccessDenied` (the target is open), `Io`.
    fn rename_stream(
        &self,
        _ctx: &OpContext,
        _request: RenameStreamRequest,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// An open as it is now.
    ///
    /// Errors: `BadOpen`.
    fn open_state(&self, _ctx: &OpContext, _open: OpenId) -> Result<OpenState, FsError> {
        Err(FsError::NotSupported)
    }

    /// Takes a lock, or queues for it. A mandatory one needs an open that reads or writes. Other locks of an owner that it holds already are converted, split and joined.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `WrongType` (not a regular file), `AccessDenied` (may neither read nor write it),
    /// `InvalidArgument` (range overflows, a client that is not remembered), `Grace`, `LockConflict` (and no wait
    /// wanted), `Deadlock`, `TooManyLocks`, `Io`.
    fn lock(&self, _ctx: &OpContext, _request: LockRequest) -> impl Future<Output = Result<LockReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Tells who is in the way of a lock.
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument`, `Grace` (not known yet), `Io`.
    fn test_lock(
        &self,
        _ctx: &OpContext,
        _request: LockRequest,
    ) -> impl Future<Output = Result<TestLockReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Gives a range back, held or queued; one that is not held is no error, but `NotFound` if it is
    /// mandatory. Those who wait for it are granted theirs.
    /// Works on a file that is gone, and in the grace period.
    ///
    /// Errors, in order: `BadOpen`, `NotFound`, `InvalidArgument`, `TooManyLocks` (the middle of a lock leaves two), `Io`.
    fn unlock(&self, _ctx: &OpContext, _request: LockRequest) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Takes a queued request for exactly this lock back. `false` when none waits: it was never asked for, or is granted.
    ///
    /// Errors, in order: `InvalidArgument`.
    fn cancel_lock(
        &self,
        _ctx: &OpContext,
        _request: LockRequest,
    ) -> impl Future<Output = Result<bool, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Takes a DOS share, in place of the one that the owner has.
    ///
    /// Errors, in order: `StaleHandle`, `WrongType`, `AccessDenied`, `InvalidArgument` (a client that is not remembered),
    /// `Grace`, `ShareConflict`, `TooManyLocks`, `Io`.
    fn share(&self, _ctx: &OpContext, _request: ShareRequest) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Gives the DOS share of an owner back; one that has none is no error.
    ///
    /// Errors: `Io`.
    fn unshare(&self, _ctx: &OpContext, _request: ShareRequest) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Remembers durably that a client may hold locks; comes before its first lock. Costs nothing when it is remembered
    /// as it is.
    ///
    /// Errors, in order: `InvalidArgument` (its name is too long), `StaleHandle` (the root of `ctx` is in no shard),
    /// `TooManyLocks` (too many clients, of the house, the shard or the address), `Io`.
    fn remember_lock_client(
        &self,
        _ctx: &OpContext,
        _client: LockClient,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Frees everything that a client holds or waits for, and forgets it: it restarted, or said that it has nothing.
    ///
    /// Errors: `Io` (its locks are free all the same).
    fn free_lock_client(
        &self,
        _ctx: &OpContext,
        _client: ClientId,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The clients remembered now.
    fn lock_clients(&self) -> Vec<LockClient> {
        Vec::new()
    }

    /// Those of them at one address, found without looking at all others.
    fn lock_clients_at(&self, address: IpAddr) -> Vec<LockClient> {
        self.lock_clients().into_iter().filter(|client| client.address == address).collect()
    }

    /// One of them, found without looking at all others.
    fn lock_client(&self, client: ClientId) -> Option<LockClient> {
        self.lock_clients().into_iter().find(|known| known.id == client)
    }

    /// What a restart left to do for locks.
    fn lock_recovery(&self) -> LockRecovery {
        LockRecovery::default()
    }

    /// Entries of the lock table, those of one inode together, at most `max`. For people: it may change meanwhile.
    fn lock_entries(&self, _max: usize) -> Vec<LockEntry> {
        Vec::new()
    }

    /// Answers a break with what is kept, which is what is held from now on.
    ///
    /// Errors, in order: `Unknown` (no such lease, an open of another session), `NotBreaking`, `TooMuch`.
    fn acknowledge_break(
        &self,
        _ctx: &OpContext,
        _acknowledgement: BreakAcknowledgement,
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        Err(AcknowledgementRefusal::Unknown)
    }

    /// After [`FsError::Breaking`]: tells in the mailbox when a break of a lease of this inode ends; the operation is asked for
    /// again then. A break that is not acknowledged ends by itself. It is forgotten with the mailbox.
    ///
    /// Errors: `TooManyLocks` (too many wait for it).
    fn await_break(&self, _inode: InodeId, _mailbox: &Arc<Mailbox>) -> Result<Awaited, FsError> {
        Ok(Awaited::Over)
    }

    /// Ends everything that a session held, as `close` would. Nothing of the session may be under way any more.
    fn end_session(&self, _session: SessionId) -> impl Future<Output = ()> + Send {
        async {}
    }
}
