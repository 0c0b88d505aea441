//! Oplocks and leases: granted, broken and acknowledged (MS-SMB2 3.3.4.6, 3.3.4.7, 3.3.5.9.8, 3.3.5.22).

use std::sync::Arc;

use bytes::Bytes;
use smb_wire::codec::decode_body;
use smb_wire::create::{
    CreateContexts, CreateDisposition, CreateRequest, CreateRequestContext, CreateResponse, CreateResponseContext,
    LeaseContext, LeaseFlags, LeaseState, OplockLevel, ParentLease,
};
use smb_wire::negotiate::{Capabilities, Dialect, NegotiateResponse};
use smb_wire::oplock_break::{LeaseBreakAcknowledgment, LeaseBreakFlags, LeaseBreakNotification, OplockBreak};
use smb_wire::{Command, FileId, Header, HeaderFlags, LogoffRequest, Status};
use testkit::block_on;
use vfs::{
    Admin, Case, FileIo, InodeId, LookupName, LookupRequest, Namespace, OpContext, SetAttributes, ShardId, Stability,
    Via, WriteRequest, ZoneRootRequest,
};

use super::files::{at_home, close, opening};
use super::harness::{CONTOSO, Client, EVERY_DIALECT, House, Response, body, offer, utf16};
use crate::dispatch;

const RH: LeaseState = LeaseState::READ.union(LeaseState::HANDLE);
const RWH: LeaseState = RH.union(LeaseState::WRITE);

fn v2(key: u8, state: LeaseState) -> LeaseContext {
    LeaseContext {
        key: [key; 16],
        state,
        flags: LeaseFlags::empty(),
        v2: Some(ParentLease { parent_key: [0; 16], epoch: 4 }),
    }
}

/// What was granted: the open, the level, and the lease.
pub(super) type Granted = (FileId, OplockLevel, Option<LeaseContext>);

fn granted(response: &Response) -> Granted {
    assert_eq!(response.status(), Status::SUCCESS);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    let lease = body.contexts.iter().find_map(|context| match context {
        CreateResponseContext::Lease(lease) => Some(lease),
        _ => None,
    });
    (body.file_id, body.oplock_level, lease)
}

fn leasing<'a>(name: &'a [u8], contexts: &'a [CreateRequestContext<'a>]) -> CreateRequest<'a> {
    let contexts = CreateContexts::Items(contexts);
    CreateRequest { oplock_level: OplockLevel::LEASE, contexts, ..opening(name, CreateDisposition::OPEN_IF) }
}

impl Client<'_> {
    pub(super) fn open_for(&mut self, level: OplockLevel) -> Granted {
        let name = utf16("file");
        let request = CreateRequest { oplock_level: level, ..opening(&name, CreateDisposition::OPEN_IF) };
        granted(&self.ask(Command::CREATE, &request))
    }

    fn lease(&mut self, name: &str, lease: LeaseContext) -> Response {
        let (name, contexts) = (utf16(name), [CreateRequestContext::Lease(lease)]);
        self.ask(Command::CREATE, &leasing(&name, &contexts))
    }

    /// Asks for an open that has to wait.
    pub(super) fn begin_to_open(&mut self) -> Header {
        let name = utf16("file");
        let header = self.header(Command::CREATE);
        let message = self.message(header, &opening(&name, CreateDisposition::OPEN));
        self.send(&message);
        let frames = self.hear();
        assert_eq!(frames.iter().flatten().map(Response::status).collect::<Vec<_>>(), [Status::PENDING]);
        header
    }

    pub(super) fn acknowledge_oplock(&mut self, file_id: FileId, level: OplockLevel) -> Status {
        self.ask(Command::OPLOCK_BREAK, &OplockBreak { level, file_id }).status()
    }

    fn acknowledge(&mut self, key: u8, state: LeaseState) -> Status {
        self.ask(Command::OPLOCK_BREAK, &LeaseBreakAcknowledgment { lease_key: [key; 16], state }).status()
    }

    pub(super) fn statuses(&mut self) -> Vec<Status> {
        self.hear().iter().flatten().map(Response::status).collect()
    }
}

/// The one notification that came.
fn told(client: &mut Client<'_>) -> Response {
    let told = client.unasked();
    assert_eq!(told.len(), 1, "{told:?}");
    let header = told[0].header;
    assert_eq!((header.message_id, header.session_id, header.tree_id()), (u64::MAX, 0, Some(0)));
    assert_eq!((header.command, header.credits), (Command::OPLOCK_BREAK, 0));
    assert!(!header.flags.contains(HeaderFlags::SIGNED) && header.flags.contains(HeaderFlags::SERVER_TO_REDIR));
    told.into_iter().next().unwrap()
}

