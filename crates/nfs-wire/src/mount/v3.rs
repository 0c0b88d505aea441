//! MOUNT version 3 (RFC 1813 5.2).

use super::{DirPath, Exports, MountList};
use crate::nfs3::FileHandle;
use crate::rpc::{AuthFlavor, MOUNT_PROGRAM, procedures};
use crate::xdr::{Array, Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_enum, xdr_struct};

/// Most flavors a reply lists.
pub const AUTH_FLAVORS_MAX: usize = 64;

const MNT3_OK: u32 = 0;

xdr_enum! {
    /// `mountstat3` without `MNT3_OK`, which is the other arm of [`MountResult`].
    pub enum Mountstat3: "mountstat3" {
        /// Not the owner.
        Perm = 1 "MNT3ERR_PERM",
        /// No such path.
        Noent = 2 "MNT3ERR_NOENT",
        /// An I/O error.
        Io = 5 "MNT3ERR_IO",
        /// This client may not mount it.
        Acces = 13 "MNT3ERR_ACCES",
        /// Not a directory.
        Notdir = 20 "MNT3ERR_NOTDIR",
        /// An invalid argument.
        Inval = 22 "MNT3ERR_INVAL",
        /// The path or a part of it is too long.
        Nametoolong = 63 "MNT3ERR_NAMETOOLONG",
        /// Not supported.
        Notsupp = 10004 "MNT3ERR_NOTSUPP",
        /// A failure of the server.
        Serverfault = 10006 "MNT3ERR_SERVERFAULT",
    }
}

xdr_struct! {
    /// `mountres3_ok`.
    pub struct MountOk {
        /// `fhandle3`: the root of the mount.
        pub fhandle: FileHandle,
        /// The flavors the export really accepts, best first.
        pub auth_flavors: Array<AuthFlavor, AUTH_FLAVORS_MAX>,
    }
}

/// `mountres3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountResult {
    /// `MNT3_OK`.
    Ok(MountOk),
    /// A failure, without a body.
    Failed(Mountstat3),
}

impl Encode for MountResult {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Ok(body) => {
                encoder.put_u32(MNT3_OK);
                body.encode(encoder);
            }
            Self::Failed(status) => status.encode(encoder),
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::Ok(body) => UNIT + body.encoded_size(),
            Self::Failed(_) => UNIT,
        }
    }
}

impl Decode for MountResult {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let value = decoder.read_u32()?;
        if value == MNT3_OK {
            return MountOk::decode(decoder).map(Self::Ok);
        }
        let status = Mountstat3::from_code(value).ok_or(DecodeError::InvalidEnum { name: "mountstat3", value })?;
        Ok(Self::Failed(status))
    }
}

procedures! {
    /// Names of the MOUNT 3 procedures by number (RFC 1813 5.2).
    MOUNT_PROGRAM, 3, PROCEDURE_NAMES {
        /// MOUNTPROC3_NULL.
        Null = 0 "NULL"(()) -> ();
        /// MOUNTPROC3_MNT.
        Mnt = 1 "MNT"(DirPath) -> MountResult;
        /// MOUNTPROC3_DUMP.
        Dump = 2 "DUMP"(()) -> MountList;
        /// MOUNTPROC3_UMNT.
        Umnt = 3 "UMNT"(DirPath) -> ();
        /// MOUNTPROC3_UMNTALL.
        Umntall = 4 "UMNTALL"(()) -> ();
        /// MOUNTPROC3_EXPORT.
        Export = 5 "EXPORT"(()) -> Exports;
    }
}
