//! How an operation fails: a small closed set that every protocol maps exhaustively.

use crate::{Attributes, InodeId};

/// Why an operation was refused or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FsError {
    /// No such entry.
    NotFound,
    /// The inode is gone.
    StaleHandle,
    /// Only the owner or the superuser may (EPERM).
    NotPermitted,
    /// Permission bits or the descriptor forbid it (EACCES).
    AccessDenied,
    /// The name exists.
    Exists,
    /// Not a directory.
    NotDirectory,
    /// A directory where none may be.
    IsDirectory,
    /// The directory holds entries.
    NotEmpty,
    /// The request makes no sense for this object.
    InvalidArgument,
    /// The operation does not fit the type of the object.
    WrongType,
    /// A symbolic link, where what it leads to is meant.
    IsSymlink,
    /// A name is too long.
    NameTooLong,
    /// No room in the store.
    NoSpace,
    /// A quota forbids it.
    QuotaExceeded,
    /// Beyond the largest file.
    FileTooLarge,
    /// Too many hard links.
    TooManyLinks,
    /// Too deep below the root of the shard.
    TooDeep,
    /// Source and target lie in different trees.
    CrossDevice,
    /// The view, export or file system is read-only.
    ReadOnly,
    /// A byte-range lock of another owner is in the way.
    LockConflict,
    /// Waiting for the lock would wait for ever: its holder waits for the one who asks.
    Deadlock,
    /// The house restarted a moment ago: only locks that were held before may be taken.
    Grace,
    /// More opens, locks, shares, waits or clients with locks than the house keeps.
    TooManyLocks,
    /// The share reservation of an open or of a DOS share is in the way.
    ShareConflict,
    /// A lease of this inode is being taken back, which is in the way until then ([`crate::Opens::await_break`]).
    Breaking(InodeId),
    /// The file is about to be deleted.
    DeletePending,
    /// The cookie was never handed out.
    BadCookie,
    /// The guard of the request no longer holds (NFS3ERR_NOT_SYNC).
    NotSync,
    /// This house does not do that.
    NotSupported,
    /// The open is not known or was closed.
    BadOpen,
    /// Come back later (JUKEBOX): something has to happen first.
    Delay,
    /// The deadline passed or the client went away.
    Cancelled,
    /// The store failed; see the log.
    Io,
}

/// A refusal with the attributes that were at hand, for protocols that send them with errors (RFC 1813 `wcc_data`,
/// `post_op_attr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub error: FsError,
    /// Attributes of the object, or of the (source) directory of a namespace operation, unchanged.
    pub attributes: Option<Box<Attributes>>,
    /// Attributes of the target directory of a rename or link, unchanged.
    pub target: Option<Box<Attributes>>,
}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        Self { error, attributes: None, target: None }
    }
}

impl Failure {
    /// A refusal with the attributes of the object or directory.
    #[must_use]
    pub fn with(error: FsError, attributes: Attributes) -> Self {
        Self { error, attributes: Some(Box::new(attributes)), target: None }
    }
}
