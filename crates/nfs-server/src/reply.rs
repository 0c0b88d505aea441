//! One reply on its way out.

use admission::Output;
use bytes::{Bytes, BytesMut};
use nfs_wire::nfs3::ReadHead;
use nfs_wire::rpc::{RECORD_MARKER_BYTES, ReplyHeader, begin_record, finish_record};
use nfs_wire::xdr::{Encode, Encoder, padding};
use pages::Payload;

use crate::metrics::{Operation, Verdict};

/// What becomes of a record that came in.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is answered.
    Reply(Reply),
    /// It was no call: nothing is said.
    Silence,
    /// The stream cannot be trusted any more.
    Close,
}

/// A reply: its head, and for READ the payload from where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Record marker, RPC header and result up to the payload.
    head: Bytes,
    payload: Payload,
    padding: &'static [u8],
}

impl Reply {
    /// A successful call with its result.
    pub(crate) fn success(xid: u32, result: &impl Encode) -> Self {
        Self::encode(&ReplyHeader::success(xid), result)
    }

    /// A call that got no further than RPC.
    pub(crate) fn header_only(header: &ReplyHeader) -> Self {
        Self::encode(header, &())
    }

    /// A successful READ; the payload is not copied.
    pub(crate) fn read(xid: u32, head: &ReadHead, payload: Payload) -> Self {
        let mut buffer = BytesMut::with_capacity(HEADER_BYTES + head.head_bytes());
        let start = begin_record(&mut buffer);
        let mut encoder = Encoder::new(&mut buffer);
        ReplyHeader::success(xid).encode(&mut encoder);
        head.encode_head(&mut encoder);
        finish_record(&mut buffer, start, head.payload_bytes());
        let padding = padding(payload.len());
        Self { head: buffer.freeze(), payload, padding }
    }

    /// A reply that was sent before.
    pub(crate) fn stored(head: Bytes) -> Self {
        Self { head, payload: Payload::new(), padding: &[] }
    }

    /// What to keep for a retransmission: everything of a reply without payload.
    pub(crate) fn head(&self) -> &Bytes {
        &self.head
    }

    /// Puts it behind what waits to be written.
    pub(crate) fn write_to(&self, output: &mut Output) {
        output.push(&self.head);
        output.push_payload(&self.payload);
        output.push(self.padding);
    }

    /// Everything of it, copied together.
    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        [&self.head[..], &self.payload.to_bytes(), self.padding].concat()
    }

    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.payload.len() + self.padding.len()
    }

    /// What it says of its call: an RPC error is a fault when the gateway could not, and the status that the results of
    /// some operations begin with is judged by the operation.
    pub(crate) fn verdict(&self, operation: Operation) -> Verdict {
        let word = |offset: usize| {
            let bytes = self.head.get(RECORD_MARKER_BYTES + offset..).and_then(|rest| rest.first_chunk::<4>());
            bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
        };
        // reply_stat and accept_stat of an AUTH_NONE reply, then the status.
        match (word(8), word(20)) {
            (0, 0) if operation.has_status() => operation.verdict(word(ReplyHeader::ACCEPTED_BYTES)),
            (0, 0) => Verdict::Fine,
            (0, SYSTEM_ERROR) => Verdict::Fault,
            _ => Verdict::Error,
        }
    }

    /// The reply as a datagram: without record marker.
    pub(crate) fn into_datagram(self) -> Bytes {
        self.head.slice(RECORD_MARKER_BYTES.min(self.head.len())..)
    }

    fn encode(header: &ReplyHeader, result: &impl Encode) -> Self {
        let capacity = RECORD_MARKER_BYTES + header.encoded_size() + result.encoded_size();
        let mut buffer = BytesMut::with_capacity(capacity);
        let start = begin_record(&mut buffer);
        let mut encoder = Encoder::new(&mut buffer);
        header.encode(&mut encoder);
        result.encode(&mut encoder);
        finish_record(&mut buffer, start, 0);
        Self::stored(buffer.freeze())
    }
}

const HEADER_BYTES: usize = RECORD_MARKER_BYTES + ReplyHeader::ACCEPTED_BYTES;
/// `SYSTEM_ERR` of `accept_stat` (RFC 5531 9).
const SYSTEM_ERROR: u32 = 5;
