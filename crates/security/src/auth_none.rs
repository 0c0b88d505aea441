//! AUTH_NONE (RFC 5531 8.1): nobody said who they are.

use vfs::Identity;

/// The identity of a call without credentials.
#[must_use]
pub fn identity() -> Identity {
    Identity::Anonymous
}
