//! Pre-authentication integrity (MS-SMB2 3.1.4.2, 3.3.5.4): every message before the keys goes into them.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA512};

/// `PreauthIntegrityHashValue`: SHA-512 over the value so far and the next message. A connection has one over its NEGOTIATE
/// exchange; every SESSION_SETUP exchange goes on from a copy of it, up to and without the last response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PreauthHash(pub(super) [u8; 64]);

impl PreauthHash {
    /// The value of a connection before its first message: zeros.
    pub const START: Self = Self([0; 64]);

    /// Adds one message, which may lie in several slices: from its SMB2 header to its end, without the transport's length.
    pub fn add<'a>(&mut self, message: impl IntoIterator<Item = &'a [u8]>) {
        let mut context = Context::new(&SHA512);
        context.update(&self.0);
        message.into_iter().for_each(|part| context.update(part));
        let digest = context.finish();
        self.0.iter_mut().zip(digest.as_ref()).for_each(|(place, byte)| *place = *byte);
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &[u8; 64] {
        &self.0
    }
}

/// Both sides know it; it is long, and that is all there is against showing it.
impl fmt::Debug for PreauthHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(formatter, "PreauthHash({first:02x}{second:02x}...)")
    }
}
