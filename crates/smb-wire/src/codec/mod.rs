//! Little-endian fields, and variable parts that are named by an offset and a length.
//!
//! Decoding borrows from the message: names, blobs and payloads come out as slices of it. Encoding appends to a
//! [`bytes::BytesMut`] and cannot fail; an owner of more than a length field can say keeps within the limits of the
//! protocol first (lengths saturate).

mod decoder;
mod encoder;
mod error;
mod fixed;
mod list;
mod macros;
mod utf16;

pub use decoder::Decoder;
pub use encoder::{Encoder, Place};
pub use error::{DecodeError, Fault};
pub use fixed::Fixed;
pub use list::List;
pub(crate) use macros::{codes, fixed_newtype, flags, layout};
pub use utf16::Utf16;

use bytes::BytesMut;

/// A type with a form on the wire.
pub trait Encode {
    /// Appends `self`.
    fn encode(&self, encoder: &mut Encoder<'_>);
}

/// A type that can be read from the wire, borrowing what is of variable size.
pub trait Decode<'a>: Sized {
    /// Reads one item from the position of the decoder. Where the decoder stands afterwards is unspecified for items
    /// with variable parts.
    ///
    /// # Errors
    /// [`DecodeError`] names the first field, in the order of the wire, that cannot be.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError>;
}

/// Decodes what follows the header in an SMB2 message: `body` begins with `StructureSize`. What follows the message is
/// ignored.
///
/// # Errors
/// Those of [`Decode::decode`].
#[inline]
pub fn decode_body<'a, T: Decode<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    T::decode(&mut Decoder::body(body))
}

/// Appends a message to a buffer that ends with its header.
#[inline]
pub fn encode_body(message: &impl Encode, buffer: &mut BytesMut) {
    message.encode(&mut Encoder::body(buffer));
}

/// Decodes a structure whose offsets count from its own first byte: an information class, the input of a control code.
///
/// # Errors
/// Those of [`Decode::decode`].
#[inline]
pub fn decode<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    T::decode(&mut Decoder::new(bytes))
}

/// Appends a structure whose offsets count from its own first byte.
#[inline]
pub fn encode(structure: &impl Encode, buffer: &mut BytesMut) {
    structure.encode(&mut Encoder::new(buffer));
}
