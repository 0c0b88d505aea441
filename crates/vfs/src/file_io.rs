//! Operations on the bytes of a file.

use std::future::Future;

use pages::Payload;

use crate::{Attributes, Change, Failure, FsError, InodeId, OpContext, OpenId};

/// Through what a file is reached. Share modes and locks bind both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By its handle alone (NFSv3, S3): permission is checked at every operation; the owner may always read and write.
    /// Opens of others are in the way by their share modes.
    Anonymous,
    /// Through an open whose access was decided when it was granted (SMB, NFSv4).
    Open(OpenId),
}

/// How stable written data must be before the reply (RFC 1813 3.3.7 `stable_how`), in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stability {
    /// In memory; COMMIT follows.
    Unstable,
    /// The data, and what is needed to read it back, is on stable storage.
    Data,
    /// Data and all attributes are on stable storage.
    File,
}

/// Changes when unstable data may have been lost (RFC 1813 3.3.7 `writeverf3`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteVerifier(pub [u8; 8]);

/// Reading of a range.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The file.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// First byte.
    pub offset: u64,
    /// Most bytes to read; the house reads at most [`crate::limits::IO_BYTES_MAX`].
    pub length: u32,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadReply {
    /// The bytes; fewer than asked only at the end of the file.
    pub data: Payload,
    /// Whether the range reaches or passes the end of the file.
    pub end_of_file: bool,
    /// The file.
    pub attributes: Attributes,
}

/// Writing of a range.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// The file.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// First byte.
    pub offset: u64,
    /// The bytes, at most [`crate::limits::IO_BYTES_MAX`].
    pub data: Payload,
    /// How stable they must be before the reply.
    pub stability: Stability,
}

/// Outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteReply {
    /// Bytes written.
    pub count: u32,
    /// The file.
    pub change: Change,
    /// Verifier of the data.
    pub verifier: WriteVerifier,
    /// How stable the data is now; never weaker than asked, never stronger than true.
    pub stability: Stability,
}

/// Making a range stable.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// The file.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// First byte.
    pub offset: u64,
    /// Length of the range; 0 reaches to the end of the file.
    pub length: u64,
}

/// Outcome of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitReply {
    /// The file.
    pub change: Change,
    /// Verifier: data written under another one may be lost and must be sent again.
    pub verifier: WriteVerifier,
}

/// A range of a file that is allocated or deallocated.
#[derive(Clone, Debug)]
pub struct RangeRequest {
    /// The file.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// What to look for in a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekKind {
    /// The next byte that is stored.
    Data,
    /// The next byte that is not stored; the end of the file counts as one.
    Hole,
}

/// Search in a sparse file.
#[derive(Clone, Debug)]
pub struct SeekRequest {
    /// The file.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// Where to begin.
    pub offset: u64,
    /// What to look for.
    pub kind: SeekKind,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeekReply {
    /// The offset found; `None` when there is none up to the end of the file.
    pub offset: Option<u64>,
    /// The file.
    pub attributes: Attributes,
}

/// Sharing of a range between files.
#[derive(Clone, Debug)]
pub struct CloneRangeRequest {
    /// File to take from.
    pub source: InodeId,
    /// Through what.
    pub source_via: Via,
    /// First byte, a multiple of 4096.
    pub source_offset: u64,
    /// File to put into.
    pub target: InodeId,
    /// Through what.
    pub target_via: Via,
    /// First byte, a multiple of 4096.
    pub target_offset: u64,
    /// Bytes. What is left of the last block is copied, unless both files end with it.
    pub length: u64,
    /// Whether byte-range locks are in the way, as of reads and writes.
    pub heeds_locks: bool,
}

/// Where a part of a file is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtentLocation {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// The pool that holds it.
    pub pool: u16,
}

/// Where a range of a file is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocateReply {
    /// The parts in order; holes are left out.
    pub extents: Vec<ExtentLocation>,
    /// The file.
    pub attributes: Attributes,
}

/// Operations on the bytes of a file.
pub trait FileIo: Send + Sync + 'static {
    /// Reads a range (RFC 1813 3.3.6). Holes read as zeros.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file),
    /// `AccessDenied`, `ShareConflict`, `LockConflict`, `Io` (also when stored data does not match its checksum).
    fn read(&self, ctx: &OpContext, request: ReadRequest) -> impl Future<Output = Result<ReadReply, Failure>> + Send;

    /// Writes a range (RFC 1813 3.3.7); space and quota are decided before the reply, so that a later commit does not
    /// fail for them. Clears the set-id bits unless the superuser writes.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file),
    /// `AccessDenied`, `ShareConflict`, `LockConflict`, `FileTooLarge`, `QuotaExceeded`, `NoSpace`, `Io`.
    fn write(&self, ctx: &OpContext, request: WriteRequest)
    -> impl Future<Output = Result<WriteReply, Failure>> + Send;

    /// Makes what was written before this call stable (RFC 1813 3.3.21).
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file),
    /// `AccessDenied`, `Io` (some of it could not be made stable).
    fn commit(
        &self,
        ctx: &OpContext,
        request: CommitRequest,
    ) -> impl Future<Output = Result<CommitReply, Failure>> + Send;

    /// Makes sure that later writes to the range find space; extends the file when it ends before the range.
    ///
    /// Errors: as `write`; `NotSupported` by houses that cannot.
    fn allocate(
        &self,
        _ctx: &OpContext,
        _request: RangeRequest,
    ) -> impl Future<Output = Result<Change, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Makes a range read as zeros and returns its space.
    ///
    /// Errors: as `write`; `NotSupported` by houses that cannot.
    fn deallocate(
        &self,
        _ctx: &OpContext,
        _request: RangeRequest,
    ) -> impl Future<Output = Result<Change, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Finds data or a hole.
    ///
    /// Errors: as `read`; `NotSupported` by houses that cannot.
    fn seek(&self, _ctx: &OpContext, _request: SeekRequest) -> impl Future<Output = Result<SeekReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Shares the blocks of a range with another file, or another place of the same; no byte moves. Holes are taken along.
    /// The range is taken as it was at one moment; who reads the target meanwhile may see some of it. It is on stable
    /// storage when this returns, and so is all that was written to both files before.
    ///
    /// Errors, in order: as `read` for the source, as `write` for the target; `CrossDevice`, `FileTooLarge`,
    /// `InvalidArgument` (offsets that are not aligned, behind the end of the source, ranges that overlap),
    /// `TooManyLinks` (a block has as many names as it can have), `QuotaExceeded`, `Io`; `NotSupported` by houses that
    /// cannot. What failed may have been done in part.
    fn clone_range(
        &self,
        _ctx: &OpContext,
        _request: CloneRangeRequest,
    ) -> impl Future<Output = Result<Change, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Tells where a range is stored.
    ///
    /// Errors: as `read`; `NotSupported` by houses that cannot.
    fn locate(
        &self,
        _ctx: &OpContext,
        _request: RangeRequest,
    ) -> impl Future<Output = Result<LocateReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// The verifier that writes carry now.
    fn write_verifier(&self) -> WriteVerifier;
}
