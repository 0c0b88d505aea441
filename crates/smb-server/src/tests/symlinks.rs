//! Symbolic links: clients hear where they lead, and make them.

use bytes::{Bytes, BytesMut};
use smb_wire::codec::{Utf16, decode, decode_body, encode};
use smb_wire::create::{CreateDisposition, CreateOptions, CreateRequest, CreateResponse};
use smb_wire::error_response::{ErrorResponse, SymlinkError, SymlinkFlags};
use smb_wire::info::FileAttributes;
use smb_wire::ioctl::{ControlCode, IoctlFlags, IoctlRequest, IoctlResponse, ReparseBuffer, SymlinkReparse};
use smb_wire::negotiate::Dialect;
use smb_wire::{Command, FileId, Status};
use testkit::block_on;
use vfs::{
    Admin, Case, InodeId, LookupName, LookupRequest, Namespace, OpContext, SetAttributes, SymlinkRequest,
    ZoneRootRequest,
};

use super::files::{close, open, opening};
use super::harness::{CONTOSO, Client, House, Response, utf16};

/// The directory of the share, as NFS sees it.
fn share(house: &House) -> InodeId {
    let base = ["tenants", "contoso"].map(|name| name.try_into().unwrap()).to_vec();
    let request = ZoneRootRequest { base, attributes: SetAttributes::default() };
    let ctx = OpContext::internal(InodeId::default());
    let root = block_on(house.door.vfs.zone_root(&ctx, request)).unwrap().attributes.inode;
    find(house, root, "projects").unwrap()
}

fn find(house: &House, parent: InodeId, name: &str) -> Option<InodeId> {
    let name = LookupName::Child(name.try_into().unwrap());
    let request = LookupRequest { parent, name, case: Case::Sensitive };
    block_on(house.door.vfs.lookup(&OpContext::internal(parent), request)).ok().map(|reply| reply.attributes.inode)
}

fn link(house: &House, name: &str, target: &'static str) {
    let (parent, attributes) = (share(house), SetAttributes::default());
    let target = Bytes::from_static(target.as_bytes());
    let request = SymlinkRequest { parent, name: name.try_into().unwrap(), target, attributes };
    block_on(house.door.vfs.symlink(&OpContext::internal(parent), request)).unwrap();
}

fn at_home(house: &House, dialect: Dialect) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(dialect);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

/// Opens a link itself.
fn open_link(client: &mut Client<'_>, name: &str, disposition: CreateDisposition) -> Result<FileId, Status> {
    let name = utf16(name);
    let request = CreateRequest { options: CreateOptions::OPEN_REPARSE_POINT, ..opening(&name, disposition) };
    let response = client.ask(Command::CREATE, &request);
    if response.status() != Status::SUCCESS {
        return Err(response.status());
    }
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    let is_link = body.file.attributes.contains(FileAttributes::REPARSE_POINT);
    assert!(is_link == (disposition == CreateDisposition::OPEN) && body.file.end_of_file == 0);
    Ok(body.file_id)
}

fn ioctl(client: &mut Client<'_>, (code, file_id): (ControlCode, FileId), (input, room): (&[u8], u32)) -> Response {
    let flags = IoctlFlags::IS_FSCTL;
    client.ask(
        Command::IOCTL,
        &IoctlRequest { code, file_id, max_input_response: 0, max_output_response: room, flags, input },
    )
}

/// What an answer says of the link in the way: how much of the path is left, and where it leads.
fn met(response: &Response) -> (u16, bool, String, String) {
    assert_eq!(response.status(), Status::STOPPED_ON_SYMLINK);
    let error: ErrorResponse<'_> = decode_body(&response.body).unwrap();
    let data = if error.context_count == 0 { error.data } else { error.contexts().next().unwrap().data };
    let link: SymlinkError<'_> = decode(data).unwrap();
    let is_relative = link.flags.contains(SymlinkFlags::RELATIVE);
    (link.unparsed_path_length, is_relative, link.substitute_name.to_string(), link.print_name.to_string())
}

fn create(client: &mut Client<'_>, name: &str) -> Response {
    let name = utf16(name);
    client.ask(Command::CREATE, &opening(&name, CreateDisposition::OPEN_IF))
}

#[test]
fn a_path_stops_at_a_link() {
    let house = House::new();
    link(&house, "link", "../up/a:b/there");
    link(&house, "root", "/etc/passwd");
    for dialect in [Dialect::SMB_2_1, Dialect::SMB_3_1_1] {
        let mut client = at_home(&house, dialect);
        let relative = "..\\up\\a\u{f03a}b\\there".to_owned();
        for (path, left) in [("link", 0), ("LINK\\below", 12), ("link\\a\\b.txt:stream", 16 + 14)] {
            let (unparsed, is_relative, substitute, print) = met(&create(&mut client, path));
            assert_eq!((unparsed, is_relative, &substitute, &print), (left, true, &relative, &relative), "{path}");
        }
        let (_, is_relative, substitute, _) = met(&create(&mut client, "root"));
        assert_eq!((is_relative, &*substitute), (false, "\\etc\\passwd"));
        assert_eq!(create(&mut client, "no\\link").status(), Status::OBJECT_PATH_NOT_FOUND);
    }
}

