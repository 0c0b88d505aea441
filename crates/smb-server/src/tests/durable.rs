//! Opens that outlive their connection (MS-SMB2 3.3.5.9.6 to 3.3.5.9.12, 3.3.7.1), and CREATE that is sent again.

use std::sync::Arc;
use std::time::Duration;

use smb_wire::codec::decode_body;
use smb_wire::create::{
    CreateAction, CreateContexts, CreateDisposition, CreateRequest, CreateRequestContext, CreateResponse,
    CreateResponseContext, DurableFlags, DurableReconnect, DurableRequest, LeaseContext, LeaseFlags, LeaseState,
    OplockLevel, ShareAccess,
};
use smb_wire::dtyp::Guid;
use smb_wire::lock::{LockElement, LockFlags};
use smb_wire::negotiate::Dialect;
use smb_wire::read::ReadResponse;
use smb_wire::tree_connect::{ShareCapabilities, TreeConnectResponse};
use smb_wire::{Command, FileId, HeaderFlags, LogoffRequest, Status, TreeDisconnectRequest};
use testkit::block_on;

use super::channels::together;
use super::files::{at_home, close, open, opening, reading, writing};
use super::harness::{CONTOSO, Client, EVERY_DIALECT, House, Response, offer, responses, utf16};
use crate::durable::{TIMEOUT_DEFAULT, TIMEOUT_MAX};

const NAMED: DurableRequest =
    DurableRequest { timeout_ms: 0, flags: DurableFlags::empty(), create_guid: Guid([6; 16]) };
const RWH: LeaseState = LeaseState::READ.union(LeaseState::WRITE).union(LeaseState::HANDLE);
const BYTES: LockElement = LockElement { offset: 0, length: 2, flags: LockFlags::EXCLUSIVE };

fn lease(key: u8, state: LeaseState) -> CreateRequestContext<'static> {
    CreateRequestContext::Lease(LeaseContext { key: [key; 16], state, flags: LeaseFlags::empty(), v2: None })
}

fn reconnect(file_id: FileId, create_guid: Guid) -> CreateRequestContext<'static> {
    let flags = DurableFlags::empty();
    CreateRequestContext::DurableReconnectV2(DurableReconnect { file_id, create_guid, flags })
}

/// What is told of an open: how long it waits, if it does.
fn told(response: &Response) -> (FileId, OplockLevel, Option<Duration>) {
    assert_eq!(response.status(), Status::SUCCESS);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    let waits = body.contexts.iter().find_map(|context| match context {
        CreateResponseContext::DurableV1 => Some(TIMEOUT_MAX),
        CreateResponseContext::DurableV2(granted) => Some(Duration::from_millis(granted.timeout_ms.into())),
        _ => None,
    });
    (body.file_id, body.oplock_level, waits)
}

/// The open that a response gives.
pub(super) fn file_id(response: &Response) -> FileId {
    told(response).0
}

fn action(response: &Response) -> CreateAction {
    decode_body::<CreateResponse<'_>>(&response.body).unwrap().action
}

impl Client<'_> {
    fn create_with(&mut self, level: OplockLevel, contexts: &[CreateRequestContext<'_>]) -> Response {
        let name = utf16("file");
        let contexts = CreateContexts::Items(contexts);
        let request = opening(&name, CreateDisposition::OPEN_IF);
        self.ask(Command::CREATE, &CreateRequest { oplock_level: level, contexts, ..request })
    }

    /// Says that it was sent before.
    fn create_again(&mut self, contexts: &[CreateRequestContext<'_>]) -> Response {
        let name = utf16("file");
        let contexts = CreateContexts::Items(contexts);
        let mut header = self.header(Command::CREATE);
        header.flags |= HeaderFlags::REPLAY_OPERATION;
        let request = opening(&name, CreateDisposition::OPEN_IF);
        let message = self.message(header, &CreateRequest { oplock_level: OplockLevel::BATCH, contexts, ..request });
        responses(&self.exchange(&message).unwrap().unwrap()).remove(0)
    }

    fn is_locked(&mut self, file_id: FileId) -> bool {
        self.lock(file_id, &[LockElement { flags: BYTES.flags | LockFlags::FAIL_IMMEDIATELY, ..BYTES }])
            != Status::SUCCESS
    }
}

impl House {
    /// Does what is done beside the connections.
    fn sweep(&self) {
        let heard = self.door.facts.parked.heard();
        block_on(self.door.sweep_parked(heard));
    }
}

fn someone<'a>(house: &'a House, user: &str) -> Client<'a> {
    let mut client = house.client(CONTOSO);
    assert_eq!(client.negotiate(offer(&[Dialect::SMB_3_1_1])).status(), Status::SUCCESS);
    assert_eq!(client.log_on(&[user]).status(), Status::SUCCESS);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

