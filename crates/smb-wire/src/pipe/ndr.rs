//! NDR, version 2.0 (C706 chapter 14): values aligned to their size, pointers whose referents follow the structure or array
//! that they stand in.

use crate::codec::{DecodeError, Decoder, Encoder, Fault, Utf16};
use crate::dtyp::Sid;

/// A value of an argument.
pub trait Ndr<'a>: Sized {
    /// What its place is a multiple of.
    const ALIGNMENT: usize;

    /// Reads it, and of its pointers only whether there is something.
    ///
    /// # Errors
    /// The message ends before, or holds what cannot be.
    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError>;

    /// Reads what its pointers lead to.
    ///
    /// # Errors
    /// As [`Ndr::read`].
    fn read_referents(&mut self, _decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Appends it, with its pointers.
    fn write(&self, encoder: &mut Encoder<'_>);

    /// Appends what its pointers lead to.
    fn write_referents(&self, _encoder: &mut Encoder<'_>) {}
}

/// Reads an argument with all that belongs to it.
pub(super) fn read_argument<'a, T: Ndr<'a>>(decoder: &mut Decoder<'a>, field: &'static str) -> Result<T, DecodeError> {
    decoder.align(T::ALIGNMENT)?;
    let mut value = T::read(decoder, field)?;
    value.read_referents(decoder)?;
    Ok(value)
}

/// Appends an argument with all that belongs to it.
pub(super) fn write_argument<'a, T: Ndr<'a>>(encoder: &mut Encoder<'_>, value: &T) {
    encoder.align(T::ALIGNMENT);
    value.write(encoder);
    value.write_referents(encoder);
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl<'a> Ndr<'a> for $type {
            const ALIGNMENT: usize = size_of::<$type>();

            fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
                decoder.align(Self::ALIGNMENT)?;
                decoder.read(field)
            }

            fn write(&self, encoder: &mut Encoder<'_>) {
                encoder.align(Self::ALIGNMENT);
                encoder.put(*self);
            }
        }
    )*};
}

numbers!(u8, u16, u32);

/// Bytes without alignment: GUIDs and the like.
impl<'a, const N: usize> Ndr<'a> for [u8; N] {
    const ALIGNMENT: usize = 1;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        decoder.array(field)
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        encoder.put_bytes(self);
    }
}

/// A unique pointer (C706 14.3.12.3).
impl<'a, T: Ndr<'a> + Default> Ndr<'a> for Option<T> {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        Ok((u32::read(decoder, field)? != 0).then(T::default))
    }

    fn read_referents(&mut self, decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
        if let Some(value) = self {
            *value = read_argument(decoder, "referent")?;
        }
        Ok(())
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        (if self.is_some() { REFERENT } else { 0 }).write(encoder);
    }

    fn write_referents(&self, encoder: &mut Encoder<'_>) {
        if let Some(value) = self {
            write_argument(encoder, value);
        }
    }
}

/// What a pointer has that leads somewhere. Nobody compares those of unique pointers.
const REFERENT: u32 = 0x0002_0000;

/// A conformant array: it says how many it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array<T>(pub Vec<T>);

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Ndr<'a>> Ndr<'a> for Array<T> {
    const ALIGNMENT: usize = if T::ALIGNMENT > 4 { T::ALIGNMENT } else { 4 };

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        let count = u32::read(decoder, field)?;
        let mut items = Vec::new();
        // The vector grows with what is there: the count is not believed.
        for _ in 0..count {
            decoder.align(T::ALIGNMENT)?;
            items.push(T::read(decoder, field)?);
        }
        Ok(Self(items))
    }

    fn read_referents(&mut self, decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
        self.0.iter_mut().try_for_each(|item| item.read_referents(decoder))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).write(encoder);
        for item in &self.0 {
            encoder.align(T::ALIGNMENT);
            item.write(encoder);
        }
    }

    fn write_referents(&self, encoder: &mut Encoder<'_>) {
        self.0.iter().for_each(|item| item.write_referents(encoder));
    }
}

/// A count and a pointer to as many items, as most lists of these protocols are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<T> {
    count: u32,
    items: Option<Array<T>>,
}

impl<T> Counted<T> {
    /// These items.
    #[must_use]
    pub fn new(items: Vec<T>) -> Self {
        Self { count: u32::try_from(items.len()).unwrap_or(u32::MAX), items: Some(Array(items)) }
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> &[T] {
        self.items.as_ref().map(|array| array.0.as_slice()).unwrap_or_default()
    }
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self { count: 0, items: None }
    }
}

impl<'a, T: Ndr<'a>> Ndr<'a> for Counted<T> {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { count: u32::read(decoder, field)?, items: Ndr::read(decoder, field)? })
    }

    fn read_referents(&mut self, decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
        self.items.read_referents(decoder)?;
        if u32::try_from(self.items().len()) == Ok(self.count) {
            return Ok(());
        }
        Err(DecodeError::new("Entries", Fault::Value))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        self.count.write(encoder);
        self.items.write(encoder);
    }

    fn write_referents(&self, encoder: &mut Encoder<'_>) {
        self.items.write_referents(encoder);
    }
}

