//! What holds for every type: it comes back as it went, in exactly the size it announced, and no part of it suffices.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

use crate::catalogue::MESSAGES;
use crate::rpc::{AuthSys, CallHeader, Procedure, RecordLimits, RecordReader, ReplyHeader};
use crate::sample::{Sample, Source};
use crate::xdr::{self, Decode, DecodeError, Decoder, Encode, UNIT};
use crate::{mount, nfs3, nlm4, nsm, portmap, rquota};

trait Value: Sample + Encode + Decode + PartialEq + Debug {}
impl<T: Sample + Encode + Decode + PartialEq + Debug> Value for T {}

fn check<T: Value>(seed: &[u8]) {
    let mut source = Source::new(seed.to_vec());
    let value = T::sample(&mut source);
    let bytes = xdr::to_bytes(&value);
    assert_eq!(bytes.len(), value.encoded_size(), "{value:?}");
    assert_eq!(bytes.len() % UNIT, 0, "{value:?}");
    assert_eq!(xdr::from_bytes::<T>(bytes.clone()).as_ref(), Ok(&value));
    check_cut::<T>(&bytes, &mut source);
    let mut longer = BytesMut::from(&bytes[..]);
    longer.extend_from_slice(&[0; UNIT]);
    assert_eq!(xdr::from_bytes::<T>(longer.freeze()), Err(DecodeError::TrailingBytes(UNIT)));
}

fn check_cut<T: Value>(bytes: &Bytes, source: &mut Source) {
    if bytes.is_empty() {
        return;
    }
    let cut = bytes.slice(..source.below(bytes.len()));
    let result = xdr::from_bytes::<T>(cut);
    assert!(matches!(result, Err(DecodeError::Truncated { .. })), "{result:?}");
}

fn check_procedure<P: Procedure>(seed: &[u8])
where
    P::Args: Value,
    P::Result: Value,
{
    check::<P::Args>(seed);
    check::<P::Result>(seed);
}

fn check_call_header(seed: &[u8]) {
    let header = CallHeader::sample(&mut Source::new(seed.to_vec()));
    let bytes = xdr::to_bytes(&header);
    assert_eq!(bytes.len(), header.encoded_size());
    assert_eq!(CallHeader::decode_call(&mut Decoder::new(bytes)), Ok(header));
}

fn check_nfs3_queries(seed: &[u8]) {
    check_procedure::<nfs3::Null>(seed);
    check_procedure::<nfs3::Getattr>(seed);
    check_procedure::<nfs3::Lookup>(seed);
    check_procedure::<nfs3::Access>(seed);
    check_procedure::<nfs3::Readlink>(seed);
    check_procedure::<nfs3::Read>(seed);
    check_procedure::<nfs3::Readdir>(seed);
    check_procedure::<nfs3::Readdirplus>(seed);
    check_procedure::<nfs3::Fsstat>(seed);
    check_procedure::<nfs3::Fsinfo>(seed);
    check_procedure::<nfs3::Pathconf>(seed);
}

fn check_nfs3_changes(seed: &[u8]) {
    check_procedure::<nfs3::Setattr>(seed);
    check_procedure::<nfs3::Write>(seed);
    check_procedure::<nfs3::Create>(seed);
    check_procedure::<nfs3::Mkdir>(seed);
    check_procedure::<nfs3::Symlink>(seed);
    check_procedure::<nfs3::Mknod>(seed);
    check_procedure::<nfs3::Remove>(seed);
    check_procedure::<nfs3::Rmdir>(seed);
    check_procedure::<nfs3::Rename>(seed);
    check_procedure::<nfs3::Link>(seed);
    check_procedure::<nfs3::Commit>(seed);
}

fn check_rpc_and_mount(seed: &[u8]) {
    check_call_header(seed);
    check::<ReplyHeader>(seed);
    check::<AuthSys>(seed);
    check_procedure::<mount::v1::Mnt>(seed);
    check_procedure::<mount::v3::Mnt>(seed);
    check_procedure::<mount::v3::Dump>(seed);
    check_procedure::<mount::v3::Export>(seed);
    check_procedure::<portmap::Set>(seed);
    check_procedure::<portmap::Getport>(seed);
    check_procedure::<portmap::Dump>(seed);
    check_procedure::<portmap::rpcbind::v3::Getaddr>(seed);
    check_procedure::<portmap::rpcbind::v3::Dump>(seed);
    check_procedure::<portmap::rpcbind::v4::Gettime>(seed);
    check_procedure::<portmap::rpcbind::v4::Getaddrlist>(seed);
}

