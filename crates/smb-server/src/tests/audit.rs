//! What is put among the records of a zone, and what is not.

use smb_wire::close::{CloseFlags, CloseRequest};
use smb_wire::create::{CreateDisposition, CreateOptions, CreateRequest};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::{FileDisposition, FileInformationClass};
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::SecurityInformation;
use smb_wire::{Command, LogoffRequest, Status};
use zones::{AuditObject, AuditRecord};

use super::descriptors::{allow, listed, open_as, set};
use super::files::{open, opening, reading, writing};
use super::harness::{CONTOSO, Client, House, offer, utf16};
use super::listings::set as set_info;
use super::streams::rename;
use crate::settings::Settings;

const ALL: &str = "[audit]\nevents = [\"logon\", \"logoff\", \"mount\", \"create\", \"read\", \"write\", \"delete\", \
                   \"rename\", \"set_security\", \"denied\"]\n";

fn house(audit: &str) -> House {
    House::recording(Settings::default(), audit)
}

fn at_home(house: &House) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

fn taken(house: &House) -> Vec<AuditRecord> {
    let zone = house.door.facts.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
    let mut records = Vec::new();
    assert_eq!(zone.trail().unwrap().mailbox().take(&mut records), 0);
    records
}

/// `delete SET_INFO STATUS_SUCCESS "file"` of each.
fn told(house: &House) -> Vec<String> {
    let text = |record: &AuditRecord| {
        let status = record.status.trim_start_matches("STATUS_");
        let mut text = format!("{} {} {status}", record.event.name(), record.operation);
        for object in [&record.object, &record.to] {
            text += &match object {
                AuditObject::None => String::new(),
                AuditObject::Inode(_) => " inode".to_owned(),
                AuditObject::Child(_, name) => format!(" {}", name.escape_ascii()),
                AuditObject::Below(_, path) => format!(" /{}", path.escape_ascii()),
                AuditObject::Asked(path) => format!(" {}", String::from_utf8_lossy(path)),
            };
        }
        text
    };
    taken(house).iter().map(text).collect()
}

#[test]
fn who_did_what_to_which_name() {
    let house = house(ALL);
    let mut client = at_home(&house);
    let file = open(&mut client, "plan", CreateDisposition::CREATE).unwrap();
    for _ in 0..3 {
        assert_eq!(client.ask(Command::WRITE, &writing(file, 0, b"x")).status(), Status::SUCCESS);
        assert_eq!(client.ask(Command::READ, &reading(file, 0, 1)).status(), Status::SUCCESS);
        assert_eq!(client.ask(Command::READ, &reading(file, 1, 1)).status(), Status::END_OF_FILE);
    }
    assert_eq!(rename(&mut client, file, "PLAN2"), Status::SUCCESS);
    let gone = FileDisposition { delete_pending: true };
    assert_eq!(set_info(&mut client, file, FileInformationClass::DISPOSITION, &gone), Status::SUCCESS);
    client.ask(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id: file });
    let records = taken(&house);
    let deleted = records.last().unwrap();
    assert_eq!((deleted.door, deleted.client.to_string().as_str()), ("smb", "192.0.2.10"));
    assert_eq!((deleted.user.name.as_deref(), deleted.user.uid), (Some("alice"), Some(1001)));
    assert_eq!(deleted.session, client.session.as_ref().unwrap().id);
    assert!(matches!(&deleted.object, AuditObject::Child(_, name) if **name == *b"PLAN2"), "{deleted:?}");
    let renamed = &records[records.len() - 2];
    assert!(matches!(&renamed.object, AuditObject::Child(_, name) if **name == *b"plan"), "as it was called before");
    assert!(matches!(&renamed.to, AuditObject::Below(_, path) if **path == *b"PLAN2"), "{renamed:?}");
    let events: Vec<_> = records.iter().map(|record| record.event.name()).collect();
    assert_eq!(events, ["logon", "mount", "create", "write", "read", "rename", "delete"]);
    assert_eq!(client.ask(Command::LOGOFF, &LogoffRequest {}).status(), Status::SUCCESS);
    assert_eq!(told(&house), ["logoff LOGOFF SUCCESS"]);
}

