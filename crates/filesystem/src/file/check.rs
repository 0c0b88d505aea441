//! Whether a caller may read or write the bytes of an inode.

use vfs::{Attributes, Failure, FileType, FsError, OpContext, Via};

use crate::access::require_data;

/// Refuses what the caller may not do with the bytes, in the order of the contract.
///
/// Errors: `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file), `AccessDenied`.
pub(super) fn check_bytes(ctx: &OpContext, via: Via, attributes: &Attributes, wanted: u32) -> Result<(), Failure> {
    let checked = match (via, attributes.file_type) {
        (Via::Open(_), _) => Err(FsError::BadOpen),
        (Via::Anonymous, FileType::Directory) => Err(FsError::IsDirectory),
        (Via::Anonymous, FileType::Regular) => require_data(attributes, &ctx.credentials, wanted),
        (Via::Anonymous, _) => Err(FsError::InvalidArgument),
    };
    checked.map_err(|error| Failure::with(error, attributes.clone()))
}
