//! Streams over SMB (MS-FSCC 2.1.5.1).

use bytes::BytesMut;
use smb_wire::codec::{Utf16, decode, decode_body, encode};
use smb_wire::create::{CreateDisposition, CreateOptions, CreateRequest};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::{
    Entries, FileInformationClass, FileName, FileStandard, FileStream, FsAttribute, FsAttributes, FsInformationClass,
    Number64, RenameFlags, RenameTo,
};
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::{Command, FileId, OutputResponse, Status};

use super::files::{close, open, opening, reading, writing};
use super::harness::{CONTOSO, Client, House, utf16};

fn at_home<'h>(house: &'h House, share: &str) -> Client<'h> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect(share).status(), Status::SUCCESS);
    client
}

fn made(client: &mut Client<'_>, name: &str, data: &[u8]) -> FileId {
    let file = open(client, name, CreateDisposition::OPEN_IF).unwrap();
    assert_eq!(client.ask(Command::WRITE, &writing(file, 0, data)).status(), Status::SUCCESS);
    file
}

fn query(client: &mut Client<'_>, file_id: FileId, (info_type, class): (InfoType, u8)) -> Vec<u8> {
    let (additional, flags) = (SecurityInformation::empty(), QueryInfoFlags::empty());
    let request = QueryInfoRequest { info_type, class, output_length: 4096, additional, flags, file_id, input: &[] };
    let response = client.ask(Command::QUERY_INFO, &request);
    assert_eq!(response.status(), Status::SUCCESS);
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    body.output.to_vec()
}

fn of_file(client: &mut Client<'_>, file_id: FileId, class: FileInformationClass) -> Vec<u8> {
    query(client, file_id, (InfoType::FILE, class.0))
}

fn streams(client: &mut Client<'_>, file_id: FileId) -> Vec<(String, u64)> {
    let bytes = of_file(client, file_id, FileInformationClass::STREAM);
    let text = |name: Utf16<'_>| String::from_utf16(&name.units().collect::<Vec<_>>()).unwrap();
    Entries::<FileStream<'_>>::new(&bytes)
        .map(|entry| entry.unwrap())
        .map(|entry| (text(entry.name), entry.size))
        .collect()
}

pub(super) fn rename(client: &mut Client<'_>, file_id: FileId, to: &str) -> Status {
    let name = utf16(to);
    let name = Utf16::from_bytes(&name).unwrap();
    let mut input = BytesMut::new();
    encode(&RenameTo { flags: RenameFlags::empty(), root_directory: 0, name }, &mut input);
    let (info_type, class) = (InfoType::FILE, FileInformationClass::RENAME.0);
    let additional = SecurityInformation::empty();
    client.ask(Command::SET_INFO, &SetInfoRequest { info_type, class, additional, file_id, input: &input }).status()
}

fn list(streams: &[(&str, u64)]) -> Vec<(String, u64)> {
    streams.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
}

#[test]
fn they_are_opened_by_name_and_told() {
    let house = House::new();
    let mut client = at_home(&house, "projects");
    let stream = made(&mut client, "file:Zone.Identifier", b"[ZoneTransfer]");
    let file = open(&mut client, "FILE::$data", CreateDisposition::OPEN).unwrap();
    let expected = list(&[("::$DATA", 0), (":Zone.Identifier:$DATA", 14)]);
    assert_eq!((streams(&mut client, file), streams(&mut client, stream)), (expected.clone(), expected));
    let standard: FileStandard = decode(&of_file(&mut client, stream, FileInformationClass::STANDARD)).unwrap();
    assert_eq!((standard.end_of_file, standard.directory), (14, false));
    let id = |bytes: &[u8]| decode::<Number64>(bytes).unwrap().value;
    let (one, other) = (FileInformationClass::INTERNAL, FileInformationClass::INTERNAL);
    assert_eq!(id(&of_file(&mut client, file, one)), id(&of_file(&mut client, stream, other)), "one file");
    let name = of_file(&mut client, stream, FileInformationClass::NAME);
    let name: FileName<'_> = decode(&name).unwrap();
    assert_eq!(name.name.units().collect::<Vec<_>>(), r"\file:Zone.Identifier".encode_utf16().collect::<Vec<_>>());
    let read = client.ask(Command::READ, &reading(stream, 0, 100));
    assert!(read.status() == Status::SUCCESS && read.body.windows(14).any(|part| part == b"[ZoneTransfer]"));
    assert_eq!(open(&mut client, "file:none", CreateDisposition::OPEN), Err(Status::OBJECT_NAME_NOT_FOUND));
    for wrong in ["file:", "file::$INDEX_ALLOCATION", "file:a:b:c"] {
        assert_eq!(open(&mut client, wrong, CreateDisposition::OPEN), Err(Status::OBJECT_NAME_INVALID), "{wrong}");
    }
}

