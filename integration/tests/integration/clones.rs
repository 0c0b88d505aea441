//! Writable clones as clients and administrators use them, also when the gateway is killed.
//!
//! `BERTH_CLONE_KILLS`: how often it is killed.

use std::process::Command;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use integration::client::{CallFailure, Client};
use integration::load::Random;
use integration::{CONTOSO, ClientScript, KernelClient, Site, berth_binary, count_from, skip};
use nfs_wire::nfs3::{FileHandle, Nfsstat3, StableHow, WriteArgs};
use serde_json::Value;

use super::smb_clients::House;

/// Runs `berth` and gives back what it said.
fn berth(site: &Site, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(berth_binary().unwrap());
    command.args(arguments).args(["--zone", "contoso", "--json", "--config"]).arg(site.config());
    let done = command.output().unwrap();
    match done.status.success() {
        true => Ok(serde_json::from_slice(&done.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

fn write(client: &mut Client, file: &FileHandle, text: &'static [u8]) {
    let count = u32::try_from(text.len()).unwrap();
    let data = Bytes::from_static(text);
    let args = WriteArgs { file: file.clone(), offset: 0, count, stable: StableHow::Unstable, data };
    client.write(&args).unwrap();
}

/// `/projects/test` is a clone of `/projects` as it was when `note` held "first".
fn cloned(house: &House) {
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let folder = client.mkdir(&root, "folder", 0o777).unwrap();
    for parent in [&root, &folder] {
        let note = client.create(parent, "note", 0o666).unwrap();
        write(&mut client, &note, b"first\n");
    }
    berth(&house.site, &["snapshot", "take", "morning", "--path", "/projects"]).unwrap();
    let made = ["clone", "make", "test", "--snapshot", "morning", "--path", "/projects/test"];
    let made = berth(&house.site, &made).unwrap();
    assert_eq!((&made["path"], &made["directory"]), (&"/projects/test".into(), &"/projects".into()), "{made}");
    let note = client.walk(&root, "note").unwrap();
    write(&mut client, &note, b"second");
}

#[test]
fn a_clone_is_written_beside_what_it_was_made_of() {
    let house = House::open("[smb]\n");
    cloned(&house);
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let [live, own] = ["note", "test/note"].map(|path| client.walk(&root, path).unwrap());
    assert_eq!(
        (client.read_all(&live).unwrap(), client.read_all(&own).unwrap()),
        (b"second".into(), b"first\n".into())
    );
    assert_ne!(client.getattr(&live).unwrap().fsid, client.getattr(&own).unwrap().fsid);
    write(&mut client, &own, b"third!");
    assert_eq!(client.read_all(&live).unwrap(), b"second");
    let test = client.walk(&root, "test").unwrap();
    let folder = client.walk(&test, "folder").unwrap();
    client.remove(&folder, "note").unwrap();
    assert!(client.walk(&root, "folder/note").is_ok());
    let moved = client.rename((&test, "note"), (&root, "moved")).unwrap_err();
    assert!(matches!(moved, CallFailure::Refused(Nfsstat3::Xdev)), "{moved:?}");
    let removed = client.rmdir(&root, "test").unwrap_err();
    assert!(matches!(removed, CallFailure::Refused(Nfsstat3::Perm | Nfsstat3::Notempty)), "{removed:?}");
    // A clone has snapshots of its own, of which clones can be made.
    berth(&house.site, &["snapshot", "take", "noon", "--path", "/projects/test"]).unwrap();
    write(&mut client, &own, b"fourth");
    let past = client.walk(&root, "test/.snapshot/noon/note").unwrap();
    assert_eq!(client.read_all(&past).unwrap(), b"third!");
    berth(&house.site, &["clone", "make", "again", "--snapshot", "noon", "--path", "/again"]).unwrap();
    // What it was made of may go before it.
    berth(&house.site, &["snapshot", "delete", "morning"]).unwrap();
    berth(&house.site, &["clone", "delete", "test"]).unwrap();
    let gone = client.read_all(&own).unwrap_err();
    assert!(matches!(gone, CallFailure::Refused(Nfsstat3::Stale)), "{gone:?}");
    assert!(client.walk(&root, "test").is_err());
    let listed = berth(&house.site, &["clone", "list"]).unwrap();
    let going: Vec<_> = listed["items"].as_array().unwrap().iter().map(|clone| &clone["deleting"]).collect();
    assert_eq!(going, [&Value::Bool(true), &Value::Bool(false)], "{listed}");
    let refused = berth(&house.site, &["clone", "make", "b", "--snapshot", "morning", "--path", "/b"]).unwrap_err();
    assert!(refused.contains("no snapshot morning"), "{refused}");
    house.close();
}

/// Both doors write into the clone and the share; neither sees the other's.
const SCRIPT: &str = "ALICE=username=alice,password=Correct.Horse1
    attach $HOST $M/n; test \"$(cat $M/n/test/note)\" = first; test \"$(cat $M/n/note)\" = second; echo seen
    echo mine >$M/n/test/note; mkdir $M/n/test/new; chmod 777 $M/n/test/new; cp -r $M/n/test/folder $M/n/test/new/; sync
    test \"$(cat $M/n/note)\" = second; ! test -e $M/n/new; echo apart
    ! mv $M/n/test/new $M/n/test/folder/../../note 2>/dev/null; rm -r $M/n/test/folder; test -e $M/n/folder/note; echo removed
    attach_smb vers=3.1.1,$ALICE $HOST $M/c; test \"$(cat $M/c/test/note)\" = mine; echo theirs >$M/c/test/new/theirs
    test \"$(cat $M/n/test/new/theirs)\" = theirs; ! test -e $M/c/test/folder; test -e $M/c/folder/note; echo smb
    dd if=/dev/urandom of=$M/n/test/big bs=1M count=8 2>/dev/null; sync; cmp $M/n/test/big $M/c/test/big; echo big
    umount $M/c";

#[test]
fn kernels_write_into_a_clone() {
    let what = "clones in the kernel";
    let kernel = match KernelClient::find_lab() {
        Ok(client) => client,
        Err(why) => return skip(what, &why),
    };
    let house = House::open("[smb]\n");
    cloned(&house);
    let (inbox, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = ClientScript { text: SCRIPT, inbox: inbox.path(), outbox: outbox.path(), limit_seconds: 90 };
    let output = kernel.run(&house.site, &script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    for step in ["seen", "apart", "removed", "smb", "big"] {
        assert!(output.lines().any(|line| line == step), "{step}: {output}");
    }
    house.close();
}

/// Snapshots and clones are made, written and deleted until the gateway is killed somewhere; then nothing is half there.
#[test]
fn kills_leave_no_clone_by_halves() {
    let mut house = House::open("[smb]\n");
    cloned(&house);
    let mut random = Random::new(7);
    let mut made = 0;
    for cycle in 0..count_from("BERTH_CLONE_KILLS", 4) {
        let pause = Duration::from_millis(100 + random.below(900));
        let (site, gateway) = (&house.site, house.process_id());
        made += thread::scope(|scope| {
            let work = scope.spawn(move || make_and_delete(site, cycle));
            thread::sleep(pause);
            let killed = Command::new("kill").args(["-9", &gateway.to_string()]).status().unwrap();
            assert!(killed.success());
            work.join().unwrap()
        });
        house.kill_and_check();
        prove(&house);
    }
    assert!(made > 0, "nothing was made before it was killed");
    house.close();
}

/// Goes on until the gateway answers no more. Returns how many clones were made.
fn make_and_delete(site: &Site, cycle: u32) -> u32 {
    let mut made = 0;
    for step in 0..100 {
        let name = format!("c{cycle}-{step}");
        let path = format!("/projects/{name}");
        let done = berth(site, &["snapshot", "take", &name, "--path", "/projects"])
            .and_then(|_| berth(site, &["clone", "make", &name, "--snapshot", &name, "--path", &path]));
        if done.is_err() {
            return made;
        }
        made += 1;
        if try_write(site, &name).is_none() {
            return made;
        }
        let done = match step % 4 {
            0 => berth(site, &["snapshot", "delete", &name]),
            1 => berth(site, &["clone", "delete", &name]),
            2 => berth(site, &["clone", "delete", &name]).and_then(|_| berth(site, &["snapshot", "delete", &name])),
            _ => continue,
        };
        if done.is_err() {
            return made;
        }
    }
    made
}

fn try_write(site: &Site, clone: &str) -> Option<()> {
    let mut client = Client::connect(site.address(CONTOSO).ok()?).ok()?;
    let root = client.mount("/projects").ok()?;
    let note = client.walk(&root, &format!("{clone}/note")).ok()?;
    let data = Bytes::from_static(&[7; 9000]);
    client.write(&WriteArgs { file: note, offset: 5, count: 9000, stable: StableHow::FileSync, data }).ok()?;
    let folder = client.walk(&root, clone).ok()?;
    client.create(&folder, "new", 0o644).ok()?;
    Some(())
}

/// Each clone that is there shows what nobody has written in it.
fn prove(house: &House) {
    let listed = berth(&house.site, &["clone", "list"]).unwrap();
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    for clone in listed["items"].as_array().unwrap().iter().filter(|clone| clone["deleting"] == false) {
        let path = clone["path"].as_str().unwrap().trim_start_matches("/projects/").to_owned();
        let note = client.walk(&root, &format!("{path}/folder/note")).unwrap();
        assert_eq!(client.read_all(&note).unwrap(), b"first\n", "{path}");
    }
}
