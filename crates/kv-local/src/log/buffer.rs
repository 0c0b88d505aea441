//! Memory aligned for `O_DIRECT`, allocated once and reused.

use super::BLOCK_BYTES;

/// A byte buffer of fixed capacity whose start is aligned to a block.
#[derive(Debug)]
pub(crate) struct AlignedBuffer {
    storage: Vec<u8>,
    start: usize,
    capacity: usize,
    len: usize,
}

impl AlignedBuffer {
    /// An empty buffer for up to this many bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let storage = vec![0; capacity + ALIGNMENT];
        let start = storage.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { storage, start, capacity, len: 0 }
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends; `false` (and nothing appended) when it does not fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        if self.len + bytes.len() > self.capacity {
            return false;
        }
        let at = self.len;
        self.len += bytes.len();
        self.patch(at, bytes)
    }

    /// Overwrites what is held there; `false` when it is not.
    pub(crate) fn patch(&mut self, at: usize, bytes: &[u8]) -> bool {
        let held = self.bytes_mut();
        let Some(target) = held.get_mut(at..at + bytes.len()) else { return false };
        target.copy_from_slice(bytes);
        true
    }

    /// Appends zeros up to a multiple of `unit`, as far as the capacity reaches.
    pub(crate) fn pad(&mut self, unit: usize) {
        let at = self.len;
        self.len = self.len.next_multiple_of(unit).min(self.capacity);
        if let Some(padding) = self.bytes_mut().get_mut(at..) {
            padding.fill(0);
        }
    }

    /// Makes it this long, with whatever bytes are there (zeros at first); for reading into.
    pub(crate) fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity);
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.storage.get(self.start..self.start + self.len).unwrap_or_default()
    }

    /// What it holds.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.storage.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "4096 fits every usize")]
const ALIGNMENT: usize = BLOCK_BYTES as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_bounded() {
        let mut buffer = AlignedBuffer::new(8192);
        assert!(buffer.push(b"abc"));
        assert_eq!(buffer.bytes().as_ptr().align_offset(4096), 0);
        assert!(!buffer.push(&[1; 8190]));
        assert!(buffer.patch(1, b"X") && !buffer.patch(3, b"X"));
        buffer.pad(4096);
        assert_eq!((buffer.len(), &buffer.bytes()[..4]), (4096, &b"aXc\0"[..]));
    }
}
