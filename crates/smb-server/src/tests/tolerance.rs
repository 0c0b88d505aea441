//! What MS-SMB2 tells servers to ignore, and answers to what cannot be read.

use smb_wire::close::{CloseFlags, CloseRequest, CloseResponse};
use smb_wire::codec::decode_body;
use smb_wire::create::CreateDisposition;
use smb_wire::dtyp::FileTime;
use smb_wire::negotiate::{Dialect, NegotiateResponse};
use smb_wire::read::ReadRequest;
use smb_wire::{Channel, Command, EchoRequest, Status};

use super::files::{at_home, close, open, reading, writing};
use super::harness::{CONTOSO, EVERY_DIALECT, House, body, offer, responses};

#[test]
fn a_close_without_flags_tells_nothing() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file_id = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let response = client.ask(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id });
    let told: CloseResponse = decode_body(&response.body).unwrap();
    assert_eq!((response.status(), told.flags), (Status::SUCCESS, CloseFlags::empty()));
    assert_eq!((told.file.times.creation, told.file.end_of_file), (FileTime(0), 0));
}

/// `RemainingBytes` of READ and of WRITE, `Flags` of CLOSE that nobody has defined, `Reserved` fields.
#[test]
fn fields_that_are_to_be_ignored_are() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file_id = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let mut ask = |command: Command, body: &mut [u8], at: usize| {
        body[at..at + 4].fill(0xee);
        let header = client.header(command);
        let message = client.raw(header, body);
        responses(&client.exchange(&message).unwrap().unwrap())[0].status()
    };
    assert_eq!(ask(Command::WRITE, &mut body(&writing(file_id, 0, b"text")), 36), Status::SUCCESS, "RemainingBytes");
    let request = ReadRequest { channel: Channel::NONE, ..reading(file_id, 0, 4) };
    assert_eq!(ask(Command::READ, &mut body(&request), 40), Status::SUCCESS, "RemainingBytes");
    let request = CloseRequest { flags: CloseFlags::POSTQUERY_ATTRIB, file_id };
    assert_eq!(ask(Command::CLOSE, &mut body(&request), 4), Status::SUCCESS, "Reserved");
}

#[test]
fn what_cannot_be_read_is_answered_by_its_id_and_the_connection_stays() {
    let house = House::new();
    let unreadable = (Command::LOGOFF.0..=Command::OPLOCK_BREAK.0).map(Command);
    for command in unreadable.filter(|command| *command != Command::CANCEL) {
        let mut client = at_home(&house, Dialect::SMB_3_1_1);
        let header = client.header(command);
        let message = client.raw(header, &[0xff; 12]);
        let answer = responses(&client.exchange(&message).unwrap().unwrap()).remove(0);
        assert_eq!(
            (answer.header.message_id, answer.status()),
            (header.message_id, Status::INVALID_PARAMETER),
            "{command:?}"
        );
        assert_eq!(client.ask(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "after {command:?}");
    }
}

#[test]
fn an_echo_is_answered_whatever_became_of_its_session() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let mut header = client.header(Command::ECHO);
    header.session_id ^= 1 << 40;
    let message = client.message(header, &EchoRequest {});
    let answer = responses(&client.exchange(&message).unwrap().unwrap()).remove(0);
    assert_eq!(answer.status(), Status::SUCCESS);
}

#[test]
fn servers_have_one_name_and_hide_when_they_were_started() {
    let house = House::new();
    for dialect in EVERY_DIALECT {
        let response = house.client(CONTOSO).negotiate(offer(&[dialect]));
        let told: NegotiateResponse<'_> = decode_body(&response.body).unwrap();
        assert_eq!((told.server_guid.0, told.server_start_time), ([9; 16], FileTime(0)));
        assert!(told.system_time.0 > 0);
    }
}

#[test]
fn a_close_tells_all_of_what_was_written() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file_id = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    assert_eq!(client.ask(Command::WRITE, &writing(file_id, 5000, b"text")).status(), Status::SUCCESS);
    let response = close(&mut client, file_id);
    let told: CloseResponse = decode_body(&response.body).unwrap();
    let times = told.file.times;
    assert!([times.creation, times.last_access, times.last_write, times.change].iter().all(|time| time.0 > 0));
    assert!(told.file.end_of_file == 5004 && told.file.allocation_size >= 4096, "{told:?}");
    assert_eq!(told.file.allocation_size % 4096, 0, "whole blocks, which are what is cloned");
}
