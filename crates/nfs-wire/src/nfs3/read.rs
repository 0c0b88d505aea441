//! READ (RFC 1813 3.3.6). The payload need not pass through the encoder: [`ReadHead`] writes what stands before it.

use bytes::Bytes;

use super::{FileHandle, NFS3_OK, PostOpAttr, Reply3};
use crate::xdr::{Encode, Encoder, UNIT, padded_size, xdr_struct};

xdr_struct! {
    /// `READ3args`.
    pub struct ReadArgs {
        /// The file.
        pub file: FileHandle,
        /// First byte.
        pub offset: u64,
        /// Bytes wanted.
        pub count: u32,
    }
}

xdr_struct! {
    /// `READ3resok`. A server with the payload in slices of its own uses [`ReadHead`] instead.
    pub struct ReadOk {
        /// Attributes of the file.
        pub file_attributes: PostOpAttr,
        /// Bytes read; equals the length of `data` in every honest reply.
        pub count: u32,
        /// Whether the read reached the end of the file.
        pub eof: bool,
        /// The bytes.
        pub data: Bytes,
    }
}

/// `READ3res`; a failure tells `file_attributes` (`READ3resfail`).
pub type ReadResult = Reply3<ReadOk, PostOpAttr>;

/// A successful `READ3res` up to its payload: what a server encodes when it sends the payload from where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHead {
    /// Attributes of the file.
    pub file_attributes: PostOpAttr,
    /// Bytes of payload that follow.
    pub count: u32,
    /// Whether the read reached the end of the file.
    pub eof: bool,
}

impl ReadHead {
    /// Appends `NFS3_OK`, the attributes, `count`, `eof` and the length word of `data`. After it must go exactly
    /// `count` bytes of payload and then [`crate::xdr::padding`] of `count`.
    pub fn encode_head(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(NFS3_OK);
        self.file_attributes.encode(encoder);
        encoder.put_u32(self.count);
        encoder.put_bool(self.eof);
        encoder.put_u32(self.count);
    }

    /// Bytes that [`ReadHead::encode_head`] appends.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        4 * UNIT + self.file_attributes.encoded_size()
    }

    /// Bytes that follow the head: the payload and its padding; what [`crate::rpc::finish_record`] wants to know.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        padded_size(usize::try_from(self.count).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::xdr::{self, padding};

    #[test]
    fn head_payload_and_padding_are_the_whole_result() {
        for length in [0_u8, 1, 2, 3, 4, 5, 251] {
            let data = Bytes::from((0..length).collect::<Vec<_>>());
            let head = ReadHead { file_attributes: None, count: u32::from(length), eof: length < 3 };
            let mut sent = BytesMut::new();
            head.encode_head(&mut Encoder::new(&mut sent));
            assert_eq!(sent.len(), head.head_bytes());
            sent.extend_from_slice(&data);
            sent.extend_from_slice(padding(data.len()));
            assert_eq!(sent.len(), head.head_bytes() + head.payload_bytes());

            let ok = ReadOk { file_attributes: None, count: u32::from(length), eof: length < 3, data };
            assert_eq!(sent.freeze(), xdr::to_bytes(&ReadResult::Ok(ok)));
        }
    }
}
