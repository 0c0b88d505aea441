//! Appending XDR to a buffer.

use bytes::{BufMut, BytesMut};

use super::padding;

/// Appends items to a borrowed buffer, which may already hold something (a record marker, an RPC header).
#[derive(Debug)]
pub struct Encoder<'buffer> {
    buffer: &'buffer mut BytesMut,
}

impl<'buffer> Encoder<'buffer> {
    /// An encoder that appends to `buffer`.
    #[must_use]
    pub const fn new(buffer: &'buffer mut BytesMut) -> Self {
        Self { buffer }
    }

    /// Bytes in the buffer, those from before this encoder included.
    #[must_use]
    pub fn position(&self) -> usize {
        self.buffer.len()
    }

    /// Makes room for `additional` bytes at once.
    pub fn reserve(&mut self, additional: usize) {
        self.buffer.reserve(additional);
    }

    /// Appends an unsigned integer (RFC 4506 4.2).
    #[inline]
    pub fn put_u32(&mut self, value: u32) {
        self.buffer.put_u32(value);
    }

    /// Appends an unsigned hyper (RFC 4506 4.5).
    #[inline]
    pub fn put_u64(&mut self, value: u64) {
        self.buffer.put_u64(value);
    }

    /// Appends a boolean (RFC 4506 4.4).
    #[inline]
    pub fn put_bool(&mut self, value: bool) {
        self.put_u32(u32::from(value));
    }

    /// Appends bytes and their padding without a length (RFC 4506 4.9).
    #[inline]
    pub fn put_fixed(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
        self.buffer.put_slice(padding(bytes.len()));
    }

    /// Appends a variable-length opaque or string: length, bytes, padding (RFC 4506 4.10, 4.11).
    #[inline]
    pub fn put_opaque(&mut self, bytes: &[u8]) {
        self.put_length(bytes.len());
        self.put_fixed(bytes);
    }

    /// Appends a length word. Nothing in memory that goes on this wire reaches 4 GiB; it would saturate.
    #[inline]
    pub fn put_length(&mut self, length: usize) {
        self.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    }
}
