//! `FSCTL_VALIDATE_NEGOTIATE_INFO`.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, List, layout};
use crate::dtyp::Guid;
use crate::negotiate::{Capabilities, Dialect, SecurityMode};

/// `VALIDATE_NEGOTIATE_INFO Request` (MS-SMB2 2.2.31.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidateNegotiateRequest<'a> {
    /// `Capabilities`.
    pub capabilities: Capabilities,
    /// `Guid`.
    pub client_guid: Guid,
    /// `SecurityMode`.
    pub security_mode: SecurityMode,
    /// `Dialects`.
    pub dialects: List<'a, Dialect>,
}

impl<'a> Decode<'a> for ValidateNegotiateRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let capabilities = decoder.read("Capabilities")?;
        let client_guid = decoder.read("Guid")?;
        let security_mode = decoder.read("SecurityMode")?;
        let count: u16 = decoder.read("DialectCount")?;
        let dialects = List::read(decoder, count.into(), "Dialects")?;
        Ok(Self { capabilities, client_guid, security_mode, dialects })
    }
}

impl Encode for ValidateNegotiateRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.capabilities);
        encoder.put(self.client_guid);
        encoder.put(self.security_mode);
        encoder.put_count_16(self.dialects.len());
        self.dialects.encode(encoder);
    }
}

layout! {
    /// `VALIDATE_NEGOTIATE_INFO Response` (MS-SMB2 2.2.32.6).
    pub struct ValidateNegotiateResponse {
        pub capabilities: Capabilities = "Capabilities",
        pub server_guid: Guid = "Guid",
        pub security_mode: SecurityMode = "SecurityMode",
        pub dialect: Dialect = "Dialect",
    }
}
