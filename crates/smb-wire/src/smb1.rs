//! The one message of SMB1 that is answered: `SMB_COM_NEGOTIATE` with dialects of SMB2 (MS-SMB2 3.3.5.3, MS-CIFS 2.2.4.52).

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault};

const PROTOCOL_ID: [u8; 4] = *b"\xffSMB";
const SMB_COM_NEGOTIATE: u8 = 0x72;
/// What of the header follows the command.
const HEADER_REST_BYTES: usize = 27;
const DIALECT_FORMAT: u8 = 2;
const SMB_2_002: &[u8] = b"SMB 2.002";
const SMB_2_WILDCARD: &[u8] = b"SMB 2.???";

/// `SMB_COM_NEGOTIATE` request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smb1NegotiateRequest<'a> {
    /// What of the header follows `Command`: status, flags and ids, which mean nothing here.
    pub header_rest: [u8; HEADER_REST_BYTES],
    /// `Dialects`: names in OEM characters, each with a buffer format in front and a zero behind.
    pub dialects: &'a [u8],
}

impl<'a> Smb1NegotiateRequest<'a> {
    /// The names of the dialects, up to the first that is malformed.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let names = self.dialects.split(|byte| *byte == 0);
        names
            .map_while(|name| name.split_first().filter(|(format, _)| **format == DIALECT_FORMAT))
            .map(|(_, name)| name)
    }

    /// Whether the client can go on with SMB 2.0.2 (`SMB 2.002`).
    #[must_use]
    pub fn offers_2_0_2(&self) -> bool {
        self.names().any(|name| name == SMB_2_002)
    }

    /// Whether the client will send an SMB2 NEGOTIATE when told to (`SMB 2.???`).
    #[must_use]
    pub fn offers_later(&self) -> bool {
        self.names().any(|name| name == SMB_2_WILDCARD)
    }
}

impl<'a> Decode<'a> for Smb1NegotiateRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        if decoder.array("Protocol")? != PROTOCOL_ID {
            return Err(DecodeError::new("Protocol", Fault::Value));
        }
        if decoder.read::<u8>("Command")? != SMB_COM_NEGOTIATE {
            return Err(DecodeError::new("Command", Fault::Value));
        }
        let header_rest = decoder.array("Status")?;
        let words: u8 = decoder.read("WordCount")?;
        if words != 0 {
            return Err(DecodeError::new("WordCount", Fault::Value));
        }
        let length: u16 = decoder.read("ByteCount")?;
        Ok(Self { header_rest, dialects: decoder.take(usize::from(length), "Dialects")? })
    }
}

impl Encode for Smb1NegotiateRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(PROTOCOL_ID);
        encoder.put(SMB_COM_NEGOTIATE);
        encoder.put(self.header_rest);
        encoder.put(0_u8);
        encoder.put_count_16(self.dialects.len());
        encoder.put_bytes(self.dialects);
    }
}
