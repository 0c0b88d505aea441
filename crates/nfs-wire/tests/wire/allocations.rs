//! What decoding costs in memory: nothing on the hot path, and never more than the input warrants.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use nfs_wire::catalogue::MESSAGES;
use nfs_wire::mount::v3::MountResult;
use nfs_wire::nfs3::*;
use nfs_wire::rpc::{
    AuthSys, CallHeader, RecordLimits, RecordReader, ReplyHeader, begin_record, finish_record, record_marker,
};
use nfs_wire::xdr::{self, Decode, Decoder, Encode, Encoder};

use crate::hex::fixture;

const LIMITS: RecordLimits = RecordLimits { record_max_bytes: 1 << 20, fragments_max: 8 };
/// Elements in memory are larger than on the wire; the worst is an empty group (8 bytes against 32), and a vector
/// that grows holds the old and the new one, of twice the size, for a moment.
const MEMORY_PER_INPUT_BYTE: usize = 16;

/// Two calls as a server meets them, behind each other in its receive buffer; the second is the measured one,
/// because splitting the first one off makes the buffer shared.
fn received(args: &Bytes) -> (RecordReader, BytesMut) {
    let record = [fixture("rpc-call"), args.clone()].concat();
    let mut input = BytesMut::new();
    for _ in 0..2 {
        input.extend_from_slice(&record_marker(record.len()));
        input.extend_from_slice(&record);
    }
    let mut reader = RecordReader::new(LIMITS);
    assert!(reader.next_record(&mut input).unwrap().is_some());
    (reader, input)
}

fn allocations_of_a_call<T: Decode>(stem: &str) -> u64 {
    let (mut reader, mut input) = received(&fixture(stem));
    let used = measure(|| {
        let record = reader.next_record(&mut input).unwrap().unwrap();
        let mut decoder = Decoder::new(record);
        let call = CallHeader::decode_call(&mut decoder).unwrap();
        let credential = AuthSys::from_credential(&call.credential).unwrap();
        let args = T::decode(&mut decoder).unwrap();
        drop((call, credential, args));
    });
    used.count_total
}

#[test]
fn the_hot_calls_decode_without_an_allocation() {
    assert_eq!(allocations_of_a_call::<GetattrArgs>("nfs3-GETATTR-args"), 0);
    assert_eq!(allocations_of_a_call::<LookupArgs>("nfs3-LOOKUP-args"), 0);
    assert_eq!(allocations_of_a_call::<AccessArgs>("nfs3-ACCESS-args"), 0);
    assert_eq!(allocations_of_a_call::<ReadArgs>("nfs3-READ-args"), 0);
    assert_eq!(allocations_of_a_call::<WriteArgs>("nfs3-WRITE-args"), 0);
}

#[test]
fn a_reply_encodes_into_its_buffer_without_an_allocation() {
    let result: GetattrResult = xdr::from_bytes(fixture("nfs3-GETATTR-result")).unwrap();
    let mut buffer = BytesMut::with_capacity(256);
    let used = measure(|| {
        let start = begin_record(&mut buffer);
        let mut encoder = Encoder::new(&mut buffer);
        ReplyHeader::success(1).encode(&mut encoder);
        result.encode(&mut encoder);
        finish_record(&mut buffer, start, 0);
    });
    assert_eq!(used.count_total, 0);
    assert_eq!(buffer.len(), 4 + ReplyHeader::ACCEPTED_BYTES + result.encoded_size());
}

#[test]
fn an_announced_count_allocates_nothing() {
    // MNT3_OK, an empty handle, 64 flavors announced, none there.
    let bytes = Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64]);
    let used = measure(|| assert!(MountResult::decode(&mut Decoder::new(bytes)).is_err()));
    assert_eq!(used.bytes_max, 0);
}

#[test]
fn an_announced_record_allocates_nothing() {
    let mut input = BytesMut::from(&record_marker(1 << 20)[..]);
    let mut reader = RecordReader::new(LIMITS);
    let used = measure(|| assert_eq!(reader.next_record(&mut input), Ok(None)));
    assert_eq!(used.bytes_max, 0);
}

#[test]
fn memory_stays_in_proportion_to_the_input() {
    let words = [&[0_u8; 4][..], &[0, 0, 0, 1], &[0xff; 4], &[0, 0, 0, 40]];
    for message in MESSAGES {
        for word in words {
            let bytes = Bytes::from(word.repeat(2000));
            let limit = u64::try_from(bytes.len() * MEMORY_PER_INPUT_BYTE).unwrap();
            let used = measure(|| drop((message.recode)(bytes)));
            assert!(used.bytes_max <= limit, "{} took {} bytes", message.name, used.bytes_max);
        }
    }
}
