//! Sessions that are reached over several connections.

use bytes::BytesMut;
use smb_wire::codec::{List, encode_body};
use smb_wire::compound::Chain;
use smb_wire::create::{CreateDisposition, OplockLevel};
use smb_wire::lock::{LockElement, LockFlags, LockRequest};
use smb_wire::negotiate::Dialect;
use smb_wire::session_setup::{SessionSetupFlags, SessionSetupRequest};
use smb_wire::{Command, Header, HeaderFlags, LogoffRequest, Status, TreeDisconnectRequest};
use testkit::block_on;

use super::files::{at_home, open};
use super::harness::{CONTOSO, Client, FABRIKAM, House, Keys, PREAUTH, Response, SIGNING, offer, responses, setup};

impl Client<'_> {
    /// Logs on so that a session of another connection is reached over this one too.
    pub(crate) fn join(&mut self, first: &Keys, tokens: &[&str]) -> Response {
        let mut hash = self.hash;
        let mut last = None;
        for token in tokens {
            let header =
                Header { session_id: first.id, flags: HeaderFlags::SIGNED, ..self.header(Command::SESSION_SETUP) };
            let body = SessionSetupRequest { flags: SessionSetupFlags::BINDING, ..setup(token.as_bytes()) };
            let mut message = BytesMut::new();
            encode_body(&body, Chain::new(&mut message).begin(&header));
            let (head, rest) = message.split_first_chunk_mut().unwrap();
            first.signer.sign(head, [&*rest]);
            hash.add([&message[..]]);
            let answer = self.exchange(&message).unwrap().expect("an answer");
            let response = responses(&answer).remove(0);
            if response.status() == Status::MORE_PROCESSING_REQUIRED {
                hash.add([&answer[..]]);
            }
            last = Some(response);
        }
        let last = last.unwrap();
        if last.status() == Status::SUCCESS {
            self.session = self.keys(first.id, &hash, &last);
        }
        last
    }

    /// The connection ends.
    pub(crate) fn hang_up(mut self) {
        for session in self.machine.take_sessions() {
            block_on(self.house.door.lose(&session));
        }
    }

    fn disconnect_status(&mut self) -> Status {
        let header = self.header(Command::TREE_DISCONNECT);
        let message = self.message(header, &TreeDisconnectRequest {});
        responses(&self.exchange(&message).unwrap().unwrap())[0].status()
    }
}

#[test]
fn a_session_is_reached_over_several_connections_each_with_a_key_of_its_own() {
    let house = House::new();
    for dialect in [Dialect::SMB_3_0, Dialect::SMB_3_0_2, Dialect::SMB_3_1_1] {
        let mut first = house.client(CONTOSO).at_home(dialect);
        assert_eq!(first.connect("projects").status(), Status::SUCCESS);
        let mut second = house.client(CONTOSO);
        second.negotiate(offer(&[dialect]));
        let joined = second.join(first.session.as_ref().unwrap(), &["wait", "alice"]);
        assert_eq!(joined.status(), Status::SUCCESS, "{dialect:?}");
        second.tree = first.tree;
        assert_eq!(
            second.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status(),
            Status::SUCCESS,
            "its tree too"
        );
        assert_eq!(
            first.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status(),
            Status::NETWORK_NAME_DELETED
        );
        if dialect == Dialect::SMB_3_1_1 {
            std::mem::swap(&mut first.session, &mut second.session);
            assert_eq!(first.disconnect_status(), Status::ACCESS_DENIED, "the key of another connection");
        }
    }
}

#[test]
fn a_session_lives_as_long_as_one_of_its_connections() {
    let house = House::new();
    let mut first = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(first.connect("projects").status(), Status::SUCCESS);
    let mut second = house.client(CONTOSO);
    second.negotiate(offer(&[Dialect::SMB_3_1_1]));
    second.join(first.session.as_ref().unwrap(), &["alice"]);
    let (id, tree) = (first.session.as_ref().unwrap().id, first.tree);
    first.hang_up();
    assert!(house.door.facts.sessions.find(id).is_some());
    second.tree = tree;
    assert_eq!(second.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status(), Status::SUCCESS);
    second.hang_up();
    assert!(house.door.facts.sessions.find(id).is_none());
}

#[test]
fn a_session_that_is_logged_off_ends_on_all_its_connections() {
    let house = House::new();
    let mut first = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let mut second = house.client(CONTOSO);
    second.negotiate(offer(&[Dialect::SMB_3_1_1]));
    second.join(first.session.as_ref().unwrap(), &["alice"]);
    assert_eq!(second.ask(Command::LOGOFF, &LogoffRequest {}).status(), Status::SUCCESS);
    assert_eq!(first.disconnect_status(), Status::USER_SESSION_DELETED);
}

