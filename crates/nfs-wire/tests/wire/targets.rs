//! What must hold for any input, by decoder. Shared by the smoke test here and by libFuzzer (`fuzz/src/main.rs`).

use allocation_counter::measure;
use bytes::{BufMut, Bytes, BytesMut};
use nfs_wire::catalogue::MESSAGES;
use nfs_wire::portmap::{self, format_universal_address, parse_universal_address};
use nfs_wire::rpc::{
    AuthSys, CallHeader, OpaqueAuth, RecordError, RecordLimits, RecordReader, ReplyError, begin_record, finish_record,
    reply_result,
};
use nfs_wire::xdr::{self, Decoder};

/// Small limits, so that short inputs reach them.
const LIMITS: RecordLimits = RecordLimits { record_max_bytes: 64, fragments_max: 8 };
/// Longer streams only repeat what shorter ones do: a record may be four bytes.
const STREAM_MAX_BYTES: usize = 128;
/// What a round trip may hold for each byte of its input. Elements in memory are up to six times as large as on the
/// wire (READDIRPLUS), a vector that grows holds up to three for each element, and the first value is kept meanwhile,
/// with up to two.
const MEMORY_PER_INPUT_BYTE: usize = 40;
/// And for the first few elements of a list, whose vector starts with four places.
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
    /// `Message::comes_back`.
    Message(fn(Bytes) -> bool),
    /// Panics if a rule is broken.
    Rules(Rules),
}

type Rules = fn(Bytes);

/// Decoders that are no single message.
const BESIDE_THE_CATALOGUE: &[(&str, Rules)] = &[
    ("rpc call head", check_call_head),
    ("rpc credential", check_credential),
    ("rpc reply result", check_reply_result),
    ("record stream", check_stream),
    ("universal address", check_universal_address),
];

/// Every decoder there is.
pub(crate) fn all() -> Vec<Target> {
    let messages = MESSAGES.iter().map(|message| (message.name, Check::Message(message.comes_back)));
    let beside = BESIDE_THE_CATALOGUE.iter().map(|(name, rules)| (*name, Check::Rules(*rules)));
    messages.chain(beside).map(|(name, check)| Target { name, check }).collect()
}

impl Target {
    /// Panics if a rule is broken: a value that does not come back, or memory that the input does not warrant.
    pub(crate) fn run(&self, input: &[u8]) {
        let limit = input.len() * MEMORY_PER_INPUT_BYTE + MEMORY_FOR_ANY_INPUT;
        let bytes = Bytes::copy_from_slice(input);
        let mut comes_back = true;
        let used = match self.check {
            Check::Message(check) => measure(|| comes_back = check(bytes)),
            Check::Rules(check) => measure(|| check(bytes)),
        };
        assert!(comes_back, "{} does not come back: {input:02x?}", self.name);
        assert!(used.bytes_max <= limit as u64, "{} took {} bytes for {input:02x?}", self.name, used.bytes_max);
    }
}

/// A header and whatever follows it, as a server meets it.
fn check_call_head(bytes: Bytes) {
    let mut decoder = Decoder::new(bytes.clone());
    let Ok(call) = CallHeader::decode_call(&mut decoder) else { return };
    assert_eq!(decoder.position() + decoder.remaining(), bytes.len());
    let again = CallHeader::decode_call(&mut Decoder::new(xdr::to_bytes(&call)));
    assert_eq!(again.as_ref(), Ok(&call));
    if let Ok(sys) = AuthSys::from_credential(&call.credential) {
        assert_eq!(AuthSys::from_credential(&OpaqueAuth::sys(&sys)), Ok(sys));
    }
}

fn check_credential(bytes: Bytes) {
    let Ok(credential) = xdr::from_bytes::<OpaqueAuth>(bytes) else { return };
    let Ok(sys) = AuthSys::from_credential(&credential) else { return };
    assert_eq!(AuthSys::from_credential(&OpaqueAuth::sys(&sys)), Ok(sys));
}

fn check_reply_result(bytes: Bytes) {
    let xid = bytes.first_chunk().map_or(0, |chunk| u32::from_be_bytes(*chunk));
    let result = reply_result::<portmap::Dump>(xid, bytes.clone());
    assert!(!matches!(result, Err(ReplyError::OtherCall { .. })));
    let other = reply_result::<portmap::Dump>(xid.wrapping_add(1), bytes);
    assert!(matches!(other, Err(ReplyError::OtherCall { .. } | ReplyError::Malformed(_))));
}

fn check_universal_address(bytes: Bytes) {
    let Some(address) = parse_universal_address(&bytes) else { return };
    assert_eq!(parse_universal_address(format_universal_address(address).as_bytes()), Some(address));
}

/// However the stream is cut, the records are the same, and they survive being marked again. The first four bytes
/// say how to cut the rest.
fn check_stream(bytes: Bytes) {
    let Some((steps, stream)) = bytes.split_first_chunk::<4>() else { return };
    let stream = &stream[..stream.len().min(STREAM_MAX_BYTES)];
    let mut whole = Reading::new();
    whole.feed(stream);
    let mut pieces = Reading::new();
    let mut rest = stream;
    for step in steps.iter().cycle() {
        let (piece, later) = rest.split_at(rest.len().min(1 + usize::from(*step)));
        pieces.feed(piece);
        rest = later;
        if rest.is_empty() || pieces.error.is_some() {
            break;
        }
    }
    assert_eq!((pieces.taken, pieces.sum, pieces.error), (whole.taken, whole.sum, whole.error));
    if whole.error.is_none() {
        assert_eq!(pieces.input, whole.input);
        assert_eq!(pieces.reader.is_between_records(), whole.reader.is_between_records());
    }
}

/// A stream being read. Records are summed up rather than kept: an empty one is four bytes of input.
struct Reading {
    reader: RecordReader,
    input: BytesMut,
    taken: usize,
    sum: u64,
    error: Option<RecordError>,
}

impl Reading {
    fn new() -> Self {
        Self { reader: RecordReader::new(LIMITS), input: BytesMut::new(), taken: 0, sum: 0, error: None }
    }

    fn feed(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        while self.error.is_none() {
            match self.reader.next_record(&mut self.input) {
                Ok(Some(record)) => self.take(&record),
                Ok(None) => break,
                Err(error) => self.error = Some(error),
            }
        }
        assert!(self.reader.reserve_hint(self.input.len()) <= 64 << 10);
    }

    fn take(&mut self, record: &[u8]) {
        assert!(record.len() <= LIMITS.record_max_bytes);
        self.taken += 1;
        self.sum = record.iter().fold(self.sum.rotate_left(9) ^ record.len() as u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut marked = BytesMut::new();
        let start = begin_record(&mut marked);
        marked.put_slice(record);
        finish_record(&mut marked, start, 0);
        let again = RecordReader::new(LIMITS).next_record(&mut marked);
        assert_eq!(again.as_ref().map(|read| read.as_deref()), Ok(Some(record)));
    }
}
