//! Entries behind each other that begin with `NextEntryOffset`: listings, streams, extended attributes, changes.

use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};

use crate::codec::{DecodeError, Decoder, Encode, Encoder, Fault};

/// One entry, behind its `NextEntryOffset`.
pub trait Entry<'a>: Encode + Copy {
    /// What the offsets of entries are a multiple of.
    const ALIGNMENT: usize;

    /// Reads the entry from behind its `NextEntryOffset`; it may be followed by padding.
    ///
    /// # Errors
    /// Those of its fields.
    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError>;
}

/// Walks entries. A malformed one is the last.
#[derive(Debug, Clone)]
pub struct Entries<'a, T> {
    rest: &'a [u8],
    entry: PhantomData<T>,
}

impl<'a, T: Entry<'a>> Entries<'a, T> {
    /// The entries that fill `bytes`; none in no bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, entry: PhantomData }
    }

    fn next_entry(&mut self) -> Result<T, DecodeError> {
        let whole = std::mem::take(&mut self.rest);
        let mut decoder = Decoder::new(whole);
        let next: u32 = decoder.read("NextEntryOffset")?;
        let Ok(next) = usize::try_from(next) else {
            return Err(DecodeError::new("NextEntryOffset", Fault::OutOfBounds));
        };
        if next == 0 {
            return T::decode_entry(&mut decoder);
        }
        if !next.is_multiple_of(4) {
            return Err(DecodeError::new("NextEntryOffset", Fault::Misaligned));
        }
        let (Some(entry), Some(rest)) = (whole.get(size_of::<u32>()..next), whole.get(next..)) else {
            return Err(DecodeError::new("NextEntryOffset", Fault::OutOfBounds));
        };
        self.rest = rest;
        T::decode_entry(&mut Decoder::new(entry))
    }
}

impl<'a, T: Entry<'a>> Iterator for Entries<'a, T> {
    type Item = Result<T, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.next_entry())
    }
}

/// Appends entries to a buffer as long as they fit.
#[derive(Debug)]
pub struct EntryWriter<'buffer> {
    buffer: &'buffer mut BytesMut,
    start: usize,
    limit: usize,
    last: Option<usize>,
}

impl<'buffer> EntryWriter<'buffer> {
    /// Entries from the end of `buffer`, of at most `limit` bytes together.
    #[must_use]
    pub fn new(buffer: &'buffer mut BytesMut, limit: usize) -> Self {
        Self { start: buffer.len(), buffer, limit, last: None }
    }

    /// Appends an entry, and tells whether it fits; if not, nothing was written.
    #[must_use]
    pub fn push<'a, T: Entry<'a>>(&mut self, entry: &T) -> bool {
        let before = self.buffer.len();
        let padded = self.len().next_multiple_of(T::ALIGNMENT);
        self.buffer.put_bytes(0, self.start + padded - before);
        let place = self.buffer.len();
        self.buffer.put_u32_le(0);
        entry.encode(&mut Encoder::new(self.buffer));
        if self.len() > self.limit {
            self.buffer.truncate(before);
            return false;
        }
        if let Some(last) = self.last.replace(place) {
            set_next(self.buffer, last, place - last);
        }
        true
    }

    /// Bytes of the entries so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Whether no entry was appended.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.last.is_none()
    }
}

fn set_next(buffer: &mut BytesMut, entry_at: usize, next: usize) {
    if let Some(field) = buffer.get_mut(entry_at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = u32::try_from(next).unwrap_or(u32::MAX).to_le_bytes();
    }
}
