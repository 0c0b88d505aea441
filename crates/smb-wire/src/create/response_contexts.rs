//! What the server answers beside the fields of CREATE.

use super::request_contexts::{exactly, nothing};
use super::{CreateContext, DurableFlags, LeaseContext};
use crate::Status;
use crate::codec::{DecodeError, Encode, Encoder, Fault, layout};
use crate::dtyp::AccessMask;

/// `SMB2_CREATE_CONTEXT` of a response (MS-SMB2 2.2.14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateResponseContext<'a> {
    /// `SMB2_CREATE_DURABLE_HANDLE_RESPONSE` `DHnQ` (2.2.14.2.3).
    DurableV1,
    /// `SMB2_CREATE_QUERY_MAXIMAL_ACCESS_RESPONSE` `MxAc` (2.2.14.2.5).
    MaximalAccess(MaximalAccess),
    /// `SMB2_CREATE_QUERY_ON_DISK_ID` `QFid` (2.2.14.2.9).
    DiskId(DiskId),
    /// `SMB2_CREATE_RESPONSE_LEASE` and `_V2` `RqLs` (2.2.14.2.10, 2.2.14.2.11).
    Lease(LeaseContext),
    /// `SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2` `DH2Q` (2.2.14.2.12).
    DurableV2(DurableGranted),
    /// Any other.
    Unknown {
        /// `Name`.
        name: &'a [u8],
        /// `Data`.
        data: &'a [u8],
    },
}

layout! {
    /// `SMB2_CREATE_QUERY_MAXIMAL_ACCESS_RESPONSE` (MS-SMB2 2.2.14.2.5).
    pub struct MaximalAccess {
        pub status: Status = "QueryStatus",
        pub access: AccessMask = "MaximalAccess",
    }
}

layout! {
    /// `SMB2_CREATE_QUERY_ON_DISK_ID` (MS-SMB2 2.2.14.2.9).
    pub struct DiskId {
        pub file_id: u64 = "DiskFileId",
        pub volume_id: u64 = "VolumeId",
        [reserved 16]
    }
}

layout! {
    /// `SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2` (MS-SMB2 2.2.14.2.12).
    pub struct DurableGranted {
        /// In milliseconds.
        pub timeout_ms: u32 = "Timeout",
        pub flags: DurableFlags = "Flags",
    }
}

const DHNQ_BYTES: usize = 8;

impl<'a> CreateContext<'a> for CreateResponseContext<'a> {
    fn of(name: &'a [u8], data: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(match name {
            b"DHnQ" => nothing(data, DHNQ_BYTES, "DHnQ", Self::DurableV1)?,
            b"MxAc" => Self::MaximalAccess(exactly(data, "MxAc")?),
            b"QFid" => Self::DiskId(exactly(data, "QFid")?),
            b"RqLs" => Self::Lease(LeaseContext::of(data).ok_or_else(|| DecodeError::new("RqLs", Fault::Length))?),
            b"DH2Q" => Self::DurableV2(exactly(data, "DH2Q")?),
            _ => Self::Unknown { name, data },
        })
    }

    fn name(&self) -> &'a [u8] {
        match self {
            Self::DurableV1 => b"DHnQ",
            Self::MaximalAccess(_) => b"MxAc",
            Self::DiskId(_) => b"QFid",
            Self::Lease(_) => b"RqLs",
            Self::DurableV2(_) => b"DH2Q",
            Self::Unknown { name, .. } => name,
        }
    }

    fn encode_data(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::DurableV1 => encoder.put_zeros(DHNQ_BYTES),
            Self::MaximalAccess(access) => access.encode(encoder),
            Self::DiskId(id) => id.encode(encoder),
            Self::Lease(lease) => lease.encode_data(encoder),
            Self::DurableV2(granted) => granted.encode(encoder),
            Self::Unknown { data, .. } => encoder.put_bytes(data),
        }
    }
}
