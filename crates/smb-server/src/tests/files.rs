//! Opens, and reading and writing through them.

use smb_wire::FlushRequest;
use smb_wire::close::{CloseFlags, CloseRequest, CloseResponse};
use smb_wire::codec::{Utf16, decode_body};
use smb_wire::create::{
    CreateAction, CreateContexts, CreateDisposition, CreateOptions, CreateRequest, CreateRequestContext,
    CreateResponse, CreateResponseContext, DurableFlags, DurableRequest, ImpersonationLevel, OplockLevel, ShareAccess,
};
use smb_wire::dtyp::{AccessMask, Guid};
use smb_wire::info::FileAttributes;
use smb_wire::negotiate::Dialect;
use smb_wire::read::{ReadFlags, ReadRequest, ReadResponse};
use smb_wire::write::{WriteFlags, WriteRequest, WriteResponse};
use smb_wire::{Channel, Command, FileId, Header, HeaderFlags, Status};

use super::harness::{CONTOSO, Client, EVERY_DIALECT, House, Response, body, responses, utf16};

/// A CREATE of a name.
pub(super) fn opening<'a>(name: &'a [u8], disposition: CreateDisposition) -> CreateRequest<'a> {
    CreateRequest {
        oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: AccessMask::GENERIC_READ | AccessMask::GENERIC_WRITE | AccessMask::DELETE,
        file_attributes: FileAttributes::empty(),
        share_access: ShareAccess::READ | ShareAccess::WRITE | ShareAccess::DELETE,
        disposition,
        options: CreateOptions::NON_DIRECTORY_FILE,
        name: Utf16::from_bytes(name).unwrap(),
        contexts: CreateContexts::Items(&[]),
    }
}

pub(super) fn open(client: &mut Client<'_>, name: &str, disposition: CreateDisposition) -> Result<FileId, Status> {
    let name = utf16(name);
    let response = client.ask(Command::CREATE, &opening(&name, disposition));
    if response.status() != Status::SUCCESS {
        return Err(response.status());
    }
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    Ok(body.file_id)
}

pub(super) fn close(client: &mut Client<'_>, file_id: FileId) -> Response {
    client.ask(Command::CLOSE, &CloseRequest { flags: CloseFlags::POSTQUERY_ATTRIB, file_id })
}

pub(super) fn writing<'a>(file_id: FileId, offset: u64, data: &'a [u8]) -> WriteRequest<'a> {
    WriteRequest { offset, file_id, channel: Channel::NONE, flags: WriteFlags::empty(), data }
}

pub(super) fn reading(file_id: FileId, offset: u64, length: u32) -> ReadRequest<'static> {
    ReadRequest {
        padding: 0x50,
        flags: ReadFlags::empty(),
        length,
        offset,
        file_id,
        minimum_count: 0,
        channel: Channel::NONE,
        channel_info: &[],
    }
}

pub(super) fn at_home<'a>(house: &'a House, dialect: Dialect) -> Client<'a> {
    let mut client = house.client(CONTOSO).at_home(dialect);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

#[test]
fn what_is_written_is_read_over_every_dialect_and_encrypted() {
    let house = House::new();
    for dialect in EVERY_DIALECT {
        let mut client = at_home(&house, dialect);
        let file = open(&mut client, "file", CreateDisposition::OVERWRITE_IF).unwrap();
        let data: Vec<u8> = (0..40_000_u32).map(|index| index.to_le_bytes()[0]).collect();
        let response = client.ask(Command::WRITE, &writing(file, 5, &data));
        let body: WriteResponse = decode_body(&response.body).unwrap();
        assert_eq!((response.status(), body.count), (Status::SUCCESS, 40_000));
        assert_eq!(client.ask(Command::FLUSH, &FlushRequest { file_id: file }).status(), Status::SUCCESS);
        let response = client.ask(Command::READ, &reading(file, 0, 65_536));
        let body: ReadResponse<'_> = decode_body(&response.body).unwrap();
        assert_eq!((body.data.len(), &body.data[..5], &body.data[5..]), (40_005, &[0; 5][..], &data[..]));
        if dialect.0 >= 0x300 {
            let response = client.ask_sealed(Command::READ, &reading(file, 5, 65_536));
            let body: ReadResponse<'_> = decode_body(&response.body).unwrap();
            assert_eq!(body.data, &data[..]);
        }
        assert_eq!(client.ask(Command::READ, &reading(file, 40_005, 1)).status(), Status::END_OF_FILE);
        let closed = close(&mut client, file);
        let body: CloseResponse = decode_body(&closed.body).unwrap();
        assert!(body.flags.contains(CloseFlags::POSTQUERY_ATTRIB) && body.file.times.creation.0 > 0);
        assert_eq!((body.file.end_of_file, body.file.allocation_size % 4096), (40_005, 0));
        assert_eq!(close(&mut client, file).status(), Status::FILE_CLOSED);
    }
}

