//! What is told of files and directories, and what is set.

use smb_wire::codec::{Decode, Encode, Utf16, decode, decode_body, encode};
use smb_wire::create::{CreateDisposition, CreateOptions, CreateRequest, CreateResponse};
use smb_wire::dtyp::{AccessMask, Sid};
use smb_wire::info::{
    DirectoryEntry, Entries, FileAll, FileBasic, FileDisposition, FileInformationClass, FileName, FileStandard,
    FsFullSize, FsInformationClass, InClass, Number64, RenameFlags, RenameTo,
};
use smb_wire::negotiate::Dialect;
use smb_wire::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::tree_connect::{ShareFlags, TreeConnectResponse};
use smb_wire::{Command, FileId, OutputResponse, Status};

use super::descriptors::{allow, listed, open_as, set as set_security};
use super::files::{close, open, opening, writing};
use super::harness::{CONTOSO, Client, House, Response, utf16};

fn at_home(house: &House) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

fn directory(client: &mut Client<'_>, name: &str, disposition: CreateDisposition) -> FileId {
    let name = utf16(name);
    let request = CreateRequest { options: CreateOptions::DIRECTORY_FILE, ..opening(&name, disposition) };
    let response = client.ask(Command::CREATE, &request);
    assert_eq!(response.status(), Status::SUCCESS);
    decode_body::<CreateResponse<'_>>(&response.body).unwrap().file_id
}

fn list(
    client: &mut Client<'_>,
    file_id: FileId,
    (pattern, flags, length): (&str, u8, u32),
) -> Result<Vec<String>, Status> {
    let pattern = utf16(pattern);
    let response = client.ask(
        Command::QUERY_DIRECTORY,
        &QueryDirectoryRequest {
            class: FileInformationClass::ID_BOTH_DIRECTORY,
            flags: QueryDirectoryFlags::from_bits_retain(flags),
            file_index: 0,
            file_id,
            output_length: length,
            pattern: Utf16::from_bytes(&pattern).unwrap(),
        },
    );
    if response.status() != Status::SUCCESS {
        return Err(response.status());
    }
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    assert!(body.output.len() <= length as usize);
    let name = |entry: InClass<'_, 37>| -> String {
        let DirectoryEntry { name, file_id, .. } = entry.0;
        assert_ne!(file_id, 0);
        name.to_string()
    };
    Ok(Entries::<InClass<'_, 37>>::new(body.output).map(|entry| name(entry.unwrap())).collect())
}

fn query(client: &mut Client<'_>, file_id: FileId, (info_type, class, output_length): (InfoType, u8, u32)) -> Response {
    let (additional, flags) = (SecurityInformation::empty(), QueryInfoFlags::empty());
    client.ask(
        Command::QUERY_INFO,
        &QueryInfoRequest { info_type, class, output_length, additional, flags, file_id, input: &[] },
    )
}

fn told<'a, T: Decode<'a>>(response: &'a Response) -> T {
    let body: OutputResponse<'a> = decode_body(&response.body).unwrap();
    decode(body.output).unwrap()
}

pub(super) fn set(
    client: &mut Client<'_>,
    file_id: FileId,
    class: FileInformationClass,
    value: &impl Encode,
) -> Status {
    let mut input = bytes::BytesMut::new();
    encode(value, &mut input);
    let (info_type, additional) = (InfoType::FILE, SecurityInformation::empty());
    let request = SetInfoRequest { info_type, class: class.0, additional, file_id, input: &input };
    client.ask(Command::SET_INFO, &request).status()
}

#[test]
fn a_listing_has_every_name_once_and_ends() {
    let house = House::new();
    let mut client = at_home(&house);
    let made = directory(&mut client, "many", CreateDisposition::CREATE);
    let mut expected: Vec<_> = (0..50).map(|index| format!("file-{index}.txt")).collect();
    for name in &expected {
        let file = open(&mut client, &format!("many\\{name}"), CreateDisposition::CREATE).unwrap();
        close(&mut client, file);
    }
    assert_eq!(list(&mut client, made, ("nothing*", 0, 4096)), Err(Status::NO_SUCH_FILE));
    let mut found = list(&mut client, made, ("*", 0x10, 1000)).unwrap();
    while let Ok(more) = list(&mut client, made, ("ignored", 0, 1000)) {
        found.extend(more);
    }
    assert_eq!(list(&mut client, made, ("*", 0, 1000)), Err(Status::NO_MORE_FILES));
    found.sort();
    expected.extend([".".to_owned(), "..".to_owned()]);
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(list(&mut client, made, ("FILE-7.*", 0x10, 4096)).unwrap(), ["file-7.txt"]);
    assert_eq!(list(&mut client, made, ("*", 0x13, 4096)).unwrap().len(), 1, "a single entry");
    assert_eq!(list(&mut client, made, ("*", 0x11, 8)), Err(Status::INFO_LENGTH_MISMATCH));
}