#[test]
fn what_creates_comes_to_is_told() {
    let house = house(ALL);
    let mut client = at_home(&house);
    told(&house);
    let file = open(&mut client, "a", CreateDisposition::OPEN_IF).unwrap();
    open(&mut client, "A", CreateDisposition::OPEN_IF).unwrap();
    open(&mut client, "a", CreateDisposition::OVERWRITE_IF).unwrap();
    open(&mut client, "a", CreateDisposition::CREATE).unwrap_err();
    open(&mut client, "missing", CreateDisposition::OPEN).unwrap_err();
    open(&mut client, r"no\such", CreateDisposition::OPEN_IF).unwrap_err();
    let name = utf16("temporary");
    let options = CreateOptions::NON_DIRECTORY_FILE | CreateOptions::DELETE_ON_CLOSE;
    let passing = CreateRequest { options, ..opening(&name, CreateDisposition::CREATE) };
    assert_eq!(client.ask(Command::CREATE, &passing).status(), Status::SUCCESS);
    assert_eq!(set(&mut client, file, SecurityInformation::DACL, &listed(&[])), Status::ACCESS_DENIED);
    assert_eq!(rename(&mut client, file, r"no\b"), Status::OBJECT_PATH_NOT_FOUND);
    assert_eq!(
        told(&house),
        [
            "create CREATE SUCCESS /a",
            "write CREATE SUCCESS /a",
            "create CREATE OBJECT_NAME_COLLISION /a",
            "create CREATE OBJECT_PATH_NOT_FOUND /no/such",
            "create CREATE SUCCESS /temporary",
            "delete CREATE SUCCESS /temporary",
            "set_security SET_INFO ACCESS_DENIED a",
            "rename SET_INFO OBJECT_PATH_NOT_FOUND a /no/b",
        ]
    );
}

#[test]
fn who_may_not_is_told_whatever_they_wanted() {
    let house = house("[audit]\nevents = [\"logon\", \"denied\"]\noutcomes = \"failure\"\n");
    let mut stranger = house.client(CONTOSO);
    stranger.negotiate(offer(&[Dialect::SMB_3_1_1]));
    assert_eq!(stranger.log_on(&["stranger"]).status(), Status::LOGON_FAILURE);
    assert_eq!(stranger.log_on(&["unknown"]).status(), Status::LOGON_FAILURE);
    let names: Vec<_> = taken(&house).into_iter().map(|record| (record.event.name(), record.user.name)).collect();
    assert_eq!(names, [("logon", None), ("logon", Some("unknown".into()))], "the second is known by its exchange");

    let mut client = at_home(&house);
    let all = AccessMask::GENERIC_ALL;
    let file = open_as(&mut client, "closed", (all, CreateDisposition::CREATE)).unwrap();
    let nobody = smb_wire::dtyp::Sid::new(5, &[32, 545]).unwrap();
    assert_eq!(set(&mut client, file, SecurityInformation::DACL, &listed(&[allow(nobody, 1)])), Status::SUCCESS);
    open(&mut client, "closed", CreateDisposition::OPEN).unwrap_err();
    let reader = open_as(&mut client, "closed", (AccessMask::READ_CONTROL, CreateDisposition::OPEN)).unwrap();
    assert_eq!(client.ask(Command::READ, &reading(reader, 0, 1)).status(), Status::ACCESS_DENIED);
    assert_eq!(client.connect("of-contoso").status(), Status::SUCCESS);
    assert_eq!(told(&house), ["denied CREATE ACCESS_DENIED /closed", "denied READ ACCESS_DENIED closed"]);
}

#[test]
fn nothing_is_noted_where_nothing_is_recorded() {
    let house = house("");
    let mut client = at_home(&house);
    open(&mut client, "a", CreateDisposition::CREATE).unwrap();
    assert!(house.door.facts.registry.zones().iter().all(|zone| zone.trail().is_none()));
}

/// Requests for callgrind: the difference between many and few is what one costs. `docs/testing.md` says how.
#[test]
#[ignore = "counts instructions"]
fn recording_costs_little() {
    let told = |key: &str| std::env::var(key).unwrap_or_default();
    let audit = told("BERTH_AUDIT_EVENTS");
    let audit = if audit.is_empty() { String::new() } else { format!("[audit]\nevents = [{audit}]\n") };
    let house = house(&audit);
    let mut client = at_home(&house);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let data = [7; 4096];
    for number in 0..told("BERTH_AUDIT_CALLS").parse::<usize>().unwrap_or(10) {
        match told("BERTH_AUDIT_CALL").as_str() {
            "write" => drop(client.ask(Command::WRITE, &writing(file, 0, &data))),
            "create" => drop(open(&mut client, "file", CreateDisposition::CREATE)),
            _ => drop(client.ask(Command::READ, &reading(file, 0, 1))),
        }
        if number % 4096 == 0 && !audit.is_empty() {
            taken(&house);
        }
    }
}
