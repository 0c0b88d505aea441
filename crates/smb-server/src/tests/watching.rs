//! CHANGE_NOTIFY: what is heard, and how a wait for it ends.

use smb_wire::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest, CompletionFilter};
use smb_wire::codec::decode_body;
use smb_wire::create::{CreateDisposition, CreateOptions, CreateRequest, CreateResponse};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::{Entries, FileDisposition, FileInformationClass, FileNotify, NotifyAction};
use smb_wire::negotiate::Dialect;
use smb_wire::{Command, FileId, Header, OutputResponse, Status};
use testkit::block_on;
use vfs::{CreateHow, CreateRequest as Creating, InodeId, Namespace, OpContext, RenameRequest, SetAttributes};

use super::files::{at_home, close, open, opening, writing};
use super::harness::{CONTOSO, Client, House, Response, utf16};
use super::listings::set;

fn directory(client: &mut Client<'_>, name: &str) -> FileId {
    // Nobody deletes the root of a share.
    let deletes = if name.is_empty() { AccessMask::empty() } else { AccessMask::DELETE };
    let name = utf16(name);
    let (options, desired_access) = (CreateOptions::DIRECTORY_FILE, AccessMask::GENERIC_READ | deletes);
    let asked = CreateRequest { options, desired_access, ..opening(&name, CreateDisposition::OPEN_IF) };
    let response = client.ask(Command::CREATE, &asked);
    decode_body::<CreateResponse<'_>>(&response.body).unwrap().file_id
}

fn asking(file_id: FileId, output_length: u32, tree: bool) -> ChangeNotifyRequest {
    let flags = if tree { ChangeNotifyFlags::WATCH_TREE } else { ChangeNotifyFlags::empty() };
    ChangeNotifyRequest { flags, output_length, file_id, filter: CompletionFilter::all() }
}

fn ask(client: &mut Client<'_>, asked: &ChangeNotifyRequest) -> Header {
    let header = client.header(Command::CHANGE_NOTIFY);
    let message = client.message(header, asked);
    client.send(&message);
    header
}

/// The only answer there is.
fn heard(client: &mut Client<'_>) -> Response {
    let mut frames = client.hear();
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0).remove(0)
}

fn changes(response: &Response) -> Vec<(NotifyAction, String)> {
    assert_eq!(response.status(), Status::SUCCESS);
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    let entries = Entries::<FileNotify<'_>>::new(body.output).map(Result::unwrap);
    entries.map(|entry| (entry.action, entry.name.to_string())).collect()
}

fn pending(client: &mut Client<'_>, asked: &ChangeNotifyRequest) -> Header {
    let header = ask(client, asked);
    assert_eq!(heard(client).status(), Status::PENDING);
    header
}

/// What another door does, without SMB.
fn beside(house: &House, deed: impl FnOnce(&OpContext, InodeId)) {
    let zone = house.door.facts.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
    let ctx = OpContext::internal(zone.root());
    let name = vfs::LookupName::Child("projects".try_into().unwrap());
    let asked = vfs::LookupRequest { parent: zone.root(), name, case: vfs::Case::Sensitive };
    let projects = block_on(house.door.vfs.lookup(&ctx, asked)).unwrap().attributes.inode;
    deed(&ctx, projects);
}

