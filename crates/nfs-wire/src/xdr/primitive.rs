//! The forms of Rust's own types.

use bytes::Bytes;

use super::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, padded_size};

impl Encode for () {
    fn encode(&self, _encoder: &mut Encoder<'_>) {}

    fn encoded_size(&self) -> usize {
        0
    }
}

impl Decode for () {
    fn decode(_decoder: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl Encode for u32 {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(*self);
    }

    fn encoded_size(&self) -> usize {
        UNIT
    }
}

impl Decode for u32 {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_u32()
    }
}

impl Encode for u64 {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u64(*self);
    }

    fn encoded_size(&self) -> usize {
        2 * UNIT
    }
}

impl Decode for u64 {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_u64()
    }
}

impl Encode for bool {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_bool(*self);
    }

    fn encoded_size(&self) -> usize {
        UNIT
    }
}

impl Decode for bool {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_bool()
    }
}

/// Fixed-length opaque; `N` is a multiple of four in every protocol here.
impl<const N: usize> Encode for [u8; N] {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_fixed(self);
    }

    fn encoded_size(&self) -> usize {
        padded_size(N)
    }
}

impl<const N: usize> Decode for [u8; N] {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        const { assert!(N.is_multiple_of(UNIT), "a fixed opaque here fills whole units") };
        decoder.read_array()
    }
}

/// Variable-length opaque without a limit of its own: the record it came in is the limit.
impl Encode for Bytes {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_opaque(self);
    }

    fn encoded_size(&self) -> usize {
        UNIT + padded_size(self.len())
    }
}

impl Decode for Bytes {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_opaque(usize::MAX)
    }
}

/// Optional data (RFC 4506 4.19), which is also the form of `post_op_attr`, `post_op_fh3`, `set_mode3` and their like.
impl<T: Encode> Encode for Option<T> {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_bool(self.is_some());
        if let Some(item) = self {
            item.encode(encoder);
        }
    }

    fn encoded_size(&self) -> usize {
        UNIT + self.as_ref().map_or(0, Encode::encoded_size)
    }
}

impl<T: Decode> Decode for Option<T> {
    #[inline]
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        if decoder.read_bool()? { T::decode(decoder).map(Some) } else { Ok(None) }
    }
}
