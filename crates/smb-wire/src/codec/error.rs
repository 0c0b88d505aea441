//! What can be wrong with bytes from the wire.

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct DecodeError {
    /// The specification's name of the field, from which a server tells the status to answer.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

impl DecodeError {
    /// An error of one field.
    #[must_use]
    pub const fn new(field: &'static str, fault: Fault) -> Self {
        Self { field, fault }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The message ends in front of it or inside of it.
    #[error("the message ends before")]
    Truncated,
    /// The structure announces another size than it has.
    #[error("{0} is not the size of the structure")]
    StructureSize(u16),
    /// An offset and a length that reach out of the message, or into the part of fixed size.
    #[error("lies outside")]
    OutOfBounds,
    /// An offset that is not a multiple of what it must be.
    #[error("is not aligned")]
    Misaligned,
    /// A length that cannot be that of this field.
    #[error("has a wrong length")]
    Length,
    /// A value that the specification forbids.
    #[error("has a forbidden value")]
    Value,
}
