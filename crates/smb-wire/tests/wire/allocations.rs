//! What decoding costs in memory: nothing, and encoding only the room in the buffer.

use allocation_counter::measure;
use bytes::BytesMut;
use smb_wire::close::{CloseRequest, CloseResponse};
use smb_wire::codec::{Decode, decode, decode_body, encode, encode_body};
use smb_wire::create::{CreateRequest, CreateResponse};
use smb_wire::info::{Entries, EntryWriter, FileInformationClass, InClass};
use smb_wire::negotiate::NegotiateRequest;
use smb_wire::query_directory::QueryDirectoryRequest;
use smb_wire::query_info::QueryInfoRequest;
use smb_wire::read::{ReadRequest, ReadResponse};
use smb_wire::write::{WriteRequest, WriteResponse};
use smb_wire::{Header, OutputResponse};

use crate::hex::fixture;

/// For each: decoding the fixture, and encoding it into a buffer with room.
macro_rules! assert_no_allocation {
    ($($stem:literal: $type:ty,)*) => {$(
        let bytes = fixture($stem);
        let mut buffer = BytesMut::with_capacity(4096);
        let used = measure(|| {
            let value: $type = decode_body(&bytes).unwrap();
            encode_body(&value, &mut buffer);
        });
        assert_eq!(used.count_total, 0, $stem);
        assert_eq!(buffer, bytes, $stem);
    )*};
}

#[test]
fn headers_and_negotiation_cost_nothing() {
    let bytes = fixture("smb2-header");
    let mut buffer = BytesMut::with_capacity(64);
    let used = measure(|| {
        let header: Header = decode(&bytes).unwrap();
        encode(&header, &mut buffer);
    });
    assert_eq!(used.count_total, 0);
    assert_no_allocation! { "smb2-NEGOTIATE-request": NegotiateRequest<'_>, }
}

#[test]
fn hot_messages_cost_nothing() {
    assert_no_allocation! {
        "smb2-CREATE-request": CreateRequest<'_>,
        "smb2-CREATE-response": CreateResponse<'_>,
        "smb2-CLOSE-request": CloseRequest,
        "smb2-CLOSE-response": CloseResponse,
        "smb2-READ-request": ReadRequest<'_>,
        "smb2-READ-response": ReadResponse<'_>,
        "smb2-WRITE-request": WriteRequest<'_>,
        "smb2-WRITE-response": WriteResponse,
        "smb2-QUERY_INFO-request": QueryInfoRequest<'_>,
        "smb2-QUERY_DIRECTORY-request": QueryDirectoryRequest<'_>,
        "smb2-output-response": OutputResponse<'_>,
    }
}

#[test]
fn a_listing_costs_nothing() {
    let bytes = fixture("fscc-FileIdBothDirectoryInformation");
    let mut buffer = BytesMut::with_capacity(4096);
    let used = measure(|| {
        let mut writer = EntryWriter::new(&mut buffer, 4096);
        for entry in Entries::<InClass<'_, 37>>::new(&bytes) {
            assert_eq!(entry.unwrap().0.push(FileInformationClass::ID_BOTH_DIRECTORY, &mut writer), Some(true));
        }
    });
    assert_eq!(used.count_total, 0);
    assert_eq!(buffer, bytes);
}

#[test]
fn an_announced_count_allocates_nothing() {
    let mut bytes = fixture("smb2-NEGOTIATE-request");
    bytes[2..4].copy_from_slice(&[0xff, 0xff]);
    let used = measure(|| assert!(NegotiateRequest::decode(&mut smb_wire::codec::Decoder::body(&bytes)).is_err()));
    assert_eq!(used.bytes_max, 0);
}
