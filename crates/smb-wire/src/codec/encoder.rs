//! Appending fields to a buffer.

use bytes::{BufMut, BytesMut};

use super::Fixed;
use crate::HEADER_BYTES;

/// Appends to a borrowed buffer, which may already hold something. Offsets count as those of [`super::Decoder`] do.
#[derive(Debug)]
pub struct Encoder<'buffer> {
    buffer: &'buffer mut BytesMut,
    start: usize,
    base: usize,
}

/// A field that is written once more, when its value is known.
#[derive(Debug, Clone, Copy)]
pub struct Place(usize);

impl Place {
    /// The place so many bytes behind this one.
    #[must_use]
    pub const fn after(self, bytes: usize) -> Self {
        Self(self.0 + bytes)
    }
}

impl<'buffer> Encoder<'buffer> {
    /// An encoder of a structure that begins at the end of `buffer` and counts offsets from there.
    #[must_use]
    pub fn new(buffer: &'buffer mut BytesMut) -> Self {
        Self { start: buffer.len(), buffer, base: 0 }
    }

    /// An encoder of what follows the header of an SMB2 message.
    #[must_use]
    pub fn body(buffer: &'buffer mut BytesMut) -> Self {
        Self { start: buffer.len(), buffer, base: HEADER_BYTES }
    }

    /// An encoder of a structure within this one that counts offsets from its own begin.
    pub fn nested(&mut self) -> Encoder<'_> {
        Encoder::new(self.buffer)
    }

    /// Where the next field will stand, counted as offsets on the wire are.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> usize {
        self.base + self.buffer.len() - self.start
    }

    /// Makes room for `additional` bytes at once.
    pub fn reserve(&mut self, additional: usize) {
        self.buffer.reserve(additional);
    }

    /// Appends a field of fixed size.
    #[inline]
    pub fn put<T: Fixed>(&mut self, value: T) {
        value.write(self);
    }

    /// Appends bytes.
    #[inline]
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// Appends zeros.
    #[inline]
    pub fn put_zeros(&mut self, count: usize) {
        self.buffer.put_bytes(0, count);
    }

    /// Appends a number of bytes or items in 16 bits.
    #[inline]
    pub fn put_count_16(&mut self, count: usize) {
        self.put(u16::try_from(count).unwrap_or(u16::MAX));
    }

    /// Appends a number of bytes or items in 32 bits.
    #[inline]
    pub fn put_count_32(&mut self, count: usize) {
        self.put(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Appends zeros until the offset is a multiple of `alignment`.
    #[inline]
    pub fn align(&mut self, alignment: usize) {
        let missing = self.offset().next_multiple_of(alignment) - self.offset();
        self.put_zeros(missing);
    }

    /// Appends zeros to be replaced by [`Encoder::set`].
    #[inline]
    pub fn place<T: Fixed>(&mut self) -> Place {
        let place = Place(self.buffer.len());
        self.put_zeros(T::BYTES);
        place
    }

    /// Writes a field whose place was kept.
    #[inline]
    pub fn set(&mut self, place: Place, bytes: &[u8]) {
        if let Some(field) = self.buffer.get_mut(place.0..).and_then(|rest| rest.get_mut(..bytes.len())) {
            field.copy_from_slice(bytes);
        }
    }

    /// Writes an offset or length of 16 bits whose place was kept.
    #[inline]
    pub fn set_16(&mut self, place: Place, value: usize) {
        self.set(place, &u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }

    /// Writes an offset or length of 32 bits whose place was kept.
    #[inline]
    pub fn set_32(&mut self, place: Place, value: usize) {
        self.set(place, &u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }
}
