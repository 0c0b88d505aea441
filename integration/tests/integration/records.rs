//! What clients did, as a zone records it: over both doors, switched on and off while it is served, over kills and SIGHUP.

use std::fs;
use std::process::Command;
use std::time::Duration;

use integration::client::Client;
use integration::{CONTOSO, Libnfs, Limit, Smbclient, berth_binary, run_checked, skip};
use nfs_wire::nfs3::Sattr3;
use serde_json::Value;

use super::smb_clients::{ALICE, House};

const AUDIT: &str =
    "[audit]\nevents = [\"logon\", \"mount\", \"create\", \"write\", \"delete\", \"rename\", \"denied\"]\n";

/// Makes the zone what its file says with these lines at its end, over the API.
fn apply(house: &House, lines: &str) {
    let folder = house.site.config().parent().unwrap().join("zones");
    let text = fs::read_to_string(folder.join("contoso.toml")).unwrap();
    let text = text.split("[audit]").next().unwrap().to_owned() + lines;
    let wished = house.site.config().with_file_name("wished.toml");
    fs::write(&wished, text).unwrap();
    let mut command = Command::new(berth_binary().unwrap());
    command.args(["zone", "apply", "--yes", "--file"]).arg(wished).arg("--config").arg(house.site.config());
    run_checked(&mut command, Limit::seconds(20)).unwrap();
}

fn events(house: &House, arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(berth_binary().unwrap());
    command.args(["zone", "events", "contoso", "--json", "--config"]).arg(house.site.config()).args(arguments);
    let said = run_checked(&mut command, Limit::seconds(20)).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// As [`events`], once there are so many: they are written a moment later.
fn some_events(house: &House, arguments: &[&str], count: usize) -> Vec<Value> {
    let until = Limit::seconds(5);
    loop {
        let found = events(house, arguments);
        if found.len() >= count || until.is_over() {
            assert_eq!(found.len(), count, "{arguments:?}: {found:#?}");
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn told(event: &Value) -> [String; 5] {
    ["event", "user", "path", "to", "status"].map(|key| event[key].as_str().unwrap_or("-").to_owned())
}

#[test]
fn who_deleted_a_file_is_found_whichever_door_they_came_by() {
    let mut house = House::open("[smb]\n");
    let smbclient = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(smbclient) => smbclient,
        Err(why) => return skip("records of smbclient", &why),
    };
    if let Err(why) = Libnfs::installed() {
        return skip("records of libnfs", &why);
    }
    let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = nfs.mount("/projects").unwrap();
    // Alice renames what root made.
    nfs.setattr(&root, Sattr3 { mode: Some(0o777), ..Sattr3::default() }).unwrap();
    let local = house.site.config().with_file_name("local");
    fs::write(&local, "plan").unwrap();
    let copy_in = |house: &House, name: &str| {
        Libnfs::find(&house.site, CONTOSO).unwrap().copy_in(local.to_str().unwrap(), name).unwrap();
    };
    copy_in(&house, "/before");
    assert!(events(&house, &[]).is_empty(), "nothing is recorded where nothing is said");

    apply(&house, AUDIT);
    copy_in(&house, "/plan");
    smbclient.run("mkdir d; rename plan d\\plan2; del d\\plan2; rmdir d").unwrap();
    let deleted = some_events(&house, &["--event", "delete"], 2);
    let [file, folder] = [0, 1].map(|index: usize| told(&deleted[index]));
    assert_eq!(file, ["delete", "alice", "/projects/d/plan2", "-", "STATUS_SUCCESS"]);
    assert_eq!(folder, ["delete", "alice", "/projects/d", "-", "STATUS_SUCCESS"]);
    assert_eq!((&deleted[0]["client"], &deleted[0]["uid"]), (&"127.0.0.1".into(), &1042.into()));
    let renamed = some_events(&house, &["--path", "/projects/plan"], 3);
    let kinds: Vec<_> = renamed.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["create", "write", "rename"], "{renamed:#?}");
    assert_eq!((&renamed[0]["door"], &renamed[2]["door"]), (&"nfs".into(), &"smb".into()));
    assert_eq!(told(&renamed[2])[3], "/projects/d/plan2");
    some_events(&house, &["--event", "logon", "--user", "alice"], 1);

    // A kill takes no more than the last moment.
    house.kill_and_start_again();
    assert_eq!(events(&house, &["--event", "delete"]).len(), 2);
    let record = house.site.data().join("events/contoso/events.jsonl");
    let moved = record.with_file_name("moved");
    fs::rename(&record, &moved).unwrap();
    let mut hang_up = Command::new("kill");
    run_checked(hang_up.args(["-HUP", &house.process_id().to_string()]), Limit::seconds(10)).unwrap();
    let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = nfs.mount("/projects").unwrap();
    let until = Limit::seconds(5);
    while !record.exists() && !until.is_over() {
        nfs.create(&root, "again", 0o644).unwrap();
        nfs.remove(&root, "again").unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(record.exists(), "the moved file was not left");

    apply(&house, "");
    std::thread::sleep(Duration::from_millis(200));
    let before = events(&house, &[]).len();
    nfs.create(&root, "after", 0o644).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(events(&house, &[]).len(), before, "it is switched off, and what was recorded is still shown");
    house.close();
}