#[test]
fn names_are_found_in_any_case_and_errors_have_their_names() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "ReadMe", CreateDisposition::CREATE).unwrap();
    close(&mut client, file);
    let again = open(&mut client, "README", CreateDisposition::OPEN).unwrap();
    close(&mut client, again);
    for (name, disposition, status) in [
        ("readme", CreateDisposition::CREATE, Status::OBJECT_NAME_COLLISION),
        ("missing", CreateDisposition::OPEN, Status::OBJECT_NAME_NOT_FOUND),
        (r"missing\x", CreateDisposition::OPEN_IF, Status::OBJECT_PATH_NOT_FOUND),
        (r"readme\x", CreateDisposition::OPEN_IF, Status::OBJECT_PATH_NOT_FOUND),
        (r"..\x", CreateDisposition::OPEN_IF, Status::OBJECT_PATH_SYNTAX_BAD),
        ("a*", CreateDisposition::OPEN, Status::OBJECT_NAME_INVALID),
        (r"\x", CreateDisposition::OPEN, Status::INVALID_PARAMETER),
        ("", CreateDisposition::OPEN, Status::FILE_IS_A_DIRECTORY),
        ("x", CreateDisposition(6), Status::INVALID_PARAMETER),
    ] {
        assert_eq!(open(&mut client, name, disposition), Err(status), "{name}");
    }
}

#[test]
fn contexts_are_answered_declined_or_refused() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let name = utf16("contexts");
    let mut ask = |contexts: &[CreateRequestContext<'_>]| {
        let contexts = CreateContexts::Items(contexts);
        client.ask(Command::CREATE, &CreateRequest { contexts, ..opening(&name, CreateDisposition::OPEN_IF) })
    };
    let durable = DurableRequest { timeout_ms: 0, flags: DurableFlags::empty(), create_guid: Guid([1; 16]) };
    let unknown = CreateRequestContext::Unknown { name: b"what", data: b"ever" };
    let wishes = [CreateRequestContext::MaximalAccess(None), CreateRequestContext::DiskId, unknown];
    let response = ask(&[&wishes[..], &[CreateRequestContext::DurableRequestV2(durable)]].concat());
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    assert_eq!((response.status(), body.action), (Status::SUCCESS, CreateAction::CREATED));
    let [CreateResponseContext::MaximalAccess(maximal), CreateResponseContext::DiskId(id)] =
        body.contexts.iter().collect::<Vec<_>>()[..]
    else {
        panic!("{body:?}")
    };
    assert!(maximal.access.contains(AccessMask::READ_DATA | AccessMask::DELETE) && id.file_id != 0);
    let both = [CreateRequestContext::DurableRequestV1, CreateRequestContext::DurableRequestV2(durable)];
    assert_eq!(ask(&both).status(), Status::INVALID_PARAMETER);
    let reconnect = CreateRequestContext::DurableReconnectV1(FileId { persistent: 1, volatile: 1 });
    assert_eq!(ask(&[reconnect]).status(), Status::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn share_modes_and_deletion_at_close_are_the_houses() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let name = utf16("only-mine");
    let alone = CreateRequest { share_access: ShareAccess::empty(), ..opening(&name, CreateDisposition::CREATE) };
    let response = client.ask(Command::CREATE, &alone);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    assert_eq!(open(&mut client, "only-mine", CreateDisposition::OPEN), Err(Status::SHARING_VIOLATION));
    close(&mut client, body.file_id);
    let options = CreateOptions::DELETE_ON_CLOSE;
    let going = CreateRequest { options, ..opening(&name, CreateDisposition::OPEN) };
    let response = client.ask(Command::CREATE, &going);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    close(&mut client, body.file_id);
    assert_eq!(open(&mut client, "only-mine", CreateDisposition::OPEN), Err(Status::OBJECT_NAME_NOT_FOUND));
}

