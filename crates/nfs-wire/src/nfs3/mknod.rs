//! MKNOD (RFC 1813 3.3.11).

use super::{DirOpArgs, Ftype3, NewObjectOk, Reply3, Sattr3, Specdata3, WccData};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_struct};

xdr_struct! {
    /// `devicedata3`.
    #[derive(Copy)]
    pub struct DeviceData {
        /// First attributes.
        pub dev_attributes: Sattr3,
        /// Device number.
        pub spec: Specdata3,
    }
}

/// `mknoddata3`: type and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MknodData {
    /// `NF3CHR`.
    CharacterDevice(DeviceData),
    /// `NF3BLK`.
    BlockDevice(DeviceData),
    /// `NF3SOCK`.
    Socket(Sattr3),
    /// `NF3FIFO`.
    Fifo(Sattr3),
    /// `NF3REG`: legal on the wire; the answer is NFS3ERR_BADTYPE.
    Regular,
    /// `NF3DIR`: legal on the wire; the answer is NFS3ERR_BADTYPE.
    Directory,
    /// `NF3LNK`: legal on the wire; the answer is NFS3ERR_BADTYPE.
    SymbolicLink,
}

impl MknodData {
    /// The type word.
    #[must_use]
    pub const fn file_type(&self) -> Ftype3 {
        match self {
            Self::CharacterDevice(_) => Ftype3::CharacterDevice,
            Self::BlockDevice(_) => Ftype3::BlockDevice,
            Self::Socket(_) => Ftype3::Socket,
            Self::Fifo(_) => Ftype3::Fifo,
            Self::Regular => Ftype3::Regular,
            Self::Directory => Ftype3::Directory,
            Self::SymbolicLink => Ftype3::SymbolicLink,
        }
    }
}

impl Encode for MknodData {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.file_type().encode(encoder);
        match self {
            Self::CharacterDevice(device) | Self::BlockDevice(device) => device.encode(encoder),
            Self::Socket(attributes) | Self::Fifo(attributes) => attributes.encode(encoder),
            Self::Regular | Self::Directory | Self::SymbolicLink => {}
        }
    }

    fn encoded_size(&self) -> usize {
        let arm = match self {
            Self::CharacterDevice(device) | Self::BlockDevice(device) => device.encoded_size(),
            Self::Socket(attributes) | Self::Fifo(attributes) => attributes.encoded_size(),
            Self::Regular | Self::Directory | Self::SymbolicLink => 0,
        };
        UNIT + arm
    }
}

impl Decode for MknodData {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match Ftype3::decode(decoder)? {
            Ftype3::CharacterDevice => DeviceData::decode(decoder).map(Self::CharacterDevice),
            Ftype3::BlockDevice => DeviceData::decode(decoder).map(Self::BlockDevice),
            Ftype3::Socket => Sattr3::decode(decoder).map(Self::Socket),
            Ftype3::Fifo => Sattr3::decode(decoder).map(Self::Fifo),
            Ftype3::Regular => Ok(Self::Regular),
            Ftype3::Directory => Ok(Self::Directory),
            Ftype3::SymbolicLink => Ok(Self::SymbolicLink),
        }
    }
}

xdr_struct! {
    /// `MKNOD3args`.
    pub struct MknodArgs {
        /// `where`: directory and name.
        pub place: DirOpArgs,
        /// What to make.
        pub what: MknodData,
    }
}

/// `MKNOD3res`; a failure tells `dir_wcc` (`MKNOD3resfail`).
pub type MknodResult = Reply3<NewObjectOk, WccData>;
