//! Named pipes.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, layout};

/// `FSCTL_PIPE_WAIT` request (MS-FSCC 2.3.49).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipeWait<'a> {
    /// `Timeout` in units of 100 ns, if `TimeoutSpecified`.
    pub timeout: Option<u64>,
    /// `Name`.
    pub name: Utf16<'a>,
}

impl<'a> Decode<'a> for PipeWait<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let timeout = decoder.read("Timeout")?;
        let length = decoder.read("NameLength")?;
        let is_specified: bool = decoder.read("TimeoutSpecified")?;
        decoder.skip(1)?;
        Ok(Self { timeout: is_specified.then_some(timeout), name: decoder.take_text(length, "Name")? })
    }
}

impl Encode for PipeWait<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.timeout.unwrap_or(0));
        encoder.put_count_32(self.name.len());
        encoder.put(self.timeout.is_some());
        encoder.put_zeros(1);
        self.name.encode(encoder);
    }
}

layout! {
    /// `FSCTL_PIPE_PEEK` reply (MS-FSCC 2.3.46) without its data.
    pub struct PipePeek {
        pub state: u32 = "NamedPipeState",
        /// In bytes.
        pub read_data_available: u32 = "ReadDataAvailable",
        pub messages: u32 = "NumberOfMessages",
        /// In bytes.
        pub message_length: u32 = "MessageLength",
    }
}
