//! The two shapes of a sequence on the wire.

use super::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT};

/// A counted array of at most `MAX` elements (RFC 4506 4.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array<T, const MAX: usize>(Vec<T>);

/// A chain of optional items, `*entry` with a `next` in each, of at most `MAX` elements (RFC 4506 4.19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedList<T, const MAX: usize>(Vec<T>);

macro_rules! bounded_vector {
    ($list:ident) => {
        impl<T, const MAX: usize> $list<T, MAX> {
            /// The limit in elements.
            pub const MAX_ELEMENTS: usize = MAX;

            /// Takes the elements as they are.
            ///
            /// # Errors
            /// [`DecodeError::TooLong`] above `MAX` elements.
            pub fn new(elements: Vec<T>) -> Result<Self, DecodeError> {
                if elements.len() > MAX {
                    return Err(DecodeError::TooLong { length: elements.len(), maximum: MAX });
                }
                Ok(Self(elements))
            }

            /// The elements in the order of the wire.
            #[must_use]
            pub fn as_slice(&self) -> &[T] {
                &self.0
            }

            /// The elements, given away.
            #[must_use]
            pub fn into_vec(self) -> Vec<T> {
                self.0
            }
        }

        impl<T, const MAX: usize> Default for $list<T, MAX> {
            fn default() -> Self {
                Self(Vec::new())
            }
        }

        impl<T, const MAX: usize> std::ops::Deref for $list<T, MAX> {
            type Target = [T];

            fn deref(&self) -> &[T] {
                &self.0
            }
        }

        /// Collects at most `MAX` elements; what comes after is left out.
        impl<T, const MAX: usize> FromIterator<T> for $list<T, MAX> {
            fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
                Self(elements.into_iter().take(MAX).collect())
            }
        }
    };
}

bounded_vector!(Array);
bounded_vector!(LinkedList);

impl<T: Encode, const MAX: usize> Encode for Array<T, MAX> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_length(self.0.len());
        for element in &self.0 {
            element.encode(encoder);
        }
    }

    fn encoded_size(&self) -> usize {
        self.0.iter().map(Encode::encoded_size).sum::<usize>() + UNIT
    }
}

impl<T: Decode, const MAX: usize> Decode for Array<T, MAX> {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let length = decoder.read_length(MAX)?;
        // Every element takes at least one unit, so what is really there bounds the first allocation.
        let mut elements = Vec::with_capacity(length.min(decoder.remaining() / UNIT));
        for _ in 0..length {
            elements.push(T::decode(decoder)?);
        }
        Ok(Self(elements))
    }
}

impl<T: Encode, const MAX: usize> Encode for LinkedList<T, MAX> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        for element in &self.0 {
            encoder.put_bool(true);
            element.encode(encoder);
        }
        encoder.put_bool(false);
    }

    fn encoded_size(&self) -> usize {
        self.0.iter().map(|element| UNIT + element.encoded_size()).sum::<usize>() + UNIT
    }
}

impl<T: Decode, const MAX: usize> Decode for LinkedList<T, MAX> {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let mut elements = Vec::new();
        while decoder.read_bool()? {
            if elements.len() == MAX {
                return Err(DecodeError::TooLong { length: MAX + 1, maximum: MAX });
            }
            elements.push(T::decode(decoder)?);
        }
        Ok(Self(elements))
    }
}