#[test]
fn an_open_waits_for_its_client_with_all_that_it_holds() {
    for dialect in EVERY_DIALECT {
        for named in [false, true] {
            if named && dialect.0 < 0x300 {
                continue;
            }
            let house = House::new();
            let mut client = at_home(&house, dialect);
            let wish = if named {
                CreateRequestContext::DurableRequestV2(NAMED)
            } else {
                CreateRequestContext::DurableRequestV1
            };
            let (file, level, waits) = told(&client.create_with(OplockLevel::BATCH, &[wish]));
            assert_eq!(level, OplockLevel::BATCH);
            assert_eq!(waits, Some(if named { TIMEOUT_DEFAULT } else { TIMEOUT_MAX }), "{dialect:?}");
            assert_eq!(client.ask(Command::WRITE, &writing(file, 0, b"kept")).status(), Status::SUCCESS);
            assert_eq!(client.lock(file, &[BYTES]), Status::SUCCESS);
            client.hang_up();
            house.sweep();
            assert_eq!(house.door.facts.parked.count(), 1);

            let mut client = at_home(&house, dialect);
            let back =
                if named { reconnect(file, NAMED.create_guid) } else { CreateRequestContext::DurableReconnectV1(file) };
            let response = client.create_with(OplockLevel::NONE, &[back]);
            assert_eq!((told(&response), action(&response)), ((file, level, None), CreateAction::OPENED));
            let response = client.ask(Command::READ, &reading(file, 0, 8));
            assert_eq!(decode_body::<ReadResponse<'_>>(&response.body).unwrap().data, b"kept");
            assert!(client.is_locked(file), "by itself");
            assert_eq!(client.lock(file, &[LockElement { flags: LockFlags::UNLOCK, ..BYTES }]), Status::SUCCESS);
            assert_eq!(client.create_with(OplockLevel::NONE, &[back]).status(), Status::OBJECT_NAME_NOT_FOUND, "once");
            client.hang_up();
            let mut client = at_home(&house, dialect);
            assert_eq!(told(&client.create_with(OplockLevel::NONE, &[back])).0, file, "and again");
            assert_eq!(close(&mut client, file).status(), Status::SUCCESS);
            assert_eq!(house.door.facts.parked.count(), 0);
        }
    }
}

#[test]
fn who_wants_the_file_gets_it() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let (file, ..) = told(&client.create_with(OplockLevel::BATCH, &[CreateRequestContext::DurableRequestV1]));
    client.hang_up();
    let mut other = at_home(&house, Dialect::SMB_3_1_1);
    let name = utf16("file");
    let header = other.header(Command::CREATE);
    let message = other.message(header, &opening(&name, CreateDisposition::OPEN));
    other.send(&message);
    let statuses = |client: &mut Client<'_>| client.hear().iter().flatten().map(Response::status).collect::<Vec<_>>();
    assert_eq!(statuses(&mut other), [Status::PENDING]);
    house.sweep();
    assert_eq!(statuses(&mut other), [Status::SUCCESS]);
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let back = CreateRequestContext::DurableReconnectV1(file);
    assert_eq!(client.create_with(OplockLevel::NONE, &[back]).status(), Status::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn a_break_that_nobody_has_heard_of_ends_it_too() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let wishes = [lease(1, RWH), CreateRequestContext::DurableRequestV2(NAMED)];
    let (file, level, waits) = told(&client.create_with(OplockLevel::LEASE, &wishes));
    assert_eq!((level, waits), (OplockLevel::LEASE, Some(TIMEOUT_DEFAULT)));
    client.hang_up();
    let mut other = someone(&house, "bob");
    let name = utf16("file");
    let header = other.header(Command::CREATE);
    let message = other.message(header, &opening(&name, CreateDisposition::OPEN));
    other.send(&message);
    assert!(other.hear().iter().flatten().all(|response| response.status() == Status::PENDING));
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let back = [lease(1, RWH), reconnect(file, NAMED.create_guid)];
    assert_eq!(client.create_with(OplockLevel::LEASE, &back).status(), Status::OBJECT_NAME_NOT_FOUND);
    assert!(other.hear().iter().flatten().any(|response| response.status() == Status::SUCCESS), "nobody is in the way");
}

#[test]
fn its_time_is_over_once() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let longer = DurableRequest { timeout_ms: 90_000, ..NAMED };
    let (file, _, waits) =
        told(&client.create_with(OplockLevel::BATCH, &[CreateRequestContext::DurableRequestV2(longer)]));
    assert_eq!(waits, Some(Duration::from_secs(90)));
    client.hang_up();
    house.clock.advance(Duration::from_secs(89));
    house.sweep();
    assert_eq!(house.door.facts.parked.count(), 1);
    house.clock.advance(Duration::from_secs(1));
    house.sweep();
    assert_eq!(house.door.facts.parked.count(), 0);
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let back = [reconnect(file, NAMED.create_guid)];
    assert_eq!(client.create_with(OplockLevel::NONE, &back).status(), Status::OBJECT_NAME_NOT_FOUND);
    let forever = DurableRequest { timeout_ms: u32::MAX, ..NAMED };
    let response = client.create_with(OplockLevel::BATCH, &[CreateRequestContext::DurableRequestV2(forever)]);
    assert_eq!(told(&response).2, Some(TIMEOUT_MAX));
}

