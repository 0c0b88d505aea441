//! The messages.

use super::ControlCode;
use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, flags};

const ALIGNMENT: usize = 8;

flags! {
    /// `Flags` (MS-SMB2 2.2.31).
    pub struct IoctlFlags(u32) {
        IS_FSCTL = 1 "SMB2_0_IOCTL_IS_FSCTL",
    }
}

/// `SMB2 IOCTL Request` (MS-SMB2 2.2.31). `OutputOffset` and `OutputCount` are ignored: a request has no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoctlRequest<'a> {
    /// `CtlCode`.
    pub code: ControlCode,
    /// `FileId`.
    pub file_id: FileId,
    /// `MaxInputResponse` in bytes.
    pub max_input_response: u32,
    /// `MaxOutputResponse` in bytes.
    pub max_output_response: u32,
    /// `Flags`.
    pub flags: IoctlFlags,
    /// `Buffer`: the input.
    pub input: &'a [u8],
}

impl<'a> Decode<'a> for IoctlRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(57)?;
        decoder.skip(2)?;
        let code = decoder.read("CtlCode")?;
        let file_id = decoder.read("FileId")?;
        let offset = decoder.read("InputOffset")?;
        let count = decoder.read("InputCount")?;
        let max_input_response = decoder.read("MaxInputResponse")?;
        decoder.skip(8)?;
        let max_output_response = decoder.read("MaxOutputResponse")?;
        let flags = decoder.read("Flags")?;
        decoder.skip(4)?;
        let input = decoder.part(offset, count, "Input")?;
        Ok(Self { code, file_id, max_input_response, max_output_response, flags, input })
    }
}

impl Encode for IoctlRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(57_u16);
        encoder.put_zeros(2);
        encoder.put(self.code);
        encoder.put(self.file_id);
        let offset = encoder.place::<u32>();
        encoder.put_count_32(self.input.len());
        encoder.put(self.max_input_response);
        encoder.put_zeros(8);
        encoder.put(self.max_output_response);
        encoder.put(self.flags);
        encoder.put_zeros(4);
        encoder.set_32(offset, encoder.offset());
        encoder.put_bytes(self.input);
    }
}

/// `SMB2 IOCTL Response` (MS-SMB2 2.2.32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoctlResponse<'a> {
    /// `CtlCode`.
    pub code: ControlCode,
    /// `FileId`.
    pub file_id: FileId,
    /// The input in `Buffer`, which no code of today sends back.
    pub input: &'a [u8],
    /// The output in `Buffer`.
    pub output: &'a [u8],
}

impl<'a> Decode<'a> for IoctlResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(49)?;
        decoder.skip(2)?;
        let code = decoder.read("CtlCode")?;
        let file_id = decoder.read("FileId")?;
        let input = [decoder.read("InputOffset")?, decoder.read("InputCount")?];
        let output = [decoder.read("OutputOffset")?, decoder.read("OutputCount")?];
        decoder.skip(8)?;
        let input = decoder.part(input[0], input[1], "Input")?;
        Ok(Self { code, file_id, input, output: decoder.part(output[0], output[1], "Output")? })
    }
}

impl Encode for IoctlResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(49_u16);
        encoder.put_zeros(2);
        encoder.put(self.code);
        encoder.put(self.file_id);
        let input_offset = encoder.place::<u32>();
        encoder.put_count_32(self.input.len());
        let output_offset = encoder.place::<u32>();
        encoder.put_count_32(self.output.len());
        encoder.put_zeros(8);
        encoder.set_32(input_offset, encoder.offset());
        encoder.put_bytes(self.input);
        if !self.output.is_empty() {
            encoder.align(ALIGNMENT);
        }
        encoder.set_32(output_offset, encoder.offset());
        encoder.put_bytes(self.output);
    }
}
