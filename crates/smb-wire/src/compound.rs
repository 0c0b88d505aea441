//! Messages behind each other in one frame (MS-SMB2 3.3.5.2.7, 3.3.4.1.3): walking them, and chaining them.

use bytes::{BufMut, BytesMut};

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault};
use crate::{HEADER_BYTES, Header};

const ALIGNMENT: usize = 8;
const NEXT_COMMAND_AT: usize = 20;

/// One message of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its header.
    pub header: Header,
    /// What is signed: from its header up to the next one, padding included, or to the end of the frame.
    pub bytes: &'a [u8],
    /// What follows its header.
    pub body: &'a [u8],
}

/// Walks the messages of a frame. A malformed one is the last.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Begins with the first header of a frame.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        Self { rest: frame }
    }

    fn next_element(&mut self) -> Result<Element<'a>, DecodeError> {
        let whole = std::mem::take(&mut self.rest);
        let header = Header::decode(&mut Decoder::new(whole))?;
        let length = match usize::try_from(header.next_command) {
            Ok(0) => whole.len(),
            Ok(next) if next % ALIGNMENT != 0 => return Err(DecodeError::new("NextCommand", Fault::Misaligned)),
            Ok(next) if next >= HEADER_BYTES && next < whole.len() => next,
            _ => return Err(DecodeError::new("NextCommand", Fault::OutOfBounds)),
        };
        let (bytes, rest) = whole.split_at(length);
        self.rest = rest;
        Ok(Element { header, bytes, body: bytes.get(HEADER_BYTES..).unwrap_or_default() })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, DecodeError>;

    /// Errors: those of [`Header`], then `NextCommand`, which must be a multiple of eight and leave another header.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.next_element())
    }
}

/// Builds the messages of one frame in a buffer. What was written of an element can be signed when the next one has
/// begun, or when nothing follows.
#[derive(Debug)]
pub struct Chain<'buffer> {
    buffer: &'buffer mut BytesMut,
    /// Where the last header stands.
    last: Option<usize>,
}

impl<'buffer> Chain<'buffer> {
    /// A frame that begins at the end of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'buffer mut BytesMut) -> Self {
        Self { buffer, last: None }
    }

    /// Pads and links the element before, if any, and appends a header; the body is to be appended to the buffer that
    /// this returns. `NextCommand` of `header` is ignored.
    pub fn begin(&mut self, header: &Header) -> &mut BytesMut {
        if let Some(last) = self.last {
            let length = (self.buffer.len() - last).next_multiple_of(ALIGNMENT);
            self.buffer.put_bytes(0, last + length - self.buffer.len());
            link(self.buffer, last, length);
        }
        self.last = Some(self.buffer.len());
        Header { next_command: 0, ..*header }.encode(&mut Encoder::new(self.buffer));
        self.buffer
    }
}

/// Writes `NextCommand` into the header at `header_at`.
fn link(buffer: &mut BytesMut, header_at: usize, length: usize) {
    let next = u32::try_from(length).unwrap_or(u32::MAX);
    let field = buffer.get_mut(header_at + NEXT_COMMAND_AT..).and_then(|rest| rest.first_chunk_mut());
    if let Some(field) = field {
        *field = next.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_body;
    use crate::{Command, EchoRequest};

    fn frame_of(messages: u64) -> BytesMut {
        let mut frame = BytesMut::from(&b"before"[..]);
        let mut chain = Chain::new(&mut frame);
        for id in 0..messages {
            encode_body(&EchoRequest {}, chain.begin(&Header::request(Command::ECHO, id)));
        }
        frame.split_off(6)
    }

    #[test]
    fn messages_are_padded_but_for_the_last() {
        let frame = frame_of(3);
        let elements: Vec<_> = Elements::new(&frame).map(Result::unwrap).collect();
        let sizes: Vec<_> = elements.iter().map(|element| (element.bytes.len(), element.body.len())).collect();
        assert_eq!(sizes, [(72, 8), (72, 8), (68, 4)]);
        assert_eq!(elements.iter().map(|element| element.header.message_id).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(elements[2].header.next_command, 0);
    }

    #[test]
    fn a_wrong_link_ends_the_walk() {
        for (next, fault) in [(12, Fault::Misaligned), (8, Fault::OutOfBounds), (144, Fault::OutOfBounds)] {
            let mut frame = frame_of(2);
            link(&mut frame, 0, next);
            let found: Vec<_> = Elements::new(&frame).collect();
            assert_eq!(found, [Err(DecodeError::new("NextCommand", fault))], "{next}");
        }
    }
}