#[test]
fn an_oplock_is_broken_and_acknowledged_over_every_dialect() {
    for dialect in EVERY_DIALECT {
        let house = House::new();
        let (mut one, mut two) = (at_home(&house, dialect), at_home(&house, dialect));
        let (file, level, lease) = one.open_for(OplockLevel::BATCH);
        assert_eq!((level, lease), (OplockLevel::BATCH, None), "{dialect:?}");
        two.begin_to_open();
        let told: OplockBreak = decode_body(&told(&mut one).body).unwrap();
        assert_eq!(told, OplockBreak { level: OplockLevel::II, file_id: file });
        assert!(two.hear().is_empty(), "it waits");
        assert_eq!(one.acknowledge_oplock(file, OplockLevel::II), Status::SUCCESS);
        assert_eq!(two.statuses(), [Status::SUCCESS]);
        assert_eq!(one.acknowledge_oplock(file, OplockLevel::NONE), Status::INVALID_OPLOCK_PROTOCOL, "nobody asked");
        assert!(one.unasked().is_empty());
    }
}

#[test]
fn leases_are_there_from_smb_2_1_on_and_of_directories_from_3_on() {
    for dialect in EVERY_DIALECT {
        let house = House::new();
        let response = house.client(CONTOSO).negotiate(offer(&[dialect]));
        let body: NegotiateResponse<'_> = decode_body(&response.body).unwrap();
        let has = |capability| body.capabilities.contains(capability);
        assert_eq!(has(Capabilities::LEASING), dialect != Dialect::SMB_2_0_2, "{dialect:?}");
        assert_eq!(has(Capabilities::DIRECTORY_LEASING), dialect.0 >= 0x300, "{dialect:?}");
        let mut client = at_home(&house, dialect);
        let (_, level, lease) = granted(&client.lease("file", v2(1, RWH)));
        let expected = match dialect {
            Dialect::SMB_2_0_2 => (OplockLevel::NONE, None),
            Dialect::SMB_2_1 => (OplockLevel::LEASE, Some(LeaseContext { v2: None, ..v2(1, RWH) })),
            _ => {
                let v2_of = Some(ParentLease { parent_key: [0; 16], epoch: 5 });
                (OplockLevel::LEASE, Some(LeaseContext { v2: v2_of, ..v2(1, RWH) }))
            }
        };
        assert_eq!((level, lease), expected, "{dialect:?}");
    }
}

#[test]
fn a_lease_is_broken_and_its_answers_have_their_names() {
    let house = House::new();
    let (mut one, mut two) = (at_home(&house, Dialect::SMB_3_1_1), at_home(&house, Dialect::SMB_3_1_1));
    granted(&one.lease("file", v2(1, RWH)));
    assert_eq!(one.acknowledge(1, RH), Status::UNSUCCESSFUL, "nobody asked");
    two.begin_to_open();
    let notification = told(&mut one);
    let notification: LeaseBreakNotification = decode_body(&notification.body).unwrap();
    let expected = LeaseBreakNotification {
        new_epoch: 6,
        flags: LeaseBreakFlags::ACK_REQUIRED,
        lease_key: [1; 16],
        current_state: RWH,
        new_state: RH,
    };
    assert_eq!(notification, expected);
    let (_, _, lease) = granted(&one.lease("file", v2(1, RH)));
    assert_eq!(lease.map(|lease| (lease.state, lease.flags)), Some((RWH, LeaseFlags::BREAK_IN_PROGRESS)));
    assert_eq!(one.acknowledge(2, RH), Status::OBJECT_NAME_NOT_FOUND);
    assert_eq!(one.acknowledge(1, RWH), Status::REQUEST_NOT_ACCEPTED);
    assert_eq!(one.lease("other", v2(1, RH)).status(), Status::INVALID_PARAMETER, "the key of another file");
    assert_eq!(one.acknowledge(1, RH), Status::SUCCESS);
    assert_eq!(two.statuses(), [Status::SUCCESS]);
}

