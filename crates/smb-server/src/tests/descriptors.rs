//! Security descriptors over SMB, and what they let users do over every door.

use smb_wire::codec::{decode, decode_body, encode};
use smb_wire::create::{CreateContexts, CreateDisposition, CreateRequest, CreateRequestContext, CreateResponse};
use smb_wire::dtyp::{AccessMask, Ace, AceBody, AceFlags, AceType, Acl, DescriptorControl, SecurityDescriptor, Sid};
use smb_wire::error_response::ErrorResponse;
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::{Command, FileId, OutputResponse, Status};

use super::files::{close, opening};
use super::harness::{CONTOSO, Client, House, Response, utf16};

const OWNER: SecurityInformation = SecurityInformation::OWNER;
const DACL: SecurityInformation = SecurityInformation::DACL;

fn at_home(house: &House) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

pub(super) fn open_as(
    client: &mut Client<'_>,
    name: &str,
    (access, how): (AccessMask, CreateDisposition),
) -> Result<FileId, Status> {
    let name = utf16(name);
    let response = client.ask(Command::CREATE, &CreateRequest { desired_access: access, ..opening(&name, how) });
    match response.status() {
        Status::SUCCESS => Ok(decode_body::<CreateResponse<'_>>(&response.body).unwrap().file_id),
        status => Err(status),
    }
}

fn query(
    client: &mut Client<'_>,
    file_id: FileId,
    (additional, output_length): (SecurityInformation, u32),
) -> Response {
    let (info_type, flags) = (InfoType::SECURITY, QueryInfoFlags::empty());
    let request = QueryInfoRequest { info_type, class: 0, output_length, additional, flags, file_id, input: &[] };
    client.ask(Command::QUERY_INFO, &request)
}

pub(super) fn set(
    client: &mut Client<'_>,
    file_id: FileId,
    additional: SecurityInformation,
    value: &SecurityDescriptor<'_>,
) -> Status {
    let mut input = bytes::BytesMut::new();
    encode(value, &mut input);
    let request = SetInfoRequest { info_type: InfoType::SECURITY, class: 0, additional, file_id, input: &input };
    client.ask(Command::SET_INFO, &request).status()
}

pub(super) fn allow(sid: Sid, mask: u32) -> Ace<'static> {
    let body = AceBody::Rights { mask: AccessMask::from_bits_retain(mask), sid, data: &[] };
    Ace { kind: AceType::ACCESS_ALLOWED, flags: AceFlags::empty(), body }
}

pub(super) fn listed<'a>(entries: &'a [Ace<'a>]) -> SecurityDescriptor<'a> {
    let control = DescriptorControl::DACL_PRESENT;
    SecurityDescriptor { control, dacl: Some(Acl::new(entries)), ..SecurityDescriptor::default() }
}

/// Owner and entries of what an open tells.
fn told(client: &mut Client<'_>, file_id: FileId) -> (Sid, Vec<(Sid, u32)>) {
    let response = query(client, file_id, (OWNER | DACL, 65_536));
    assert_eq!(response.status(), Status::SUCCESS);
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    let descriptor: SecurityDescriptor<'_> = decode(body.output).unwrap();
    assert_eq!(descriptor.group, None, "not asked for");
    let rights = |ace: Ace<'_>| match ace.body {
        AceBody::Rights { mask, sid, .. } => (sid, mask.bits()),
        AceBody::Other(_) => panic!("{ace:?}"),
    };
    (descriptor.owner.unwrap(), descriptor.dacl.unwrap().iter().map(rights).collect())
}

#[test]
fn descriptors_are_made_from_the_mode_set_and_in_force() {
    let house = House::new();
    let mut client = at_home(&house);
    let all = (AccessMask::FILE_ALL_ACCESS, CreateDisposition::CREATE);
    let file = open_as(&mut client, "file", all).unwrap();
    let (owner, entries) = told(&mut client, file);
    assert!(entries.iter().any(|(sid, mask)| *sid == owner && mask & 0x12_019f == 0x12_019f), "{entries:x?}");
    assert!(entries.iter().any(|(sid, mask)| *sid == Sid::EVERYONE && mask & 0x2 == 0), "{entries:x?}");
    let reads = [allow(owner, 0x8000_0000)];
    assert_eq!(set(&mut client, file, DACL, &listed(&reads)), Status::SUCCESS);
    assert_eq!(told(&mut client, file), (owner, vec![(owner, 0x12_0089)]), "generic rights are spelt out");
    close(&mut client, file);
    let writes = (AccessMask::WRITE_DATA, CreateDisposition::OPEN);
    assert_eq!(open_as(&mut client, "file", writes), Err(Status::ACCESS_DENIED));
    let guarded = AccessMask::WRITE_DAC | AccessMask::READ_CONTROL;
    let file = open_as(&mut client, "file", (guarded, CreateDisposition::OPEN)).unwrap();
    let nobody = SecurityDescriptor { owner: Some(Sid::SYSTEM), ..SecurityDescriptor::default() };
    assert_eq!(set(&mut client, file, OWNER, &nobody), Status::ACCESS_DENIED, "it may not change the owner");
    let anyone = SecurityDescriptor { control: DescriptorControl::DACL_PRESENT, ..SecurityDescriptor::default() };
    assert_eq!(set(&mut client, file, DACL, &anyone), Status::SUCCESS);
    close(&mut client, file);
    let owns = (AccessMask::WRITE_OWNER | AccessMask::WRITE_DATA, CreateDisposition::OPEN);
    let file = open_as(&mut client, "file", owns).unwrap();
    assert_eq!(query(&mut client, file, (DACL, 100)).status(), Status::ACCESS_DENIED, "it may not read it");
    assert_eq!(set(&mut client, file, OWNER, &nobody), Status::INVALID_OWNER, "nothing is given away");
    let own = SecurityDescriptor { owner: Some(owner), ..SecurityDescriptor::default() };
    assert_eq!(set(&mut client, file, OWNER, &own), Status::SUCCESS);
}

