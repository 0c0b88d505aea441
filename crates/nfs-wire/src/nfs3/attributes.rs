//! Attributes in every form NFSv3 has (RFC 1813 2.5).

use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_enum, xdr_struct};

/// `post_op_attr`: attributes after an operation, if the server tells them.
pub type PostOpAttr = Option<Fattr3>;
/// `pre_op_attr`: attributes before an operation, if known atomically with it.
pub type PreOpAttr = Option<WccAttr>;

xdr_enum! {
    /// `ftype3`.
    pub enum Ftype3: "ftype3" {
        Regular = 1 "NF3REG",
        Directory = 2 "NF3DIR",
        BlockDevice = 3 "NF3BLK",
        CharacterDevice = 4 "NF3CHR",
        SymbolicLink = 5 "NF3LNK",
        Socket = 6 "NF3SOCK",
        Fifo = 7 "NF3FIFO",
    }
}

xdr_struct! {
    /// `nfstime3`: time since 1970.
    #[derive(Copy, Default, PartialOrd, Ord, Hash)]
    pub struct Nfstime3 {
        /// Seconds.
        pub seconds: u32,
        /// Nanoseconds; not checked to be below 10^9.
        pub nanoseconds: u32,
    }
}

xdr_struct! {
    /// `specdata3`: a device number.
    #[derive(Copy, Default, Hash)]
    pub struct Specdata3 {
        /// Major number.
        pub specdata1: u32,
        /// Minor number.
        pub specdata2: u32,
    }
}

/// `fattr3`: all attributes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fattr3 {
    /// `type`.
    pub file_type: Ftype3,
    /// Permission and set-id bits, without the type.
    pub mode: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Bytes of storage taken.
    pub used: u64,
    /// Device number of a device.
    pub rdev: Specdata3,
    /// File system.
    pub fsid: u64,
    /// Number unique in the file system.
    pub fileid: u64,
    /// Last access.
    pub atime: Nfstime3,
    /// Last change of the data.
    pub mtime: Nfstime3,
    /// Last change of the attributes.
    pub ctime: Nfstime3,
}

impl Fattr3 {
    /// Size on the wire in bytes.
    pub const ENCODED_BYTES: usize = 84;

    /// The part of the attributes that goes into `wcc_attr`.
    #[must_use]
    pub const fn wcc(&self) -> WccAttr {
        WccAttr { size: self.size, mtime: self.mtime, ctime: self.ctime }
    }
}

impl Encode for Fattr3 {
    /// In one append: attributes are in almost every reply.
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let words = [
            [self.file_type.code(), self.mode, self.nlink],
            [self.uid, self.gid, high(self.size)],
            [low(self.size), high(self.used), low(self.used)],
            [self.rdev.specdata1, self.rdev.specdata2, high(self.fsid)],
            [low(self.fsid), high(self.fileid), low(self.fileid)],
            [self.atime.seconds, self.atime.nanoseconds, self.mtime.seconds],
            [self.mtime.nanoseconds, self.ctime.seconds, self.ctime.nanoseconds],
        ];
        let mut bytes = [0; Self::ENCODED_BYTES];
        for (place, word) in bytes.as_chunks_mut::<UNIT>().0.iter_mut().zip(words.as_flattened()) {
            *place = word.to_be_bytes();
        }
        encoder.put_fixed(&bytes);
    }

    fn encoded_size(&self) -> usize {
        Self::ENCODED_BYTES
    }
}

impl Decode for Fattr3 {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            file_type: Ftype3::decode(decoder)?,
            mode: decoder.read_u32()?,
            nlink: decoder.read_u32()?,
            uid: decoder.read_u32()?,
            gid: decoder.read_u32()?,
            size: decoder.read_u64()?,
            used: decoder.read_u64()?,
            rdev: Specdata3::decode(decoder)?,
            fsid: decoder.read_u64()?,
            fileid: decoder.read_u64()?,
            atime: Nfstime3::decode(decoder)?,
            mtime: Nfstime3::decode(decoder)?,
            ctime: Nfstime3::decode(decoder)?,
        })
    }
}

const fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low(value: u64) -> u32 {
    value as u32
}

xdr_struct! {
    /// `wcc_attr`: what a client compares to detect a change that was not its own.
    #[derive(Copy)]
    pub struct WccAttr {
        /// Size in bytes.
        pub size: u64,
        /// Last change of the data.
        pub mtime: Nfstime3,
        /// Last change of the attributes.
        pub ctime: Nfstime3,
    }
}

xdr_struct! {
    /// `wcc_data`: attributes around a change.
    #[derive(Copy, Default)]
    pub struct WccData {
        /// Before; left out unless taken atomically with the change.
        pub before: PreOpAttr,
        /// After.
        pub after: PostOpAttr,
    }
}

/// `set_atime`, `set_mtime` with `time_how`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetTime {
    /// `DONT_CHANGE` = 0.
    #[default]
    DontChange,
    /// `SET_TO_SERVER_TIME` = 1.
    ServerTime,
    /// `SET_TO_CLIENT_TIME` = 2.
    ClientTime(Nfstime3),
}

impl Encode for SetTime {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::DontChange => encoder.put_u32(0),
            Self::ServerTime => encoder.put_u32(1),
            Self::ClientTime(time) => {
                encoder.put_u32(2);
                time.encode(encoder);
            }
        }
    }

    fn encoded_size(&self) -> usize {
        if matches!(self, Self::ClientTime(_)) { 3 * UNIT } else { UNIT }
    }
}

impl Decode for SetTime {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            0 => Ok(Self::DontChange),
            1 => Ok(Self::ServerTime),
            2 => Nfstime3::decode(decoder).map(Self::ClientTime),
            value => Err(DecodeError::InvalidEnum { name: "time_how", value }),
        }
    }
}

xdr_struct! {
    /// `sattr3`: which attributes to set, and to what.
    #[derive(Copy, Default)]
    pub struct Sattr3 {
        /// `set_mode3`.
        pub mode: Option<u32>,
        /// `set_uid3`.
        pub uid: Option<u32>,
        /// `set_gid3`.
        pub gid: Option<u32>,
        /// `set_size3`, bytes.
        pub size: Option<u64>,
        /// `set_atime`.
        pub atime: SetTime,
        /// `set_mtime`.
        pub mtime: SetTime,
    }
}
