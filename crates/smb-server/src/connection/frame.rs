//! A frame as it was received: in a buffer of its own size, or in blocks of the pool.

use bytes::{Bytes, BytesMut};
use pages::PageBuf;

/// One frame, without the header of the transport.
#[derive(Debug)]
pub(crate) enum Frame {
    /// In a buffer.
    Small(BytesMut),
    /// In blocks, so that the data of a WRITE lies in memory as it will lie in the file.
    Large {
        /// The blocks.
        memory: PageBuf,
        /// Where the frame begins in them.
        start: usize,
        /// Where it ends.
        end: usize,
    },
}

impl Frame {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large { memory, start, end } => memory.get(*start..*end).unwrap_or_default(),
        }
    }

    /// Its bytes, to decrypt them where they lie.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large { memory, start, end } => memory.get_mut(*start..*end).unwrap_or_default(),
        }
    }

    /// Its bytes, which nobody changes any more.
    pub(crate) fn freeze(self) -> Bytes {
        match self {
            Self::Small(bytes) => bytes.freeze(),
            Self::Large { memory, start, end } => memory.freeze().slice(start..end),
        }
    }
}

impl From<BytesMut> for Frame {
    fn from(bytes: BytesMut) -> Self {
        Self::Small(bytes)
    }
}