#[test]
fn what_cannot_be_is_refused() {
    let house = House::new();
    let mut client = at_home(&house);
    let audited = (AccessMask::ACCESS_SYSTEM_SECURITY, CreateDisposition::CREATE);
    assert_eq!(open_as(&mut client, "file", audited), Err(Status::PRIVILEGE_NOT_HELD));
    let file = open_as(&mut client, "file", (AccessMask::FILE_ALL_ACCESS, CreateDisposition::CREATE)).unwrap();
    let response = query(&mut client, file, (DACL, 20));
    assert_eq!(response.status(), Status::BUFFER_TOO_SMALL);
    let error: ErrorResponse<'_> = decode_body(&response.body).unwrap();
    let context = error.contexts().next().unwrap();
    let length = u32::from_le_bytes(context.data.try_into().unwrap());
    assert_eq!(query(&mut client, file, (DACL, length)).status(), Status::SUCCESS);
    assert_eq!(query(&mut client, file, (SecurityInformation::SACL, 100)).status(), Status::ACCESS_DENIED);
    let strange = [Ace { kind: AceType::ACCESS_DENIED_CALLBACK, ..allow(Sid::EVERYONE, 1) }];
    assert_eq!(set(&mut client, file, DACL, &listed(&strange)), Status::INVALID_SECURITY_DESCR);
    let request =
        SetInfoRequest { info_type: InfoType::SECURITY, class: 0, additional: DACL, file_id: file, input: &[1] };
    assert_eq!(client.ask(Command::SET_INFO, &request).status(), Status::INVALID_SECURITY_DESCR);
}

#[test]
fn a_file_is_made_with_a_descriptor() {
    let house = House::new();
    let mut client = at_home(&house);
    let entries = [allow(Sid::EVERYONE, 0x1f_01ff)];
    let mut bytes = bytes::BytesMut::new();
    encode(&listed(&entries), &mut bytes);
    let name = utf16("file");
    let contexts = [CreateRequestContext::SecurityDescriptor(&bytes)];
    let request = CreateRequest {
        desired_access: AccessMask::FILE_ALL_ACCESS,
        contexts: CreateContexts::Items(&contexts),
        ..opening(&name, CreateDisposition::CREATE)
    };
    let response = client.ask(Command::CREATE, &request);
    assert_eq!(response.status(), Status::SUCCESS);
    let file_id = decode_body::<CreateResponse<'_>>(&response.body).unwrap().file_id;
    assert_eq!(told(&mut client, file_id).1, [(Sid::EVERYONE, 0x1f_01ff)]);
}

#[test]
fn a_descriptor_that_names_no_list_takes_the_list_away() {
    let house = House::new();
    let mut client = at_home(&house);
    let file = open_as(&mut client, "file", (AccessMask::FILE_ALL_ACCESS, CreateDisposition::CREATE)).unwrap();
    assert_eq!(set(&mut client, file, DACL, &listed(&[])), Status::SUCCESS);
    let reading = (AccessMask::READ_DATA, CreateDisposition::OPEN);
    assert_eq!(open_as(&mut client, "file", reading), Err(Status::ACCESS_DENIED));
    assert_eq!(set(&mut client, file, OWNER, &SecurityDescriptor::default()), Status::SUCCESS);
    assert_eq!(open_as(&mut client, "file", reading), Err(Status::ACCESS_DENIED), "the list is not what was set");
    assert_eq!(set(&mut client, file, DACL, &SecurityDescriptor::default()), Status::SUCCESS);
    let response = query(&mut client, file, (DACL, 65_536));
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    let descriptor: SecurityDescriptor<'_> = decode(body.output).unwrap();
    assert!(descriptor.control.contains(DescriptorControl::DACL_PRESENT) && descriptor.dacl.is_none());
    assert!(open_as(&mut client, "file", reading).is_ok());
}
