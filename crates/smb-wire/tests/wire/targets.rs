//! What must hold for any input, by decoder. Shared by the smoke test here and by libFuzzer (`fuzz/src/main.rs`).

use allocation_counter::measure;
use bytes::BytesMut;
use smb_wire::catalogue::{Message, messages};
use smb_wire::codec::{Decoder, Encode};
use smb_wire::compound::{Chain, Elements};
use smb_wire::frame::{FRAME_MAX_BYTES, frame_header, frame_length};

/// What a round trip may hold for each byte of its input: two encodings, in buffers that grow by doubling.
const MEMORY_PER_INPUT_BYTE: usize = 16;
/// Arguments of calls are read into lists, whose items may be few bytes in the input: no identifier is one pointer.
const MEMORY_PER_BYTE_OF_ARGUMENTS: usize = 256;
/// And for structures of fixed size that announce nothing.
const MEMORY_FOR_ANY_INPUT: usize = 4096;

/// One decoder with its rules.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// A message of the catalogue, or one of [`BESIDE_THE_CATALOGUE`].
    pub(crate) name: &'static str,
    check: Check,
}

#[derive(Clone, Copy)]
enum Check {
    Message(Message),
    /// Panics if a rule is broken.
    Rules(Rules),
}

type Rules = fn(&[u8]);

/// Decoders that are no single message.
const BESIDE_THE_CATALOGUE: &[(&str, Rules)] =
    &[("smb2 compound", check_compound), ("smb2 frame header", check_frame_header)];

/// Every decoder there is.
pub(crate) fn all() -> Vec<Target> {
    let catalogued = messages().map(|message| Target { name: message.name, check: Check::Message(message) });
    let beside = BESIDE_THE_CATALOGUE.iter().map(|(name, rules)| Target { name, check: Check::Rules(*rules) });
    catalogued.chain(beside).collect()
}

impl Target {
    /// Panics if a rule is broken: a value that does not come back, memory that the input does not warrant.
    pub(crate) fn run(&self, input: &[u8]) {
        let has_arguments = ["srvsvc ", "wkssvc ", "lsarpc ", "dcerpc "].iter().any(|lead| self.name.starts_with(lead));
        let per_byte = if has_arguments { MEMORY_PER_BYTE_OF_ARGUMENTS } else { MEMORY_PER_INPUT_BYTE };
        let limit = input.len() * per_byte + MEMORY_FOR_ANY_INPUT;
        let mut comes_back = true;
        let used = match self.check {
            Check::Message(message) => measure(|| comes_back = (message.comes_back)(input)),
            Check::Rules(check) => measure(|| check(input)),
        };
        assert!(comes_back, "{} does not come back: {input:02x?}", self.name);
        assert!(used.bytes_max <= limit as u64, "{} took {} bytes for {input:02x?}", self.name, used.bytes_max);
    }
}

/// The elements are the frame: nothing is left out, nothing is seen twice, and chaining them gives them again.
fn check_compound(input: &[u8]) {
    let mut length = 0;
    let mut frame = BytesMut::new();
    let mut chain = Chain::new(&mut frame);
    let mut is_whole = true;
    for element in Elements::new(input) {
        let Ok(element) = element else {
            is_whole = false;
            break;
        };
        assert_eq!(element.bytes, &input[length..length + element.bytes.len()]);
        length += element.bytes.len();
        Raw(element.body).encode(&mut smb_wire::codec::Encoder::body(chain.begin(&element.header)));
    }
    if is_whole {
        assert_eq!(length, input.len());
        assert!(
            Elements::new(&frame)
                .map(Result::unwrap)
                .map(|element| element.body)
                .eq(Elements::new(input).map(Result::unwrap).map(|element| element.body))
        );
    }
}

struct Raw<'a>(&'a [u8]);

impl Encode for Raw<'_> {
    fn encode(&self, encoder: &mut smb_wire::codec::Encoder<'_>) {
        encoder.put_bytes(self.0);
    }
}

fn check_frame_header(input: &[u8]) {
    let Ok(header) = Decoder::new(input).array::<4>("header") else { return };
    if let Ok(length) = frame_length(header, FRAME_MAX_BYTES) {
        assert_eq!(frame_header(length), Some(header));
    }
}
