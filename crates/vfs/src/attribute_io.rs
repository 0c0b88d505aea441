//! Operations on attributes, descriptors, extended attributes and the file system as a whole.

use std::future::Future;

use bytes::Bytes;

use crate::acl::AccessMask;
#[cfg(doc)]
use crate::acl::SecurityDescriptor;
use crate::{Attributes, Change, Failure, FsError, InodeId, Name, OpContext, SetAttributes, Timestamp, Via};

/// Attributes of an inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetattrReply {
    /// The inode.
    pub attributes: Attributes,
}

/// Setting of attributes.
#[derive(Clone, Debug)]
pub struct SetattrRequest {
    /// The inode.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
    /// What to set.
    pub attributes: SetAttributes,
    /// Do nothing unless `changed` is exactly this (RFC 1813 3.3.2 `sattrguard3`).
    pub guard: Option<Timestamp>,
}

/// Outcome of setting attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetattrReply {
    /// The inode.
    pub change: Change,
}

/// Question what the caller may do.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest {
    /// The inode.
    pub inode: InodeId,
    /// The rights asked for.
    pub wanted: AccessMask,
}

/// What the caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessReply {
    /// Those of the wanted rights that an operation would really be allowed.
    pub granted: AccessMask,
    /// The inode.
    pub attributes: Attributes,
}

/// Question for the extended attributes of an inode.
#[derive(Clone, Copy, Debug)]
pub struct XattrListRequest {
    /// The inode.
    pub inode: InodeId,
    /// Through what.
    pub via: Via,
}

/// Question for the streams of an inode.
#[derive(Clone, Copy, Debug)]
pub struct StreamListRequest {
    /// The inode.
    pub inode: InodeId,
    /// Through what: an open of it or of one of its streams.
    pub via: Via,
}

/// A stream of an inode beside its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its name.
    pub name: Name,
    /// In bytes.
    pub size: u64,
    /// Bytes that it takes.
    pub allocated_bytes: u64,
}

/// All streams of an inode beside its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamListReply {
    /// In the order in which they were made.
    pub entries: Vec<StreamEntry>,
}

/// All extended attributes of an inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XattrListReply {
    /// Names and values, in the order of the names' bytes.
    pub entries: Vec<(Bytes, Bytes)>,
    /// The inode.
    pub attributes: Attributes,
}

/// Room in the file system, as the caller may use it (RFC 1813 3.3.18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSystemStatistics {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
    /// Free bytes that the caller may use.
    pub available_bytes: u64,
    /// Inodes there can be.
    pub total_files: u64,
    /// Inodes that can still be made.
    pub free_files: u64,
    /// Inodes that the caller may still make.
    pub available_files: u64,
}

/// Room in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatFsReply {
    /// The figures.
    pub statistics: FileSystemStatistics,
    /// The inode asked about.
    pub attributes: Attributes,
}

/// Operations on attributes.
pub trait AttributeIo: Send + Sync + 'static {
    /// Reads the attributes (RFC 1813 3.3.1).
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn getattr(&self, ctx: &OpContext, inode: InodeId) -> impl Future<Output = Result<GetattrReply, Failure>> + Send;

    /// Sets attributes, all or none (RFC 1813 3.3.2): mode by the owner; owner by the superuser; group by the owner,
    /// to a group it is in; times to given values by the owner, to now also with write permission; size with write
    /// permission. Where a descriptor is in force, and through an open: size with `WRITE_DATA`, times and DOS attributes
    /// with `WRITE_ATTRIBUTES`, extended attributes with `WRITE_EA`, mode and descriptor with `WRITE_DAC`; who has `WRITE_OWNER` may make itself the owner, and
    /// choose among its groups.
    ///
    /// A descriptor replaces the one there was, and the permission bits of the mode become what it comes nearest to. Other
    /// permission bits change a descriptor as [`SecurityDescriptor::with_mode`] says; those that it shows already do not,
    /// and neither do those that follow an exclusive creation. A new owner or group is named in it in place of the old one.
    ///
    /// Set-id bits of files go when owner or group are set, and when another than the superuser sets the size.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `NotSync` (guard), `InvalidArgument` (also a descriptor of more than
    /// [`crate::limits::DESCRIPTOR_ENTRIES_MAX`] entries, and a name of an extended attribute that cannot be), `IsDirectory` (size), `NotPermitted`,
    /// `AccessDenied`, `ShareConflict` (size), `LockConflict`, `FileTooLarge`
    /// (also extended attributes that are too long together, or too many), `QuotaExceeded`, `NoSpace`, `Io`.
    fn setattr(
        &self,
        ctx: &OpContext,
        request: SetattrRequest,
    ) -> impl Future<Output = Result<SetattrReply, Failure>> + Send;

    /// Tells what the caller may do (RFC 1813 3.3.4).
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn access(
        &self,
        ctx: &OpContext,
        request: AccessRequest,
    ) -> impl Future<Output = Result<AccessReply, Failure>> + Send;

    /// Reads all extended attributes: together they are no longer than [`crate::limits::XATTRS_BYTES_MAX`]. With `READ_EA`;
    /// without an open who may read may.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `AccessDenied`, `Io`; `NotSupported` by houses that cannot.
    fn xattr_list(
        &self,
        _ctx: &OpContext,
        _request: XattrListRequest,
    ) -> impl Future<Output = Result<XattrListReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Lists the streams of an inode, which anybody may who has an open of it.
    ///
    /// Errors, in order: `StaleHandle`, `BadOpen`, `Io`; `NotSupported` by houses that have none.
    fn stream_list(
        &self,
        _ctx: &OpContext,
        _request: StreamListRequest,
    ) -> impl Future<Output = Result<StreamListReply, Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }

    /// Tells the room in the file system of an inode of any type.
    ///
    /// Errors, in order: `StaleHandle`, `Io`.
    fn stat_fs(&self, ctx: &OpContext, inode: InodeId) -> impl Future<Output = Result<StatFsReply, Failure>> + Send;
}