#[test]
fn classes_tell_what_was_written_and_set() {
    let house = House::new();
    let mut client = at_home(&house);
    directory(&mut client, "sub", CreateDisposition::CREATE);
    let file = open(&mut client, r"sub\Name.txt", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(file, 0, &[1; 5000]));
    let standard = query(&mut client, file, (InfoType::FILE, FileInformationClass::STANDARD.0, 100));
    let standard: FileStandard = told(&standard);
    assert_eq!((standard.end_of_file, standard.number_of_links, standard.directory), (5000, 1, false));
    assert_eq!(set(&mut client, file, FileInformationClass::END_OF_FILE, &Number64 { value: 7 }), Status::SUCCESS);
    let all = query(&mut client, file, (InfoType::FILE, FileInformationClass::ALL.0, 1000));
    let all: FileAll<'_> = told(&all);
    assert_eq!((all.standard.end_of_file, all.name.to_string()), (7, r"\sub\Name.txt".to_owned()));
    let mut basic: FileBasic = all.basic;
    basic.times.last_write = smb_wire::dtyp::FileTime::from_unix(1_000_000, 0);
    assert_eq!(set(&mut client, file, FileInformationClass::BASIC, &basic), Status::SUCCESS);
    let again = query(&mut client, file, (InfoType::FILE, FileInformationClass::BASIC.0, 40));
    assert_eq!(told::<FileBasic>(&again).times.last_write, basic.times.last_write);
    let short = query(&mut client, file, (InfoType::FILE, FileInformationClass::BASIC.0, 39));
    assert_eq!(short.status(), Status::INFO_LENGTH_MISMATCH);
    let cut = query(&mut client, file, (InfoType::FILE, FileInformationClass::ALL.0, 104));
    assert_eq!(cut.status(), Status::BUFFER_OVERFLOW);
    assert_eq!(query(&mut client, file, (InfoType::FILE, 200, 100)).status(), Status::INVALID_INFO_CLASS);
    let size = query(&mut client, file, (InfoType::FILESYSTEM, FsInformationClass::FULL_SIZE.0, 100));
    let size: FsFullSize = told(&size);
    assert_eq!(size.sectors_per_unit * size.bytes_per_sector, 4096);
}

#[test]
fn names_change_and_go() {
    let house = House::new();
    let mut client = at_home(&house);
    let [one, two] = ["one", "two"].map(|name| open(&mut client, name, CreateDisposition::CREATE).unwrap());
    let rename = |client: &mut Client<'_>, file, name: &str, flags| {
        let name = utf16(name);
        let to = RenameTo { flags, root_directory: 0, name: Utf16::from_bytes(&name).unwrap() };
        set(client, file, FileInformationClass::RENAME, &to)
    };
    let (plain, replace) = (RenameFlags::empty(), RenameFlags::REPLACE_IF_EXISTS);
    assert_eq!(rename(&mut client, one, "TWO", plain), Status::OBJECT_NAME_COLLISION);
    assert_eq!(rename(&mut client, one, "three", plain), Status::SUCCESS);
    let name = query(&mut client, one, (InfoType::FILE, FileInformationClass::NORMALIZED_NAME.0, 100));
    assert_eq!(told::<FileName<'_>>(&name).name.to_string(), "three", "without a separator");
    close(&mut client, two);
    assert_eq!(rename(&mut client, one, "two", replace), Status::SUCCESS);
    let gone = FileDisposition { delete_pending: true };
    assert_eq!(set(&mut client, one, FileInformationClass::DISPOSITION, &gone), Status::SUCCESS);
    assert_eq!(open(&mut client, "two", CreateDisposition::OPEN), Err(Status::DELETE_PENDING));
    close(&mut client, one);
    assert_eq!(open(&mut client, "two", CreateDisposition::OPEN), Err(Status::OBJECT_NAME_NOT_FOUND));
}

#[test]
fn a_share_leaves_out_what_may_not_be_read() {
    let house = House::new();
    let mut client = at_home(&house);
    let root = directory(&mut client, "d", CreateDisposition::CREATE);
    let nothing_to_read = [allow(Sid::EVERYONE, 0x0001_0006)];
    for name in [r"d\a", r"d\b", r"d\c"] {
        let file = open_as(&mut client, name, (AccessMask::FILE_ALL_ACCESS, CreateDisposition::CREATE)).unwrap();
        if name != r"d\b" {
            let set = set_security(&mut client, file, SecurityInformation::DACL, &listed(&nothing_to_read));
            assert_eq!(set, Status::SUCCESS);
        }
    }
    assert_eq!(list(&mut client, root, ("?", 0, 4096)).unwrap(), [".", "a", "b", "c"]);
    let response = client.connect("hiding");
    let body: TreeConnectResponse = decode_body(&response.body).unwrap();
    assert!(body.share_flags.contains(ShareFlags::ACCESS_BASED_DIRECTORY_ENUM));
    let root = directory(&mut client, "d", CreateDisposition::OPEN);
    assert_eq!(list(&mut client, root, ("?", 0, 4096)).unwrap(), [".", "b"]);
    let single = QueryDirectoryFlags::RETURN_SINGLE_ENTRY | QueryDirectoryFlags::RESTART_SCANS;
    assert_eq!(list(&mut client, root, ("?", single.bits(), 4096)).unwrap(), ["."]);
    let next = QueryDirectoryFlags::RETURN_SINGLE_ENTRY.bits();
    assert_eq!(list(&mut client, root, ("?", next, 4096)).unwrap(), ["b"], "not nothing");
    let reopen = QueryDirectoryFlags::REOPEN.bits();
    assert_eq!(list(&mut client, root, ("c", reopen, 4096)), Err(Status::NO_SUCH_FILE));
    let by_name = (AccessMask::READ_DATA, CreateDisposition::OPEN);
    assert_eq!(open_as(&mut client, r"d\c", by_name), Err(Status::ACCESS_DENIED), "its name is no secret");
}