#[test]
fn a_link_is_opened_read_and_removed_itself() {
    let house = House::new();
    link(&house, "link", "dir/file");
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let opened = open_link(&mut client, "link", CreateDisposition::OPEN).unwrap();
    let response = ioctl(&mut client, (ControlCode::GET_REPARSE_POINT, opened), (&[], 1000));
    let body: IoctlResponse<'_> = decode_body(&response.body).unwrap();
    let buffer: ReparseBuffer<'_> = decode(body.output).unwrap();
    let data: SymlinkReparse<'_> = decode(buffer.data).unwrap();
    assert_eq!((buffer.tag, data.substitute_name.to_string()), (ReparseBuffer::SYMLINK, "dir\\file".to_owned()));
    for (room, status) in [(7, Status::BUFFER_TOO_SMALL), (20, Status::BUFFER_OVERFLOW)] {
        assert_eq!(ioctl(&mut client, (ControlCode::GET_REPARSE_POINT, opened), (&[], room)).status(), status);
    }
    close(&mut client, opened);
    let name = utf16("link");
    let options = CreateOptions::OPEN_REPARSE_POINT | CreateOptions::DELETE_ON_CLOSE;
    let request = CreateRequest { options, ..opening(&name, CreateDisposition::OPEN) };
    let response = client.ask(Command::CREATE, &request);
    let body: CreateResponse<'_> = decode_body(&response.body).unwrap();
    close(&mut client, body.file_id);
    assert_eq!(find(&house, share(&house), "link"), None);
}

#[test]
fn who_does_not_mean_the_link_does_not_remove_it() {
    let house = House::new();
    link(&house, "link", "elsewhere");
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let name = utf16("link");
    let options = CreateOptions::DELETE_ON_CLOSE;
    for disposition in [CreateDisposition::OPEN, CreateDisposition::OVERWRITE_IF, CreateDisposition::SUPERSEDE] {
        let request = CreateRequest { options, ..opening(&name, disposition) };
        assert_eq!(client.ask(Command::CREATE, &request).status(), Status::STOPPED_ON_SYMLINK);
    }
    assert!(find(&house, share(&house), "link").is_some());
    assert_eq!(open(&mut client, "link", CreateDisposition::CREATE), Err(Status::OBJECT_NAME_COLLISION));
}

fn setting(target: &str, flags: SymlinkFlags) -> BytesMut {
    let (text, mut data, mut buffer) = (utf16(target), BytesMut::new(), BytesMut::new());
    let [substitute_name, print_name] = [Utf16::from_bytes(&text).unwrap(); 2];
    encode(&SymlinkReparse { flags, substitute_name, print_name }, &mut data);
    encode(&ReparseBuffer { tag: ReparseBuffer::SYMLINK, data: &data }, &mut buffer);
    buffer
}

#[test]
fn clients_make_links() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let relative = SymlinkFlags::RELATIVE;
    for (name, target, flags, stored) in [
        ("relative", "..\\a\u{f03a}b\\.\\c", relative, "../a:b/./c"),
        ("absolute", "\\??\\C:\\data", SymlinkFlags::empty(), "\\??\\C:\\data"),
    ] {
        let made = open_link(&mut client, name, CreateDisposition::CREATE).unwrap();
        let buffer = setting(target, flags);
        let response = ioctl(&mut client, (ControlCode::SET_REPARSE_POINT, made), (&buffer, 0));
        assert_eq!(response.status(), Status::SUCCESS, "{name}");
        close(&mut client, made);
        let inode = find(&house, share(&house), name).unwrap();
        let read = block_on(house.door.vfs.readlink(&OpContext::internal(inode), inode)).unwrap();
        assert_eq!(read.target, stored, "{name}");
        let (_, is_relative, substitute, print) = met(&create(&mut client, name));
        assert_eq!((is_relative, &*substitute), (!flags.is_empty(), target), "{name}");
        assert_eq!(print, target.trim_start_matches("\\??\\"));
    }
}

#[test]
fn links_that_lead_nowhere_are_not_made() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let made = open_link(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let (relative, mut other) = (SymlinkFlags::RELATIVE, setting("a", SymlinkFlags::RELATIVE));
    other[0] = 0x14;
    for (buffer, status) in [
        (setting("", relative), Status::IO_REPARSE_DATA_INVALID),
        (setting("\\a", relative), Status::IO_REPARSE_DATA_INVALID),
        (setting("a*", relative), Status::IO_REPARSE_DATA_INVALID),
        (setting("a", SymlinkFlags::empty()), Status::IO_REPARSE_DATA_INVALID),
        (BytesMut::from(&b"short"[..]), Status::IO_REPARSE_DATA_INVALID),
        (other, Status::NOT_SUPPORTED),
    ] {
        let response = ioctl(&mut client, (ControlCode::SET_REPARSE_POINT, made), (&buffer, 0));
        assert_eq!(response.status(), status, "{buffer:?}");
    }
    let response = ioctl(&mut client, (ControlCode::DELETE_REPARSE_POINT, made), (&[0; 8], 0));
    assert_eq!(response.status(), Status::NOT_A_REPARSE_POINT);
    close(&mut client, made);
    link(&house, "link", "there");
    let opened = open_link(&mut client, "link", CreateDisposition::OPEN).unwrap();
    let buffer = setting("elsewhere", relative);
    let response = ioctl(&mut client, (ControlCode::SET_REPARSE_POINT, opened), (&buffer, 0));
    assert_eq!(response.status(), Status::IO_REPARSE_TAG_MISMATCH);
}
