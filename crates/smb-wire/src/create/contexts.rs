//! `SMB2_CREATE_CONTEXT` (MS-SMB2 2.2.13.2): named parts behind each other.

use crate::codec::{DecodeError, Decoder, Encoder, Fault, Place};

const ALIGNMENT: usize = 8;
const HEAD_BYTES: usize = 16;

/// What may stand in a list of contexts: those of requests, those of responses.
pub trait CreateContext<'a>: Copy + PartialEq {
    /// Its value; a name that is not known is no error, data of a wrong length is.
    ///
    /// # Errors
    /// [`Fault::Length`] with the name of the context.
    fn of(name: &'a [u8], data: &'a [u8]) -> Result<Self, DecodeError>;

    /// `Name`.
    fn name(&self) -> &'a [u8];

    /// Appends `Data`.
    fn encode_data(&self, encoder: &mut Encoder<'_>);
}

/// Contexts that all decode, from the wire or from memory. They compare by their items.
#[derive(Debug, Clone, Copy)]
pub enum CreateContexts<'a, C> {
    /// As they stand on the wire, checked by [`CreateContexts::from_bytes`].
    Wire(&'a [u8]),
    /// As values.
    Items(&'a [C]),
}

impl<'a, C: CreateContext<'a>> CreateContexts<'a, C> {
    /// The contexts that fill `bytes`, each of them checked.
    ///
    /// # Errors
    /// `Next`, `Name` and `Data` that lie outside; a `Next` that is no multiple of eight; data of a wrong length.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            next::<C>(&mut rest)?;
        }
        Ok(Self::Wire(bytes))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Wire(bytes) => bytes.is_empty(),
            Self::Items(items) => items.is_empty(),
        }
    }

    /// The contexts in order.
    pub fn iter(&self) -> impl Iterator<Item = C> + use<'a, C> {
        let (mut rest, items): (&[u8], &[C]) = match self {
            Self::Wire(bytes) => (bytes, &[]),
            Self::Items(items) => (&[], items),
        };
        let on_wire = std::iter::from_fn(move || if rest.is_empty() { None } else { next(&mut rest).ok() });
        on_wire.chain(items.iter().copied())
    }

    /// Appends the contexts behind the rest of a message, and where they are: offset and length.
    pub(super) fn encode_behind(&self, encoder: &mut Encoder<'_>, place: Place) {
        if self.is_empty() {
            return;
        }
        encoder.align(ALIGNMENT);
        let start = encoder.offset();
        let mut previous: Option<(Place, usize)> = None;
        for context in self.iter() {
            encoder.align(ALIGNMENT);
            let at = encoder.offset();
            let next = encode(&context, encoder);
            if let Some((next_of_previous, previous_at)) = previous.replace((next, at)) {
                encoder.set_32(next_of_previous, at - previous_at);
            }
        }
        let length = encoder.offset() - start;
        encoder.set_32(place, start);
        encoder.set_32(place.after(size_of::<u32>()), length);
    }
}

/// Appends one context and returns the place of its `Next`.
fn encode<'a>(context: &impl CreateContext<'a>, encoder: &mut Encoder<'_>) -> Place {
    let start = encoder.offset();
    let next = encoder.place::<u32>();
    encoder.put_count_16(HEAD_BYTES);
    encoder.put_count_16(context.name().len());
    encoder.put_zeros(2);
    let data_offset = encoder.place::<u16>();
    let data_length = encoder.place::<u32>();
    encoder.put_bytes(context.name());
    encoder.align(ALIGNMENT);
    let data_at = encoder.offset();
    context.encode_data(encoder);
    if encoder.offset() > data_at {
        encoder.set_16(data_offset, data_at - start);
        encoder.set_32(data_length, encoder.offset() - data_at);
    }
    next
}

/// Takes the first context off.
fn next<'a, C: CreateContext<'a>>(rest: &mut &'a [u8]) -> Result<C, DecodeError> {
    let mut decoder = Decoder::new(rest);
    let next: u32 = decoder.read("Next")?;
    let length = match usize::try_from(next) {
        Ok(0) => rest.len(),
        Ok(next) if !next.is_multiple_of(ALIGNMENT) => return Err(DecodeError::new("Next", Fault::Misaligned)),
        Ok(next) if next >= HEAD_BYTES && next < rest.len() => next,
        _ => return Err(DecodeError::new("Next", Fault::OutOfBounds)),
    };
    let (context, later) = rest.split_at(length);
    *rest = later;
    let mut decoder = Decoder::new(context);
    decoder.skip(4)?;
    let name_offset: u16 = decoder.read("NameOffset")?;
    let name_length: u16 = decoder.read("NameLength")?;
    decoder.skip(2)?;
    let data_offset: u16 = decoder.read("DataOffset")?;
    let data_length = decoder.read("DataLength")?;
    let name = decoder.part(name_offset.into(), name_length.into(), "Name")?;
    C::of(name, decoder.part(data_offset.into(), data_length, "Data")?)
}

impl<C> Default for CreateContexts<'_, C> {
    fn default() -> Self {
        Self::Wire(&[])
    }
}

impl<'a, C: CreateContext<'a>> PartialEq for CreateContexts<'a, C> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, C: CreateContext<'a> + Eq> Eq for CreateContexts<'a, C> {}
