//! What is put among the records of a zone, and what is not.

use nfs_wire::nfs3::{self, FileHandle, Nfsstat3};
use vfs::{Clock, InodeId};
use zones::{AuditObject, AuditRecord};

use super::harness::{CONTOSO, Client, FABRIKAM, House, at, mode, zone};

const ALL: &str = "[audit]\nevents = [\"logon\", \"mount\", \"create\", \"read\", \"write\", \"delete\", \"rename\", \
                   \"set_security\", \"denied\"]\n";

fn house(audit: &str) -> House {
    House::with(&[&zone("contoso", CONTOSO, audit), &zone("fabrikam", FABRIKAM, "")])
}

fn taken(house: &House) -> (Vec<AuditRecord>, u64) {
    let zone = house.door.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
    let mut records = Vec::new();
    let lost = zone.trail().unwrap().mailbox().take(&mut records);
    (records, lost)
}

/// `delete REMOVE NFS3_OK "file"` of each.
fn told(house: &House) -> Vec<String> {
    let text = |record: &AuditRecord| {
        let mut text = format!("{} {} {}", record.event.name(), record.operation, record.status);
        for object in [&record.object, &record.to] {
            text += &match object {
                AuditObject::None => String::new(),
                AuditObject::Inode(_) => " inode".to_owned(),
                AuditObject::Child(_, name) => format!(" \"{}\"", name.escape_ascii()),
                other => format!(" {other:?}"),
            };
        }
        assert_eq!(record.is_success, record.status.ends_with("OK"), "{text}");
        text
    };
    let (records, lost) = taken(house);
    assert_eq!(lost, 0);
    records.iter().map(text).collect()
}

fn inode(house: &House, handle: &FileHandle) -> InodeId {
    house.door.keys.open(handle).unwrap().inode
}

#[test]
fn who_did_what_to_which_name() {
    let house = house(ALL);
    let client = house.client(CONTOSO).user(1001, 100, &[]);
    let root = client.mount();
    let (mounted, _) = taken(&house);
    assert_eq!(mounted[0].object, AuditObject::Asked((*b"/projects").into()));
    assert_eq!((mounted[0].operation, mounted[0].status, mounted[0].is_success), ("MNT", "MNT3_OK", true));

    let file = client.create(&root, "plan");
    client.remove(&root, "plan").into_result().unwrap();
    let (records, _) = taken(&house);
    let [created, removed] = &records[..] else { panic!("{records:?}") };
    let name = AuditObject::Child(inode(&house, &root), (*b"plan").into());
    assert_eq!((&created.object, &removed.object), (&name, &name));
    let AuditRecord { door, client: from, session, request, user, time, .. } = removed;
    assert_eq!((*door, from.to_string().as_str()), ("nfs", "192.0.2.10"));
    assert_eq!((*session, *request), (client.caller.session.0, u64::from(client.xid.get())));
    assert_eq!((user.uid, user.claimed, user.name.as_deref()), (Some(1001), None, None));
    assert!(*time <= house.clock.now() && created.time < *time);
    // Gone, and told as such.
    client.setattr(&file, mode(0o600)).into_result().unwrap_err();
    assert_eq!(told(&house), ["set_security SETATTR NFS3ERR_STALE inode"]);
}

#[test]
fn every_kind_of_change_is_told_once() {
    let house = house(ALL);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let (file, folder) = (client.create(&root, "a"), client.mkdir(&root, "d"));
    client.symlink(&root, "l", "a");
    client.call::<nfs3::Link>(&nfs3::LinkArgs { file: file.clone(), link: at(&folder, "b") }).into_result().unwrap();
    client
        .call::<nfs3::Rename>(&nfs3::RenameArgs { from: at(&root, "a"), to: at(&folder, "c") })
        .into_result()
        .unwrap();
    for _ in 0..3 {
        client.write(&file, 0, b"x").into_result().unwrap();
        client.read(&file, 0, 1).unwrap();
        client.getattr(&file).unwrap();
        client.lookup(&root, "missing").unwrap_err();
    }
    client.setattr(&file, mode(0o600)).into_result().unwrap();
    let times = nfs3::Sattr3 { mtime: nfs3::SetTime::ServerTime, ..nfs3::Sattr3::default() };
    client.setattr(&file, times).into_result().unwrap();
    client.call::<nfs3::Rmdir>(&nfs3::RmdirArgs { object: at(&root, "d") }).into_result().unwrap_err();
    assert_eq!(
        told(&house),
        [
            "mount MNT MNT3_OK Asked([47, 112, 114, 111, 106, 101, 99, 116, 115])",
            "create CREATE NFS3_OK \"a\"",
            "create MKDIR NFS3_OK \"d\"",
            "create SYMLINK NFS3_OK \"l\"",
            "create LINK NFS3_OK inode \"b\"",
            "rename RENAME NFS3_OK \"a\" \"c\"",
            "write WRITE NFS3_OK inode",
            "read READ NFS3_OK inode",
            "set_security SETATTR NFS3_OK inode",
            "delete RMDIR NFS3ERR_NOTEMPTY \"d\"",
        ]
    );
}

