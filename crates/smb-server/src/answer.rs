//! What a request came to: the status and the body of its response.

use bytes::BytesMut;
use pages::Payload;
use smb_wire::codec::{Encode, encode_body};
use smb_wire::error_response::ErrorResponse;
use smb_wire::{FileId, Status};

/// A response without its header.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// From `StructureSize` up to the payload.
    pub(crate) body: BytesMut,
    /// What goes out from where it lies.
    pub(crate) payload: Payload,
    /// The session that a SESSION_SETUP made.
    pub(crate) session_id: Option<u64>,
    /// The tree connect that a TREE_CONNECT made.
    pub(crate) tree_id: Option<u32>,
    /// The open that a CREATE made.
    pub(crate) file_id: Option<FileId>,
}

impl Answer {
    /// A response that has a body of its own.
    pub(crate) fn new(status: Status, body: &impl Encode) -> Self {
        let mut buffer = BytesMut::new();
        encode_body(body, &mut buffer);
        Self::of_body(status, buffer)
    }

    /// A response whose body is there.
    pub(crate) fn of_body(status: Status, body: BytesMut) -> Self {
        Self { status, body, payload: Payload::new(), session_id: None, tree_id: None, file_id: None }
    }

    /// It was done.
    pub(crate) fn success(body: &impl Encode) -> Self {
        Self::new(Status::SUCCESS, body)
    }

    /// It was not done, and there is nothing more to say (MS-SMB2 2.2.2).
    pub(crate) fn error(status: Status) -> Self {
        Self::new(status, &ErrorResponse::default())
    }
}

impl From<Result<Self, Status>> for Answer {
    fn from(outcome: Result<Self, Status>) -> Self {
        outcome.unwrap_or_else(Self::error)
    }
}
