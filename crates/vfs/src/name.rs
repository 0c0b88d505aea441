//! Names of directory entries: bytes, checked once at the door.

use std::fmt;

use bytes::Bytes;

use crate::limits::NAME_BYTES_MAX;

/// A legal name of a stored entry: 1 to [`NAME_BYTES_MAX`] bytes without `/` and NUL, and neither `.` nor `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Bytes);

/// How a name is compared in a look-up. Names are always stored as given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// Byte by byte.
    #[default]
    Sensitive,
    /// By the folded form.
    Insensitive,
}

/// Why bytes are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No byte at all.
    Empty,
    /// `.`: the directory itself.
    Dot,
    /// `..`: the parent.
    DotDot,
    /// Longer than [`NAME_BYTES_MAX`].
    TooLong,
    /// Holds `/` or NUL.
    IllegalByte,
}

impl Name {
    /// Checks and takes the bytes.
    ///
    /// Errors, in order: `Empty`, `Dot`, `DotDot`, `TooLong`, `IllegalByte`.
    pub fn new(bytes: Bytes) -> Result<Self, NameError> {
        match bytes.as_ref() {
            b"" => Err(NameError::Empty),
            b"." => Err(NameError::Dot),
            b".." => Err(NameError::DotDot),
            long if long.len() > NAME_BYTES_MAX => Err(NameError::TooLong),
            name if name.iter().any(|&byte| byte == b'/' || byte == 0) => Err(NameError::IllegalByte),
            _ => Ok(Self(bytes)),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned; shares the memory.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::new(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_in_order() {
        let check = |bytes: &[u8]| Name::new(Bytes::copy_from_slice(bytes)).map(|_| ());
        assert_eq!(check(b""), Err(NameError::Empty));
        assert_eq!(check(b"."), Err(NameError::Dot));
        assert_eq!(check(b".."), Err(NameError::DotDot));
        assert_eq!(check(&[b'a'; NAME_BYTES_MAX + 1]), Err(NameError::TooLong));
        assert_eq!(check(b"a/b"), Err(NameError::IllegalByte));
        assert_eq!(check(b"a\0b"), Err(NameError::IllegalByte));
        assert_eq!(check(b"\xff..."), Ok(()));
        assert_eq!(check(&[b'a'; NAME_BYTES_MAX]), Ok(()));
    }
}
