//! Declares wire types once: the fields in wire order are the codec.

/// A structure of fixed size. `[size N]`: it begins with a `StructureSize` of N. `[reserved N]`: N bytes that are
/// zero when sent and ignored when received.
macro_rules! layout {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident $([size $size:literal])? {
            $([reserved $lead:literal])?
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $wire:literal, $([reserved $skip:literal])?)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $visibility struct $name {
            $(#[doc = concat!("`", $wire, "`.")] $(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::codec::Fixed for $name {
            const BYTES: usize = 0
                $(+ { const SIZE: u16 = $size; size_of_val(&SIZE) })? $(+ $lead)?
                $(+ <$type as $crate::codec::Fixed>::BYTES $(+ $skip)?)*;

            #[inline]
            fn read(
                decoder: &mut $crate::codec::Decoder<'_>,
                _field: &'static str,
            ) -> Result<Self, $crate::codec::DecodeError> {
                $(decoder.structure_size($size)?;)?
                $(decoder.skip($lead)?;)?
                $(let $field = <$type as $crate::codec::Fixed>::read(decoder, $wire)?; $(decoder.skip($skip)?;)?)*
                Ok(Self { $($field,)* })
            }

            #[inline]
            fn write(self, encoder: &mut $crate::codec::Encoder<'_>) {
                $(encoder.put::<u16>($size);)?
                $(encoder.put_zeros($lead);)?
                $($crate::codec::Fixed::write(self.$field, encoder); $(encoder.put_zeros($skip);)?)*
            }
        }

        impl<'a> $crate::codec::Decode<'a> for $name {
            #[inline]
            fn decode(decoder: &mut $crate::codec::Decoder<'a>) -> Result<Self, $crate::codec::DecodeError> {
                decoder.read(stringify!($name))
            }
        }

        impl $crate::codec::Encode for $name {
            #[inline]
            fn encode(&self, encoder: &mut $crate::codec::Encoder<'_>) {
                encoder.put(*self);
            }
        }
    };
}

/// A number with names. Unknown numbers are kept: which of them are errors, and when, is the receiver's business.
macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($type:ty) {
            $($(#[$code_meta:meta])* $code:ident = $value:literal $label:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $type);

        impl $name {
            $(#[doc = concat!("`", $label, "`.")] $(#[$code_meta])* pub const $code: Self = Self($value);)*

            /// Those with a name.
            pub const NAMED: &'static [Self] = &[$(Self::$code,)*];

            /// The specification's name.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($label),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => formatter.write_str(name),
                    None => write!(formatter, concat!(stringify!($name), "({:#x})"), self.0),
                }
            }
        }

        $crate::codec::fixed_newtype!($name, |value| value.0, Self);
    };
}

/// A set of bits with names. Unknown bits are kept.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($type:ty) {
            $($(#[$($flag_meta:tt)*])* $flag:ident = $value:literal $label:literal,)*
        }
    ) => {
        bitflags::bitflags! {
            $(#[$meta])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct $name: $type {
                $(#[doc = concat!("`", $label, "`.")] $(#[$($flag_meta)*])* const $flag = $value;)*
                const _ = !0;
            }
        }

        $crate::codec::fixed_newtype!($name, |value| value.bits(), Self::from_bits_retain);
    };
}

macro_rules! fixed_newtype {
    ($name:ident, |$value:ident| $number:expr, $make:expr) => {
        impl $crate::codec::Fixed for $name {
            const BYTES: usize = size_of::<Self>();

            #[inline]
            fn read(
                decoder: &mut $crate::codec::Decoder<'_>,
                field: &'static str,
            ) -> Result<Self, $crate::codec::DecodeError> {
                decoder.read(field).map($make)
            }

            #[inline]
            fn write(self, encoder: &mut $crate::codec::Encoder<'_>) {
                let $value = self;
                encoder.put($number);
            }
        }
    };
}

pub(crate) use {codes, fixed_newtype, flags, layout};
