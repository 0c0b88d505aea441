//! Extended attributes.

use super::Entry;
use crate::codec::{DecodeError, Decoder, Encode, Encoder, Fault, flags};

flags! {
    /// `Flags` of an extended attribute (MS-FSCC 2.4.16).
    pub struct EaFlags(u8) {
        /// Who does not know it cannot use the file.
        NEED_EA = 0x80 "FILE_NEED_EA",
    }
}

/// `FILE_FULL_EA_INFORMATION` (MS-FSCC 2.4.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullEa<'a> {
    /// `Flags`.
    pub flags: EaFlags,
    /// `EaName`, without the zero behind it.
    pub name: &'a [u8],
    /// `EaValue`; none removes the attribute.
    pub value: &'a [u8],
}

impl<'a> Entry<'a> for FullEa<'a> {
    const ALIGNMENT: usize = 4;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let flags = decoder.read("Flags")?;
        let name_length: u8 = decoder.read("EaNameLength")?;
        let value_length: u16 = decoder.read("EaValueLength")?;
        let name = take_name(decoder, name_length)?;
        Ok(Self { flags, name, value: decoder.take(value_length.into(), "EaValue")? })
    }
}

impl Encode for FullEa<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.flags);
        encoder.put(u8::try_from(self.name.len()).unwrap_or(u8::MAX));
        encoder.put_count_16(self.value.len());
        encoder.put_bytes(self.name);
        encoder.put_zeros(1);
        encoder.put_bytes(self.value);
    }
}

/// `FILE_GET_EA_INFORMATION` (MS-FSCC 2.4.16.1): a name in a list of those that QUERY_INFO asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetEa<'a> {
    /// `EaName`, without the zero behind it.
    pub name: &'a [u8],
}

impl<'a> Entry<'a> for GetEa<'a> {
    const ALIGNMENT: usize = 4;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let name_length: u8 = decoder.read("EaNameLength")?;
        Ok(Self { name: take_name(decoder, name_length)? })
    }
}

impl Encode for GetEa<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(u8::try_from(self.name.len()).unwrap_or(u8::MAX));
        encoder.put_bytes(self.name);
        encoder.put_zeros(1);
    }
}

/// A name and the zero behind it, which must be one.
fn take_name<'a>(decoder: &mut Decoder<'a>, length: u8) -> Result<&'a [u8], DecodeError> {
    let name = decoder.take(length.into(), "EaName")?;
    match decoder.read::<u8>("EaName")? {
        0 => Ok(name),
        _ => Err(DecodeError::new("EaName", Fault::Value)),
    }
}
