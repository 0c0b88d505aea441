//! Items of fixed size behind each other.

use super::{Decode, DecodeError, Decoder, Encode, Encoder, Fixed};

/// Items borrowed from a message, or from memory when a message is to be made. Both compare by their items.
#[derive(Debug, Clone, Copy)]
pub enum List<'a, T> {
    /// As they stand on the wire; bytes at the end that are no whole item do not count.
    Wire(&'a [u8]),
    /// As values.
    Items(&'a [T]),
}

impl<'a, T: Fixed> List<'a, T> {
    /// Reads `count` items.
    ///
    /// # Errors
    /// [`super::Fault::Truncated`], before anything is made of them.
    pub fn read(decoder: &mut Decoder<'a>, count: usize, field: &'static str) -> Result<Self, DecodeError> {
        decoder.take(count.saturating_mul(T::BYTES), field).map(Self::Wire)
    }

    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Wire(bytes) => bytes.len() / T::BYTES,
            Self::Items(items) => items.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        match self {
            Self::Wire(bytes) => {
                let item = bytes.get(index.checked_mul(T::BYTES)?..)?;
                T::read(&mut Decoder::new(item), "").ok()
            }
            Self::Items(items) => items.get(index).copied(),
        }
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let list = *self;
        (0..list.len()).map_while(move |index| list.get(index))
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::Wire(&[])
    }
}

impl<T: Fixed + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Fixed + Eq> Eq for List<'_, T> {}

impl<T: Fixed> Encode for List<'_, T> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Wire(bytes) => encoder.put_bytes(bytes.get(..self.len() * T::BYTES).unwrap_or_default()),
            Self::Items(items) => items.iter().for_each(|item| encoder.put(*item)),
        }
    }
}

/// A list that fills what is left.
impl<'a, T: Fixed> Decode<'a> for List<'a, T> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        Ok(Self::Wire(decoder.rest()))
    }
}
