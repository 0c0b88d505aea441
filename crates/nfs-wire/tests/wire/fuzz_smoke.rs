//! Mutated fixtures through every decoder. `BERTH_FUZZ_ITERATIONS` sets how many mutations (default 20,000) and
//! `BERTH_FUZZ_SEED` which; a failure names the seed's iteration and the bytes.

use bytes::{Bytes, BytesMut};
use nfs_wire::catalogue::{MESSAGES, Message};
use nfs_wire::rpc::{RecordLimits, RecordReader};

use crate::hex::{self, Fixture};

const ITERATIONS_DEFAULT: u64 = 20_000;
const LIMITS: RecordLimits = RecordLimits { record_max_bytes: 1 << 20, fragments_max: 64 };
/// Words that sit on limits.
const EDGES: [u32; 12] = [0, 1, 2, 3, 64, 65, 255, 400, 401, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// xorshift64*: enough to pick mutations, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = random.below(bytes.len());
    let word = place / 4 * 4;
    match random.below(6) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[place] = u8::try_from(random.below(256)).unwrap(),
        2 if word + 4 <= bytes.len() => {
            bytes[word..word + 4].copy_from_slice(&EDGES[random.below(EDGES.len())].to_be_bytes());
        }
        3 => bytes.truncate(place),
        4 => bytes.extend_from_slice(&other[random.below(other.len())..]),
        _ => {
            let from = random.below(other.len()) / 4 * 4;
            bytes.splice(word.min(bytes.len()).., other[from..].iter().copied());
        }
    }
}

fn check(message: &Message, bytes: &Bytes, stem: &str) {
    let Ok(recoded) = (message.recode)(bytes.clone()) else { return };
    assert_eq!(recoded.len(), bytes.len(), "{} from {stem}: {bytes:02x?}", message.name);
    assert_eq!((message.recode)(recoded.clone()), Ok(recoded), "{} from {stem}: {bytes:02x?}", message.name);
}

fn check_stream(random: &mut Random, bytes: &Bytes) {
    let mut reader = RecordReader::new(LIMITS);
    let mut input = BytesMut::new();
    let mut given = 0;
    for piece in bytes.chunks(1 + random.below(64)) {
        input.extend_from_slice(piece);
        while let Ok(Some(record)) = reader.next_record(&mut input) {
            given += record.len();
        }
        assert!(reader.reserve_hint(input.len()) <= 64 << 10);
    }
    assert!(given <= bytes.len());
}

fn iterate(random: &mut Random, fixtures: &[Fixture]) {
    let fixture = &fixtures[random.below(fixtures.len())];
    let other = &fixtures[random.below(fixtures.len())];
    let mut bytes = fixture.bytes.to_vec();
    for _ in 0..=random.below(4) {
        mutate(random, &mut bytes, &other.bytes);
    }
    bytes.truncate(4096);
    let bytes = Bytes::from(bytes);
    for message in MESSAGES.iter().filter(|message| message.name == fixture.message) {
        check(message, &bytes, &fixture.stem);
    }
    check(&MESSAGES[random.below(MESSAGES.len())], &bytes, &fixture.stem);
    check_stream(random, &bytes);
}

#[test]
fn mutated_messages_decode_or_fail_and_come_back_the_same() {
    let fixtures = hex::all();
    let mut random = Random(setting("BERTH_FUZZ_SEED", 0x5eed).max(1));
    for _ in 0..setting("BERTH_FUZZ_ITERATIONS", ITERATIONS_DEFAULT) {
        iterate(&mut random, &fixtures);
    }
}
