//! What can be wrong with bytes from the wire.

/// Why bytes are not the XDR form of the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends inside an item.
    #[error("{needed} bytes wanted, {remaining} left")]
    Truncated {
        /// Bytes the item takes.
        needed: usize,
        /// Bytes left in the input.
        remaining: usize,
    },
    /// A variable-length item announces more than its limit.
    #[error("length {length} is above the limit {maximum}")]
    TooLong {
        /// The announced number of bytes or elements.
        length: usize,
        /// The limit of the type.
        maximum: usize,
    },
    /// A boolean that is neither 0 nor 1.
    #[error("{0} is not a boolean")]
    InvalidBool(u32),
    /// A value outside of an enumeration.
    #[error("{value} is not a {name}")]
    InvalidEnum {
        /// The specification's name of the enumeration.
        name: &'static str,
        /// The value met.
        value: u32,
    },
    /// The item ended before the input did.
    #[error("{0} bytes follow the item")]
    TrailingBytes(usize),
}
