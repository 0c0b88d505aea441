//! Whether a caller may read or write the bytes of an inode.

use vfs::acl::AccessMask;
use vfs::{Attributes, Failure, FileType, FsError, OpContext, ShareMode, Via};

use crate::Filesystem;
use crate::access::{READ, WRITE, require_data};

/// To make written bytes stable: as writing, but in nobody's way.
pub(super) const FLUSH: u32 = 0;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Refuses what the caller may not do with the bytes, in the order of the contract.
    ///
    /// Errors: `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file), `AccessDenied`, `ShareConflict`.
    pub(super) fn check_bytes(
        &self,
        ctx: &OpContext,
        via: Via,
        (attributes, wanted): (&Attributes, u32),
    ) -> Result<(), Failure> {
        let checked = self.check_via(ctx, via, (attributes, wanted));
        checked.map_err(|error| Failure::with(error, attributes.clone()))
    }

    fn check_via(&self, ctx: &OpContext, via: Via, (attributes, wanted): (&Attributes, u32)) -> Result<(), FsError> {
        let open = self.open_of(ctx, (attributes.inode, via))?;
        match attributes.file_type {
            FileType::Regular => {}
            FileType::Directory => return Err(FsError::IsDirectory),
            _ => return Err(FsError::InvalidArgument),
        }
        let Some(open) = open else {
            require_data(attributes, &ctx.credentials, if wanted == READ { READ } else { WRITE })?;
            let uses = ShareMode { read: wanted == READ, write: wanted == WRITE, delete: false };
            return self.require_shared(attributes.inode, uses, None);
        };
        // Its share mode was settled when it was granted.
        let enough = if wanted == READ { READS } else { WRITES };
        if open.granted().0 & enough.0 == 0 { Err(FsError::AccessDenied) } else { Ok(()) }
    }
}

/// Either lets an open read (MS-SMB2 3.3.5.12).
const READS: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::EXECUTE.0);
/// Either lets an open write (MS-SMB2 3.3.5.13).
const WRITES: AccessMask = AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0);