#[test]
fn who_may_not_is_told_whatever_they_wanted() {
    let house = house("[audit]\nevents = [\"denied\", \"delete\"]\noutcomes = \"failure\"\n");
    let client = house.client(CONTOSO);
    let root = client.mount();
    let folder = client.mkdir(&root, "d");
    client.setattr(&folder, mode(0o700)).into_result().unwrap();
    client.remove(&root, "missing").into_result().unwrap_err();
    let stranger = house.client(CONTOSO).user(1001, 100, &[]);
    assert_eq!(stranger.lookup(&folder, "x").unwrap_err(), Nfsstat3::Acces);
    let how = nfs3::CreateHow::Guarded(mode(0o644));
    stranger.call::<nfs3::Create>(&nfs3::CreateArgs { place: at(&folder, "x"), how }).into_result().unwrap_err();
    stranger.remove(&folder, "x").into_result().unwrap_err();
    assert_eq!(
        told(&house),
        [
            "delete REMOVE NFS3ERR_NOENT \"missing\"",
            "denied LOOKUP NFS3ERR_ACCES \"x\"",
            "denied CREATE NFS3ERR_ACCES \"x\"",
            "delete REMOVE NFS3ERR_ACCES \"x\"",
        ]
    );
}

#[test]
fn who_was_mapped_is_told_as_both() {
    let squashed =
        zone("contoso", CONTOSO, &format!("map_all = {{ user = 2000 }}\n{ALL}")).replace("map_root = \"off\"\n", "");
    let house = House::with(&[&squashed]);
    let client = house.client(CONTOSO);
    let root = client.mount();
    client.create(&root, "a");
    let user = taken(&house).0.pop().unwrap().user;
    assert_eq!((user.uid, user.claimed), (Some(2000), Some(0)));
}

#[test]
fn nothing_of_other_zones_is_told() {
    let house = house(ALL);
    let foreign = house.client(FABRIKAM).mount();
    let client = house.client(CONTOSO);
    assert_eq!(client.remove(&foreign, "x").failure(), Some(Nfsstat3::Badhandle));
    assert_eq!(told(&house), ["delete REMOVE NFS3ERR_BADHANDLE Asked([120])"]);
    let other = house.door.registry.zone_for(FABRIKAM.parse().unwrap()).unwrap();
    assert!(other.trail().is_none(), "that zone records nothing");
}

#[test]
fn a_zone_is_switched_on_and_off_under_its_clients() {
    let house = house("");
    let client = house.client(CONTOSO);
    let root = client.mount();
    let set = |audit: &str| house.reload(&[&zone("contoso", CONTOSO, audit), &zone("fabrikam", FABRIKAM, "")]);
    let zone = || house.door.registry.zone_for(CONTOSO.parse().unwrap()).unwrap();
    client.create(&root, "a");
    set(ALL);
    client.create(&root, "b");
    let mailbox = zone().trail().unwrap().mailbox().clone();
    set("");
    client.create(&root, "c");
    let mut records = Vec::new();
    mailbox.take(&mut records);
    assert_eq!(records.len(), 1, "{records:?}");
}

/// A client that floods is counted, and harms nobody.
#[test]
fn a_flood_stays_bounded() {
    let house = house(ALL);
    let client: Client<'_> = house.client(CONTOSO);
    let root = client.mount();
    for _ in 0..8200 {
        client.remove(&root, "x").into_result().unwrap_err();
    }
    let (records, lost) = taken(&house);
    assert_eq!((records.len(), lost), (8192, 9));
}

/// Calls for callgrind: the difference between many and few is what one costs. `docs/testing.md` says how.
#[test]
#[ignore = "counts instructions"]
fn recording_costs_little() {
    let told = |key: &str| std::env::var(key).unwrap_or_default();
    let audit = told("BERTH_AUDIT_EVENTS");
    let audit = if audit.is_empty() { String::new() } else { format!("[audit]\nevents = [{audit}]\n") };
    let house = house(&audit);
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "file");
    let data = [7; 4096];
    for number in 0..told("BERTH_AUDIT_CALLS").parse::<usize>().unwrap_or(10) {
        match told("BERTH_AUDIT_CALL").as_str() {
            "write" => drop(client.write(&file, 0, &data)),
            "remove" => drop(client.remove(&root, "missing")),
            _ => drop(client.getattr(&file)),
        }
        if number % 4096 == 0 && !audit.is_empty() {
            taken(&house);
        }
    }
}
