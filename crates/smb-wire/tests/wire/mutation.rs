//! Changes that matter to SMB: bits and bytes, fields of 16 and 32 bits on limits or a little off, units of two bytes
//! more or fewer, the tail of another message. Shared by the smoke test here and by libFuzzer (`fuzz/src/main.rs`).

/// Numbers that sit on limits: of counts, offsets behind headers, alignments, codes, signs.
const EDGES: [u32; 20] =
    [0, 1, 2, 3, 4, 7, 8, 9, 16, 64, 65, 72, 112, 120, 255, 0x0311, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

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
    let field = place / 2 * 2;
    let width = [2, 4][random.below(2)];
    match random.below(9) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[place] = u8::try_from(random.below(256)).unwrap(),
        2 | 3 if field + width <= bytes.len() => {
            let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
            bytes[field..field + width].copy_from_slice(&edge[..width]);
        }
        4 if field + 2 <= bytes.len() => change_count(random, &mut bytes[field..field + 2]),
        5 => bytes.truncate(place),
        6 => drop(bytes.drain(field.min(bytes.len())..(field + width).min(bytes.len()))),
        7 => {
            let from = random.below(other.len()) / 2 * 2;
            let to = (from + 4 * (1 + random.below(8))).min(other.len());
            bytes.splice(field..field, other[from..to].iter().copied());
        }
        _ => {
            let from = random.below(other.len()) / 2 * 2;
            bytes.splice(field.., other[from..].iter().copied());
        }
    }
}

/// A length or offset a little more or less than it was, as an off-by-one would have it.
fn change_count(random: &mut Random, field: &mut [u8]) {
    let count = u16::from_le_bytes([field[0], field[1]]);
    let step = [1, 2, 4, 8, u16::MAX, u16::MAX - 1, u16::MAX - 7][random.below(7)];
    field.copy_from_slice(&count.wrapping_add(step).to_le_bytes());
}
