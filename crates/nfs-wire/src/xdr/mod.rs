//! XDR (RFC 4506): big-endian, every item padded to four bytes.
//!
//! Decoding slices one shared [`bytes::Bytes`], so handles, names and payloads come out without a copy. Encoding appends
//! to a [`bytes::BytesMut`] and cannot fail: whatever has a limit on the wire has it in its type.

mod decoder;
mod encoder;
mod error;
mod list;
mod macros;
mod opaque;
mod primitive;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::DecodeError;
pub use list::{Array, LinkedList};
pub(crate) use macros::{xdr_enum, xdr_struct};
pub use opaque::Opaque;

use bytes::{Bytes, BytesMut};

/// The XDR unit in bytes (RFC 4506 3): every item takes a multiple of it.
pub const UNIT: usize = 4;

/// A type with a form on the wire.
pub trait Encode {
    /// Appends the XDR form of `self`.
    fn encode(&self, encoder: &mut Encoder<'_>);

    /// The exact number of bytes [`Encode::encode`] appends, padding included.
    fn encoded_size(&self) -> usize;
}

/// A type that can be read from the wire.
pub trait Decode: Sized {
    /// Reads one item and leaves the decoder behind it.
    ///
    /// # Errors
    /// In the order the fields stand on the wire: a length above its limit, then missing bytes; illegal booleans and
    /// enum values as they are met. The decoder's position is unspecified afterwards.
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError>;
}

/// Encodes one item into a buffer of its own of exactly the right size.
pub fn to_bytes(item: &impl Encode) -> Bytes {
    let mut buffer = BytesMut::with_capacity(item.encoded_size());
    item.encode(&mut Encoder::new(&mut buffer));
    buffer.freeze()
}

/// Decodes one item that must fill `bytes` wholly (clients and tests; a server ignores what follows the arguments).
///
/// # Errors
/// Those of [`Decode::decode`], then [`DecodeError::TrailingBytes`].
pub fn from_bytes<T: Decode>(bytes: Bytes) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let item = T::decode(&mut decoder)?;
    decoder.finish()?;
    Ok(item)
}

/// The zero bytes (0 to 3) that follow an opaque of `length` bytes.
#[must_use]
pub const fn padding(length: usize) -> &'static [u8] {
    match length % UNIT {
        0 => &[],
        1 => &[0; 3],
        2 => &[0; 2],
        _ => &[0; 1],
    }
}

/// `length` rounded up to whole XDR units; saturates.
#[must_use]
pub const fn padded_size(length: usize) -> usize {
    length.saturating_add(padding(length).len())
}
