//! Declares wire types once: the fields in wire order are the codec.

/// A struct whose XDR form is its fields in order.
macro_rules! xdr_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::xdr::Encode for $name {
            #[inline]
            fn encode(&self, encoder: &mut $crate::xdr::Encoder<'_>) {
                $($crate::xdr::Encode::encode(&self.$field, encoder);)*
            }

            fn encoded_size(&self) -> usize {
                0 $(+ $crate::xdr::Encode::encoded_size(&self.$field))*
            }
        }

        impl $crate::xdr::Decode for $name {
            #[inline]
            fn decode(decoder: &mut $crate::xdr::Decoder) -> Result<Self, $crate::xdr::DecodeError> {
                Ok(Self { $($field: $crate::xdr::Decode::decode(decoder)?,)* })
            }
        }

        #[cfg(test)]
        impl $crate::sample::Sample for $name {
            fn sample(source: &mut $crate::sample::Source) -> Self {
                Self { $($field: $crate::sample::Sample::sample(source),)* }
            }
        }
    };
}

/// An enumeration with the specification's names; unknown values do not decode.
macro_rules! xdr_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $rfc_name:literal { $($(#[$variant_meta:meta])* $variant:ident = $code:literal $label:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = concat!("`", $label, "`")] $variant = $code,)*
        }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The value of a number from the wire.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The specification's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl $crate::xdr::Encode for $name {
            #[inline]
            fn encode(&self, encoder: &mut $crate::xdr::Encoder<'_>) {
                encoder.put_u32(self.code());
            }

            fn encoded_size(&self) -> usize {
                $crate::xdr::UNIT
            }
        }

        impl $crate::xdr::Decode for $name {
            #[inline]
            fn decode(decoder: &mut $crate::xdr::Decoder) -> Result<Self, $crate::xdr::DecodeError> {
                let value = decoder.read_u32()?;
                Self::from_code(value).ok_or($crate::xdr::DecodeError::InvalidEnum { name: $rfc_name, value })
            }
        }

        #[cfg(test)]
        impl $crate::sample::Sample for $name {
            fn sample(source: &mut $crate::sample::Source) -> Self {
                Self::ALL[source.below(Self::ALL.len())]
            }
        }
    };
}

pub(crate) use {xdr_enum, xdr_struct};
