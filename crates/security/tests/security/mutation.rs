//! Changes that matter to tokens: bits and bytes, lengths on limits or a little off, bytes more or fewer, the tail of another
//! token. Shared by the smoke test here and by libFuzzer (`fuzz/src/targets.rs`).

/// Bytes that sit on limits: of lengths in DER, and of tags.
const EDGES: [u8; 16] = [0, 1, 2, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x85, 0xff, 0x04, 0x06, 0x30, 0x60, 0xa0, 0xa2];

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

/// One change to `bytes`; `other` is another token of any kind.
pub(crate) fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = random.below(bytes.len());
    match random.below(8) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[place] = u8::try_from(random.below(256)).unwrap(),
        2 | 3 if !bytes.is_empty() => bytes[place] = EDGES[random.below(EDGES.len())],
        4 if !bytes.is_empty() => bytes[place] = bytes[place].wrapping_add([1, 2, 4, 255, 254][random.below(5)]),
        5 => bytes.truncate(place),
        6 if !bytes.is_empty() => drop(bytes.remove(place)),
        _ => {
            let from = random.below(other.len());
            let to = (from + 1 + random.below(32)).min(other.len());
            bytes.splice(place..place, other[from..to].iter().copied());
        }
    }
}
