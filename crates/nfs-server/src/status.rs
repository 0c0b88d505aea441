//! What a refusal is called on the wire.

use nfs_wire::mount::v3::Mountstat3;
use nfs_wire::nfs3::Nfsstat3;
use nfs_wire::nlm4::Nlm4Stats;
use vfs::FsError;

/// The `nfsstat3` of a refusal (RFC 1813 2.6).
pub(crate) const fn nfs_status(error: FsError) -> Nfsstat3 {
    match error {
        FsError::NotFound => Nfsstat3::Noent,
        FsError::StaleHandle => Nfsstat3::Stale,
        FsError::NotPermitted => Nfsstat3::Perm,
        // Clients would repeat JUKEBOX for as long as an SMB client keeps its open or lock: tell the caller instead.
        FsError::AccessDenied | FsError::LockConflict | FsError::ShareConflict | FsError::DeletePending => {
            Nfsstat3::Acces
        }
        FsError::Exists => Nfsstat3::Exist,
        FsError::NotDirectory => Nfsstat3::Notdir,
        FsError::IsDirectory => Nfsstat3::Isdir,
        FsError::NotEmpty => Nfsstat3::Notempty,
        FsError::InvalidArgument | FsError::WrongType | FsError::IsSymlink => Nfsstat3::Inval,
        // The depth limit is a limit of paths.
        FsError::NameTooLong | FsError::TooDeep => Nfsstat3::Nametoolong,
        FsError::NoSpace => Nfsstat3::Nospc,
        FsError::QuotaExceeded => Nfsstat3::Dquot,
        FsError::FileTooLarge => Nfsstat3::Fbig,
        FsError::TooManyLinks => Nfsstat3::Mlink,
        FsError::CrossDevice => Nfsstat3::Xdev,
        FsError::ReadOnly => Nfsstat3::Rofs,
        FsError::BadCookie => Nfsstat3::BadCookie,
        FsError::NotSync => Nfsstat3::NotSync,
        FsError::NotSupported => Nfsstat3::Notsupp,
        // NFSv3 has no opens.
        FsError::BadOpen => Nfsstat3::Serverfault,
        // A lease is given back within moments, or taken after half a minute.
        FsError::Delay | FsError::Breaking(_) | FsError::Cancelled => Nfsstat3::Jukebox,
        // Answers to lock calls, which NLM has words for.
        FsError::Deadlock | FsError::Grace | FsError::TooManyLocks => Nfsstat3::Serverfault,
        FsError::Io => Nfsstat3::Io,
    }
}

/// The `mountstat3` of a refusal on the way to the root of a mount (RFC 1813 5.1.4).
pub(crate) const fn mount_status(error: FsError) -> Mountstat3 {
    match error {
        FsError::NotFound | FsError::StaleHandle => Mountstat3::Noent,
        FsError::AccessDenied | FsError::NotPermitted => Mountstat3::Acces,
        FsError::NotDirectory => Mountstat3::Notdir,
        FsError::NameTooLong | FsError::TooDeep => Mountstat3::Nametoolong,
        FsError::InvalidArgument | FsError::WrongType | FsError::IsSymlink => Mountstat3::Inval,
        FsError::NotSupported => Mountstat3::Notsupp,
        FsError::Io => Mountstat3::Io,
        FsError::Exists
        | FsError::IsDirectory
        | FsError::NotEmpty
        | FsError::NoSpace
        | FsError::QuotaExceeded
        | FsError::FileTooLarge
        | FsError::TooManyLinks
        | FsError::CrossDevice
        | FsError::ReadOnly
        | FsError::LockConflict
        | FsError::Deadlock
        | FsError::Grace
        | FsError::TooManyLocks
        | FsError::ShareConflict
        | FsError::DeletePending
        | FsError::BadCookie
        | FsError::NotSync
        | FsError::BadOpen
        | FsError::Delay
        | FsError::Breaking(_)
        | FsError::Cancelled => Mountstat3::Serverfault,
    }
}

/// The `nlm4_stats` of a refusal (RFC 1813 6.1.1).
pub(crate) const fn nlm_status(error: FsError) -> Nlm4Stats {
    match error {
        FsError::LockConflict | FsError::ShareConflict => Nlm4Stats::Denied,
        FsError::Deadlock => Nlm4Stats::Deadlck,
        // Of "ask again a little later" NLM has this word only.
        FsError::Grace | FsError::Delay | FsError::Breaking(_) => Nlm4Stats::DeniedGracePeriod,
        FsError::TooManyLocks => Nlm4Stats::DeniedNolocks,
        FsError::StaleHandle => Nlm4Stats::StaleFh,
        FsError::ReadOnly => Nlm4Stats::Rofs,
        FsError::FileTooLarge => Nlm4Stats::Fbig,
        // Ranges are checked before: it is the client that is not known any more.
        FsError::InvalidArgument
        | FsError::NotFound
        | FsError::NotPermitted
        | FsError::AccessDenied
        | FsError::Exists
        | FsError::NotDirectory
        | FsError::IsDirectory
        | FsError::NotEmpty
        | FsError::WrongType
        | FsError::IsSymlink
        | FsError::NameTooLong
        | FsError::NoSpace
        | FsError::QuotaExceeded
        | FsError::TooManyLinks
        | FsError::TooDeep
        | FsError::CrossDevice
        | FsError::DeletePending
        | FsError::BadCookie
        | FsError::NotSync
        | FsError::NotSupported
        | FsError::BadOpen
        | FsError::Cancelled
        | FsError::Io => Nlm4Stats::Failed,
    }
}

/// The `nlm4_stats` of a handle that could not be opened.
pub(crate) const fn nlm_status_of_handle(status: Nfsstat3) -> Nlm4Stats {
    match status {
        Nfsstat3::Badhandle | Nfsstat3::Stale => Nlm4Stats::StaleFh,
        Nfsstat3::Jukebox => Nlm4Stats::DeniedGracePeriod,
        Nfsstat3::Rofs => Nlm4Stats::Rofs,
        _ => Nlm4Stats::Failed,
    }
}