#[test]
fn what_was_open_is_closed_with_its_tree_and_its_session() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let name = utf16("held");
    let alone = CreateRequest { share_access: ShareAccess::empty(), ..opening(&name, CreateDisposition::OPEN_IF) };
    for command in [Command::TREE_DISCONNECT, Command::LOGOFF] {
        assert_eq!(client.ask(Command::CREATE, &alone).status(), Status::SUCCESS, "nobody else holds it");
        assert_eq!(client.ask(command, &smb_wire::LogoffRequest {}).status(), Status::SUCCESS);
        client = at_home(&house, Dialect::SMB_3_1_1);
    }
    assert!(open(&mut client, "held", CreateDisposition::OPEN).is_ok());
}

#[test]
fn a_read_only_share_lets_nobody_write() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(file, 0, b"text"));
    client.connect("open");
    let name = utf16("file");
    assert_eq!(open(&mut client, "file", CreateDisposition::OPEN), Err(Status::ACCESS_DENIED));
    let any =
        CreateRequest { desired_access: AccessMask::MAXIMUM_ALLOWED, ..opening(&name, CreateDisposition::OPEN_IF) };
    let response = client.ask(Command::CREATE, &any);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    let told = client.ask(Command::READ, &reading(body.file_id, 0, 10));
    assert_eq!(decode_body::<ReadResponse<'_>>(&told.body).unwrap().data, b"text");
    assert_eq!(client.ask(Command::WRITE, &writing(body.file_id, 0, b"x")).status(), Status::ACCESS_DENIED);
    let other = utf16("new");
    let new = CreateRequest { name: Utf16::from_bytes(&other).unwrap(), ..any };
    assert_eq!(client.ask(Command::CREATE, &new).status(), Status::ACCESS_DENIED);
}

#[test]
fn more_than_was_paid_for_is_refused() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_2_1);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    assert_eq!(client.ask(Command::READ, &reading(file, 0, 65_537)).status(), Status::INVALID_PARAMETER);
    assert_eq!(client.ask(Command::READ, &reading(file, u64::MAX - 5, 10)).status(), Status::INVALID_PARAMETER);
    let mut other = house.client(CONTOSO).at_home(Dialect::SMB_2_1);
    other.connect("projects");
    assert_eq!(other.ask(Command::READ, &reading(file, 0, 1)).status(), Status::FILE_CLOSED, "another session's open");
}

#[test]
fn a_compound_creates_writes_and_closes_and_fails_as_its_create_does() {
    let house = House::new();
    for (name, expected) in [("new", Status::SUCCESS), ("a*b", Status::OBJECT_NAME_INVALID)] {
        let mut client = at_home(&house, Dialect::SMB_3_1_1);
        let name = utf16(name);
        let headers = [Command::CREATE, Command::WRITE, Command::CLOSE].map(|command| client.header(command));
        let related = |header: Header| Header { flags: HeaderFlags::RELATED_OPERATIONS, ..header };
        let frame = client.compound(&[
            (headers[0], body(&opening(&name, CreateDisposition::CREATE))),
            (related(headers[1]), body(&writing(FileId::RELATED, 0, b"together"))),
            (
                related(headers[2]),
                body(&CloseRequest { flags: CloseFlags::POSTQUERY_ATTRIB, file_id: FileId::RELATED }),
            ),
        ]);
        let answer = client.exchange(&frame).unwrap().unwrap();
        let answers = responses(&answer);
        assert!(answers.iter().all(|answer| answer.status() == expected && client.is_signed(answer)), "{answers:?}");
        if expected == Status::SUCCESS {
            let closed: CloseResponse = decode_body(&answers[2].body).unwrap();
            assert_eq!(closed.file.end_of_file, 8);
        }
    }
}
