//! Operations on names.

use std::future::Future;

use bytes::Bytes;

use crate::{
    Attributes, Case, Change, Cookie, DeviceNumber, Failure, FileType, InodeId, Name, OpContext, SetAttributes,
};

/// What to look up in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupName {
    /// A stored entry.
    Child(Name),
    /// `.`: the directory itself.
    Itself,
    /// `..`: its parent, or itself at the root of the context.
    Parent,
}

/// Look-up of one name.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// Directory to look in.
    pub parent: InodeId,
    /// What to find.
    pub name: LookupName,
    /// How names are compared.
    pub case: Case,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupReply {
    /// The inode found.
    pub attributes: Attributes,
    /// The directory.
    pub parent: Attributes,
}

/// Look-up of a path, component by component; symbolic links are not followed.
#[derive(Clone, Debug)]
pub struct WalkRequest {
    /// Where to start.
    pub start: InodeId,
    /// Names to go down, at most [`crate::limits::WALK_COMPONENTS_MAX`].
    pub path: Vec<Name>,
    /// How names are compared.
    pub case: Case,
}

/// Where a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkReply {
    /// The inode at the end of the path. Of a directory, times and the count of entries are perhaps not durable: they
    /// are not to be told.
    pub attributes: Attributes,
}

/// What happens when the name exists (RFC 1813 3.3.8 `createmode3`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateHow {
    /// An existing regular file is taken; a size in the attributes is applied to it (the caller needs write access),
    /// the other attributes are not. Anything else that exists is a collision.
    Unchecked(SetAttributes),
    /// An existing name is a collision.
    Guarded(SetAttributes),
    /// As `Guarded`, but a file created with the same verifier, and whose attributes were not set since, is taken: a
    /// retransmission. The owner sets the attributes afterwards.
    Exclusive([u8; 8]),
}

/// Creation of a regular file.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Directory to create in.
    pub parent: InodeId,
    /// Name of the new file.
    pub name: Name,
    /// What happens when it exists, and the attributes.
    pub how: CreateHow,
}

/// Outcome of every creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateReply {
    /// The inode created or taken.
    pub attributes: Attributes,
    /// The directory.
    pub parent: Change,
    /// Whether it is new.
    pub created: bool,
}

/// Creation of a regular file without a name; it lives until it is linked or its open is closed.
#[derive(Clone, Debug)]
pub struct CreateUnlinkedRequest {
    /// Directory in whose domain it is charged.
    pub home: InodeId,
    /// Attributes of the new file.
    pub attributes: SetAttributes,
}

/// Outcome of a creation without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateUnlinkedReply {
    /// The inode created.
    pub attributes: Attributes,
}

/// Creation of a directory.
#[derive(Clone, Debug)]
pub struct MkdirRequest {
    /// Directory to create in.
    pub parent: InodeId,
    /// Name of the new directory.
    pub name: Name,
    /// Attributes of the new directory.
    pub attributes: SetAttributes,
}

/// Creation of a symbolic link.
#[derive(Clone, Debug)]
pub struct SymlinkRequest {
    /// Directory to create in.
    pub parent: InodeId,
    /// Name of the new link.
    pub name: Name,
    /// The path it stands for: 1 to [`crate::limits::SYMLINK_BYTES_MAX`] bytes without NUL.
    pub target: Bytes,
    /// Attributes of the new link.
    pub attributes: SetAttributes,
}

/// Kind of a special file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A named pipe.
    Fifo,
    /// A named socket.
    Socket,
    /// A block device; only the superuser may.
    Block(DeviceNumber),
    /// A character device; only the superuser may.
    Character(DeviceNumber),
}

/// Creation of a special file.
#[derive(Clone, Debug)]
pub struct MknodRequest {
    /// Directory to create in.
    pub parent: InodeId,
    /// Name of the new file.
    pub name: Name,
    /// What it is.
    pub kind: NodeKind,
    /// Attributes of the new file.
    pub attributes: SetAttributes,
}

/// A further name for an inode that is no directory.
#[derive(Clone, Debug)]
pub struct LinkRequest {
    /// The inode.
    pub inode: InodeId,
    /// Directory of the new name.
    pub parent: InodeId,
    /// The new name.
    pub name: Name,
    /// Whether an existing non-directory of that name is replaced in the same step.
    pub replace: bool,
}

