//! What differs from a snapshot, as `berth snapshot changes` and `ranges` tell it.

use std::process::Command;

use bytes::Bytes;
use integration::client::Client;
use integration::{CONTOSO, Site, berth_binary};
use nfs_wire::nfs3::{FileHandle, StableHow, WriteArgs};
use serde_json::{Value, json};

use super::smb_clients::House;

fn berth(site: &Site, arguments: &[&str]) -> String {
    let mut command = Command::new(berth_binary().unwrap());
    command.arg("snapshot").args(arguments).args(["--zone", "contoso", "--config"]).arg(site.config());
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn write(client: &mut Client, file: &FileHandle, offset: u64) {
    let data = Bytes::from(vec![7; 4096]);
    let args = WriteArgs { file: file.clone(), offset, count: 4096, stable: StableHow::Unstable, data };
    client.write(&args).unwrap();
}

#[test]
fn what_differs_from_a_snapshot_is_told_also_before_it_is_stable() {
    let house = House::open("[smb]\n");
    let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let folder = client.mkdir(&root, "folder", 0o777).unwrap();
    let [kept, grown, gone] = ["kept", "grown", "gone"].map(|name| client.create(&folder, name, 0o666).unwrap());
    for file in [&kept, &grown, &gone] {
        write(&mut client, file, 0);
    }
    berth(&house.site, &["take", "morning", "--path", "/projects"]);
    assert_eq!(berth(&house.site, &["changes", "morning"]), "");
    write(&mut client, &grown, 8192);
    client.remove(&folder, "gone").unwrap();
    client.rename((&folder, "grown"), (&root, "elsewhere")).unwrap();
    client.mkdir(&root, "new\n", 0o777).unwrap();

    let told = berth(&house.site, &["changes", "morning"]);
    let mut lines: Vec<_> = told.lines().collect();
    lines.sort_unstable();
    let expected = [
        "* /  (times)",
        "* /elsewhere  was /folder/grown  (name, data, times)",
        "* /folder/  (times)",
        "+ /new\u{fffd}/",
        "- /folder/gone",
    ];
    assert_eq!(lines, expected);
    berth(&house.site, &["take", "noon", "--path", "/projects"]);
    write(&mut client, &kept, 0);
    let told = berth(&house.site, &["changes", "morning", "--to", "noon", "--directory", "/folder", "--json"]);
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let removed: Vec<_> = told.iter().filter(|entry| entry["change"] == "removed").collect();
    let sizes: Vec<_> = removed.iter().map(|entry| (&entry["path"], &entry["size_before"])).collect();
    assert_eq!(sizes, [(&json!("/grown"), &json!(4096)), (&json!("/gone"), &json!(4096))], "{told:?}");
    assert_eq!(told.len(), 3, "kept was written after noon: {told:?}");

    let ranges = berth(&house.site, &["ranges", "morning", "/folder/grown", "--to", "noon", "--json"]);
    let ranges: Vec<Value> = ranges.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ranges, [json!({ "offset": 8192, "length": 4096, "hole": false })]);
}
