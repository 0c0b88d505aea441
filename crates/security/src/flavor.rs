//! Numbers of the security flavors (RFC 5531 8.2), as calls carry them and MOUNT lists them.

use vfs::Flavor;

/// AUTH_NONE, AUTH_SYS: the number of a flavor in `opaque_auth` and in the list of a MOUNT reply.
#[must_use]
pub fn number(flavor: Flavor) -> u32 {
    match flavor {
        Flavor::None => 0,
        Flavor::Sys => 1,
    }
}

/// The flavor of a number; `None` for one that this house does not speak (the call is refused: AUTH_REJECTEDCRED).
#[must_use]
pub fn from_number(number: u32) -> Option<Flavor> {
    match number {
        0 => Some(Flavor::None),
        1 => Some(Flavor::Sys),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_rfc_5531() {
        assert_eq!([Flavor::None, Flavor::Sys].map(number), [0, 1]);
        assert_eq!(
            [0, 1, 2, 3, 6, u32::MAX].map(from_number),
            [Some(Flavor::None), Some(Flavor::Sys), None, None, None, None]
        );
    }
}