/// Outcome of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReply {
    /// The inode.
    pub attributes: Attributes,
    /// The directory.
    pub parent: Change,
}

/// What may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveKind {
    /// Anything but a directory (NFS REMOVE).
    File,
    /// Only an empty directory (NFS RMDIR).
    Directory,
    /// Either (SMB).
    Any,
}

/// Removal of a name.
#[derive(Clone, Debug)]
pub struct RemoveRequest {
    /// The directory.
    pub parent: InodeId,
    /// The name.
    pub name: Name,
    /// What may be removed.
    pub kind: RemoveKind,
}

/// Outcome of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveReply {
    /// The directory.
    pub parent: Change,
    /// The inode that lost the name, after it.
    pub removed: Attributes,
}

/// Change of a name, a directory or both.
#[derive(Clone, Debug)]
pub struct RenameRequest {
    /// Directory of the old name.
    pub from_parent: InodeId,
    /// The old name.
    pub from_name: Name,
    /// Directory of the new name.
    pub to_parent: InodeId,
    /// The new name.
    pub to_name: Name,
    /// Whether an existing target is replaced (POSIX: yes).
    pub replace: bool,
}

/// Outcome of a rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameReply {
    /// The directory of the old name.
    pub from: Change,
    /// The directory of the new name; equal to `from` when they are one.
    pub to: Change,
}

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct ReaddirRequest {
    /// The directory.
    pub directory: InodeId,
    /// The last entry already seen; [`Cookie::START`] begins with `.` and `..`.
    pub after: Cookie,
    /// Most entries to return, at least 1; the house returns at most [`crate::limits::READDIR_ENTRIES_MAX`].
    pub entries_max: usize,
    /// Which entries come with their attributes.
    pub attributes: ListedAttributes,
}

/// Which entries of a listing come with their attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedAttributes {
    /// None.
    None,
    /// All.
    All,
    /// Those of which the caller may read data, attributes and descriptor, beside `.` and `..`: who lists on behalf of somebody that
    /// is to see nothing else leaves the others out, and still knows where to go on.
    OfReadable,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name; `.` and `..` occur here.
    pub name: Bytes,
    /// Its inode.
    pub inode: InodeId,
    /// Its kind.
    pub file_type: FileType,
    /// Where to go on after it.
    pub cookie: Cookie,
    /// Its attributes if they were wanted; left out for an inode that went in the meantime.
    pub attributes: Option<Attributes>,
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaddirReply {
    /// The entries in cookie order.
    pub entries: Vec<DirectoryEntry>,
    /// Whether no entry follows.
    pub end: bool,
    /// The directory.
    pub directory: Attributes,
}

/// What a symbolic link stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadlinkReply {
    /// The path.
    pub target: Bytes,
    /// The link.
    pub attributes: Attributes,
}

