//! What a client may say beside the fields of CREATE.

use super::{CreateContext, LeaseContext};
use crate::FileId;
use crate::codec::{DecodeError, Encode, Encoder, Fault, Fixed, decode, flags, layout};
use crate::dtyp::{FileTime, Guid};

/// `SMB2_CREATE_CONTEXT` of a request (MS-SMB2 2.2.13.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateRequestContext<'a> {
    /// `SMB2_CREATE_EA_BUFFER` `ExtA` (2.2.13.2.1): [`crate::info::FullEa`] entries.
    Ea(&'a [u8]),
    /// `SMB2_CREATE_SD_BUFFER` `SecD` (2.2.13.2.2): a security descriptor.
    SecurityDescriptor(&'a [u8]),
    /// `SMB2_CREATE_DURABLE_HANDLE_REQUEST` `DHnQ` (2.2.13.2.3).
    DurableRequestV1,
    /// `SMB2_CREATE_DURABLE_HANDLE_RECONNECT` `DHnC` (2.2.13.2.4).
    DurableReconnectV1(FileId),
    /// `SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST` `MxAc` (2.2.13.2.5), with a time if the answer may be left out when
    /// the file did not change since.
    MaximalAccess(Option<FileTime>),
    /// `SMB2_CREATE_ALLOCATION_SIZE` `AlSi` (2.2.13.2.6): bytes.
    AllocationSize(u64),
    /// `SMB2_CREATE_TIMEWARP_TOKEN` `TWrp` (2.2.13.2.7): the time of a snapshot.
    Timewarp(FileTime),
    /// `SMB2_CREATE_REQUEST_LEASE` and `_V2` `RqLs` (2.2.13.2.8, 2.2.13.2.10).
    Lease(LeaseContext),
    /// `SMB2_CREATE_QUERY_ON_DISK_ID` `QFid` (2.2.13.2.9).
    DiskId,
    /// `SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2` `DH2Q` (2.2.13.2.11).
    DurableRequestV2(DurableRequest),
    /// `SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2` `DH2C` (2.2.13.2.12).
    DurableReconnectV2(DurableReconnect),
    /// `SMB2_CREATE_APP_INSTANCE_ID` (2.2.13.2.13).
    AppInstanceId(Guid),
    /// `SMB2_CREATE_APP_INSTANCE_VERSION` (2.2.13.2.15).
    AppInstanceVersion(AppInstanceVersion),
    /// `AAPL` of macOS: what can the server do?
    Aapl(AaplQuery),
    /// The context of the POSIX extensions: mode bits of what is made.
    Posix(u32),
    /// Any other, which is ignored.
    Unknown {
        /// `Name`.
        name: &'a [u8],
        /// `Data`.
        data: &'a [u8],
    },
}

flags! {
    /// `Flags` of durable handles of the second version (MS-SMB2 2.2.13.2.11).
    pub struct DurableFlags(u32) {
        PERSISTENT = 2 "SMB2_DHANDLE_FLAG_PERSISTENT",
    }
}

layout! {
    /// `SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2` (MS-SMB2 2.2.13.2.11).
    pub struct DurableRequest {
        /// In milliseconds; 0: the server decides.
        pub timeout_ms: u32 = "Timeout",
        pub flags: DurableFlags = "Flags",
        [reserved 8]
        pub create_guid: Guid = "CreateGuid",
    }
}

layout! {
    /// `SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2` (MS-SMB2 2.2.13.2.12).
    pub struct DurableReconnect {
        pub file_id: FileId = "FileId",
        pub create_guid: Guid = "CreateGuid",
        pub flags: DurableFlags = "Flags",
    }
}

layout! {
    /// `SMB2_CREATE_APP_INSTANCE_ID` (MS-SMB2 2.2.13.2.13).
    struct AppInstance [size 20] {
        [reserved 2]
        pub id: Guid = "AppInstanceId",
    }
}

layout! {
    /// `SMB2_CREATE_APP_INSTANCE_VERSION` (MS-SMB2 2.2.13.2.15).
    pub struct AppInstanceVersion [size 24] {
        [reserved 6]
        pub high: u64 = "AppInstanceVersionHigh",
        pub low: u64 = "AppInstanceVersionLow",
    }
}

layout! {
    /// `kAAPL_SERVER_QUERY`, from Apple's published sources of its client.
    pub struct AaplQuery {
        /// 1 is the only one in use.
        pub command: u32 = "command_code",
        [reserved 4]
        /// What is asked for: 1 capabilities of the server, 2 of the volume, 4 its model.
        pub request_bitmap: u64 = "request_bitmap",
        pub client_capabilities: u64 = "client_capabilities",
    }
}

const DHNQ_BYTES: usize = 16;
const APP_INSTANCE_ID: &[u8] = b"\x45\xbc\xa6\x6a\xef\xa7\xf7\x4a\x90\x08\xfa\x46\x2e\x14\x4d\x74";
const APP_INSTANCE_VERSION: &[u8] = b"\xb9\x82\xd0\xb7\x3b\x56\x07\x4f\xa0\x7b\x52\x4a\x81\x16\xa0\x10";
const POSIX: &[u8] = b"\x93\xad\x25\x50\x9c\xb4\x11\xe7\xb4\x23\x83\xde\x96\x8b\xcd\x7c";

/// A structure that is the data, neither more nor less.
pub(super) fn exactly<T: Fixed + for<'b> crate::codec::Decode<'b>>(
    data: &[u8],
    name: &'static str,
) -> Result<T, DecodeError> {
    if data.len() == T::BYTES { decode(data) } else { Err(DecodeError::new(name, Fault::Length)) }
}

/// A number that is the data.
pub(super) fn number<T: Fixed>(data: &[u8], name: &'static str) -> Result<T, DecodeError> {
    if data.len() == T::BYTES {
        crate::codec::Decoder::new(data).read(name)
    } else {
        Err(DecodeError::new(name, Fault::Length))
    }
}

/// No data, or so many bytes of nothing.
pub(super) fn nothing<T>(data: &[u8], length: usize, name: &'static str, value: T) -> Result<T, DecodeError> {
    if data.len() == length { Ok(value) } else { Err(DecodeError::new(name, Fault::Length)) }
}

impl<'a> CreateContext<'a> for CreateRequestContext<'a> {
    fn of(name: &'a [u8], data: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(match name {
            b"ExtA" => Self::Ea(data),
            b"SecD" => Self::SecurityDescriptor(data),
            b"DHnQ" => nothing(data, DHNQ_BYTES, "DHnQ", Self::DurableRequestV1)?,
            b"DHnC" => Self::DurableReconnectV1(exactly(data, "DHnC")?),
            b"MxAc" if data.is_empty() => Self::MaximalAccess(None),
            b"MxAc" => Self::MaximalAccess(Some(number(data, "MxAc")?)),
            b"AlSi" => Self::AllocationSize(number(data, "AlSi")?),
            b"TWrp" => Self::Timewarp(number(data, "TWrp")?),
            b"RqLs" => Self::Lease(LeaseContext::of(data).ok_or_else(|| DecodeError::new("RqLs", Fault::Length))?),
            b"QFid" => nothing(data, 0, "QFid", Self::DiskId)?,
            b"DH2Q" => Self::DurableRequestV2(exactly(data, "DH2Q")?),
            b"DH2C" => Self::DurableReconnectV2(exactly(data, "DH2C")?),
            b"AAPL" => Self::Aapl(exactly(data, "AAPL")?),
            APP_INSTANCE_ID => Self::AppInstanceId(exactly::<AppInstance>(data, "AppInstanceId")?.id),
            APP_INSTANCE_VERSION => Self::AppInstanceVersion(exactly(data, "AppInstanceVersion")?),
            POSIX => Self::Posix(number(data, "POSIX")?),
            _ => Self::Unknown { name, data },
        })
    }

    fn name(&self) -> &'a [u8] {
        match self {
            Self::Ea(_) => b"ExtA",
            Self::SecurityDescriptor(_) => b"SecD",
            Self::DurableRequestV1 => b"DHnQ",
            Self::DurableReconnectV1(_) => b"DHnC",
            Self::MaximalAccess(_) => b"MxAc",
            Self::AllocationSize(_) => b"AlSi",
            Self::Timewarp(_) => b"TWrp",
            Self::Lease(_) => b"RqLs",
            Self::DiskId => b"QFid",
            Self::DurableRequestV2(_) => b"DH2Q",
            Self::DurableReconnectV2(_) => b"DH2C",
            Self::Aapl(_) => b"AAPL",
            Self::AppInstanceId(_) => APP_INSTANCE_ID,
            Self::AppInstanceVersion(_) => APP_INSTANCE_VERSION,
            Self::Posix(_) => POSIX,
            Self::Unknown { name, .. } => name,
        }
    }

    fn encode_data(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Ea(data) | Self::SecurityDescriptor(data) | Self::Unknown { data, .. } => encoder.put_bytes(data),
            Self::DurableRequestV1 => encoder.put_zeros(DHNQ_BYTES),
            Self::DurableReconnectV1(file_id) => file_id.encode(encoder),
            Self::MaximalAccess(time) => time.iter().for_each(|time| encoder.put(*time)),
            Self::AllocationSize(bytes) => encoder.put(*bytes),
            Self::Timewarp(time) => encoder.put(*time),
            Self::Lease(lease) => lease.encode_data(encoder),
            Self::DiskId => {}
            Self::DurableRequestV2(request) => request.encode(encoder),
            Self::DurableReconnectV2(reconnect) => reconnect.encode(encoder),
            Self::Aapl(query) => query.encode(encoder),
            Self::AppInstanceId(id) => AppInstance { id: *id }.encode(encoder),
            Self::AppInstanceVersion(version) => version.encode(encoder),
            Self::Posix(mode) => encoder.put(*mode),
        }
    }
}
