//! Reading fields from a borrowed message.

use super::{DecodeError, Fault, Fixed, Utf16};
use crate::HEADER_BYTES;

/// A cursor over a message. Offsets on the wire count from [`Decoder::new`]'s first byte, or from the header in front
/// of [`Decoder::body`]'s.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    position: usize,
    /// What an offset on the wire says of `bytes[0]`.
    base: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of a structure that counts offsets from there.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, base: 0 }
    }

    /// A decoder behind the header of an SMB2 message, from which offsets count.
    #[must_use]
    pub const fn body(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, base: HEADER_BYTES }
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Where the next field stands, counted as offsets on the wire are.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.base + self.position
    }

    /// Reads a field of fixed size.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    #[inline]
    pub fn read<T: Fixed>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        T::read(self, field)
    }

    /// Reads `N` bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some(array) = self.rest().first_chunk::<N>() else {
            return Err(DecodeError::new(field, Fault::Truncated));
        };
        self.position += N;
        Ok(*array)
    }

    /// Reads `length` bytes, borrowed.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    #[inline]
    pub fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some(bytes) = self.rest().get(..length) else {
            return Err(DecodeError::new(field, Fault::Truncated));
        };
        self.position += length;
        Ok(bytes)
    }

    /// Steps over a field that receivers ignore.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    #[inline]
    pub fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.take(length, "Reserved").map(drop)
    }

    /// Steps over padding up to an offset that is a multiple of `alignment`.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    pub fn align(&mut self, alignment: usize) -> Result<(), DecodeError> {
        self.take(self.offset().next_multiple_of(alignment) - self.offset(), "Padding").map(drop)
    }

    /// Reads `StructureSize`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], then [`Fault::StructureSize`].
    #[inline]
    pub fn structure_size(&mut self, expected: u16) -> Result<(), DecodeError> {
        match self.read::<u16>("StructureSize")? {
            size if size == expected => Ok(()),
            size => Err(DecodeError::new("StructureSize", Fault::StructureSize(size))),
        }
    }

    /// A variable part by its offset and length, to be asked for when all fields of fixed size are read: it lies behind
    /// them. Nothing at all may have any offset.
    ///
    /// # Errors
    /// [`Fault::OutOfBounds`].
    #[inline]
    pub fn part(&self, offset: u32, length: u32, field: &'static str) -> Result<&'a [u8], DecodeError> {
        if length == 0 {
            return Ok(&[]);
        }
        let out_of_bounds = DecodeError::new(field, Fault::OutOfBounds);
        let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
            return Err(out_of_bounds);
        };
        let Some(start) = offset.checked_sub(self.base).filter(|start| *start >= self.position) else {
            return Err(out_of_bounds);
        };
        let end = start.checked_add(length).ok_or(out_of_bounds)?;
        self.bytes.get(start..end).ok_or(out_of_bounds)
    }

    /// A variable part that is text.
    ///
    /// # Errors
    /// [`Fault::OutOfBounds`], then [`Fault::Length`] for half a unit.
    #[inline]
    pub fn text(&self, offset: u32, length: u32, field: &'static str) -> Result<Utf16<'a>, DecodeError> {
        Utf16::from_bytes(self.part(offset, length, field)?).ok_or_else(|| DecodeError::new(field, Fault::Length))
    }

    /// `length` bytes of text at the position of the decoder.
    ///
    /// # Errors
    /// [`Fault::Truncated`], then [`Fault::Length`] for half a unit.
    pub fn take_text(&mut self, length: u32, field: &'static str) -> Result<Utf16<'a>, DecodeError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Utf16::from_bytes(self.take(length, field)?).ok_or_else(|| DecodeError::new(field, Fault::Length))
    }
}
