//! Bounded byte strings: names, paths, handles.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, padded_size};

/// A variable-length opaque or string of at most `MAX` bytes. Bytes, not text: names need not be UTF-8.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Opaque<const MAX: usize>(Bytes);

impl<const MAX: usize> Opaque<MAX> {
    /// The limit in bytes.
    pub const MAX_BYTES: usize = MAX;

    /// Takes bytes as they are.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] above `MAX` bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        if bytes.len() > MAX {
            return Err(DecodeError::TooLong { length: bytes.len(), maximum: MAX });
        }
        Ok(Self(bytes))
    }

    /// Text known when compiling, cut at the limit.
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()).slice(..text.len().min(MAX)))
    }

    /// The bytes, sharing memory.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes, given away.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl<const MAX: usize> Deref for Opaque<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> AsRef<[u8]> for Opaque<MAX> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Opaque<MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

impl<const MAX: usize> Encode for Opaque<MAX> {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_opaque(&self.0);
    }

    fn encoded_size(&self) -> usize {
        UNIT + padded_size(self.0.len())
    }
}

impl<const MAX: usize> Decode for Opaque<MAX> {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_opaque(MAX).map(Self)
    }
}
