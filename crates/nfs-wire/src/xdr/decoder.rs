//! Reading XDR from one shared buffer.

use bytes::Bytes;

use super::{DecodeError, padding};

/// A cursor over one record. Opaque items come out as slices that share the record's memory.
#[derive(Debug, Clone)]
pub struct Decoder {
    bytes: Bytes,
    position: usize,
}

impl Decoder {
    /// A decoder at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What has not been read yet, sharing memory.
    #[must_use]
    pub fn rest(&self) -> Bytes {
        self.bytes.slice(self.position.min(self.bytes.len())..)
    }

    /// Reads an unsigned integer or the bits of a signed one (RFC 4506 4.1, 4.2).
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    #[inline]
    pub fn read_u32(&mut self) -> Result<u32, DecodeError> {
        self.read_array().map(u32::from_be_bytes)
    }

    /// Reads an unsigned hyper (RFC 4506 4.5).
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    #[inline]
    pub fn read_u64(&mut self) -> Result<u64, DecodeError> {
        self.read_array().map(u64::from_be_bytes)
    }

    /// Reads a boolean (RFC 4506 4.4).
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], then [`DecodeError::InvalidBool`].
    #[inline]
    pub fn read_bool(&mut self) -> Result<bool, DecodeError> {
        match self.read_u32()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::InvalidBool(other)),
        }
    }

    /// Reads `N` bytes as they are; `N` is a multiple of four (RFC 4506 4.9).
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    #[inline]
    pub fn read_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<N>());
        let Some(array) = array else {
            return Err(DecodeError::Truncated { needed: N, remaining: self.remaining() });
        };
        self.position += N;
        Ok(*array)
    }

    /// Reads a variable-length opaque or string of at most `maximum` bytes with its padding (RFC 4506 4.10, 4.11).
    /// Padding bytes may hold anything: real clients send uninitialised ones.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] in the length, [`DecodeError::TooLong`], then [`DecodeError::Truncated`] in the body.
    #[inline]
    pub fn read_opaque(&mut self, maximum: usize) -> Result<Bytes, DecodeError> {
        let length = self.read_length(maximum)?;
        let padded = length.saturating_add(padding(length).len());
        if padded > self.remaining() {
            return Err(DecodeError::Truncated { needed: padded, remaining: self.remaining() });
        }
        let opaque = self.bytes.slice(self.position..self.position + length);
        self.position += padded;
        Ok(opaque)
    }

    /// Reads the length word of a variable-length item.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], then [`DecodeError::TooLong`].
    pub fn read_length(&mut self, maximum: usize) -> Result<usize, DecodeError> {
        let length = usize::try_from(self.read_u32()?).unwrap_or(usize::MAX);
        if length > maximum {
            return Err(DecodeError::TooLong { length, maximum });
        }
        Ok(length)
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes(left)),
        }
    }
}