#[test]
fn it_is_given_to_its_client_only() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let other = open(&mut client, "other", CreateDisposition::CREATE).unwrap();
    close(&mut client, other);
    let wishes = [lease(1, RWH), CreateRequestContext::DurableRequestV2(NAMED)];
    let (file, ..) = told(&client.create_with(OplockLevel::LEASE, &wishes));
    client.hang_up();
    let back = reconnect(file, NAMED.create_guid);
    let elsewhere = FileId { persistent: file.persistent + 1, ..file };
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    for (contexts, why) in [
        ([lease(1, RWH), reconnect(elsewhere, NAMED.create_guid)], "no such open"),
        ([lease(1, RWH), reconnect(file, Guid([7; 16]))], "another request's"),
        ([lease(2, RWH), back], "another lease"),
        ([CreateRequestContext::DiskId, back], "no lease"),
    ] {
        let status = client.create_with(OplockLevel::LEASE, &contexts).status();
        assert_eq!(status, Status::OBJECT_NAME_NOT_FOUND, "{why}");
    }
    let mut stranger = someone(&house, "bob");
    let contexts = [lease(1, RWH), back];
    assert_eq!(stranger.create_with(OplockLevel::LEASE, &contexts).status(), Status::ACCESS_DENIED);
    let name = utf16("other");
    let request =
        CreateRequest { contexts: CreateContexts::Items(&contexts), ..opening(&name, CreateDisposition::OPEN) };
    assert_eq!(client.ask(Command::CREATE, &request).status(), Status::INVALID_PARAMETER, "by another name");
    assert_eq!(client.connect("plain").status(), Status::SUCCESS);
    let status = client.create_with(OplockLevel::LEASE, &contexts).status();
    assert_eq!(status, Status::OBJECT_NAME_NOT_FOUND, "through another share");
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    assert_eq!(told(&client.create_with(OplockLevel::LEASE, &contexts)).0, file);
}

#[test]
fn it_has_to_keep_its_handle() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let wish = CreateRequestContext::DurableRequestV1;
    for level in [OplockLevel::NONE, OplockLevel::II, OplockLevel::EXCLUSIVE] {
        let (file, got, waits) = told(&client.create_with(level, &[wish]));
        assert_eq!((got, waits), (level, None));
        close(&mut client, file);
    }
    let (file, _, waits) = told(&client.create_with(OplockLevel::LEASE, &[lease(1, LeaseState::READ), wish]));
    assert_eq!(waits, None);
    client.hang_up();
    assert_eq!(house.door.facts.parked.count(), 0);
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let back = CreateRequestContext::DurableReconnectV1(file);
    assert_eq!(client.create_with(OplockLevel::NONE, &[back]).status(), Status::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn contexts_that_do_not_go_together_are_refused() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file_id = FileId { persistent: 1, volatile: 1 };
    let first = [CreateRequestContext::DurableRequestV1, CreateRequestContext::DurableReconnectV1(file_id)];
    let second = [CreateRequestContext::DurableRequestV2(NAMED), reconnect(file_id, NAMED.create_guid)];
    for one in first {
        for other in second {
            for contexts in [[one, other], [other, one]] {
                assert_eq!(client.create_with(OplockLevel::NONE, &contexts).status(), Status::INVALID_PARAMETER);
            }
        }
    }
    assert_eq!(client.create_with(OplockLevel::NONE, &second).status(), Status::INVALID_PARAMETER);
    assert_eq!(
        client.create_with(OplockLevel::NONE, &first).status(),
        Status::OBJECT_NAME_NOT_FOUND,
        "as in 3.3.5.9.7"
    );
}

#[test]
fn an_open_does_not_outlive_its_tree_connect_but_its_session() {
    let house = House::new();
    for (command, waits) in [(Command::TREE_DISCONNECT, 0), (Command::LOGOFF, 1)] {
        let mut client = at_home(&house, Dialect::SMB_3_1_1);
        told(&client.create_with(OplockLevel::BATCH, &[CreateRequestContext::DurableRequestV1]));
        let ended = match command {
            Command::LOGOFF => client.ask(command, &LogoffRequest {}),
            _ => client.ask(command, &TreeDisconnectRequest {}),
        };
        assert_eq!((ended.status(), house.door.facts.parked.count()), (Status::SUCCESS, waits));
    }
}

