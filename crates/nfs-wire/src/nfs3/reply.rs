//! The result union every procedure shares.

use super::Nfsstat3;
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT};

/// `NFS3_OK` (RFC 1813 2.6).
pub const NFS3_OK: u32 = 0;

/// `union xxx3res switch (nfsstat3 status)`: `Resok` after `NFS3_OK`, `Resfail` after anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply3<Resok, Resfail> {
    /// `NFS3_OK` with the `resok` body.
    Ok(Resok),
    /// A failure with the `resfail` body.
    Failed(Nfsstat3, Resfail),
}

impl<Resok, Resfail> Reply3<Resok, Resfail> {
    /// The failure, or `None` for `NFS3_OK`.
    #[must_use]
    pub const fn failure(&self) -> Option<Nfsstat3> {
        match self {
            Self::Ok(_) => None,
            Self::Failed(status, _) => Some(*status),
        }
    }

    /// `NFS3_OK` or the specification's name of the failure.
    #[must_use]
    pub const fn status_name(&self) -> &'static str {
        match self {
            Self::Ok(_) => "NFS3_OK",
            Self::Failed(status, _) => status.name(),
        }
    }

    /// The `resok` body, for clients that only want to know the status otherwise.
    ///
    /// # Errors
    /// The status of the failure; its body is dropped.
    pub fn into_result(self) -> Result<Resok, Nfsstat3> {
        match self {
            Self::Ok(body) => Ok(body),
            Self::Failed(status, _) => Err(status),
        }
    }
}

impl<Resok, Resfail: Default> Reply3<Resok, Resfail> {
    /// A failure that tells no attributes.
    #[must_use]
    pub fn failed(status: Nfsstat3) -> Self {
        Self::Failed(status, Resfail::default())
    }
}

impl<Resok: Encode, Resfail: Encode> Encode for Reply3<Resok, Resfail> {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Ok(body) => {
                encoder.put_u32(NFS3_OK);
                body.encode(encoder);
            }
            Self::Failed(status, body) => {
                status.encode(encoder);
                body.encode(encoder);
            }
        }
    }

    fn encoded_size(&self) -> usize {
        let body = match self {
            Self::Ok(body) => body.encoded_size(),
            Self::Failed(_, body) => body.encoded_size(),
        };
        UNIT + body
    }
}

impl<Resok: Decode, Resfail: Decode> Decode for Reply3<Resok, Resfail> {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let status = decoder.read_u32()?;
        if status == NFS3_OK {
            return Resok::decode(decoder).map(Self::Ok);
        }
        let failure =
            Nfsstat3::from_code(status).ok_or(DecodeError::InvalidEnum { name: "nfsstat3", value: status })?;
        Resfail::decode(decoder).map(|body| Self::Failed(failure, body))
    }
}
