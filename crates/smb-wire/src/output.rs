//! The response of those commands that answer with a buffer.

use bytes::BytesMut;

use crate::HEADER_BYTES;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Where the output stands, counted from the header.
const OUTPUT_AT: usize = HEADER_BYTES + 8;

/// `SMB2 QUERY_DIRECTORY Response` (MS-SMB2 2.2.34), `SMB2 CHANGE_NOTIFY Response` (2.2.36) and `SMB2 QUERY_INFO Response`
/// (2.2.38), which are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputResponse<'a> {
    /// `Buffer`.
    pub output: &'a [u8],
}

impl<'a> Decode<'a> for OutputResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(9)?;
        let offset: u16 = decoder.read("OutputBufferOffset")?;
        let length = decoder.read("OutputBufferLength")?;
        Ok(Self { output: decoder.part(offset.into(), length, "OutputBuffer")? })
    }
}

impl Encode for OutputResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encode_head(encoder, self.output.len());
        encoder.put_bytes(self.output);
    }
}

fn encode_head(encoder: &mut Encoder<'_>, length: usize) {
    encoder.put(9_u16);
    encoder.put_count_16(if length == 0 { 0 } else { OUTPUT_AT });
    encoder.put_count_32(length);
}

/// An [`OutputResponse`] whose output is written where it is sent from.
#[derive(Debug)]
pub struct OutputInPlace {
    head_at: usize,
    output_at: usize,
}

impl OutputInPlace {
    /// Appends the begin of the body to a buffer that ends with its header; the output is to be appended next.
    #[must_use]
    pub fn begin(buffer: &mut BytesMut) -> Self {
        let head_at = buffer.len();
        encode_head(&mut Encoder::body(buffer), usize::MAX);
        Self { head_at, output_at: buffer.len() }
    }

    /// Bytes of output so far.
    #[must_use]
    pub fn len(&self, buffer: &BytesMut) -> usize {
        buffer.len().saturating_sub(self.output_at)
    }

    /// Whether there is no output yet.
    #[must_use]
    pub fn is_empty(&self, buffer: &BytesMut) -> bool {
        self.len(buffer) == 0
    }

    /// Cuts the output off behind so many bytes: what does not fit into the client's buffer.
    pub fn truncate(&self, buffer: &mut BytesMut, length: usize) {
        buffer.truncate(self.output_at.saturating_add(length));
    }

    /// Tells offset and length of what was appended.
    pub fn finish(self, buffer: &mut BytesMut) {
        let mut head = BytesMut::with_capacity(self.output_at - self.head_at);
        encode_head(&mut Encoder::body(&mut head), self.len(buffer));
        if let Some(place) = buffer.get_mut(self.head_at..self.output_at) {
            place.copy_from_slice(&head);
        }
    }
}
