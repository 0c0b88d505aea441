//! Changes that matter to XDR: bits and bytes, words on limits, whole words more or fewer, the tail of another
//! message. Shared by the smoke test here and by libFuzzer (`fuzz/src/main.rs`).

/// Words that sit on limits: of booleans, handles, names, credentials, owners, lists, signs.
const EDGES: [u32; 16] = [0, 1, 2, 3, 16, 17, 64, 65, 255, 256, 400, 1024, 1025, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// xorshift64*: enough to pick mutations, the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`; 0 for no limit at all.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from((self.next() >> 11) % (limit.max(1) as u64)).unwrap()
    }
}

/// One change to `bytes`; `other` is another message of any kind.
pub(crate) fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = random.below(bytes.len());
    let word = place / 4 * 4;
    match random.below(9) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[place] = u8::try_from(random.below(256)).unwrap(),
        2 | 3 if word + 4 <= bytes.len() => {
            bytes[word..word + 4].copy_from_slice(&EDGES[random.below(EDGES.len())].to_be_bytes());
        }
        4 if word + 4 <= bytes.len() => change_count(random, &mut bytes[word..word + 4]),
        5 => bytes.truncate(place),
        6 => drop(bytes.drain(word.min(bytes.len())..(word + 4).min(bytes.len()))),
        7 => {
            let from = random.below(other.len()) / 4 * 4;
            let to = (from + 4 * (1 + random.below(8))).min(other.len());
            bytes.splice(word..word, other[from..to].iter().copied());
        }
        _ => {
            let from = random.below(other.len()) / 4 * 4;
            bytes.splice(word.., other[from..].iter().copied());
        }
    }
}

/// A length or number a little more or less than it was, as an off-by-one would have it.
fn change_count(random: &mut Random, word: &mut [u8]) {
    let count = word.iter().fold(0_u32, |count, byte| count << 8 | u32::from(*byte));
    let step = [1, 2, 3, 4, u32::MAX, u32::MAX - 3][random.below(6)];
    word.copy_from_slice(&count.wrapping_add(step).to_be_bytes());
}
