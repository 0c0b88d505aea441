//! Bytes that nobody good sends: never a panic, and an answer or the end of the connection.

use proptest::prelude::*;
use smb_wire::negotiate::Dialect;
use smb_wire::{Command, Header};

use super::harness::{CONTOSO, House, offer};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fuzz_smoke_strangers_send_anything(frames in proptest::collection::vec(frame(), 1..6), negotiates: bool) {
        let house = House::new();
        let mut client = house.client(CONTOSO);
        if negotiates {
            client.negotiate(offer(&[Dialect::SMB_3_1_1]));
        }
        for frame in frames {
            if client.exchange(&frame).is_err() {
                break;
            }
        }
    }

    #[test]
    fn fuzz_smoke_users_send_anything_behind_a_good_header(
        bodies in proptest::collection::vec((0_u16..20, proptest::collection::vec(any::<u8>(), 0..80)), 1..20),
    ) {
        let house = House::new();
        let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
        client.connect("projects");
        for (command, body) in bodies {
            let header = client.header(Command(command));
            let message = client.raw(header, &body);
            let Ok(answer) = client.exchange(&message) else { return Ok(()) };
            prop_assert_eq!(answer.is_some(), Command(command) != Command::CANCEL);
        }
    }
}

/// A protocol id, and behind it anything, or a header with anything in it.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let protocol = prop_oneof![Just(*b"\xfeSMB"), Just(*b"\xffSMB"), Just(*b"\xfdSMB"), any::<[u8; 4]>()];
    let rest = proptest::collection::vec(any::<u8>(), 0..200);
    let header =
        (0_u16..20, 0_u64..3, proptest::collection::vec(any::<u8>(), 0..100)).prop_map(|(command, id, body)| {
            let mut frame = bytes::BytesMut::new();
            let header = Header { credits: 5, ..Header::request(Command(command), id) };
            smb_wire::compound::Chain::new(&mut frame).begin(&header).extend_from_slice(&body);
            frame.to_vec()
        });
    prop_oneof![(protocol, rest).prop_map(|(id, rest)| [&id[..], &rest].concat()), header]
}
