//! Every message and structure of this crate by name, for whoever must visit them all: fixtures, fuzzing, capture tools.

use bytes::BytesMut;

use crate::change_notify::ChangeNotifyRequest;
use crate::close::{CloseRequest, CloseResponse};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder};
use crate::create::{CreateRequest, CreateResponse};
use crate::dtyp::{Acl, SecurityDescriptor, Sid};
use crate::error_response::{ErrorContext, ErrorResponse, SymlinkError};
use crate::info::*;
use crate::ioctl::*;
use crate::lock::{LockRequest, LockResponse};
use crate::negotiate::{NegotiateRequest, NegotiateResponse};
use crate::oplock_break::{BreakAcknowledgment, LeaseBreakNotification, OplockBreak};
use crate::pipe::lsarpc::*;
use crate::pipe::pdu::{Bind, BindAck, BindNak, FaultBody, Pdu, Request as CallRequest, Response as CallResponse};
use crate::pipe::srvsvc::*;
use crate::pipe::wkssvc::WkstaGetInfoResponse;
use crate::query_directory::QueryDirectoryRequest;
use crate::query_info::{QueryInfoRequest, SetInfoRequest, SetInfoResponse};
use crate::read::{ReadRequest, ReadResponse};
use crate::session_setup::{SessionSetupRequest, SessionSetupResponse};
use crate::smb1::Smb1NegotiateRequest;
use crate::transform::TransformHeader;
use crate::tree_connect::{TreeConnectRequest, TreeConnectResponse};
use crate::write::{WriteRequest, WriteResponse};
use crate::{
    CancelRequest, EchoRequest, EchoResponse, FlushRequest, FlushResponse, Header, LogoffRequest, LogoffResponse,
    OutputResponse, TreeDisconnectRequest, TreeDisconnectResponse,
};

/// One kind of message, or a structure within messages.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Protocol, name and direction: `smb2 READ request`.
    pub name: &'static str,
    /// Decodes the bytes and encodes what was understood.
    pub recode: fn(&[u8]) -> Result<BytesMut, DecodeError>,
    /// Whether the value in the bytes has an encoding that decodes to the same value, and that to the same bytes. True
    /// for every input; bytes that do not decode hold no value.
    pub comes_back: fn(&[u8]) -> bool,
}

/// What follows a header: offsets count from the header.
macro_rules! bodies {
    ($($name:literal: $type:ident,)*) => { &[$(message!($name, $type, body)),*] };
}

/// Offsets count from the first byte.
macro_rules! structures {
    ($($name:literal: $type:ident,)*) => { &[$(message!($name, $type, new)),*] };
}

macro_rules! message {
    ($name:literal, $type:ident, $origin:ident) => {
        Message {
            name: $name,
            recode: |bytes| {
                let mut buffer = BytesMut::new();
                $type::decode(&mut Decoder::$origin(bytes))?.encode(&mut Encoder::$origin(&mut buffer));
                Ok(buffer)
            },
            comes_back: |bytes| {
                let Ok(value) = $type::decode(&mut Decoder::$origin(bytes)) else { return true };
                let mut buffer = BytesMut::new();
                value.encode(&mut Encoder::$origin(&mut buffer));
                let Ok(again) = $type::decode(&mut Decoder::$origin(&buffer)) else { return false };
                let mut second = BytesMut::new();
                again.encode(&mut Encoder::$origin(&mut second));
                again == value && second == buffer
            },
        }
    };
}

/// Entries behind each other.
macro_rules! lists {
    ($($name:literal: $type:ty,)*) => { &[$(list!($name, $type)),*] };
}

macro_rules! list {
    ($name:literal, $type:ty) => {
        Message {
            name: $name,
            recode: |bytes| {
                let mut buffer = BytesMut::new();
                let mut writer = EntryWriter::new(&mut buffer, usize::MAX);
                for entry in Entries::<$type>::new(bytes) {
                    let fits = writer.push(&entry?);
                    debug_assert!(fits, "there is no limit");
                }
                Ok(buffer)
            },
            comes_back: |bytes| {
                let mut buffer = BytesMut::new();
                let mut writer = EntryWriter::new(&mut buffer, usize::MAX);
                let fit = Entries::<$type>::new(bytes).map_while(Result::ok).all(|entry| writer.push(&entry));
                let again = Entries::<$type>::new(&buffer).map(Result::ok);
                fit && again.eq(Entries::<$type>::new(bytes).map_while(Result::ok).map(Some))
            },
        }
    };
}

/// All of them.
pub fn messages() -> impl Iterator<Item = Message> {
    [FRAMES, SESSIONS, FILES, QUERIES, ENTRIES, LISTINGS, CLASSES, CONTROLS, CALLS].into_iter().flatten().copied()
}

