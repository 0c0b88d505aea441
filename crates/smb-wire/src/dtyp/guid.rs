//! `GUID` (MS-DTYP 2.3.4).

use std::fmt;

use crate::codec::fixed_newtype;

/// `GUID`, as its 16 bytes stand on the wire: the first three groups are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The GUID that is written `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with these digits.
    #[must_use]
    pub const fn from_digits(digits: u128) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = digits.to_be_bytes();
        let [i, j, k, l, m, n, o, p] = rest;
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }

    /// All zero: none.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0 == [0; 16]
    }
}

fixed_newtype!(Guid, |value| value.0, Self);

impl fmt::Debug for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [d, c, b, a, f, e, h, g, i, j, rest @ ..] = self.0;
        write!(formatter, "{a:02x}{b:02x}{c:02x}{d:02x}-{e:02x}{f:02x}-{g:02x}{h:02x}-{i:02x}{j:02x}-")?;
        rest.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_groups_are_turned_round() {
        let guid = Guid::from_digits(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188);
        assert_eq!(guid.0[..8], [0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01]);
        assert_eq!(format!("{guid:?}"), "4b324fc8-1670-01d3-1278-5a47bf6ee188");
    }
}