#[test]
fn a_client_that_goes_gives_everything_up() {
    for act in ["close", "log off", "cancel"] {
        let house = House::new();
        let (mut one, mut two) = (at_home(&house, Dialect::SMB_3_1_1), at_home(&house, Dialect::SMB_3_1_1));
        let (file, ..) = granted(&one.lease("file", v2(1, RWH)));
        let asked = two.begin_to_open();
        match act {
            "close" => assert_eq!(close(&mut one, file).status(), Status::SUCCESS),
            "log off" => assert_eq!(one.ask(Command::LOGOFF, &LogoffRequest {}).status(), Status::SUCCESS),
            _ => two.cancel(asked),
        }
        let expected = if act == "cancel" { Status::CANCELLED } else { Status::SUCCESS };
        assert_eq!(two.statuses(), [expected], "{act}");
    }
}

#[test]
fn a_break_is_told_behind_the_answer_that_tells_of_the_open() {
    let house = House::new();
    let (mut one, mut two) = (at_home(&house, Dialect::SMB_3_1_1), at_home(&house, Dialect::SMB_3_1_1));
    let name = utf16("file");
    let header = one.header(Command::CREATE);
    let contexts = [CreateRequestContext::Lease(v2(1, RWH))];
    let message = one.message(header, &leasing(&name, &contexts));
    let batch = one.machine.feed(message.into()).unwrap().unwrap();
    let replies = block_on(dispatch::run(Arc::clone(&house.door), Arc::clone(&one.peer), batch)).unwrap();
    two.begin_to_open();
    assert!(one.unasked().is_empty(), "it does not know of it yet");
    assert_eq!(one.finished(replies).len(), 1);
    assert_eq!(told(&mut one).header.command, Command::OPLOCK_BREAK);
}

#[test]
fn who_waits_in_the_middle_of_a_frame_is_not_told_so() {
    let house = House::new();
    let (mut one, mut two) = (at_home(&house, Dialect::SMB_3_1_1), at_home(&house, Dialect::SMB_3_1_1));
    granted(&one.lease("file", v2(1, RWH)));
    let name = utf16("file");
    let create = two.header(Command::CREATE);
    let mut end = two.header(Command::CLOSE);
    end.flags |= HeaderFlags::RELATED_OPERATIONS;
    let closing =
        smb_wire::close::CloseRequest { flags: smb_wire::close::CloseFlags::empty(), file_id: FileId::RELATED };
    let frame = two.compound(&[(create, body(&opening(&name, CreateDisposition::OPEN))), (end, body(&closing))]);
    two.send(&frame);
    assert!(two.hear().is_empty());
    told(&mut one);
    assert_eq!(one.acknowledge(1, RH), Status::SUCCESS);
    assert_eq!(two.statuses(), [Status::SUCCESS, Status::SUCCESS], "together");
}

/// The door knows of NFS what the house tells it.
#[test]
fn a_write_over_nfs_is_told_before_it_is_done() {
    let house = House::new();
    let mut one = at_home(&house, Dialect::SMB_3_1_1);
    let (mut file, mut read) = (InodeId::default(), v2(1, LeaseState::READ));
    for state in [LeaseState::READ, RWH] {
        read.state = state;
        let (open, ..) = granted(&one.lease("file", read));
        if file == InodeId::default() {
            file = inode(&house);
        }
        let written = write(&house, file);
        let notification: LeaseBreakNotification = decode_body(&told(&mut one).body).unwrap();
        assert_eq!(notification.new_state, LeaseState::empty());
        if state == RWH {
            assert!(matches!(written, Err(vfs::FsError::Breaking(_))), "{written:?}");
            assert_eq!(one.acknowledge(1, LeaseState::empty()), Status::SUCCESS);
            write(&house, file).unwrap();
        } else {
            assert_eq!((written, notification.flags), (Ok(()), LeaseBreakFlags::empty()));
        }
        close(&mut one, open);
    }
}

fn inode(house: &House) -> InodeId {
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let request = ZoneRootRequest {
        base: vec!["tenants".try_into().unwrap(), "contoso".try_into().unwrap()],
        attributes: SetAttributes::default(),
    };
    let mut at = block_on(house.door.vfs.zone_root(&ctx, request)).unwrap().attributes.inode;
    for name in ["projects", "file"] {
        let name = LookupName::Child(name.try_into().unwrap());
        let request = LookupRequest { parent: at, name, case: Case::Sensitive };
        at = block_on(house.door.vfs.lookup(&ctx, request)).unwrap().attributes.inode;
    }
    at
}

fn write(house: &House, inode: InodeId) -> Result<(), vfs::FsError> {
    let ctx = OpContext::internal(inode);
    let data = Bytes::from_static(b"over NFS").into();
    let request = WriteRequest { inode, via: Via::Anonymous, offset: 0, data, stability: Stability::File };
    block_on(house.door.vfs.write(&ctx, request)).map(drop).map_err(|failure| failure.error)
}
