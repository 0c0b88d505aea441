//! Extended attributes over SMB.

use bytes::BytesMut;
use smb_wire::codec::decode_body;
use smb_wire::create::{CreateContexts, CreateDisposition, CreateRequest, CreateRequestContext, CreateResponse};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::{EaFlags, Entries, EntryWriter, FileInformationClass, FullEa, GetEa};
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::{Command, FileId, OutputResponse, Status};

use super::files::opening;
use super::harness::{CONTOSO, Client, House, utf16};

type Pairs = Vec<(String, String)>;

fn at_home(house: &House) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

fn list(pairs: &[(&str, &str)]) -> BytesMut {
    let mut bytes = BytesMut::new();
    let mut writer = EntryWriter::new(&mut bytes, usize::MAX);
    for (name, value) in pairs {
        let entry = FullEa { flags: EaFlags::empty(), name: name.as_bytes(), value: value.as_bytes() };
        assert!(writer.push(&entry));
    }
    bytes
}

fn made(client: &mut Client<'_>, name: &str, pairs: &[(&str, &str)]) -> FileId {
    let (name, list) = (utf16(name), list(pairs));
    let contexts = [CreateRequestContext::Ea(&list)];
    let request = CreateRequest {
        desired_access: AccessMask::FILE_ALL_ACCESS,
        contexts: CreateContexts::Items(&contexts),
        ..opening(&name, CreateDisposition::CREATE)
    };
    let response = client.ask(Command::CREATE, &request);
    assert_eq!(response.status(), Status::SUCCESS);
    decode_body::<CreateResponse<'_>>(&response.body).unwrap().file_id
}

fn set(client: &mut Client<'_>, file_id: FileId, input: &[u8]) -> Status {
    let (info_type, additional) = (InfoType::FILE, SecurityInformation::empty());
    let class = FileInformationClass::FULL_EA.0;
    client.ask(Command::SET_INFO, &SetInfoRequest { info_type, class, additional, file_id, input }).status()
}

fn query(client: &mut Client<'_>, file_id: FileId, (flags, output_length, input): (u8, u32, &[u8])) -> (Status, Pairs) {
    let (info_type, additional) = (InfoType::FILE, SecurityInformation::empty());
    let class = FileInformationClass::FULL_EA.0;
    let flags = QueryInfoFlags::from_bits_retain(flags.into());
    let request = QueryInfoRequest { info_type, class, output_length, additional, flags, file_id, input };
    let response = client.ask(Command::QUERY_INFO, &request);
    if !matches!(response.status(), Status::SUCCESS | Status::BUFFER_OVERFLOW) {
        return (response.status(), Pairs::new());
    }
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let entries = Entries::<FullEa<'_>>::new(body.output).map(|entry| entry.unwrap());
    (response.status(), entries.map(|entry| (text(entry.name), text(entry.value))).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn they_come_with_a_file_and_are_told_page_by_page() {
    let house = House::new();
    let mut client = at_home(&house);
    let file = made(&mut client, "file", &[("one", "1"), ("two", "2")]);
    assert_eq!(query(&mut client, file, (0, 4096, &[])), (Status::SUCCESS, pairs(&[("one", "1"), ("two", "2")])));
    assert_eq!(query(&mut client, file, (0, 4096, &[])).0, Status::NO_MORE_EAS, "it goes on where it was");
    assert_eq!(query(&mut client, file, (1, 16, &[])), (Status::BUFFER_OVERFLOW, pairs(&[("one", "1")])));
    assert_eq!(query(&mut client, file, (0, 4096, &[])), (Status::SUCCESS, pairs(&[("two", "2")])));
    assert_eq!(query(&mut client, file, (3, 4096, &[])), (Status::SUCCESS, pairs(&[("one", "1")])), "only one");
    assert_eq!(query(&mut client, file, (1, 8, &[])).0, Status::BUFFER_TOO_SMALL);
}

#[test]
fn they_are_set_removed_and_asked_for_by_name() {
    let house = House::new();
    let mut client = at_home(&house);
    let file = made(&mut client, "file", &[]);
    assert_eq!(query(&mut client, file, (1, 4096, &[])).0, Status::NO_EAS_ON_FILE);
    assert_eq!(set(&mut client, file, &list(&[("one", "1"), ("two", "2")])), Status::SUCCESS);
    assert_eq!(set(&mut client, file, &list(&[("ONE", "once"), ("two", "")])), Status::SUCCESS);
    let mut names = BytesMut::new();
    let mut writer = EntryWriter::new(&mut names, usize::MAX);
    assert!(writer.push(&GetEa { name: b"One" }) && writer.push(&GetEa { name: b"two" }));
    let asked = query(&mut client, file, (0, 4096, &names));
    assert_eq!(asked, (Status::SUCCESS, pairs(&[("one", "once"), ("two", "")])));
    assert_eq!(set(&mut client, file, &list(&[("a:b", "1")])), Status::INVALID_EA_NAME);
    assert_eq!(set(&mut client, file, &[1, 2, 3]), Status::EA_LIST_INCONSISTENT);
    let long = "v".repeat(40_000);
    assert_eq!(set(&mut client, file, &list(&[("long", &long)])), Status::SUCCESS);
    assert_eq!(set(&mut client, file, &list(&[("longer", &long)])), Status::EA_TOO_LARGE);
}
