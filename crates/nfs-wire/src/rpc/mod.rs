//! ONC RPC version 2 (RFC 5531): records, call and reply headers, credentials.

mod auth;
mod client;
mod message;
mod procedure;
mod program;
mod record;
mod reply;

pub use auth::{AUTH_BODY_MAX_BYTES, AuthFlavor, AuthSys, MACHINE_NAME_MAX_BYTES, OpaqueAuth, SYS_GROUPS_MAX};
pub use client::{ReplyError, call_message, reply_result};
pub use message::{CallError, CallHeader, RPC_VERSION};
pub use procedure::Procedure;
pub(crate) use procedure::procedures;
pub use program::{
    MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM, NSM_PROGRAM, PORTMAP_PROGRAM, RQUOTA_PROGRAM, procedure_name, program_name,
};
pub use record::{
    RECORD_MARKER_BYTES, RecordError, RecordLimits, RecordReader, begin_record, finish_record, record_marker,
};
pub use reply::{AcceptStat, AuthStat, RejectStat, ReplyBody, ReplyHeader};
