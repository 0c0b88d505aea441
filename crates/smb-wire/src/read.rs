//! READ.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, flags};
use crate::{Channel, FileId, HEADER_BYTES};

flags! {
    /// `Flags` of the request (MS-SMB2 2.2.19).
    pub struct ReadFlags(u8) {
        UNBUFFERED = 1 "SMB2_READFLAG_READ_UNBUFFERED",
        COMPRESSED = 2 "SMB2_READFLAG_REQUEST_COMPRESSED",
    }
}

/// `SMB2 READ Request` (MS-SMB2 2.2.19). `RemainingBytes` is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRequest<'a> {
    /// `Padding`: where in the response the client would like the data.
    pub padding: u8,
    /// `Flags`.
    pub flags: ReadFlags,
    /// `Length` in bytes.
    pub length: u32,
    /// `Offset` in bytes; of a pipe, nothing.
    pub offset: u64,
    /// `FileId`.
    pub file_id: FileId,
    /// `MinimumCount`: fewer bytes are the end of the file.
    pub minimum_count: u32,
    /// `Channel`.
    pub channel: Channel,
    /// `Buffer`: descriptors of the channel, nothing over TCP.
    pub channel_info: &'a [u8],
}

impl<'a> Decode<'a> for ReadRequest<'a> {
    /// Without a channel, its descriptors are not looked at.
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(49)?;
        let padding = decoder.read("Padding")?;
        let flags = decoder.read("Flags")?;
        let length = decoder.read("Length")?;
        let offset = decoder.read("Offset")?;
        let file_id = decoder.read("FileId")?;
        let minimum_count = decoder.read("MinimumCount")?;
        let channel = decoder.read("Channel")?;
        decoder.skip(4)?;
        let info_offset: u16 = decoder.read("ReadChannelInfoOffset")?;
        let info_length: u16 = decoder.read("ReadChannelInfoLength")?;
        let channel_info = match channel {
            Channel::NONE => &[],
            _ => decoder.part(info_offset.into(), info_length.into(), "ReadChannelInfo")?,
        };
        Ok(Self { padding, flags, length, offset, file_id, minimum_count, channel, channel_info })
    }
}

impl Encode for ReadRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(49_u16);
        encoder.put(self.padding);
        encoder.put(self.flags);
        encoder.put(self.length);
        encoder.put(self.offset);
        encoder.put(self.file_id);
        encoder.put(self.minimum_count);
        encoder.put(self.channel);
        encoder.put_zeros(4);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.channel_info.len());
        if self.channel_info.is_empty() {
            // "The Buffer field MUST be at least one byte in length".
            encoder.put_zeros(1);
        } else {
            encoder.set_16(offset, encoder.offset());
            encoder.put_bytes(self.channel_info);
        }
    }
}

/// Where the data of a response stands, counted from its header.
const DATA_AT: usize = HEADER_BYTES + ReadHead::BYTES;

/// `SMB2 READ Response` (MS-SMB2 2.2.20) without its data, which follows: for who sends it from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadHead {
    /// `DataLength` in bytes.
    pub data_length: u32,
    /// `DataRemaining`: what goes over a channel.
    pub data_remaining: u32,
}

impl ReadHead {
    /// From the begin of the body to the data.
    pub const BYTES: usize = 16;
}

impl Encode for ReadHead {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(17_u16);
        encoder.put(u8::try_from(DATA_AT).unwrap_or(u8::MAX));
        encoder.put_zeros(1);
        encoder.put(self.data_length);
        encoder.put(self.data_remaining);
        encoder.put_zeros(4);
    }
}

/// `SMB2 READ Response` (MS-SMB2 2.2.20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadResponse<'a> {
    /// `DataRemaining`: what goes over a channel.
    pub data_remaining: u32,
    /// `Buffer`.
    pub data: &'a [u8],
}

impl<'a> Decode<'a> for ReadResponse<'a> {
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(17)?;
        let offset: u8 = decoder.read("DataOffset")?;
        decoder.skip(1)?;
        let length = decoder.read("DataLength")?;
        let data_remaining = decoder.read("DataRemaining")?;
        decoder.skip(4)?;
        Ok(Self { data_remaining, data: decoder.part(offset.into(), length, "Data")? })
    }
}

impl Encode for ReadResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let data_length = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        ReadHead { data_length, data_remaining: self.data_remaining }.encode(encoder);
        encoder.put_bytes(self.data);
    }
}
