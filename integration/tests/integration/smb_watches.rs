//! Who watches over SMB hears what is done over NFS.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bytes::Bytes;
use integration::client::Client;
use integration::{CONTOSO, Limit, Smbclient, skip};
use nfs_wire::nfs3::{StableHow, WriteArgs};

use crate::smb_clients::{ALICE, House};

/// `smbclient` that watches the root of a share, and the lines that it prints.
struct Watcher {
    process: Child,
    lines: Receiver<String>,
}

impl Watcher {
    fn start(client: &Smbclient) -> Self {
        // Lines are to come one by one, also into a pipe.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "smbclient"]).arg(format!("//{}/{}", client.host, client.share));
        command.arg(format!("--user={}", client.user)).arg(format!("--port={}", client.port));
        command.arg("--max-protocol=SMB3_11").args(["--command", "notify \\"]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, lines }
    }

    /// Whether a line like this has come; what came before it is left out.
    fn has_heard(&self, wanted: &str) -> bool {
        self.lines.try_iter().any(|line| line.contains(wanted))
    }

    fn hear(&self, wanted: &str) {
        let heard = || Ok(self.has_heard(wanted).then_some(()));
        Limit::seconds(LIMIT).wait(wanted, heard).unwrap();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It has ended by itself otherwise.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn what_nfs_does_is_heard_over_smb() {
    let house = House::open("[smb]\n");
    let client = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("what NFS does is heard over SMB", &why),
    };
    let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = nfs.mount("/projects").unwrap();
    let watcher = Watcher::start(&client);
    // Nothing tells that the watch is set but that it hears.
    let mut attempts = 0;
    let heard = || {
        attempts += 1;
        nfs.create(&root, &format!("probe-{attempts}"), 0o644)?;
        Ok(watcher.has_heard("probe-").then_some(()))
    };
    Limit::seconds(LIMIT).wait("the watch", heard).unwrap();
    let file = nfs.create(&root, "made over NFS", 0o644).unwrap();
    watcher.hear("0001 made over NFS");
    let data = Bytes::from_static(b"text");
    nfs.write(&WriteArgs { file, offset: 0, count: 4, stable: StableHow::Unstable, data }).unwrap();
    watcher.hear("0003 made over NFS");
    nfs.rename((&root, "made over NFS"), (&root, "renamed")).unwrap();
    watcher.hear("0004 made over NFS");
    watcher.hear("0005 renamed");
    drop(watcher);
    house.close();
}

const LIMIT: u64 = 30;