const FRAMES: &[Message] = structures![
    "smb1 NEGOTIATE request": Smb1NegotiateRequest,
    "smb2 header": Header,
    "smb2 transform header": TransformHeader,
    "smb2 error context": ErrorContext,
    "smb2 symlink error": SymlinkError,
];

const SESSIONS: &[Message] = bodies![
    "smb2 ERROR response": ErrorResponse,
    "smb2 NEGOTIATE request": NegotiateRequest,
    "smb2 NEGOTIATE response": NegotiateResponse,
    "smb2 SESSION_SETUP request": SessionSetupRequest,
    "smb2 SESSION_SETUP response": SessionSetupResponse,
    "smb2 LOGOFF request": LogoffRequest,
    "smb2 LOGOFF response": LogoffResponse,
    "smb2 TREE_CONNECT request": TreeConnectRequest,
    "smb2 TREE_CONNECT response": TreeConnectResponse,
    "smb2 TREE_DISCONNECT request": TreeDisconnectRequest,
    "smb2 TREE_DISCONNECT response": TreeDisconnectResponse,
    "smb2 CANCEL request": CancelRequest,
    "smb2 ECHO request": EchoRequest,
    "smb2 ECHO response": EchoResponse,
];

const FILES: &[Message] = bodies![
    "smb2 CREATE request": CreateRequest,
    "smb2 CREATE response": CreateResponse,
    "smb2 CLOSE request": CloseRequest,
    "smb2 CLOSE response": CloseResponse,
    "smb2 FLUSH request": FlushRequest,
    "smb2 FLUSH response": FlushResponse,
    "smb2 READ request": ReadRequest,
    "smb2 READ response": ReadResponse,
    "smb2 WRITE request": WriteRequest,
    "smb2 WRITE response": WriteResponse,
    "smb2 LOCK request": LockRequest,
    "smb2 LOCK response": LockResponse,
    "smb2 OPLOCK_BREAK notification": OplockBreak,
    "smb2 OPLOCK_BREAK acknowledgment": BreakAcknowledgment,
    "smb2 lease break notification": LeaseBreakNotification,
];

const ENTRIES: &[Message] = lists![
    "fscc FILE_FULL_EA_INFORMATION": FullEa<'_>,
    "fscc FILE_GET_EA_INFORMATION": GetEa<'_>,
    "fscc FILE_STREAM_INFORMATION": FileStream<'_>,
    "fscc FILE_NOTIFY_INFORMATION": FileNotify<'_>,
    "fscc FILE_QUOTA_INFORMATION": FileQuota,
    "fscc FILE_GET_QUOTA_INFORMATION": GetQuota,
    "smb2 NETWORK_INTERFACE_INFO": NetworkInterface,
];

const QUERIES: &[Message] = bodies![
    "smb2 IOCTL request": IoctlRequest,
    "smb2 IOCTL response": IoctlResponse,
    "smb2 QUERY_DIRECTORY request": QueryDirectoryRequest,
    "smb2 CHANGE_NOTIFY request": ChangeNotifyRequest,
    "smb2 QUERY_INFO request": QueryInfoRequest,
    "smb2 output response": OutputResponse,
    "smb2 SET_INFO request": SetInfoRequest,
    "smb2 SET_INFO response": SetInfoResponse,
];

const LISTINGS: &[Message] = lists![
    "fscc FileDirectoryInformation": InClass<'_, 1>,
    "fscc FileFullDirectoryInformation": InClass<'_, 2>,
    "fscc FileBothDirectoryInformation": InClass<'_, 3>,
    "fscc FileNamesInformation": InClass<'_, 12>,
    "fscc FileIdBothDirectoryInformation": InClass<'_, 37>,
    "fscc FileIdFullDirectoryInformation": InClass<'_, 38>,
    "fscc FileIdExtdDirectoryInformation": InClass<'_, 60>,
    "fscc FileIdExtdBothDirectoryInformation": InClass<'_, 63>,
];

const CLASSES: &[Message] = structures![
    "dtyp SID": Sid,
    "dtyp ACL": Acl,
    "dtyp SECURITY_DESCRIPTOR": SecurityDescriptor,
    "fscc FileAllInformation": FileAll,
    "fscc FileAttributeTagInformation": FileAttributeTag,
    "fscc FileBasicInformation": FileBasic,
    "fscc FileCompressionInformation": FileCompression,
    "fscc FileDispositionInformation": FileDisposition,
    "fscc FileIdInformation": FileIdInformation,
    "fscc FileNameInformation": FileName,
    "fscc FileNetworkOpenInformation": FileNetworkOpen,
    "fscc FilePipeInformation": FilePipe,
    "fscc FilePipeLocalInformation": FilePipeLocal,
    "fscc FileRenameInformation": RenameTo,
    "fscc FileStandardInformation": FileStandard,
    "fscc number of 32 bits": Number32,
    "fscc number of 64 bits": Number64,
    "fscc FileFsAttributeInformation": FsAttribute,
    "fscc FileFsControlInformation": FsControl,
    "fscc FileFsDeviceInformation": FsDevice,
    "fscc FileFsFullSizeInformation": FsFullSize,
    "fscc FileFsObjectIdInformation": FsObjectId,
    "fscc FileFsSectorSizeInformation": FsSectorSize,
    "fscc FileFsSizeInformation": FsSize,
    "fscc FileFsVolumeInformation": FsVolume,
    "smb2 QUERY_QUOTA_INFO": QueryQuota,
];

