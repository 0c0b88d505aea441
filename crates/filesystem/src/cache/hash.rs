//! How the tables of the house hash their keys: a few instructions for each word, where the standard library's hash costs
//! more than the look-up. Nobody outside chooses keys freely, and the seed is random.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers with one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded(u64);

/// Words folded into one by multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        fold(self.0, LAST_MULTIPLIER)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, MULTIPLIER);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// Which of so many parts, a power of two up to 256, a key with this hash belongs to. From bits that the map within the
/// part does not look at first.
pub(crate) fn part_of(hash: u64, parts: usize) -> usize {
    (hash >> 44) as usize & (parts - 1)
}

/// Both halves of a product.
fn fold(word: u64, multiplier: u64) -> u64 {
    let product = u128::from(word) * u128::from(multiplier);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// Odd, with about as many bits set as not (wyhash).
const MULTIPLIER: u64 = 0xa076_1d64_78bd_642f;
const LAST_MULTIPLIER: u64 = 0xe703_7ed1_a0b4_28db;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighbours_spread_over_parts_and_buckets() {
        let seeded = Seeded::default();
        let hashes: Vec<u64> = (0..16_384_u64).map(|key| seeded.hash_one((1_u32, 0_u32, key))).collect();
        let distinct: HashSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        for part in 0..16 {
            let count = hashes.iter().filter(|hash| part_of(**hash, 16) == part).count();
            assert!((512..2048).contains(&count), "{count} of 1024 in a part");
            let low: HashSet<_> =
                hashes.iter().filter(|hash| part_of(**hash, 16) == part).map(|hash| hash & 1023).collect();
            assert!(low.len() > 450, "{} of about 650 buckets", low.len());
        }
    }

    #[test]
    fn bytes_of_other_lengths_differ() {
        let seeded = Seeded::default();
        assert_ne!(seeded.hash_one([0_u8; 3].as_slice()), seeded.hash_one([0_u8; 4].as_slice()));
    }
}