fn check_locks(seed: &[u8]) {
    check_procedure::<nlm4::Test>(seed);
    check_procedure::<nlm4::Lock>(seed);
    check_procedure::<nlm4::Cancel>(seed);
    check_procedure::<nlm4::Unlock>(seed);
    check_procedure::<nlm4::Granted>(seed);
    check_procedure::<nlm4::Share>(seed);
    check_procedure::<nlm4::FreeAll>(seed);
    check_procedure::<rquota::v1::Getquota>(seed);
    check_procedure::<rquota::v2::Getquota>(seed);
    check_procedure::<nsm::Stat>(seed);
    check_procedure::<nsm::Mon>(seed);
    check_procedure::<nsm::Unmon>(seed);
    check_procedure::<nsm::UnmonAll>(seed);
    check_procedure::<nsm::Notify>(seed);
}

fn check_directory_sizes(seed: &[u8]) {
    let mut source = Source::new(seed.to_vec());
    let plain = nfs3::ReaddirOk::sample(&mut source);
    let entries: usize = plain.entries.iter().map(|entry| nfs3::Entry3::entry_size(entry.name.len())).sum();
    assert_eq!(nfs3::ReaddirOk::base_size(&plain.dir_attributes) + entries, plain.encoded_size());
    let plus = nfs3::ReaddirplusOk::sample(&mut source);
    let entries: usize = plus.entries.iter().map(nfs3::EntryPlus3::entry_size).sum();
    assert_eq!(nfs3::ReaddirplusOk::base_size(&plus.dir_attributes) + entries, plus.encoded_size());
}

fn records(stream: &[u8], step: usize) -> Option<Vec<Bytes>> {
    let mut reader = RecordReader::new(RecordLimits { record_max_bytes: 4096, fragments_max: 16 });
    let mut input = BytesMut::new();
    let mut found = Vec::new();
    for piece in stream.chunks(step) {
        input.extend_from_slice(piece);
        while let Some(record) = reader.next_record(&mut input).ok()? {
            found.push(record);
        }
    }
    Some(found)
}

proptest! {
    #[test]
    fn nfs3_queries_come_back(seed in vec(any::<u8>(), 0..600)) {
        check_nfs3_queries(&seed);
    }

    #[test]
    fn nfs3_changes_come_back(seed in vec(any::<u8>(), 0..600)) {
        check_nfs3_changes(&seed);
    }

    #[test]
    fn rpc_mount_and_portmap_come_back(seed in vec(any::<u8>(), 0..600)) {
        check_rpc_and_mount(&seed);
    }

    #[test]
    fn locks_and_monitoring_come_back(seed in vec(any::<u8>(), 0..600)) {
        check_locks(&seed);
    }

    #[test]
    fn directory_sizes_are_exact(seed in vec(any::<u8>(), 0..600)) {
        check_directory_sizes(&seed);
    }

    #[test]
    fn any_bytes_decode_or_fail_and_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        for message in MESSAGES {
            let input = Bytes::from(bytes.clone());
            if let Ok(recoded) = (message.recode)(input) {
                assert_eq!((message.recode)(recoded.clone()), Ok(recoded), "{}", message.name);
            }
        }
    }

    #[test]
    fn how_a_stream_is_cut_does_not_matter(mut stream in vec(any::<u8>(), 0..400), step in 1..50_usize) {
        // Small lengths, so that some records are whole.
        for marker in stream.chunks_mut(10) {
            let small = [marker[0] & 0x80, 0, 0, marker[0] & 15];
            let length = marker.len().min(4);
            marker[..length].copy_from_slice(&small[..length]);
        }
        assert_eq!(records(&stream, step), records(&stream, stream.len().max(1)));
    }
}