#[test]
fn what_every_door_does_is_heard() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let root = directory(&mut client, "");
    pending(&mut client, &asking(root, 1000, true));
    beside(&house, |ctx, parent| {
        let how = CreateHow::Guarded(SetAttributes::default());
        let create = Creating { parent, name: "a:b".try_into().unwrap(), how };
        block_on(house.door.vfs.create(ctx, create)).unwrap();
    });
    assert_eq!(changes(&heard(&mut client)), [(NotifyAction::ADDED, "a\u{f03a}b".to_owned())]);
    beside(&house, |ctx, parent| {
        let (from_name, to_name) = ("a:b".try_into().unwrap(), "c".try_into().unwrap());
        let rename = RenameRequest { from_parent: parent, from_name, to_parent: parent, to_name, replace: false };
        block_on(house.door.vfs.rename(ctx, rename)).unwrap();
    });
    ask(&mut client, &asking(root, 1000, true));
    let renamed = [
        (NotifyAction::RENAMED_OLD_NAME, "a\u{f03a}b".to_owned()),
        (NotifyAction::RENAMED_NEW_NAME, "c".to_owned()),
        (NotifyAction::MODIFIED, "c".to_owned()),
    ];
    assert_eq!(changes(&heard(&mut client)), renamed, "what happened between two calls is kept");
    pending(&mut client, &asking(root, 1000, true));
    let mut other = at_home(&house, Dialect::SMB_3_1_1);
    directory(&mut other, "d");
    let file = open(&mut other, r"d\e", CreateDisposition::CREATE).unwrap();
    other.ask(Command::WRITE, &writing(file, 0, b"text"));
    let all = changes(&heard(&mut client));
    assert_eq!(
        all,
        [
            (NotifyAction::ADDED, "d".to_owned()),
            (NotifyAction::ADDED, r"d\e".to_owned()),
            (NotifyAction::MODIFIED, r"d\e".to_owned()),
        ],
    );
}

#[test]
fn waits_end_with_their_open_their_directory_or_a_cancel() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let watched = directory(&mut client, "watched");
    let header = pending(&mut client, &asking(watched, 1000, false));
    client.cancel(header);
    assert_eq!(heard(&mut client).status(), Status::CANCELLED);
    pending(&mut client, &asking(watched, 1000, false));
    close(&mut client, watched);
    assert_eq!(heard(&mut client).status(), Status::NOTIFY_CLEANUP);
    let watched = directory(&mut client, "watched");
    pending(&mut client, &asking(watched, 1000, false));
    let mut other = at_home(&house, Dialect::SMB_3_1_1);
    let going = directory(&mut other, "watched");
    let information = FileDisposition { delete_pending: true };
    assert_eq!(set(&mut other, going, FileInformationClass::DISPOSITION, &information), Status::SUCCESS);
    assert_eq!(heard(&mut client).status(), Status::DELETE_PENDING);
    ask(&mut client, &asking(watched, 1000, false));
    assert_eq!(heard(&mut client).status(), Status::DELETE_PENDING);
}

#[test]
fn what_does_not_fit_is_to_be_listed() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let root = directory(&mut client, "");
    let header = pending(&mut client, &asking(root, 40, false));
    client.cancel(header);
    assert_eq!(heard(&mut client).status(), Status::CANCELLED);
    for name in ["one", "two", "three"] {
        open(&mut client, name, CreateDisposition::CREATE).unwrap();
    }
    ask(&mut client, &asking(root, 10_000, false));
    assert_eq!(heard(&mut client).status(), Status::NOTIFY_ENUM_DIR, "the first call had room for 40 bytes");
    pending(&mut client, &asking(root, 10_000, false));
    open(&mut client, "four", CreateDisposition::CREATE).unwrap();
    assert_eq!(changes(&heard(&mut client)), [(NotifyAction::ADDED, "four".to_owned())], "and goes on");
}

#[test]
fn several_calls_are_answered_in_their_order() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let root = directory(&mut client, "");
    let first = pending(&mut client, &asking(root, 1000, false));
    let second = pending(&mut client, &asking(root, 1000, false));
    for (name, header) in [("one", first), ("two", second)] {
        open(&mut client, name, CreateDisposition::CREATE).unwrap();
        let response = heard(&mut client);
        assert_eq!((response.header.message_id, changes(&response).len()), (header.message_id, 1), "{name}");
    }
}

#[test]
fn not_everything_is_watched() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    assert_eq!(client.ask(Command::CHANGE_NOTIFY, &asking(file, 1000, false)).status(), Status::INVALID_PARAMETER);
    let root = directory(&mut client, "");
    let too_long = asking(root, 16 << 20, false);
    assert_eq!(client.ask(Command::CHANGE_NOTIFY, &too_long).status(), Status::INVALID_PARAMETER);
}