/// `[string] wchar_t*` without its zero at the end: a conformant varying array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text<'a>(pub Utf16<'a>);

impl<'a> Ndr<'a> for Text<'a> {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        let bytes = units(decoder, field)?.as_bytes();
        Ok(Self(Utf16::from_bytes(bytes.strip_suffix(&[0, 0]).unwrap_or(bytes)).unwrap_or_default()))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        let units = self.0.len() / 2 + 1;
        put_units_head(encoder, units);
        encoder.put_bytes(self.0.as_bytes());
        encoder.put(0_u16);
    }
}

/// `RPC_UNICODE_STRING` (MS-DTYP 2.3.10), which has no zero at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnicodeString<'a> {
    length: u16,
    text: Option<Units<'a>>,
}

impl<'a> UnicodeString<'a> {
    /// This text.
    #[must_use]
    pub fn new(text: Utf16<'a>) -> Self {
        Self { length: u16::try_from(text.len()).unwrap_or(u16::MAX - 1), text: Some(Units(text)) }
    }

    /// Its text; empty when there is none.
    #[must_use]
    pub fn text(&self) -> Utf16<'a> {
        self.text.map(|units| units.0).unwrap_or_default()
    }
}

impl<'a> Ndr<'a> for UnicodeString<'a> {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        let length = u16::read(decoder, field)?;
        u16::read(decoder, "MaximumLength")?;
        Ok(Self { length, text: Ndr::read(decoder, field)? })
    }

    fn read_referents(&mut self, decoder: &mut Decoder<'a>) -> Result<(), DecodeError> {
        self.text.read_referents(decoder)?;
        if self.text().len() == usize::from(self.length) {
            return Ok(());
        }
        Err(DecodeError::new("Length", Fault::Value))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        self.length.write(encoder);
        self.length.write(encoder);
        self.text.write(encoder);
    }

    fn write_referents(&self, encoder: &mut Encoder<'_>) {
        self.text.write_referents(encoder);
    }
}

/// Units as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Units<'a>(Utf16<'a>);

impl<'a> Ndr<'a> for Units<'a> {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        units(decoder, field).map(Self)
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        put_units_head(encoder, self.0.len() / 2);
        encoder.put_bytes(self.0.as_bytes());
    }
}

fn units<'a>(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Utf16<'a>, DecodeError> {
    let [maximum, offset, actual] =
        [u32::read(decoder, field)?, u32::read(decoder, field)?, u32::read(decoder, field)?];
    if offset != 0 || actual > maximum {
        return Err(DecodeError::new(field, Fault::Value));
    }
    decoder.take_text(actual.saturating_mul(2), field)
}

fn put_units_head(encoder: &mut Encoder<'_>, units: usize) {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    [units, 0, units].iter().for_each(|number| number.write(encoder));
}

/// `RPC_SID` (MS-DTYP 2.4.2.3): the number of sub-authorities stands in front of it once more.
impl<'a> Ndr<'a> for Sid {
    const ALIGNMENT: usize = 4;

    fn read(decoder: &mut Decoder<'a>, field: &'static str) -> Result<Self, DecodeError> {
        let count = u32::read(decoder, field)?;
        let sid = <Self as crate::codec::Decode>::decode(decoder)?;
        if usize::try_from(count) == Ok(sid.sub_authorities().len()) {
            return Ok(sid);
        }
        Err(DecodeError::new("SubAuthorityCount", Fault::Value))
    }

    fn write(&self, encoder: &mut Encoder<'_>) {
        u32::try_from(self.sub_authorities().len()).unwrap_or(u32::MAX).write(encoder);
        crate::codec::Encode::encode(self, encoder);
    }
}

