//! MOUNT version 1 (RFC 1094 appendix A), and 2, which adds PATHCONF to it. Some clients still send UMNT this way.

use super::{DirPath, Exports, MountList};
use crate::rpc::{MOUNT_PROGRAM, procedures};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT};

/// `FHSIZE`: bytes of a version 2 handle.
pub const FHSIZE: usize = 32;

/// `fhandle`: always 32 bytes, so a longer NFSv3 handle cannot be given out this way.
pub type FileHandle2 = [u8; FHSIZE];

/// `fhstatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FhStatus {
    /// Status 0 and the handle.
    Ok(FileHandle2),
    /// A UNIX error number; never 0, which encodes as EIO.
    Failed(u32),
}

/// EIO, for a failure that was given the number of a success.
const EIO: u32 = 5;

impl Encode for FhStatus {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Ok(handle) => {
                encoder.put_u32(0);
                handle.encode(encoder);
            }
            Self::Failed(0) => encoder.put_u32(EIO),
            Self::Failed(error) => encoder.put_u32(*error),
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::Ok(_) => UNIT + FHSIZE,
            Self::Failed(_) => UNIT,
        }
    }
}

impl Decode for FhStatus {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            0 => FileHandle2::decode(decoder).map(Self::Ok),
            error => Ok(Self::Failed(error)),
        }
    }
}

procedures! {
    /// Names of the MOUNT 1 procedures by number (RFC 1094 A.5).
    MOUNT_PROGRAM, 1, PROCEDURE_NAMES {
        /// MOUNTPROC_NULL.
        Null = 0 "NULL"(()) -> ();
        /// MOUNTPROC_MNT.
        Mnt = 1 "MNT"(DirPath) -> FhStatus;
        /// MOUNTPROC_DUMP.
        Dump = 2 "DUMP"(()) -> MountList;
        /// MOUNTPROC_UMNT.
        Umnt = 3 "UMNT"(DirPath) -> ();
        /// MOUNTPROC_UMNTALL.
        Umntall = 4 "UMNTALL"(()) -> ();
        /// MOUNTPROC_EXPORT.
        Export = 5 "EXPORT"(()) -> Exports;
        /// MOUNTPROC_EXPORTALL: the same as EXPORT.
        Exportall = 6 "EXPORTALL"(()) -> Exports;
    }
}
