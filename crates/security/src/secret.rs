//! Bytes that are shown to nobody and wiped when they are no longer needed.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key of 0 to 32 bytes. `Debug` tells its length only; the memory is wiped when it is dropped. There is no equality:
/// whatever is compared with a key is compared in constant time, by the function that needs it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key {
    bytes: [u8; Self::BYTES_MAX],
    length: usize,
}

impl Key {
    /// Longest key: that of AES-256, and of a Kerberos session key.
    pub const BYTES_MAX: usize = 32;

    /// A key of these bytes; what goes beyond [`Key::BYTES_MAX`] is left out.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut key = Self { bytes: [0; Self::BYTES_MAX], length: bytes.len().min(Self::BYTES_MAX) };
        key.bytes.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        key
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The first `N` bytes, filled up with zeros on the right where there are fewer.
    #[must_use]
    pub fn first<const N: usize>(&self) -> [u8; N] {
        let mut first = [0; N];
        first.iter_mut().zip(self.bytes()).for_each(|(place, byte)| *place = *byte);
        first
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_to_nobody() {
        assert_eq!(format!("{:?}", Key::new(&[0xab; 16])), "Key(16 bytes)");
    }

    #[test]
    fn short_keys_are_filled_with_zeros() {
        let key = Key::new(&[1, 2, 3]);
        assert_eq!((key.bytes(), key.first::<4>()), ([1, 2, 3].as_slice(), [1, 2, 3, 0]));
        assert_eq!(Key::new(&[7; 40]).bytes(), [7; 32]);
    }
}