#[test]
fn a_request_that_is_sent_again_does_not_open_twice() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let wish = [CreateRequestContext::DurableRequestV2(NAMED)];
    let first = client.create_with(OplockLevel::BATCH, &wish);
    assert_eq!(action(&first), CreateAction::CREATED);
    assert_eq!(client.create_with(OplockLevel::BATCH, &wish).status(), Status::DUPLICATE_OBJECTID, "it is no other");
    let again = client.create_again(&wish);
    assert_eq!((told(&again), action(&again)), (told(&first), CreateAction::CREATED));
    assert_eq!(client.create_again(&[lease(1, RWH), wish[0]]).status(), Status::SUCCESS, "no lease is asked for");
    let (file, ..) = told(&first);
    client.hang_up();

    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    assert_eq!(client.create_with(OplockLevel::BATCH, &wish).status(), Status::DUPLICATE_OBJECTID);
    let again = client.create_again(&wish);
    assert_eq!((told(&again).0, action(&again)), (file, CreateAction::CREATED), "its answer was lost");
    assert_eq!(client.ask(Command::WRITE, &writing(file, 0, b"used")).status(), Status::SUCCESS);
    close(&mut client, file);
    let later = client.create_again(&wish);
    assert_eq!(action(&later), CreateAction::OPENED, "of what is closed nothing is known");
}

#[test]
fn a_persistent_open_waits_whatever_it_caches() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let persistent = DurableRequest { flags: DurableFlags::PERSISTENT, ..NAMED };
    let wish = [CreateRequestContext::DurableRequestV2(persistent)];
    let flags = |response: &Response| {
        let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
        body.contexts.iter().find_map(|context| match context {
            CreateResponseContext::DurableV2(granted) => Some((granted.timeout_ms, granted.flags)),
            _ => None,
        })
    };
    let (file, ..) = told(&client.create_with(OplockLevel::BATCH, &wish));
    close(&mut client, file);
    let connected = client.connect("always");
    let body: TreeConnectResponse = decode_body(&connected.body).unwrap();
    assert!(body.capabilities.contains(ShareCapabilities::CONTINUOUS_AVAILABILITY));
    let response = client.create_with(OplockLevel::NONE, &wish);
    assert_eq!(flags(&response), Some((120_000, DurableFlags::PERSISTENT)));
    let (file, ..) = told(&response);
    client.hang_up();
    let mut other = someone(&house, "bob");
    let name = utf16("file");
    let alone = CreateRequest { share_access: ShareAccess::empty(), ..opening(&name, CreateDisposition::OPEN) };
    assert_eq!(other.ask(Command::CREATE, &alone).status(), Status::SHARING_VIOLATION);
    house.sweep();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    client.connect("always");
    let back = client.create_with(OplockLevel::NONE, &[reconnect(file, NAMED.create_guid)]);
    assert_eq!(told(&back).0, file);
}

#[test]
fn a_session_that_its_client_comes_back_to_leaves_its_opens() {
    let house = House::new();
    let mut lost = at_home(&house, Dialect::SMB_3_1_1);
    let (file, ..) = told(&lost.create_with(OplockLevel::BATCH, &[CreateRequestContext::DurableRequestV1]));
    let session = Arc::clone(&house.door.facts.sessions.find(lost.session.as_ref().unwrap().id).unwrap());
    block_on(house.door.lose(&session));
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let back = CreateRequestContext::DurableReconnectV1(file);
    assert_eq!(told(&client.create_with(OplockLevel::NONE, &[back])).0, file);
}

#[test]
fn a_request_that_waited_when_its_connection_was_lost_is_under_way_until_it_need_not_wait() {
    let house = House::new();
    let mut holder = at_home(&house, Dialect::SMB_3_1_1);
    let (held, ..) = holder.open_for(OplockLevel::BATCH);
    let (mut first, mut second) = together(&house);
    let wish = [CreateRequestContext::DurableRequestV2(NAMED)];
    let name = utf16("file");
    let request = opening(&name, CreateDisposition::OPEN_IF);
    let header = first.header(Command::CREATE);
    let contexts = CreateContexts::Items(&wish);
    let message = first.message(header, &CreateRequest { oplock_level: OplockLevel::BATCH, contexts, ..request });
    first.send(&message);
    assert_eq!(first.statuses(), [Status::PENDING]);
    assert_eq!(second.create_again(&wish).status(), Status::FILE_NOT_AVAILABLE, "it is under way");
    first.hang_up();
    for _ in 0..2 {
        assert_eq!(second.create_again(&wish).status(), Status::FILE_NOT_AVAILABLE, "and would wait still");
    }
    assert_eq!(holder.acknowledge_oplock(held, OplockLevel::II), Status::SUCCESS);
    let made = second.create_again(&wish);
    assert_eq!(told(&second.create_again(&wish)), told(&made), "then it is done, once");
}