const CONTROLS: &[Message] = structures![
    "smb2 VALIDATE_NEGOTIATE_INFO request": ValidateNegotiateRequest,
    "smb2 VALIDATE_NEGOTIATE_INFO response": ValidateNegotiateResponse,
    "smb2 SRV_REQUEST_RESUME_KEY response": ResumeKeyResponse,
    "smb2 SRV_COPYCHUNK request": CopyChunkRequest,
    "smb2 SRV_COPYCHUNK response": CopyChunkResponse,
    "smb2 SRV_SNAPSHOT_ARRAY": SnapshotArray,
    "fscc DUPLICATE_EXTENTS_DATA": DuplicateExtents,
    "fscc DUPLICATE_EXTENTS_DATA_EX": DuplicateExtentsEx,
    "fscc FILE_SET_SPARSE": SetSparse,
    "fscc FILE_ZERO_DATA_INFORMATION": ZeroData,
    "fscc FILE_ALLOCATED_RANGE": AllocatedRange,
    "fscc FILE_LEVEL_TRIM request": LevelTrim,
    "fscc FILE_LEVEL_TRIM response": TrimResponse,
    "fscc FILE_OBJECTID": ObjectId,
    "fscc INTEGRITY_INFORMATION": Integrity,
    "fscc SET_INTEGRITY_INFORMATION": SetIntegrity,
    "fscc REPARSE_DATA": ReparseBuffer,
    "fscc symlink reparse data": SymlinkReparse,
    "fscc FSCTL_PIPE_WAIT request": PipeWait,
    "fscc FSCTL_PIPE_PEEK response": PipePeek,
];

const CALLS: &[Message] = structures![
    "dcerpc PDU": Pdu,
    "dcerpc bind": Bind,
    "dcerpc bind ack": BindAck,
    "dcerpc bind nak": BindNak,
    "dcerpc request": CallRequest,
    "dcerpc response": CallResponse,
    "dcerpc fault": FaultBody,
    "srvsvc NetrShareEnum request": ShareEnumRequest,
    "srvsvc NetrShareEnum response": ShareEnumResponse,
    "srvsvc NetrShareGetInfo request": ShareGetInfoRequest,
    "srvsvc NetrShareGetInfo response": ShareGetInfoResponse,
    "srvsvc NetrServerGetInfo request": GetInfoRequest,
    "srvsvc NetrServerGetInfo response": ServerGetInfoResponse,
    "srvsvc NetrSessionEnum request": SessionEnumRequest,
    "srvsvc NetrSessionEnum response": SessionEnumResponse,
    "srvsvc NetrFileEnum request": FileEnumRequest,
    "srvsvc NetrFileEnum response": FileEnumResponse,
    "srvsvc NetrRemoteTOD request": RemoteTodRequest,
    "srvsvc NetrRemoteTOD response": RemoteTodResponse,
    "wkssvc NetrWkstaGetInfo response": WkstaGetInfoResponse,
    "lsarpc LsarClose request": CloseHandleRequest,
    "lsarpc LsarClose response": HandleResponse,
    "lsarpc LsarOpenPolicy2 request": OpenPolicy2Request,
    "lsarpc LsarQueryInformationPolicy request": QueryPolicyRequest,
    "lsarpc LsarQueryInformationPolicy response": QueryPolicyResponse,
    "lsarpc LsarLookupNames request": LookupNamesRequest,
    "lsarpc LsarLookupNames response": LookupNamesResponse,
    "lsarpc LsarLookupNames2 request": LookupNames2Request,
    "lsarpc LsarLookupNames2 response": LookupNames2Response,
    "lsarpc LsarLookupNames3 request": LookupNames3Request,
    "lsarpc LsarLookupNames3 response": LookupNames3Response,
    "lsarpc LsarLookupSids request": LookupSidsRequest,
    "lsarpc LsarLookupSids response": LookupSidsResponse,
    "lsarpc LsarLookupSids2 request": LookupSids2Request,
    "lsarpc LsarLookupSids2 response": LookupSids2Response,
    "lsarpc LsarGetUserName request": GetUserNameRequest,
    "lsarpc LsarGetUserName response": GetUserNameResponse,
];
