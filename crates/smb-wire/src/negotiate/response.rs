//! What the server chose.

use super::{Capabilities, Dialect, NegotiateContexts, SecurityMode};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder};
use crate::dtyp::{FileTime, Guid};

/// `SMB2 NEGOTIATE Response` (MS-SMB2 2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateResponse<'a> {
    /// `SecurityMode`.
    pub security_mode: SecurityMode,
    /// `DialectRevision`.
    pub dialect: Dialect,
    /// `ServerGuid`.
    pub server_guid: Guid,
    /// `Capabilities`.
    pub capabilities: Capabilities,
    /// `MaxTransactSize` in bytes.
    pub max_transact_size: u32,
    /// `MaxReadSize` in bytes.
    pub max_read_size: u32,
    /// `MaxWriteSize` in bytes.
    pub max_write_size: u32,
    /// `SystemTime`.
    pub system_time: FileTime,
    /// `ServerStartTime`; servers send zero.
    pub server_start_time: FileTime,
    /// `Buffer`: the first token of GSS.
    pub security_buffer: &'a [u8],
    /// `NegotiateContextList`, of SMB 3.1.1 only.
    pub contexts: NegotiateContexts<'a>,
}

impl<'a> Decode<'a> for NegotiateResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(65)?;
        let security_mode = decoder.read("SecurityMode")?;
        let dialect = decoder.read("DialectRevision")?;
        let context_count = decoder.read("NegotiateContextCount")?;
        let server_guid = decoder.read("ServerGuid")?;
        let capabilities = decoder.read("Capabilities")?;
        let max_transact_size = decoder.read("MaxTransactSize")?;
        let max_read_size = decoder.read("MaxReadSize")?;
        let max_write_size = decoder.read("MaxWriteSize")?;
        let system_time = decoder.read("SystemTime")?;
        let server_start_time = decoder.read("ServerStartTime")?;
        let offset: u16 = decoder.read("SecurityBufferOffset")?;
        let length: u16 = decoder.read("SecurityBufferLength")?;
        let context_offset = decoder.read("NegotiateContextOffset")?;
        let security_buffer = decoder.part(offset.into(), length.into(), "SecurityBuffer")?;
        let contexts = if dialect == Dialect::SMB_3_1_1 {
            NegotiateContexts::at(decoder, context_offset, context_count)?
        } else {
            NegotiateContexts::default()
        };
        Ok(Self {
            security_mode,
            dialect,
            server_guid,
            capabilities,
            max_transact_size,
            max_read_size,
            max_write_size,
            system_time,
            server_start_time,
            security_buffer,
            contexts,
        })
    }
}

impl Encode for NegotiateResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(65_u16);
        encoder.put(self.security_mode);
        encoder.put(self.dialect);
        encoder.put_count_16(self.contexts.len());
        encoder.put(self.server_guid);
        encoder.put(self.capabilities);
        encoder.put(self.max_transact_size);
        encoder.put(self.max_read_size);
        encoder.put(self.max_write_size);
        encoder.put(self.system_time);
        encoder.put(self.server_start_time);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.security_buffer.len());
        let context_offset = encoder.place::<u32>();
        encoder.set_16(offset, encoder.offset());
        encoder.put_bytes(self.security_buffer);
        self.contexts.encode_behind(encoder, context_offset);
    }
}
