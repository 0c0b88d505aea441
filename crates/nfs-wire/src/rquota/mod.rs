//! Remote quotas, versions 1 and 2 (`rquota.x` of SunOS 4 and Linux): what a user or group may use, and uses.

pub mod v1;
pub mod v2;

use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, Opaque, UNIT, xdr_struct};

/// `RQ_PATHLEN`: longest path, in bytes.
pub const RQ_PATHLEN: usize = 1024;

/// `gqa_pathp`: a path below an export, as it was mounted; bytes, not text.
pub type QuotaPath = Opaque<RQ_PATHLEN>;

xdr_struct! {
    /// `rquota`: limits, and what is used. A limit of 0 is none.
    #[derive(Copy)]
    pub struct Rquota {
        /// `rq_bsize`: bytes of a block, in which blocks are counted.
        pub block_bytes: u32,
        /// `rq_active`: whether the limits bind.
        pub active: bool,
        /// `rq_bhardlimit`: most blocks.
        pub blocks_hard: u32,
        /// `rq_bsoftlimit`: blocks above which grace runs.
        pub blocks_soft: u32,
        /// `rq_curblocks`: blocks in use.
        pub blocks: u32,
        /// `rq_fhardlimit`: most files.
        pub files_hard: u32,
        /// `rq_fsoftlimit`: files above which grace runs.
        pub files_soft: u32,
        /// `rq_curfiles`: files in use.
        pub files: u32,
        /// `rq_btimeleft`: seconds of grace left for blocks; 0 when none runs.
        pub blocks_time_left: u32,
        /// `rq_ftimeleft`: the same for files.
        pub files_time_left: u32,
    }
}

/// `getquota_rslt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaResult {
    /// `Q_OK`.
    Ok(Rquota),
    /// `Q_NOQUOTA`: there are no limits for this one.
    None,
    /// `Q_EPERM`: it is not the caller's business.
    NotPermitted,
}

impl Encode for QuotaResult {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Ok(quota) => {
                encoder.put_u32(OK);
                quota.encode(encoder);
            }
            Self::None => encoder.put_u32(NO_QUOTA),
            Self::NotPermitted => encoder.put_u32(NOT_PERMITTED),
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::Ok(quota) => UNIT + quota.encoded_size(),
            Self::None | Self::NotPermitted => UNIT,
        }
    }
}

impl Decode for QuotaResult {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            OK => Rquota::decode(decoder).map(Self::Ok),
            NO_QUOTA => Ok(Self::None),
            NOT_PERMITTED => Ok(Self::NotPermitted),
            value => Err(DecodeError::InvalidEnum { name: "gqr_status", value }),
        }
    }
}

const OK: u32 = 1;
const NO_QUOTA: u32 = 2;
const NOT_PERMITTED: u32 = 3;
