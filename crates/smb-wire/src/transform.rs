//! The header in front of encrypted messages (MS-SMB2 2.2.41). The cryptography is elsewhere.

use std::ops::Range;

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault};

/// Size of the header; what is encrypted follows it.
pub const TRANSFORM_HEADER_BYTES: usize = 52;
/// What is authenticated beside the message: from `Nonce` to the end of the header.
pub const AUTHENTICATED_AT: Range<usize> = 20..TRANSFORM_HEADER_BYTES;
/// Where `Signature` stands.
pub const TAG_AT: Range<usize> = 4..20;

const PROTOCOL_ID: [u8; 4] = *b"\xfdSMB";
/// `Encrypted` (SMB 3.1.1); in SMB 3.0 and 3.0.2 the same number is `SMB2_ENCRYPTION_AES128_CCM`.
const ENCRYPTED: u16 = 1;

/// `SMB2 TRANSFORM_HEADER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransformHeader {
    /// `Signature`: the tag of the cipher.
    pub signature: [u8; 16],
    /// `Nonce`: 11 bytes of it for CCM, 12 for GCM.
    pub nonce: [u8; 16],
    /// `OriginalMessageSize`: bytes of the message.
    pub original_message_size: u32,
    /// `SessionId`.
    pub session_id: u64,
}

impl<'a> Decode<'a> for TransformHeader {
    /// Errors: `ProtocolId`, `Flags` other than `Encrypted` ([`Fault::Value`]), and whatever is cut off.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        if decoder.array("ProtocolId")? != PROTOCOL_ID {
            return Err(DecodeError::new("ProtocolId", Fault::Value));
        }
        let signature = decoder.array("Signature")?;
        let nonce = decoder.array("Nonce")?;
        let original_message_size = decoder.read("OriginalMessageSize")?;
        decoder.skip(2)?;
        if decoder.read::<u16>("Flags")? != ENCRYPTED {
            return Err(DecodeError::new("Flags", Fault::Value));
        }
        Ok(Self { signature, nonce, original_message_size, session_id: decoder.read("SessionId")? })
    }
}

impl Encode for TransformHeader {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(PROTOCOL_ID);
        encoder.put(self.signature);
        encoder.put(self.nonce);
        encoder.put(self.original_message_size);
        encoder.put_zeros(2);
        encoder.put(ENCRYPTED);
        encoder.put(self.session_id);
    }
}
