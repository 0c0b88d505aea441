//! The hashes of NTLMv2 (MS-NLMP 3.3.2).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `NTOWFv1`: MD4 of a password in UTF-16. Whoever has it can log on; it is shown to nobody and wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

impl NtHash {
    /// A hash that is known already.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The hash of a password.
    #[must_use]
    pub fn of_password(password: &str) -> Self {
        let mut units: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hash = Self(Md4::digest(&units).into());
        units.zeroize();
        hash
    }

    /// The bytes, for whoever stores it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// `NTOWFv2`: for this user and this domain (in UTF-16, as the client wrote it).
    pub(super) fn response_key(&self, user: &str, domain: &[u8]) -> [u8; 16] {
        let user: Vec<u8> = upper_case(user).encode_utf16().flat_map(u16::to_le_bytes).collect();
        hmac_md5(&self.0, &[&user, domain])
    }
}

impl fmt::Debug for NtHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NtHash")
    }
}

/// HMAC-MD5 over the parts.
pub(super) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    // HMAC takes keys of any length; the other arm cannot be.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else { return [0; 16] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// MD5 over the parts.
pub(super) fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// As clients do it: one UTF-16 unit becomes one, and what has no such upper case stays.
fn upper_case(text: &str) -> String {
    let one = |character: char| {
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(upper), None) if character.len_utf16() == 1 && upper.len_utf16() == 1 => upper,
            _ => character,
        }
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_keeps_the_length() {
        assert_eq!(upper_case("user Ä straße ﬁ \u{10428}"), "USER Ä STRAßE ﬁ \u{10428}");
        assert_eq!(upper_case("äöü\u{e9}"), "ÄÖÜ\u{c9}");
    }

    /// MS-NLMP 4.2.2.1.2 and 4.2.4.1.1.
    #[test]
    fn hashes_of_the_specification() {
        let hash = NtHash::of_password("Password");
        let expected = [0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52];
        assert_eq!(hash.bytes(), &expected);
        let domain: Vec<u8> = "Domain".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let expected = [0x0c, 0x86, 0x8a, 0x40, 0x3b, 0xfd, 0x7a, 0x93, 0xa3, 0x00, 0x1e, 0xf2, 0x2e, 0xf0, 0x2e, 0x3f];
        assert_eq!(hash.response_key("User", &domain), expected);
        assert_eq!(format!("{hash:?}"), "NtHash");
    }
}
