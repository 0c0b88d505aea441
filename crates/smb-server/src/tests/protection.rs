//! What is signed and encrypted, and what comes of it if not.

use bytes::BytesMut;
use smb_wire::codec::encode_body;
use smb_wire::compound::Chain;
use smb_wire::negotiate::Dialect;
use smb_wire::tree_connect::{TreeConnectFlags, TreeConnectRequest};
use smb_wire::{Command, EchoRequest, Header, HeaderFlags, LogoffRequest, Status, TreeDisconnectRequest};

use super::harness::{CONTOSO, Client, EVERY_DIALECT, House, responses, utf16};
use crate::settings::{Protection, Settings};

/// A message that is not signed.
fn bare(header: &Header) -> BytesMut {
    let mut message = BytesMut::new();
    encode_body(&EchoRequest {}, Chain::new(&mut message).begin(header));
    message
}

fn status(client: &mut Client<'_>, frame: &[u8]) -> Option<Status> {
    let answer = client.exchange(frame).ok()??;
    Some(responses(&answer)[0].status())
}

#[test]
fn what_is_not_signed_or_signed_wrongly_is_not_done() {
    let house = House::new();
    for dialect in EVERY_DIALECT {
        let mut client = house.client(CONTOSO).at_home(dialect);
        let header = client.header(Command::LOGOFF);
        assert_eq!(status(&mut client, &bare(&header)), Some(Status::ACCESS_DENIED), "{dialect:?}");
        let header = client.header(Command::LOGOFF);
        let mut message = client.message(header, &LogoffRequest {});
        message[50] ^= 1;
        assert_eq!(status(&mut client, &message), Some(Status::ACCESS_DENIED), "{dialect:?}");
        assert_eq!(client.ask(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "nothing was done");
    }
}

#[test]
fn where_signing_is_offered_a_tree_connect_of_3_1_1_must_be_signed_all_the_same() {
    let house = House::with(Settings { signing: Protection::Offered, ..Settings::default() });
    let path = utf16(r"\\server\projects");
    for (dialect, is_closed) in [(Dialect::SMB_3_1_1, true), (Dialect::SMB_3_0_2, false)] {
        let mut client = house.client(CONTOSO).at_home(dialect);
        let header = client.header(Command::ECHO);
        assert_eq!(status(&mut client, &bare(&header)), Some(Status::SUCCESS));
        let header = client.header(Command::TREE_CONNECT);
        let path = smb_wire::codec::Utf16::from_bytes(&path).unwrap();
        let mut message = BytesMut::new();
        let body = TreeConnectRequest { flags: TreeConnectFlags::empty(), path };
        encode_body(&body, Chain::new(&mut message).begin(&header));
        assert_eq!(status(&mut client, &message).is_none(), is_closed, "{dialect:?}");
    }
}

#[test]
fn encrypted_frames_that_are_not_what_they_say_close_the_connection() {
    let house = House::new();
    let broken: [fn(&mut Vec<u8>); 4] =
        [|frame| frame[60] ^= 1, |frame| frame[44] ^= 1, |frame| frame[36] ^= 1, |frame| frame.truncate(100)];
    for spoil in broken {
        let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
        let header = client.header(Command::ECHO);
        let mut frame = client.seal(bare(&header));
        spoil(&mut frame);
        assert!(client.exchange(&frame).is_err());
    }
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let header = Header { session_id: 77, ..client.header(Command::ECHO) };
    let frame = client.seal(bare(&header));
    assert!(client.exchange(&frame).is_err(), "the inner session is another");
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let frame = client.seal(BytesMut::from(&b"\xfdSMB and so on"[..]));
    assert!(client.exchange(&frame).is_err(), "what was encrypted is no message");
}

#[test]
fn elements_are_signed_by_themselves_and_a_refused_one_refuses_those_that_belong_to_it() {
    let house = House::new();
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    client.connect("projects");
    let headers = [(); 3].map(|()| client.header(Command::TREE_DISCONNECT));
    let mut frame = BytesMut::new();
    for (index, header) in headers.into_iter().enumerate() {
        let related = if index > 0 { HeaderFlags::RELATED_OPERATIONS } else { HeaderFlags::empty() };
        let is_last = index == 2;
        let header = Header { next_command: if is_last { 0 } else { 72 }, flags: related, ..header };
        let mut message = client.message(header, &TreeDisconnectRequest {});
        if !is_last {
            // Signed with its padding and its link.
            message = client.padded(header);
        }
        frame.extend_from_slice(&message);
    }
    let answer = client.exchange(&frame).unwrap().unwrap();
    let answers = responses(&answer);
    let statuses: Vec<_> = answers.iter().map(super::harness::Response::status).collect();
    assert_eq!(statuses, [Status::SUCCESS, Status::NETWORK_NAME_DELETED, Status::NETWORK_NAME_DELETED]);
    assert!(answers.iter().all(|answer| client.is_signed(answer)));
    let sizes: Vec<_> = answers.iter().map(|answer| answer.body.len()).collect();
    assert_eq!(sizes, [8, 16, 16], "padded, the last too");
}

#[test]
fn ids_are_used_once_and_a_first_related_request_is_refused() {
    let house = House::new();
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_2_1);
    let header = client.header(Command::ECHO);
    let header = Header { flags: HeaderFlags::RELATED_OPERATIONS, ..header };
    let message = client.message(header, &EchoRequest {});
    assert_eq!(status(&mut client, &message), Some(Status::INVALID_PARAMETER));
    assert!(client.exchange(&message).is_err(), "the same id again");
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_2_1);
    client.next += 1000;
    let header = client.header(Command::ECHO);
    assert!(client.exchange(&client.message(header, &EchoRequest {})).is_err(), "an id that was not granted");
}