#[test]
fn only_its_user_joins_a_session_with_its_key_and_as_it_was_agreed_on() {
    let house = House::new();
    let first = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let keys = first.session.as_ref().unwrap();
    let join = |at: &str, terms, keys: &Keys, user| {
        let mut client = house.client(at);
        client.negotiate(terms);
        client.join(keys, &["wait", user]).status()
    };
    let same = offer(&[Dialect::SMB_3_1_1]);
    assert_eq!(join(CONTOSO, same, keys, "mallory"), Status::NOT_SUPPORTED);
    assert_eq!(join(CONTOSO, same, keys, "stranger"), Status::LOGON_FAILURE);
    assert_eq!(join(FABRIKAM, same, keys, "alice"), Status::USER_SESSION_DELETED, "another zone");
    assert_eq!(join(CONTOSO, offer(&[Dialect::SMB_2_1]), keys, "alice"), Status::REQUEST_OUT_OF_SEQUENCE);
    let unsealed = [PREAUTH, SIGNING];
    let clear = super::harness::Offer { contexts: &unsealed, ..same };
    assert_eq!(join(CONTOSO, clear, keys, "alice"), Status::INVALID_PARAMETER, "another cipher");
    let other = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let stolen = Keys { id: keys.id, signer: other.session.unwrap().signer, cipher: None };
    assert_eq!(join(CONTOSO, same, &stolen, "alice"), Status::ACCESS_DENIED, "another key");
    assert_eq!(join(CONTOSO, same, keys, "alice"), Status::SUCCESS, "and nothing of it harmed the session");

    let old = house.client(CONTOSO).at_home(Dialect::SMB_3_0);
    let keys = old.session.as_ref().unwrap();
    assert_eq!(join(CONTOSO, offer(&[Dialect::SMB_3_0_2]), keys, "alice"), Status::INVALID_PARAMETER);
    assert_eq!(join(CONTOSO, same, keys, "alice"), Status::NOT_SUPPORTED, "by GMAC");
    assert_eq!(join(CONTOSO, offer(&[Dialect::SMB_2_1]), keys, "alice"), Status::REQUEST_NOT_ACCEPTED);
}

#[test]
fn a_lock_that_is_sent_again_over_another_connection_is_granted_once() {
    let house = House::new();
    let mut first = at_home(&house, Dialect::SMB_3_1_1);
    let file_id = open(&mut first, "file", CreateDisposition::CREATE).unwrap();
    let mut second = house.client(CONTOSO);
    second.negotiate(offer(&[Dialect::SMB_3_1_1]));
    second.join(first.session.as_ref().unwrap(), &["alice"]);
    second.tree = first.tree;
    let flags = LockFlags::EXCLUSIVE | LockFlags::FAIL_IMMEDIATELY;
    let locks = [LockElement { offset: 0, length: 10, flags }];
    let lock = |lock_sequence| LockRequest { lock_sequence, file_id, locks: List::Items(&locks) };
    assert_eq!(first.ask(Command::LOCK, &lock(1 << 4 | 1)).status(), Status::SUCCESS);
    assert_eq!(second.ask(Command::LOCK, &lock(1 << 4 | 1)).status(), Status::SUCCESS, "the same one");
    assert_eq!(second.ask(Command::LOCK, &lock(1 << 4 | 2)).status(), Status::LOCK_NOT_GRANTED, "another one");
    assert_eq!(second.ask(Command::LOCK, &lock(0)).status(), Status::LOCK_NOT_GRANTED, "one that is not told apart");
}

/// Two connections of one session.
pub(super) fn together(house: &House) -> (Client<'_>, Client<'_>) {
    let first = at_home(house, Dialect::SMB_3_1_1);
    let mut second = house.client(CONTOSO);
    second.negotiate(offer(&[Dialect::SMB_3_1_1]));
    assert_eq!(second.join(first.session.as_ref().unwrap(), &["alice"]).status(), Status::SUCCESS);
    second.tree = first.tree;
    (first, second)
}

#[test]
fn a_break_that_went_with_a_connection_is_told_over_the_next() {
    let house = House::new();
    let (mut first, mut second) = together(&house);
    let (file, level, _) = second.open_for(OplockLevel::BATCH);
    assert_eq!(level, OplockLevel::BATCH);
    let mut other = at_home(&house, Dialect::SMB_3_1_1);
    other.begin_to_open();
    assert!(second.unasked().is_empty(), "the oldest tells");
    assert_eq!(first.unasked().len(), 1);
    assert!(first.unasked().is_empty(), "once");
    first.hang_up();
    assert_eq!(second.unasked().len(), 1, "it may have been lost");
    assert_eq!(second.acknowledge_oplock(file, OplockLevel::II), Status::SUCCESS);
    assert_eq!(other.statuses(), [Status::SUCCESS]);
}

#[test]
fn a_break_that_was_answered_is_told_no_more() {
    let house = House::new();
    let (mut first, mut second) = together(&house);
    let (file, ..) = first.open_for(OplockLevel::BATCH);
    let mut other = at_home(&house, Dialect::SMB_3_1_1);
    other.begin_to_open();
    assert_eq!(first.unasked().len(), 1);
    assert_eq!(second.acknowledge_oplock(file, OplockLevel::II), Status::SUCCESS);
    first.hang_up();
    assert!(second.unasked().is_empty());
}
