//! A procedure as a type: its numbers, its arguments, its result.

use crate::xdr::{Decode, Encode};

/// One remote procedure; implemented by marker types such as [`crate::nfs3::Getattr`].
pub trait Procedure {
    /// The program number.
    const PROGRAM: u32;
    /// The program's version.
    const VERSION: u32;
    /// The procedure number.
    const NUMBER: u32;
    /// The specification's name in capitals, without prefix: `GETATTR`.
    const NAME: &'static str;
    /// What the caller sends.
    type Args: Encode + Decode;
    /// What comes back after a successful reply header.
    type Result: Encode + Decode;
}

/// Declares a version of a program: a marker per procedure, and the names by number.
macro_rules! procedures {
    (
        $(#[$names_meta:meta])*
        $program:ident, $version:literal, $names:ident {
            $($(#[$meta:meta])* $marker:ident = $number:literal $name:literal($args:ty) -> $result:ty;)*
        }
    ) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy)]
            pub struct $marker;

            impl $crate::rpc::Procedure for $marker {
                const PROGRAM: u32 = $program;
                const VERSION: u32 = $version;
                const NUMBER: u32 = $number;
                const NAME: &'static str = $name;
                type Args = $args;
                type Result = $result;
            }
        )*

        $(#[$names_meta])*
        pub const $names: &[(u32, &str)] = &[$(($number, $name),)*];
    };
}

pub(crate) use procedures;