/// A structure: its members in order, then what their pointers lead to.
macro_rules! structure {
    ($(#[$meta:meta])* pub struct $name:ident<$l:lifetime> { $($body:tt)* }) => {
        $crate::pipe::ndr::structure!(@members [$(#[$meta])*] $name [<$l>] [$l] { $($body)* });
    };
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::pipe::ndr::structure!(@members [$(#[$meta])*] $name [] ['a] { $($body)* });
    };
    (@members [$($meta:tt)*] $name:ident [$($generic:tt)*] [$l:lifetime] {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $wire:literal,)*
    }) => {
        $($meta)*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name $($generic)* {
            $(#[doc = concat!("`", $wire, "`.")] $(#[$field_meta])* pub $field: $type,)*
        }

        impl<$l> $crate::pipe::ndr::Ndr<$l> for $name $($generic)* {
            const ALIGNMENT: usize = {
                let mut alignment = 1;
                $(if <$type as $crate::pipe::ndr::Ndr<$l>>::ALIGNMENT > alignment {
                    alignment = <$type as $crate::pipe::ndr::Ndr<$l>>::ALIGNMENT;
                })*
                alignment
            };

            fn read(
                decoder: &mut $crate::codec::Decoder<$l>,
                _field: &'static str,
            ) -> Result<Self, $crate::codec::DecodeError> {
                $(decoder.align(<$type as $crate::pipe::ndr::Ndr<$l>>::ALIGNMENT)?;
                let $field = <$type as $crate::pipe::ndr::Ndr<$l>>::read(decoder, $wire)?;)*
                Ok(Self { $($field,)* })
            }

            fn read_referents(
                &mut self,
                decoder: &mut $crate::codec::Decoder<$l>,
            ) -> Result<(), $crate::codec::DecodeError> {
                $($crate::pipe::ndr::Ndr::read_referents(&mut self.$field, decoder)?;)*
                Ok(())
            }

            fn write(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                $(encoder.align(<$type as $crate::pipe::ndr::Ndr<$l>>::ALIGNMENT);
                $crate::pipe::ndr::Ndr::write(&self.$field, encoder);)*
            }

            fn write_referents(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                $($crate::pipe::ndr::Ndr::write_referents(&self.$field, encoder);)*
            }
        }
    };
}

/// What is sent for a call or back: arguments, each with what its pointers lead to.
macro_rules! arguments {
    ($(#[$meta:meta])* pub struct $name:ident<$l:lifetime> { $($body:tt)* }) => {
        $crate::pipe::ndr::arguments!(@members [$(#[$meta])*] $name [<$l>] [<'_>] [$l] { $($body)* });
    };
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::pipe::ndr::arguments!(@members [$(#[$meta])*] $name [] [] ['a] { $($body)* });
    };
    (@members [$($meta:tt)*] $name:ident [$($generic:tt)*] [$($any:tt)*] [$l:lifetime] {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $wire:literal,)*
    }) => {
        $($meta)*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name $($generic)* {
            $(#[doc = concat!("`", $wire, "`.")] $(#[$field_meta])* pub $field: $type,)*
        }

        impl<$l> $crate::codec::Decode<$l> for $name $($generic)* {
            fn decode(decoder: &mut $crate::codec::Decoder<$l>) -> Result<Self, $crate::codec::DecodeError> {
                $(let $field = $crate::pipe::ndr::read_argument::<$type>(decoder, $wire)?;)*
                Ok(Self { $($field,)* })
            }
        }

        impl $crate::codec::Encode for $name $($any)* {
            fn encode(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                $($crate::pipe::ndr::write_argument(encoder, &self.$field);)*
            }
        }
    };
}

/// A union of pointers by a level: the level once more, and the pointer of its arm.
macro_rules! levels {
    (
        $(#[$meta:meta])*
        pub enum $name:ident<$l:lifetime>($tag:ty) {
            $($(#[$arm_meta:meta])* $level:literal => $arm:ident($type:ty),)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name<$l> {
            $($(#[$arm_meta])* #[doc = concat!("Level ", $level, ".")] $arm($type),)*
            /// A level that nobody has here; what its pointer leads to is not looked at.
            Other($tag),
        }

        impl $name<'_> {
            /// The level.
            #[must_use]
            pub const fn level(&self) -> $tag {
                match self {
                    $(Self::$arm(_) => $level,)*
                    Self::Other(level) => *level,
                }
            }
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self::Other(<$tag>::MAX)
            }
        }

        impl<$l> $crate::pipe::ndr::Ndr<$l> for $name<$l> {
            const ALIGNMENT: usize = 4;

            fn read(
                decoder: &mut $crate::codec::Decoder<$l>,
                field: &'static str,
            ) -> Result<Self, $crate::codec::DecodeError> {
                use $crate::pipe::ndr::Ndr;
                Ok(match <$tag as Ndr<'_>>::read(decoder, field)? {
                    $($level => {
                        decoder.align(<$type as Ndr<$l>>::ALIGNMENT)?;
                        Self::$arm(Ndr::read(decoder, field)?)
                    })*
                    other => {
                        <u32 as Ndr<'_>>::read(decoder, field)?;
                        Self::Other(other)
                    }
                })
            }

            fn read_referents(
                &mut self,
                decoder: &mut $crate::codec::Decoder<$l>,
            ) -> Result<(), $crate::codec::DecodeError> {
                match self {
                    $(Self::$arm(value) => $crate::pipe::ndr::Ndr::read_referents(value, decoder),)*
                    Self::Other(_) => Ok(()),
                }
            }

            fn write(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                use $crate::pipe::ndr::Ndr;
                self.level().write(encoder);
                match self {
                    $(Self::$arm(value) => {
                        encoder.align(<$type as Ndr<$l>>::ALIGNMENT);
                        value.write(encoder);
                    })*
                    Self::Other(_) => 0_u32.write(encoder),
                }
            }

            fn write_referents(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                match self {
                    $(Self::$arm(value) => $crate::pipe::ndr::Ndr::write_referents(value, encoder),)*
                    Self::Other(_) => {}
                }
            }
        }
    };
}

pub(super) use {arguments, levels, structure};
