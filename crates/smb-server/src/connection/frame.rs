//! A frame as it was received: in a buffer of its own size, or in blocks of the pool.

use admission::LargeRecord;
use bytes::{Bytes, BytesMut};

/// One frame, without the header of the transport.
#[derive(Debug)]
pub(crate) enum Frame {
    /// In a buffer.
    Small(BytesMut),
    /// In blocks, so that the data of a WRITE lies in memory as it will lie in the file.
    Large(LargeRecord),
}

impl Frame {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(large) => large.bytes(),
        }
    }

    /// Its bytes, to decrypt them where they lie.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(large) => large.bytes_mut(),
        }
    }

    /// Its bytes, which nobody changes any more.
    pub(crate) fn freeze(self) -> Bytes {
        match self {
            Self::Small(bytes) => bytes.freeze(),
            Self::Large(large) => large.freeze(),
        }
    }
}

impl From<BytesMut> for Frame {
    fn from(bytes: BytesMut) -> Self {
        Self::Small(bytes)
    }
}
