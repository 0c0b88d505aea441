//! SESSION_SETUP and LOGOFF.

use smb_wire::codec::decode_body;
use smb_wire::negotiate::Dialect;
use smb_wire::session_setup::{SessionFlags, SessionSetupRequest, SessionSetupResponse};
use smb_wire::{Command, EchoRequest, Header, LogoffRequest, Status};
use vfs::SessionId;

use super::harness::{CONTOSO, EVERY_DIALECT, House, offer, responses, setup};
use crate::settings::{Protection, Settings};

#[test]
fn users_log_on_over_every_dialect_and_both_sides_have_the_same_keys() {
    let house = House::new();
    for dialect in EVERY_DIALECT {
        let mut client = house.client(CONTOSO).at_home(dialect);
        assert_eq!(client.ask(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "{dialect:?}");
        if dialect.0 >= 0x300 {
            assert_eq!(client.ask_sealed(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "{dialect:?}");
        }
    }
    assert_eq!(house.door.facts.sessions.after(0, 10).len(), EVERY_DIALECT.len());
}

#[test]
fn who_is_refused_has_no_session_and_is_told_the_same_whatever_was_wrong() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    client.negotiate(offer(&[Dialect::SMB_3_1_1]));
    for user in ["stranger", "unknown"] {
        assert_eq!(client.log_on(&["wait", user]).status(), Status::LOGON_FAILURE);
    }
    assert_eq!(client.log_on(&["nonsense"]).status(), Status::INVALID_PARAMETER);
    assert!(client.machine.setups_are_over() && !client.machine.is_known());
    assert!(client.machine.frame_bytes_max() <= 64 << 10, "a stranger costs little");
    assert_eq!(client.log_on(&["wait", "alice"]).status(), Status::SUCCESS);
    assert!(client.machine.frame_bytes_max() > 8 << 20);
}

#[test]
fn exchanges_are_bounded() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    client.negotiate(offer(&[Dialect::SMB_2_1]));
    assert_eq!(client.log_on(&["wait"; 6]).status(), Status::LOGON_FAILURE, "nobody is asked for ever");
    for _ in 0..8 {
        assert_eq!(client.log_on(&["wait"]).status(), Status::MORE_PROCESSING_REQUIRED);
    }
    assert_eq!(client.log_on(&["wait"]).status(), Status::REQUEST_NOT_ACCEPTED);
}

#[test]
fn guests_and_nobody_are_told_what_they_are_and_sign_nothing() {
    let house = House::new();
    for (token, flag) in [("guest", SessionFlags::IS_GUEST), ("", SessionFlags::IS_NULL)] {
        let mut client = house.client(CONTOSO);
        client.negotiate(offer(&[Dialect::SMB_3_1_1]));
        let response = client.log_on(&[token]);
        let body: SessionSetupResponse<'_> = decode_body(&response.body).unwrap();
        assert_eq!((response.status(), body.flags), (Status::SUCCESS, flag));
        assert!(client.session.is_none());
    }
}

#[test]
fn who_proves_it_again_keeps_keys_and_who_fails_loses_the_session() {
    let house = House::new();
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.log_on(&["wait", "alice"]).status(), Status::SUCCESS);
    assert_eq!(client.ask(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "with the keys of before");
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    assert_eq!(client.log_on(&["mallory"]).status(), Status::LOGON_FAILURE, "another user");
    let id = client.session.take().unwrap().id;
    let header = Header { session_id: id, ..client.header(Command::LOGOFF) };
    let answer = client.exchange(&client.message(header, &LogoffRequest {})).unwrap().unwrap();
    assert_eq!(responses(&answer)[0].status(), Status::USER_SESSION_DELETED);
    assert!(house.door.facts.sessions.find(id).is_none());
}

#[test]
fn who_proves_to_be_nobody_reaches_what_nobody_does() {
    let house = House::new();
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    assert_eq!(client.log_on(&[""]).status(), Status::SUCCESS);
    assert_eq!(client.connect("projects").status(), Status::ACCESS_DENIED, "which takes no guests");
    assert_eq!(client.log_on(&["alice"]).status(), Status::SUCCESS);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
}

#[test]
fn a_session_ends_with_logoff_or_when_its_user_comes_back() {
    let house = House::new();
    let mut first = house.client(CONTOSO).at_home(Dialect::SMB_3_0);
    let mut second = house.client(CONTOSO).at_home(Dialect::SMB_3_0);
    assert_eq!(second.ask(Command::LOGOFF, &LogoffRequest {}).status(), Status::SUCCESS);
    let gone = second.session.as_ref().unwrap().id;
    assert!(house.door.facts.sessions.find(gone).is_none());

    let previous_session_id = first.session.as_ref().unwrap().id;
    for (user, is_replaced) in [("mallory", false), ("alice", true)] {
        let mut again = house.client(CONTOSO);
        again.negotiate(offer(&[Dialect::SMB_3_0]));
        let header = again.header(Command::SESSION_SETUP);
        let body = SessionSetupRequest { previous_session_id, ..setup(user.as_bytes()) };
        let answer = again.exchange(&again.message(header, &body)).unwrap().unwrap();
        assert_eq!(responses(&answer)[0].status(), Status::SUCCESS);
        assert_eq!(house.door.facts.sessions.find(previous_session_id).is_none(), is_replaced, "{user}");
    }
    let session = first.session.take().unwrap();
    let header = Header { session_id: session.id, ..first.header(Command::LOGOFF) };
    let answer = first.exchange(&first.message(header, &LogoffRequest {})).unwrap().unwrap();
    assert_eq!(responses(&answer)[0].status(), Status::USER_SESSION_DELETED);
    assert!(SessionId(session.id).0 >= 1 << 48, "apart from the numbers of other doors");
}

#[test]
fn who_cannot_encrypt_is_refused_where_everybody_must() {
    let house = House::with(Settings { encryption: Protection::Required, ..Settings::default() });
    let mut old = house.client(CONTOSO);
    old.negotiate(offer(&[Dialect::SMB_2_1]));
    assert_eq!(old.log_on(&["alice"]).status(), Status::ACCESS_DENIED);
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.ask(Command::LOGOFF, &LogoffRequest {}).status(), Status::ACCESS_DENIED, "in the clear");
    assert_eq!(client.ask_sealed(Command::LOGOFF, &LogoffRequest {}).status(), Status::SUCCESS);
}