#[test]
fn they_are_renamed_and_deleted_by_themselves() {
    let house = House::new();
    let mut client = at_home(&house, "projects");
    let one = made(&mut client, "file:one", b"1");
    let two = made(&mut client, "file:two", b"22");
    assert_eq!(rename(&mut client, one, ":two:$DATA"), Status::OBJECT_NAME_COLLISION);
    assert_eq!(rename(&mut client, one, ":three"), Status::SUCCESS);
    assert_eq!(rename(&mut client, one, "elsewhere"), Status::INVALID_PARAMETER, "it stays in its file");
    let file = open(&mut client, "file", CreateDisposition::OPEN).unwrap();
    assert_eq!(rename(&mut client, file, ":four"), Status::INVALID_PARAMETER, "its data is no stream beside it");
    assert_eq!(close(&mut client, two).status(), Status::SUCCESS);
    let name = utf16("file:two");
    let options = CreateOptions::DELETE_ON_CLOSE | CreateOptions::NON_DIRECTORY_FILE;
    let going = CreateRequest { options, ..opening(&name, CreateDisposition::OPEN) };
    let going = client.ask(Command::CREATE, &going);
    let going = decode_body::<smb_wire::create::CreateResponse<'_>>(&going.body).unwrap().file_id;
    assert_eq!(close(&mut client, going).status(), Status::SUCCESS);
    assert_eq!(streams(&mut client, file), list(&[("::$DATA", 0), (":three:$DATA", 1)]));
}

#[test]
fn directories_have_them_but_no_data() {
    let house = House::new();
    let mut client = at_home(&house, "projects");
    let of_root = made(&mut client, ":AFP_AfpInfo", b"finder");
    assert_eq!(streams(&mut client, of_root), list(&[(":AFP_AfpInfo:$DATA", 6)]));
    let ask = |client: &mut Client<'_>, name: &str, options| {
        let name = utf16(name);
        let access = AccessMask::READ_ATTRIBUTES;
        let request = CreateRequest { options, desired_access: access, ..opening(&name, CreateDisposition::OPEN_IF) };
        client.ask(Command::CREATE, &request).status()
    };
    let directory = CreateOptions::DIRECTORY_FILE;
    assert_eq!(ask(&mut client, "directory", directory), Status::SUCCESS);
    assert_eq!(ask(&mut client, "directory::$DATA", CreateOptions::empty()), Status::FILE_IS_A_DIRECTORY);
    assert_eq!(ask(&mut client, "directory::$DATA", directory), Status::NOT_A_DIRECTORY);
    assert_eq!(ask(&mut client, "directory:stream", directory), Status::NOT_A_DIRECTORY);
}

#[test]
fn a_share_can_be_without() {
    let house = House::new();
    let says = |client: &mut Client<'_>, file| {
        let bytes = query(client, file, (InfoType::FILESYSTEM, FsInformationClass::ATTRIBUTE.0));
        decode::<FsAttribute<'_>>(&bytes).unwrap().attributes.contains(FsAttributes::NAMED_STREAMS)
    };
    for (share, has_streams) in [("projects", true), ("plain", false)] {
        let mut client = at_home(&house, share);
        let file = open(&mut client, "file", CreateDisposition::OPEN_IF).unwrap();
        assert_eq!(says(&mut client, file), has_streams, "{share}");
        let stream = open(&mut client, "file:stream", CreateDisposition::OPEN_IF).err();
        assert_eq!(stream, (!has_streams).then_some(Status::OBJECT_NAME_INVALID), "{share}");
    }
}
