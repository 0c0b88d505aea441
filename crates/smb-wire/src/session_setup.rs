//! SESSION_SETUP.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, flags};
use crate::negotiate::{Capabilities, SecurityMode};

flags! {
    /// `Flags` of the request (MS-SMB2 2.2.5).
    pub struct SessionSetupFlags(u8) {
        /// The connection becomes a channel of a session that is there.
        BINDING = 1 "SMB2_SESSION_FLAG_BINDING",
    }
}

flags! {
    /// `SessionFlags` of the response (MS-SMB2 2.2.6).
    pub struct SessionFlags(u16) {
        IS_GUEST = 1 "SMB2_SESSION_FLAG_IS_GUEST",
        IS_NULL = 2 "SMB2_SESSION_FLAG_IS_NULL",
        ENCRYPT_DATA = 4 "SMB2_SESSION_FLAG_ENCRYPT_DATA",
    }
}

/// `SMB2 SESSION_SETUP Request` (MS-SMB2 2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSetupRequest<'a> {
    /// `Flags`, of SMB 3 only.
    pub flags: SessionSetupFlags,
    /// `SecurityMode`.
    pub security_mode: SecurityMode,
    /// `Capabilities`.
    pub capabilities: Capabilities,
    /// `PreviousSessionId`: a session of the same user that this one replaces, or 0.
    pub previous_session_id: u64,
    /// `Buffer`: a token of GSS.
    pub security_buffer: &'a [u8],
}

impl<'a> Decode<'a> for SessionSetupRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(25)?;
        let flags = decoder.read("Flags")?;
        let security_mode: u8 = decoder.read("SecurityMode")?;
        let capabilities = decoder.read("Capabilities")?;
        decoder.skip(4)?;
        let offset: u16 = decoder.read("SecurityBufferOffset")?;
        let length: u16 = decoder.read("SecurityBufferLength")?;
        let previous_session_id = decoder.read("PreviousSessionId")?;
        let security_mode = SecurityMode::from_bits_retain(security_mode.into());
        let security_buffer = decoder.part(offset.into(), length.into(), "SecurityBuffer")?;
        Ok(Self { flags, security_mode, capabilities, previous_session_id, security_buffer })
    }
}

impl Encode for SessionSetupRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let [security_mode, _] = self.security_mode.bits().to_le_bytes();
        encoder.put(25_u16);
        encoder.put(self.flags);
        encoder.put(security_mode);
        encoder.put(self.capabilities);
        encoder.put_zeros(4);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.security_buffer.len());
        encoder.put(self.previous_session_id);
        encoder.set_16(offset, encoder.offset());
        encoder.put_bytes(self.security_buffer);
    }
}

/// `SMB2 SESSION_SETUP Response` (MS-SMB2 2.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSetupResponse<'a> {
    /// `SessionFlags`.
    pub flags: SessionFlags,
    /// `Buffer`: a token of GSS.
    pub security_buffer: &'a [u8],
}

impl<'a> Decode<'a> for SessionSetupResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(9)?;
        let flags = decoder.read("SessionFlags")?;
        let offset: u16 = decoder.read("SecurityBufferOffset")?;
        let length: u16 = decoder.read("SecurityBufferLength")?;
        Ok(Self { flags, security_buffer: decoder.part(offset.into(), length.into(), "SecurityBuffer")? })
    }
}

impl Encode for SessionSetupResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(9_u16);
        encoder.put(self.flags);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.security_buffer.len());
        encoder.set_16(offset, encoder.offset());
        encoder.put_bytes(self.security_buffer);
    }
}
