//! Requests as bytes, and responses as far as a load generator looks at them.

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use smb_wire::close::{CloseFlags, CloseRequest};
use smb_wire::codec::{Decode, Encode, decode_body, encode_body};
use smb_wire::frame::FRAME_HEADER_BYTES;
use smb_wire::write::{WriteFlags, WriteRequest};
use smb_wire::{Channel, Command, FileId, HEADER_BYTES, Status};

/// A request behind room for the length of its frame and its header; the data of a WRITE stands behind, not copied.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) command: Command,
    pub(crate) head: BytesMut,
    pub(crate) payload: Bytes,
    /// Bytes of the larger of request and response, which credits are charged for.
    charged_bytes: usize,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) tree_id: u32,
    pub(crate) body: Bytes,
}

impl Call {
    /// A request with less than 64 KiB on both ways.
    pub(crate) fn new(command: Command, body: &impl Encode) -> Self {
        let mut head = BytesMut::zeroed(BODY_AT);
        encode_body(body, &mut head);
        Self { command, head, payload: Bytes::new(), charged_bytes: 0 }
    }

    /// The same with a response of up to so many bytes.
    pub(crate) fn answered_with(self, bytes: u32) -> Self {
        Self { charged_bytes: usize::try_from(bytes).unwrap_or(usize::MAX), ..self }
    }

    pub(crate) fn write(file_id: FileId, (offset, payload): (u64, Bytes), flags: WriteFlags) -> Self {
        let request = WriteRequest { offset, file_id, channel: Channel::NONE, flags, data: &[] };
        let mut call = Self::new(Command::WRITE, &request);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if let Some(place) = call.head.get_mut(WRITE_LENGTH_AT..WRITE_LENGTH_AT + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        Self { charged_bytes: payload.len(), payload, ..call }
    }

    pub(crate) fn close(file_id: FileId) -> Self {
        Self::new(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id })
    }

    /// Credits that it costs (MS-SMB2 3.2.4.1.5).
    pub(crate) fn charge(&self) -> u16 {
        let more = self.charged_bytes.saturating_sub(1) / BYTES_PER_CREDIT;
        u16::try_from(1 + more).unwrap_or(u16::MAX)
    }
}

impl Reply {
    /// Errors: any status but success.
    pub(crate) fn check(&self) -> Result<()> {
        match self.status {
            Status::SUCCESS => Ok(()),
            status => bail!("{status:?}"),
        }
    }

    /// The body of a success.
    pub(crate) fn decode<'a, T: Decode<'a>>(&'a self) -> Result<T> {
        self.check()?;
        Ok(decode_body(&self.body)?)
    }
}

/// Where the header of a request stands in [`Call::head`].
pub(crate) const HEADER_AT: usize = FRAME_HEADER_BYTES;
const BODY_AT: usize = HEADER_AT + HEADER_BYTES;
/// `Length` of a WRITE.
const WRITE_LENGTH_AT: usize = BODY_AT + 4;
const BYTES_PER_CREDIT: usize = 64 << 10;
