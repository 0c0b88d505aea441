//! CREATE (RFC 1813 3.3.8), and the `resok` body it shares with MKDIR, SYMLINK and MKNOD.

use super::{DirOpArgs, PostOpAttr, PostOpFh, Reply3, Sattr3, VERIFIER_BYTES, Verifier, WccData};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_struct};

/// `createhow3` with `createmode3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateHow {
    /// `UNCHECKED` = 0: an existing regular file is taken.
    Unchecked(Sattr3),
    /// `GUARDED` = 1: an existing name is NFS3ERR_EXIST.
    Guarded(Sattr3),
    /// `EXCLUSIVE` = 2: as guarded, but repeating the call with the same `createverf3` succeeds.
    Exclusive(Verifier),
}

impl Encode for CreateHow {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Unchecked(attributes) => {
                encoder.put_u32(0);
                attributes.encode(encoder);
            }
            Self::Guarded(attributes) => {
                encoder.put_u32(1);
                attributes.encode(encoder);
            }
            Self::Exclusive(verifier) => {
                encoder.put_u32(2);
                verifier.encode(encoder);
            }
        }
    }

    fn encoded_size(&self) -> usize {
        let arm = match self {
            Self::Unchecked(attributes) | Self::Guarded(attributes) => attributes.encoded_size(),
            Self::Exclusive(_) => VERIFIER_BYTES,
        };
        UNIT + arm
    }
}

impl Decode for CreateHow {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            0 => Sattr3::decode(decoder).map(Self::Unchecked),
            1 => Sattr3::decode(decoder).map(Self::Guarded),
            2 => Verifier::decode(decoder).map(Self::Exclusive),
            value => Err(DecodeError::InvalidEnum { name: "createmode3", value }),
        }
    }
}

xdr_struct! {
    /// `CREATE3args`.
    pub struct CreateArgs {
        /// `where`: directory and name.
        pub place: DirOpArgs,
        /// What to do if the name exists, and the first attributes.
        pub how: CreateHow,
    }
}

xdr_struct! {
    /// `CREATE3resok`, `MKDIR3resok`, `SYMLINK3resok` and `MKNOD3resok`, which are the same.
    pub struct NewObjectOk {
        /// Handle of the new object.
        pub obj: PostOpFh,
        /// Its attributes.
        pub obj_attributes: PostOpAttr,
        /// Attributes of the directory around the change.
        pub dir_wcc: WccData,
    }
}

/// `CREATE3res`; a failure tells `dir_wcc` (`CREATE3resfail`).
pub type CreateResult = Reply3<NewObjectOk, WccData>;
