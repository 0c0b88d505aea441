//! Fields whose size does not depend on their value.

use super::{DecodeError, Decoder, Encoder};

/// A field of fixed size. Every combination of bits is a value, so that only the end of the message can be wrong.
pub trait Fixed: Copy {
    /// Its size.
    const BYTES: usize;

    /// Reads it; `field` is its name for errors.
    ///
    /// # Errors
    /// [`super::Fault::Truncated`].
    fn read(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Self, DecodeError>;

    /// Appends it.
    fn write(self, encoder: &mut Encoder<'_>);
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Fixed for $type {
            const BYTES: usize = size_of::<$type>();

            #[inline]
            fn read(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Self, DecodeError> {
                decoder.array(field).map(<$type>::from_le_bytes)
            }

            #[inline]
            fn write(self, encoder: &mut Encoder<'_>) {
                encoder.put_bytes(&self.to_le_bytes());
            }
        }
    )*};
}

integer!(u8, u16, u32, u64, i64);

impl<const N: usize> Fixed for [u8; N] {
    const BYTES: usize = N;

    #[inline]
    fn read(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Self, DecodeError> {
        decoder.array(field)
    }

    #[inline]
    fn write(self, encoder: &mut Encoder<'_>) {
        encoder.put_bytes(&self);
    }
}

/// `BOOLEAN` (MS-DTYP 2.2.4): one byte, anything but zero is true.
impl Fixed for bool {
    const BYTES: usize = 1;

    #[inline]
    fn read(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Self, DecodeError> {
        decoder.read::<u8>(field).map(|byte| byte != 0)
    }

    #[inline]
    fn write(self, encoder: &mut Encoder<'_>) {
        encoder.put(u8::from(self));
    }
}
