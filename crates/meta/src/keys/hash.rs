//! Where a name lies in its directory: the keyed hash of its folded form, then a slot.

use vfs::{Cookie, Name};

use super::fold::fold;

/// Hashes names with the key of the store, so that nobody can aim at one bucket.
#[derive(Clone, Copy)]
pub struct NameHasher {
    k0: u64,
    k1: u64,
}

impl NameHasher {
    /// With the key of the superblock.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        let [low, high] = [0, 8].map(|at| {
            let mut word = [0; 8];
            word.iter_mut().zip(key.iter().skip(at)).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(word)
        });
        Self { k0: low, k1: high }
    }

    /// Hash of the folded name, below 2^47: the upper bits of SipHash-2-4. Names that differ in case only share it.
    #[must_use]
    pub fn hash47(&self, name: &Name) -> u64 {
        self.siphash(&fold(name.as_bytes())) >> (u64::BITS - HASH_BITS)
    }

    /// The slot at which the search for a name begins: the lower bits of SipHash-2-4 of the name as it is, moved so
    /// that no cookie falls below 16.
    #[must_use]
    pub fn slot16(&self, hash47: u64, name: &Name) -> u16 {
        let [.., high, low] = self.siphash(name.as_bytes()).to_be_bytes();
        legal_slot(hash47, u16::from_be_bytes([high, low]))
    }

    /// SipHash-2-4 (Aumasson and Bernstein, 2012).
    fn siphash(&self, bytes: &[u8]) -> u64 {
        let mut state = Sip {
            v0: self.k0 ^ 0x736f_6d65_7073_6575,
            v1: self.k1 ^ 0x646f_7261_6e64_6f6d,
            v2: self.k0 ^ 0x6c79_6765_6e65_7261,
            v3: self.k1 ^ 0x7465_6462_7974_6573,
        };
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let length = u64::try_from(bytes.len()).unwrap_or_default();
        state.absorb(u64::from_le_bytes(last) | length << 56);
        state.v2 ^= 0xff;
        for _ in 0..4 {
            state.round();
        }
        state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }
}

impl std::fmt::Debug for NameHasher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NameHasher")
    }
}

/// The cookie of a slot: the hash (below 2^47) in the upper bits, positive as a signed number.
#[must_use]
pub fn cookie_of(hash47: u64, slot16: u16) -> Cookie {
    assert!(hash47 < 1 << HASH_BITS, "a hash of a name has {HASH_BITS} bits");
    Cookie(hash47 << SLOT_BITS | u64::from(slot16))
}

/// The slot to try after this one, when it is taken.
#[must_use]
pub fn next_slot(hash47: u64, slot16: u16) -> u16 {
    legal_slot(hash47, slot16.wrapping_add(1))
}

fn legal_slot(hash47: u64, slot16: u16) -> u16 {
    if hash47 == 0 && slot16 < RESERVED { slot16 + RESERVED } else { slot16 }
}

struct Sip {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl Sip {
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.round();
        self.v0 ^= word;
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v2 = self.v2.rotate_left(32);
    }
}

/// Bits of the hash in a cookie.
pub const HASH_BITS: u32 = 47;
/// Bits of the slot in a cookie.
pub const SLOT_BITS: u32 = 16;
/// Cookies below this one are not those of stored entries.
const RESERVED: u16 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::try_from(text).unwrap()
    }

    #[test]
    fn siphash_gives_the_published_values() {
        let hasher = NameHasher::new(&std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(hasher.siphash(&message), 0xa129_ca61_49be_45e5);
        assert_eq!(hasher.siphash(&[]), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn names_that_differ_in_case_share_a_bucket_but_seldom_a_slot() {
        let hasher = NameHasher::new(&[7; 16]);
        let hash = hasher.hash47(&name("Straße.TXT"));
        assert_eq!(hash, hasher.hash47(&name("sTRAße.txt")));
        assert_ne!(hash, hasher.hash47(&name("Strasse.txt")));
        assert_ne!(hasher.slot16(hash, &name("a")), hasher.slot16(hash, &name("A")));
        assert!(hash < 1 << 47);
    }

    #[test]
    fn no_cookie_falls_below_16_and_all_are_positive() {
        assert_eq!(legal_slot(0, 0), 16);
        assert_eq!(legal_slot(0, 15), 31);
        assert_eq!(legal_slot(1, 0), 0);
        assert_eq!(next_slot(0, u16::MAX), 16);
        assert_eq!(next_slot(9, u16::MAX), 0);
        assert!(i64::try_from(cookie_of((1 << 47) - 1, u16::MAX).0).is_ok());
    }
}
