//! The status of each failure of the file system (MS-ERREF 2.3.1).

use smb_wire::Status;
use smb_wire::codec::{DecodeError, Fault};
use vfs::{Failure, FsError};

/// The status that a client sees. Quota and space are one to clients of SMB: the disk is full.
pub(crate) fn of_error(error: FsError) -> Status {
    match error {
        FsError::NotFound => Status::OBJECT_NAME_NOT_FOUND,
        FsError::StaleHandle | FsError::BadOpen => Status::FILE_CLOSED,
        FsError::NotPermitted | FsError::AccessDenied => Status::ACCESS_DENIED,
        FsError::Exists => Status::OBJECT_NAME_COLLISION,
        FsError::NotDirectory => Status::NOT_A_DIRECTORY,
        FsError::IsDirectory => Status::FILE_IS_A_DIRECTORY,
        FsError::NotEmpty => Status::DIRECTORY_NOT_EMPTY,
        FsError::InvalidArgument | FsError::BadCookie | FsError::NotSync => Status::INVALID_PARAMETER,
        FsError::WrongType => Status::INVALID_DEVICE_REQUEST,
        FsError::IsSymlink => Status::STOPPED_ON_SYMLINK,
        FsError::NameTooLong => Status::OBJECT_NAME_INVALID,
        FsError::NoSpace | FsError::QuotaExceeded => Status::DISK_FULL,
        FsError::FileTooLarge | FsError::TooDeep => Status::INVALID_PARAMETER,
        FsError::TooManyLinks => Status::INSUFFICIENT_RESOURCES,
        FsError::CrossDevice => Status::NOT_SAME_DEVICE,
        FsError::ReadOnly => Status::MEDIA_WRITE_PROTECTED,
        FsError::LockConflict | FsError::Deadlock => Status::FILE_LOCK_CONFLICT,
        FsError::Grace | FsError::Delay | FsError::Breaking(_) => Status::RETRY,
        FsError::TooManyLocks => Status::INSUFFICIENT_RESOURCES,
        FsError::ShareConflict => Status::SHARING_VIOLATION,
        FsError::DeletePending => Status::DELETE_PENDING,
        FsError::NotSupported => Status::NOT_SUPPORTED,
        FsError::Cancelled => Status::CANCELLED,
        FsError::Io => Status::UNEXPECTED_IO_ERROR,
    }
}

/// The status of a failure with what came along with it.
pub(crate) fn of(failure: Failure) -> Status {
    of_error(failure.error)
}

/// A request that cannot be read (MS-SMB2 3.3.5.2.6): its structure, or a part of it, is not as it must be.
pub(crate) fn unreadable(error: DecodeError) -> Status {
    tracing::debug!(%error, "a request that cannot be read");
    match error.fault {
        Fault::Truncated
        | Fault::StructureSize(_)
        | Fault::OutOfBounds
        | Fault::Misaligned
        | Fault::Length
        | Fault::Value => Status::INVALID_PARAMETER,
        _ => Status::INVALID_PARAMETER,
    }
}
