//! What a client offers.

use super::{Capabilities, Dialect, NegotiateContexts, SecurityMode};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, List};
use crate::dtyp::Guid;

/// `SMB2 NEGOTIATE Request` (MS-SMB2 2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateRequest<'a> {
    /// `SecurityMode`.
    pub security_mode: SecurityMode,
    /// `Capabilities`; nothing in SMB 2.
    pub capabilities: Capabilities,
    /// `ClientGuid`.
    pub client_guid: Guid,
    /// `Dialects`, at least one.
    pub dialects: List<'a, Dialect>,
    /// `NegotiateContextList`; looked at only if SMB 3.1.1 is among the dialects.
    pub contexts: NegotiateContexts<'a>,
}

impl<'a> Decode<'a> for NegotiateRequest<'a> {
    /// Errors: fields that are cut off, no `Dialects`, those of [`NegotiateContexts::at`].
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(36)?;
        let dialect_count: u16 = decoder.read("DialectCount")?;
        let security_mode = decoder.read("SecurityMode")?;
        decoder.skip(2)?;
        let capabilities = decoder.read("Capabilities")?;
        let client_guid = decoder.read("ClientGuid")?;
        let context_offset = decoder.read("NegotiateContextOffset")?;
        let context_count = decoder.read("NegotiateContextCount")?;
        decoder.skip(2)?;
        if dialect_count == 0 {
            return Err(DecodeError::new("DialectCount", Fault::Value));
        }
        let dialects = List::<Dialect>::read(decoder, usize::from(dialect_count), "Dialects")?;
        let has_contexts = dialects.iter().any(|dialect| dialect == Dialect::SMB_3_1_1);
        let contexts = if has_contexts {
            NegotiateContexts::at(decoder, context_offset, context_count)?
        } else {
            NegotiateContexts::default()
        };
        Ok(Self { security_mode, capabilities, client_guid, dialects, contexts })
    }
}

impl Encode for NegotiateRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(36_u16);
        encoder.put_count_16(self.dialects.len());
        encoder.put(self.security_mode);
        encoder.put_zeros(2);
        encoder.put(self.capabilities);
        encoder.put(self.client_guid);
        let context_offset = encoder.place::<u32>();
        encoder.put_count_16(self.contexts.len());
        encoder.put_zeros(2);
        self.dialects.encode(encoder);
        self.contexts.encode_behind(encoder, context_offset);
    }
}
