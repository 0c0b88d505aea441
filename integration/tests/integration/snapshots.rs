//! Snapshots as clients find them: `.snapshot` over NFS and SMB, previous versions, and mounts of the past.

use std::process::Command;

use bytes::Bytes;
use integration::client::{CallFailure, Client};
use integration::{CONTOSO, ClientScript, KernelClient, Site, Smbclient, berth_binary, skip};
use nfs_wire::nfs3::{FileHandle, Nfsstat3, StableHow, WriteArgs};
use serde_json::Value;

use super::smb_clients::House;

/// Runs `berth snapshot` and gives back what it said.
fn snapshot(site: &Site, arguments: &[&str]) -> Value {
    let mut command = Command::new(berth_binary().unwrap());
    command.arg("snapshot").args(arguments).args(["--zone", "contoso", "--json", "--config"]).arg(site.config());
    let done = command.output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn write(client: &mut Client, file: &FileHandle, text: &'static [u8]) {
    let count = u32::try_from(text.len()).unwrap();
    let data = Bytes::from_static(text);
    let args = WriteArgs { file: file.clone(), offset: 0, count, stable: StableHow::Unstable, data };
    client.write(&args).unwrap();
}

/// `note` holds "second", and "first" in the snapshot `morning`. Gives back the token of that.
fn two_states(house: &House) -> String {
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let note = client.create(&root, "note", 0o666).unwrap();
    write(&mut client, &note, b"first\n");
    let taken = snapshot(&house.site, &["take", "morning", "--path", "/projects"]);
    assert_eq!(
        (&taken["name"], &taken["path"], &taken["expires"]),
        (&"morning".into(), &"/projects".into(), &Value::Null)
    );
    write(&mut client, &note, b"second");
    let time = taken["created"].as_str().unwrap();
    format!("@GMT-{}", time.trim_end_matches('Z').replace(':', ".").replacen('-', ".", 2).replace('T', "-"))
}

#[test]
fn the_past_is_found_over_nfs_and_cannot_be_changed() {
    let house = House::open("[smb]\n");
    two_states(&house);
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let (live, past) = (client.walk(&root, "note").unwrap(), client.walk(&root, ".snapshot/morning/note").unwrap());
    assert_eq!(client.read_all(&live).unwrap(), b"second");
    assert_eq!(client.read_all(&past).unwrap(), b"first\n");
    let door = client.lookup(&root, ".snapshot").unwrap();
    assert_eq!(client.readdir(&door).unwrap().iter().filter(|name| !name.starts_with('.')).count(), 1);
    assert!(!client.readdir(&root).unwrap().contains(&".snapshot".to_owned()), "hidden by default");
    let (then, now) = (client.getattr(&past).unwrap(), client.getattr(&live).unwrap());
    assert_eq!((then.fileid, then.size, now.size), (now.fileid, 6, 6));
    assert_ne!(then.fsid, now.fsid, "a client would take both for one file");
    let morning = client.walk(&root, ".snapshot/morning").unwrap();
    for folder in [&morning, &door] {
        let made = client.create(folder, "new", 0o644).unwrap_err();
        assert!(matches!(made, CallFailure::Refused(Nfsstat3::Rofs)), "{made:?}");
        let gone = client.remove(folder, "note").unwrap_err();
        assert!(matches!(gone, CallFailure::Refused(Nfsstat3::Rofs)), "{gone:?}");
    }
    let made = client.mkdir(&root, ".snapshot", 0o755).unwrap_err();
    assert!(matches!(made, CallFailure::Refused(Nfsstat3::Exist)), "{made:?}");
    // A directory that is younger shows none.
    let young = client.mkdir(&root, "young", 0o755).unwrap();
    let door = client.lookup(&young, ".snapshot").unwrap();
    assert!(client.readdir(&door).unwrap().is_empty());
    let renamed = snapshot(&house.site, &["rename", "morning", "first thing"]);
    assert_eq!(renamed["name"], "first thing");
    assert_eq!(client.read_all(&past).unwrap(), b"first\n", "handles stay");
    let again = client.walk(&root, ".snapshot/first thing/note").unwrap();
    assert_eq!(client.read_all(&again).unwrap(), b"first\n");
    assert!(client.walk(&root, ".snapshot/morning").is_err());
    snapshot(&house.site, &["delete", "first thing"]);
    let gone = client.read_all(&past).unwrap_err();
    assert!(matches!(gone, CallFailure::Refused(Nfsstat3::Stale)), "{gone:?}");
    house.close();
}

#[test]
fn smbclient_finds_previous_versions() {
    let house = House::open("[smb]\n");
    let client = match Smbclient::find(&house.site, CONTOSO, ("projects", "alice%Correct.Horse1")) {
        Ok(client) => client,
        Err(why) => return skip("previous versions with smbclient", &why),
    };
    let token = two_states(&house);
    let said = client.run("allinfo note").unwrap();
    assert!(said.output.contains(&token), "{}", said.output);
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for (path, name) in [(format!("{token}\\note"), "by-token"), (".snapshot\\morning\\note".to_owned(), "by-name")] {
        let got = client.run(&format!("get {path} {}", place(name).display())).unwrap();
        assert_eq!(std::fs::read(place(name)).ok().as_deref(), Some(&b"first\n"[..]), "{path}: {}", got.output);
        std::fs::remove_file(place(name)).unwrap();
    }
    // Copied by the server, which shares the blocks.
    for (path, name) in [(format!("{token}\\note"), "by-token"), (".snapshot\\morning\\note".to_owned(), "by-name")] {
        let copied = client.run(&format!("scopy {path} {name}; get {name} {}", place(name).display())).unwrap();
        assert_eq!(std::fs::read(place(name)).ok().as_deref(), Some(&b"first\n"[..]), "{path}: {}", copied.output);
    }
    let listed = client.run(&format!("ls {token}\\*")).unwrap();
    assert!(listed.output.contains("note"), "{}", listed.output);
    let denied = client.run(&format!("del {token}\\note")).unwrap();
    assert!(denied.output.contains("NT_STATUS_"), "{}", denied.output);
    assert!(client.run("allinfo note").unwrap().output.contains(&token));
    house.close();
}

/// Browses, restores by copying, and mounts the share as it was.
const SCRIPT: &str = "ALICE=username=alice,password=Correct.Horse1; TOKEN=$(cat $IN/token)
    attach $HOST $M/n; test \"$(cat $M/n/.snapshot/morning/note)\" = first; test \"$(cat $M/n/note)\" = second
    ls $M/n/.snapshot | grep -qx morning; ! test -e $M/n/.snapshot/evening; echo browsed
    ! sh -c \"echo x >$M/n/.snapshot/morning/note\" 2>/tmp/why; grep -Eq 'Read-only|Permission denied' /tmp/why; echo refused
    cp -p $M/n/.snapshot/morning/note $M/n/note; sync; test \"$(cat $M/n/note)\" = first; echo restored
    attach_smb vers=3.1.1,$ALICE $HOST $M/c; test \"$(cat $M/c/.snapshot/morning/note)\" = first; echo smb
    cp --reflink=always $M/c/.snapshot/morning/note $M/c/shared; test \"$(cat $M/c/shared)\" = first; echo shared
    attach_smb vers=3.1.1,snapshot=$TOKEN,$ALICE $HOST $M/s; test \"$(cat $M/s/note)\" = first
    ls $M/s | grep -qx note; ! touch $M/s/new 2>/dev/null; echo past; umount $M/s $M/c";

#[test]
fn kernels_browse_the_past_and_restore_from_it() {
    let what = "snapshots in the kernel";
    let kernel = match KernelClient::find_lab() {
        Ok(client) => client,
        Err(why) => return skip(what, &why),
    };
    let house = House::open("[smb]\n");
    let (inbox, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(inbox.path().join("token"), two_states(&house)).unwrap();
    let script = ClientScript { text: SCRIPT, inbox: inbox.path(), outbox: outbox.path(), limit_seconds: 90 };
    let output = kernel.run(&house.site, &script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    for step in ["browsed", "refused", "restored", "smb", "shared", "past"] {
        assert!(output.lines().any(|line| line == step), "{step}: {output}");
    }
    house.close();
}
