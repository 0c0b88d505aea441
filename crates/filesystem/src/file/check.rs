//! Whether a caller may read or write the bytes of an inode.

use locking::Intrusion;
use vfs::acl::AccessMask;
use vfs::{Attributes, Failure, FileType, FsError, LockRange, OpContext, ShareMode, Via};

use crate::Filesystem;
use crate::access::{READ, WRITE, require_data};

/// To make written bytes stable: as writing, but in nobody's way.
pub(super) const FLUSH: u32 = 0;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Refuses what the caller may not do with the bytes, in the order of the contract.
    ///
    /// Errors: `BadOpen`, `IsDirectory`, `InvalidArgument` (not a regular file), `AccessDenied`, `ShareConflict`,
    /// `LockConflict` (of the range: offset and length), `Breaking`.
    pub(super) fn check_bytes(
        &self,
        ctx: &OpContext,
        via: Via,
        (attributes, wanted, range): (&Attributes, u32, (u64, u64)),
    ) -> Result<(), Failure> {
        let checked = self.check_via(ctx, via, (attributes, wanted, range));
        checked.map_err(|error| Failure::with(error, attributes.clone()))
    }

    fn check_via(
        &self,
        ctx: &OpContext,
        via: Via,
        (attributes, wanted, (offset, length)): (&Attributes, u32, (u64, u64)),
    ) -> Result<(), FsError> {
        let inode = attributes.inode;
        let open = self.open_of(ctx, (attributes.inode, via))?;
        match attributes.file_type {
            FileType::Regular => {}
            FileType::Directory => return Err(FsError::IsDirectory),
            _ => return Err(FsError::InvalidArgument),
        }
        match &open {
            None => {
                require_data(attributes, &ctx.credentials, if wanted == READ { READ } else { WRITE })?;
                let uses = ShareMode { read: wanted == READ, write: wanted == WRITE, delete: false };
                self.require_shared(inode, uses, None)?;
            }
            // Its share mode was settled when it was granted.
            Some(open) => {
                let enough = if wanted == READ { READS } else { WRITES };
                if open.granted().0 & enough.0 == 0 {
                    return Err(FsError::AccessDenied);
                }
            }
        }
        let bytes = (LockRange { offset, length }, wanted == WRITE);
        self.require_unlocked(inode, bytes, open.as_ref().map(|open| open.id))?;
        match (wanted, &open) {
            (WRITE, open) => {
                open.iter().for_each(|open| open.note_write());
                self.intrude(inode, open.as_deref(), Intrusion::Write)
            }
            (READ, None) => self.intrude(inode, None, Intrusion::Read),
            // An open that reads broke what others cached of writes when it was granted.
            _ => Ok(()),
        }
    }
}

/// Either lets an open read (MS-SMB2 3.3.5.12).
const READS: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::EXECUTE.0);
/// Either lets an open write (MS-SMB2 3.3.5.13).
const WRITES: AccessMask = AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0);