/// Operations on names. Each is atomic, and durable when it returns (over SMB: see the door).
///
/// All of them fail with `StaleHandle` first when the directory (or inode) named in the request is gone, with
/// `ReadOnly` when they would change a snapshot, and with `Io` last when the store fails.
pub trait Namespace: Send + Sync + 'static {
    /// Finds a name in a directory.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (no search permission), `NotFound`, `Io`.
    fn lookup(
        &self,
        ctx: &OpContext,
        request: LookupRequest,
    ) -> impl Future<Output = Result<LookupReply, Failure>> + Send;

    /// Finds the end of a path.
    ///
    /// Errors: as `lookup`, for the first component that fails.
    fn walk(&self, ctx: &OpContext, request: WalkRequest) -> impl Future<Output = Result<WalkReply, Failure>> + Send;

    /// Creates a regular file (RFC 1813 3.3.8). The owner is the caller; the group the caller's, or the directory's
    /// when that has set-group-id.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (no search permission), `Exists`,
    /// `AccessDenied` (no write permission), `NotPermitted` (attributes the caller may not set), `InvalidArgument`,
    /// `NameTooLong`, `QuotaExceeded`, `NoSpace`, `Io`.
    fn create(
        &self,
        ctx: &OpContext,
        request: CreateRequest,
    ) -> impl Future<Output = Result<CreateReply, Failure>> + Send;

    /// Creates a regular file without a name.
    ///
    /// Errors: as `create`; `NotSupported` by houses that have no such files yet.
    fn create_unlinked(
        &self,
        _ctx: &OpContext,
        _request: CreateUnlinkedRequest,
    ) -> impl Future<Output = Result<CreateUnlinkedReply, Failure>> + Send {
        async { Err(crate::FsError::NotSupported.into()) }
    }

    /// Creates a directory (RFC 1813 3.3.9).
    ///
    /// Errors: as a guarded `create`; also `TooDeep`, `TooManyLinks`.
    fn mkdir(
        &self,
        ctx: &OpContext,
        request: MkdirRequest,
    ) -> impl Future<Output = Result<CreateReply, Failure>> + Send;

    /// Creates a symbolic link (RFC 1813 3.3.10).
    ///
    /// Errors: as a guarded `create`; `InvalidArgument` for an empty target or one with NUL, `NameTooLong` for one
    /// that is too long.
    fn symlink(
        &self,
        ctx: &OpContext,
        request: SymlinkRequest,
    ) -> impl Future<Output = Result<CreateReply, Failure>> + Send;

    /// Creates a special file (RFC 1813 3.3.11).
    ///
    /// Errors: as a guarded `create`; `NotPermitted` for a device asked for by another than the superuser.
    fn mknod(
        &self,
        ctx: &OpContext,
        request: MknodRequest,
    ) -> impl Future<Output = Result<CreateReply, Failure>> + Send;

    /// Gives an inode a further name (RFC 1813 3.3.15).
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `CrossDevice`, `AccessDenied` (search), `Exists`,
    /// `NotPermitted` (a directory), `AccessDenied` (write), `TooManyLinks`, `QuotaExceeded`, `NoSpace`, `Io`.
    fn link(&self, ctx: &OpContext, request: LinkRequest) -> impl Future<Output = Result<LinkReply, Failure>> + Send;

    /// Removes a name (RFC 1813 3.3.12, 3.3.13). The inode goes with its last name and its last open.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory` (the parent), `AccessDenied` (search), `NotFound`,
    /// `AccessDenied` (write), `NotPermitted` (sticky directory), `IsDirectory` or `NotDirectory` (against the kind),
    /// `NotEmpty`, `ShareConflict` (an open does not share deletion), `Io`.
    fn remove(
        &self,
        ctx: &OpContext,
        request: RemoveRequest,
    ) -> impl Future<Output = Result<RemoveReply, Failure>> + Send;

    /// Renames (RFC 1813 3.3.14, POSIX `rename`). Two names of one inode: nothing happens and it succeeds.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory` (a parent), `CrossDevice`, `AccessDenied` (search), `NotFound`,
    /// `AccessDenied` (write), `NotPermitted` (sticky), `AccessDenied` (a directory that changes parent needs write
    /// permission itself), `InvalidArgument` (into its own subtree), `Exists`, `IsDirectory`, `NotDirectory`,
    /// `NotEmpty`, `ShareConflict` (an open of source or target does not share deletion), `TooDeep`, `TooManyLinks`,
    /// `QuotaExceeded`, `NoSpace`, `Io`.
    fn rename(
        &self,
        ctx: &OpContext,
        request: RenameRequest,
    ) -> impl Future<Output = Result<RenameReply, Failure>> + Send;

    /// Lists a directory from a cookie on (RFC 1813 3.3.16, 3.3.17). An entry that is there during the whole listing
    /// is listed exactly once, one that comes or goes meanwhile at most once.
    ///
    /// Errors, in order: `StaleHandle`, `NotDirectory`, `AccessDenied` (read), `BadCookie`, `Io`.
    fn readdir(
        &self,
        ctx: &OpContext,
        request: ReaddirRequest,
    ) -> impl Future<Output = Result<ReaddirReply, Failure>> + Send;

    /// Reads a symbolic link (RFC 1813 3.3.5).
    ///
    /// Errors, in order: `StaleHandle`, `InvalidArgument` (not a link), `Io`.
    fn readlink(&self, ctx: &OpContext, inode: InodeId) -> impl Future<Output = Result<ReadlinkReply, Failure>> + Send;
}
