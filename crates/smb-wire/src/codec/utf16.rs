//! Text on the wire: UTF-16, little-endian, not always well-formed.

use std::fmt::{self, Write};

use super::{Decode, DecodeError, Decoder, Encode, Encoder, Fault};

/// UTF-16LE as it stands in a message, of whole units.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Utf16<'a>(&'a [u8]);

impl<'a> Utf16<'a> {
    /// `None` for half a unit.
    #[must_use]
    pub const fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len().is_multiple_of(2) { Some(Self(bytes)) } else { None }
    }

    /// The bytes on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Bytes on the wire.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether it has no units.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The units in order.
    pub fn units(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.0.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
    }

    /// The characters in order; an error holds a surrogate without its partner.
    pub fn chars(self) -> impl Iterator<Item = Result<char, u16>> + Clone + 'a {
        char::decode_utf16(self.units()).map(|item| item.map_err(|lone| lone.unpaired_surrogate()))
    }

    /// Whether it is this text.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.units().eq(text.encode_utf16())
    }
}

/// Lone surrogates become U+FFFD.
impl fmt::Display for Utf16<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|item| formatter.write_char(item.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl fmt::Debug for Utf16<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string())
    }
}

impl Encode for Utf16<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_bytes(self.0);
    }
}

/// Text that fills what is left.
impl<'a> Decode<'a> for Utf16<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        Self::from_bytes(decoder.rest()).ok_or(DecodeError::new("Name", Fault::Length))
    }
}
