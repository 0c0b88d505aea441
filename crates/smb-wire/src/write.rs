//! WRITE.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, flags, layout};
use crate::{Channel, Command, FileId, HEADER_BYTES, Header};

flags! {
    /// `Flags` (MS-SMB2 2.2.21).
    pub struct WriteFlags(u32) {
        /// Durable before the answer.
        WRITE_THROUGH = 1 "SMB2_WRITEFLAG_WRITE_THROUGH",
        UNBUFFERED = 2 "SMB2_WRITEFLAG_WRITE_UNBUFFERED",
    }
}

/// From the begin of the body to the data, where clients put it.
const FIXED_BYTES: usize = 48;

/// `SMB2 WRITE Request` (MS-SMB2 2.2.21). `RemainingBytes` is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteRequest<'a> {
    /// `Offset` in bytes; of a pipe, nothing.
    pub offset: u64,
    /// `FileId`.
    pub file_id: FileId,
    /// `Channel`.
    pub channel: Channel,
    /// `Flags`.
    pub flags: WriteFlags,
    /// `Buffer`.
    pub data: &'a [u8],
}

impl<'a> Decode<'a> for WriteRequest<'a> {
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let fixed = Fixed::decode(decoder)?;
        let data = decoder.part(fixed.data_offset.into(), fixed.length, "Data")?;
        Ok(Self { offset: fixed.offset, file_id: fixed.file_id, channel: fixed.channel, flags: fixed.flags, data })
    }
}

impl Encode for WriteRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let fixed = Fixed {
            data_offset: u16::try_from(HEADER_BYTES + FIXED_BYTES).unwrap_or(u16::MAX),
            length: u32::try_from(self.data.len()).unwrap_or(u32::MAX),
            offset: self.offset,
            file_id: self.file_id,
            channel: self.channel,
            flags: self.flags,
        };
        fixed.encode(encoder);
        encoder.put_bytes(self.data);
    }
}

layout! {
    /// What stands in front of the data.
    struct Fixed [size 49] {
        pub data_offset: u16 = "DataOffset",
        pub length: u32 = "Length",
        pub offset: u64 = "Offset",
        pub file_id: FileId = "FileId",
        pub channel: Channel = "Channel",
        // RemainingBytes, WriteChannelInfoOffset and WriteChannelInfoLength.
        [reserved 8]
        pub flags: WriteFlags = "Flags",
    }
}

layout! {
    /// `SMB2 WRITE Response` (MS-SMB2 2.2.22).
    pub struct WriteResponse [size 17] {
        [reserved 2]
        /// In bytes.
        pub count: u32 = "Count",
        // Remaining, WriteChannelInfoOffset and WriteChannelInfoLength.
        [reserved 8]
    }
}

/// Where the data of a WRITE is, and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPlace {
    /// Where the data begins in the frame.
    pub frame_offset: usize,
    /// Its bytes.
    pub length: usize,
    /// Where it goes in the file.
    pub file_offset: u64,
    /// The open.
    pub file_id: FileId,
}

/// The place of the data of a frame that is one clear WRITE. `None`: another message, the first of several, or its head
/// is not whole. `head` is the begin of the frame; a server may look before the rest has come.
#[must_use]
pub fn data_place(head: &[u8]) -> Option<DataPlace> {
    let header = Header::decode(&mut Decoder::new(head)).ok()?;
    if header.command != Command::WRITE || header.next_command != 0 {
        return None;
    }
    let mut decoder = Decoder::body(head.get(HEADER_BYTES..)?);
    let fixed = Fixed::decode(&mut decoder).ok()?;
    let frame_offset = usize::from(fixed.data_offset);
    if frame_offset < decoder.offset() {
        return None;
    }
    let length = usize::try_from(fixed.length).ok()?;
    Some(DataPlace { frame_offset, length, file_offset: fixed.offset, file_id: fixed.file_id })
}
