//! A directory becomes again what a snapshot shows, also when the gateway is killed meanwhile.
//!
//! `BERTH_REVERT_KILLS`: how often it is killed at most.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use integration::client::Client;
use integration::load::Random;
use integration::{CONTOSO, Site, berth_binary, count_from};
use nfs_wire::nfs3::{FileHandle, Ftype3, StableHow, WriteArgs};
use serde_json::Value;

use super::smb_clients::House;

fn ask(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(berth_binary().unwrap());
    command.args(arguments).args(["--zone", "contoso", "--json", "--config"]).arg(site.config());
    command.output().unwrap()
}

fn berth(site: &Site, arguments: &[&str]) -> Value {
    let done = ask(site, arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn connect(house: &House) -> (Client, FileHandle) {
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    (client, root)
}

fn write(client: &mut Client, file: &FileHandle, (byte, count): (u8, u32)) {
    let data = Bytes::from(vec![byte; count as usize]);
    client.write(&WriteArgs { file: file.clone(), offset: 0, count, stable: StableHow::Unstable, data }).unwrap();
}

/// Every file below a directory by its path, with what it holds; directories hold nothing.
fn tree(client: &mut Client, top: &FileHandle) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![(String::new(), top.clone())];
    while let Some((path, directory)) = left.pop() {
        for name in client.readdir(&directory).unwrap() {
            let (path, handle) = (format!("{path}/{name}"), client.walk(&directory, &name).unwrap());
            if client.getattr(&handle).unwrap().file_type == Ftype3::Directory {
                found.insert(path.clone(), Vec::new());
                left.push((path, handle));
            } else {
                let bytes = client.read_all(&handle).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

const DIRECTORIES: u8 = 12;
const FILES: u8 = 25;

/// Directories of files, and a snapshot of them; then most of it is changed, moved, removed, and more is made.
fn changed(house: &House) {
    let (mut client, root) = connect(house);
    for number in 0..DIRECTORIES {
        let directory = client.mkdir(&root, &format!("d{number}"), 0o777).unwrap();
        for file in 0..FILES {
            let made = client.create(&directory, &format!("f{file}"), 0o666).unwrap();
            write(&mut client, &made, (number ^ file, 5000));
        }
    }
    berth(&house.site, &["snapshot", "take", "monday", "--path", "/projects"]);
    for number in 0..DIRECTORIES {
        let name = format!("d{number}");
        let directory = client.walk(&root, &name).unwrap();
        for file in 0..FILES {
            let name = format!("f{file}");
            match file % 4 {
                0 => client.remove(&directory, &name).unwrap(),
                1 => {
                    let changed = client.walk(&directory, &name).unwrap();
                    write(&mut client, &changed, (200, 9000));
                }
                2 => client.rename((&directory, &name), (&root, &format!("moved {number} {file}"))).unwrap(),
                _ => {
                    client.mkdir(&directory, &format!("new {file}"), 0o777).unwrap();
                }
            }
        }
        if number % 3 == 0 && number > 0 {
            let into = client.walk(&root, "d1").unwrap();
            client.rename((&root, &name), (&into, &name)).unwrap();
        }
    }
}

#[test]
fn a_directory_is_what_it_was_whenever_the_gateway_is_killed() {
    let mut house = House::open("[smb]\n");
    changed(&house);
    let begun = berth(&house.site, &["revert", "begin", "monday", "--keep-as", "before", "--yes", "--detach"]);
    assert_eq!((&begun["kept_as"], &begun["path"]), (&"before".into(), &"/projects".into()), "{begun}");
    let refused = ask(&house.site, &["snapshot", "delete", "monday"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("reverted"), "{refused:?}");
    let (mut client, root) = connect(&house);
    let kept = client.walk(&root, ".snapshot/before").unwrap();
    let before = tree(&mut client, &kept);
    let mut random = Random::new(7);
    let mut killed = 0;
    while killed < count_from("BERTH_REVERT_KILLS", 5) {
        thread::sleep(Duration::from_millis(50 + random.below(250)));
        let all = berth(&house.site, &["revert", "list"]);
        if all["items"].as_array().unwrap().iter().all(|revert| revert["state"] == "done") {
            break;
        }
        house.kill_and_check();
        killed += 1;
    }
    assert!(killed > 0, "it had ended before it was killed");
    // What had ended is forgotten with the process.
    let mut rounds = 0;
    while berth(&house.site, &["revert", "list"])["items"].as_array().unwrap().iter().any(|one| one["state"] != "done")
    {
        assert!(rounds < 1000, "it does not end");
        rounds += 1;
        thread::sleep(Duration::from_millis(50));
    }
    let (mut client, root) = connect(&house);
    let [then, kept] = ["monday", "before"].map(|name| client.walk(&root, &format!(".snapshot/{name}")).unwrap());
    assert_eq!(tree(&mut client, &then), tree(&mut client, &root));
    assert_eq!(tree(&mut client, &kept), before, "what was there before is kept");
    house.kill_and_check();
    house.close();
}

#[test]
fn a_part_is_reverted_while_the_command_waits() {
    let house = House::open("[smb]\n");
    changed(&house);
    let refused = ask(&house.site, &["revert", "begin", "monday"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--yes"), "{refused:?}");
    let done = berth(&house.site, &["revert", "begin", "monday", "--directory", "/d2", "--keep-nothing", "--yes"]);
    assert_eq!(
        (&done["state"], &done["path"], &done["kept_as"]),
        (&"done".into(), &"/projects/d2".into(), &Value::Null)
    );
    let (mut client, root) = connect(&house);
    let [then, now] = [".snapshot/monday/d2", "d2"].map(|path| client.walk(&root, path).unwrap());
    assert_eq!(tree(&mut client, &then), tree(&mut client, &now));
    assert!(client.walk(&root, "moved 2 2").is_ok(), "what lies beside it stays");
    let gone = ask(&house.site, &["revert", "begin", "monday", "--directory", "/d2/none", "--yes"]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there was no /d2/none"), "{gone:?}");
    house.close();
}
