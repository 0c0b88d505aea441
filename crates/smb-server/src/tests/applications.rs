//! Applications that come up on another client (MS-SMB2 3.3.5.9.13).

use smb_wire::create::{
    AppInstanceVersion, CreateContexts, CreateDisposition, CreateRequest, CreateRequestContext, DurableFlags,
    DurableRequest, OplockLevel, ShareAccess,
};
use smb_wire::dtyp::Guid;
use smb_wire::negotiate::Dialect;
use smb_wire::{Command, FileId, Status};

use super::files::{open, opening, reading, writing};
use super::harness::{CONTOSO, Client, House, offer, utf16};

const APPLICATION: CreateRequestContext<'_> = CreateRequestContext::AppInstanceId(Guid([8; 16]));

fn version(high: u64, low: u64) -> CreateRequestContext<'static> {
    CreateRequestContext::AppInstanceVersion(AppInstanceVersion { high, low })
}

fn machine<'a>(house: &'a House, number: u8, (user, share): (&str, &str)) -> Client<'a> {
    let mut client = house.client(CONTOSO);
    client.guid = Guid([number; 16]);
    assert_eq!(client.negotiate(offer(&[Dialect::SMB_3_1_1])).status(), Status::SUCCESS);
    assert_eq!(client.log_on(&[user]).status(), Status::SUCCESS);
    assert_eq!(client.connect(share).status(), Status::SUCCESS);
    client
}

impl Client<'_> {
    /// Opens a disk of a virtual machine, for nobody else.
    fn start(&mut self, name: &str, contexts: &[CreateRequestContext<'_>]) -> Result<FileId, Status> {
        self.start_with(OplockLevel::BATCH, (name, contexts))
    }

    fn start_with(
        &mut self,
        oplock_level: OplockLevel,
        (name, contexts): (&str, &[CreateRequestContext<'_>]),
    ) -> Result<FileId, Status> {
        let name = utf16(name);
        let create_guid = Guid([self.guid.0[0]; 16]);
        let named = DurableRequest { timeout_ms: 0, flags: DurableFlags::empty(), create_guid };
        let contexts = [contexts, &[CreateRequestContext::DurableRequestV2(named)]].concat();
        let request = CreateRequest {
            oplock_level,
            share_access: ShareAccess::empty(),
            contexts: CreateContexts::Items(&contexts),
            ..opening(&name, CreateDisposition::OPEN_IF)
        };
        let response = self.ask(Command::CREATE, &request);
        match response.status() {
            Status::SUCCESS => Ok(super::durable::file_id(&response)),
            status => Err(status),
        }
    }

    /// Whether something that is open is in the way.
    fn is_held_back(&mut self, contexts: &[CreateRequestContext<'_>]) -> bool {
        self.start_with(OplockLevel::NONE, ("disk", contexts)) == Err(Status::SHARING_VIOLATION)
    }

    fn reads(&mut self, file: FileId) -> Status {
        self.ask(Command::READ, &reading(file, 0, 4)).status()
    }
}

#[test]
fn an_application_that_comes_up_elsewhere_ends_what_it_left_open() {
    for is_lost in [false, true] {
        let house = House::new();
        let mut first = machine(&house, 1, ("alice", "projects"));
        let left = first.start("disk", &[APPLICATION]).unwrap();
        let kept = open(&mut first, "another", CreateDisposition::CREATE).unwrap();
        assert_eq!(first.ask(Command::WRITE, &writing(left, 0, b"kept")).status(), Status::SUCCESS);
        let mut rest = Some(first);
        if is_lost {
            rest.take().unwrap().hang_up();
            assert_eq!(house.door.facts.parked.count(), 1);
        }
        let mut second = machine(&house, 2, ("alice", "projects"));
        let file = second.start("DISK", &[APPLICATION]).unwrap();
        assert_eq!((house.door.facts.parked.count(), second.reads(file)), (0, Status::SUCCESS));
        if let Some(mut first) = rest {
            assert_eq!((first.reads(left), first.reads(kept)), (Status::FILE_CLOSED, Status::END_OF_FILE));
            assert!(first.unasked().is_empty(), "nothing is broken");
        }
    }
}

#[test]
fn an_open_is_ended_by_its_own_application_only() {
    let house = House::new();
    let mut first = machine(&house, 1, ("alice", "always"));
    let left = first.start_with(OplockLevel::NONE, ("disk", &[APPLICATION])).unwrap();
    let mut second = machine(&house, 2, ("alice", "always"));
    second.start("elsewhere", &[APPLICATION]).unwrap();
    assert_eq!(first.reads(left), Status::END_OF_FILE, "another file");
    let mut second = machine(&house, 3, ("alice", "projects"));
    assert!(second.is_held_back(&[APPLICATION]), "through another share");
    assert_eq!(first.reads(left), Status::END_OF_FILE);
    let mut second = machine(&house, 4, ("alice", "always"));
    assert!(second.is_held_back(&[CreateRequestContext::AppInstanceId(Guid([9; 16]))]), "another application's");
    assert!(second.is_held_back(&[]), "nobody's");
    assert_eq!(first.reads(left), Status::END_OF_FILE);
}

#[test]
fn a_later_version_of_an_application_ends_an_older_one() {
    let house = House::new();
    let mut first = machine(&house, 1, ("alice", "projects"));
    let left = first.start("disk", &[APPLICATION, version(2, 5)]).unwrap();
    let mut second = machine(&house, 2, ("alice", "projects"));
    for older in [version(2, 5), version(2, 4), version(1, 9)] {
        assert_eq!(second.start("disk", &[APPLICATION, older]), Err(Status::FILE_FORCED_CLOSED), "{older:?}");
    }
    assert_eq!(second.start("disk", &[APPLICATION]), Err(Status::FILE_FORCED_CLOSED), "it does not say which");
    assert_eq!(first.reads(left), Status::END_OF_FILE);
    second.start("disk", &[APPLICATION, version(2, 6)]).unwrap();
    assert_eq!(first.reads(left), Status::FILE_CLOSED);
}
