//! SMB clients: Samba's smbclient, which others wrote, and the load generator, which is our own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Command;

use integration::client::Client;
use integration::{CONTOSO, FABRIKAM, Gateway, Limit, Site, Smbclient, berth_binary, run_checked, skip};
use nfs_wire::nfs3::Sattr3;

use crate::bench::programs;

/// A gateway with shares, and two users in the zone contoso.
pub(super) struct House {
    pub(super) site: Site,
    gateway: Gateway,
}

impl House {
    pub(super) fn open(settings: &str) -> Self {
        let site = Site::new(None).unwrap();
        fs::write(site.config(), fs::read_to_string(site.config()).unwrap().replace("[smb]\n", settings)).unwrap();
        let zones = site.config().parent().unwrap().join("zones");
        fs::write(zones.join("users"), "").unwrap();
        site.add_keys_to_zone(CONTOSO, "users_file = \"users\"\npasswords_file = \"passwords\"").unwrap();
        site.add_to_zone(
            CONTOSO,
            "[[share]]\nname = \"Projects\"\npath = \"/projects\"\n[[share]]\nname = \"look\"\npath = \"/projects\"\nread_only = true\n\
             [[share]]\nname = \"always\"\npath = \"/projects\"\ncontinuously_available = true\nbrowsable = false\n",
        )
        .unwrap();
        site.add_to_zone(FABRIKAM, "[[share]]\nname = \"Projects\"\npath = \"/deep/er\"\n").unwrap();
        let password = zones.join("new-password");
        fs::write(&password, "Correct.Horse1\n").unwrap();
        for (name, uid) in USERS {
            let mut add = Command::new(berth_binary().unwrap());
            add.args(["user", "add", "--zone", CONTOSO.name, "--uid", &uid.to_string(), name, "--config"]);
            let added = add.arg(site.config()).stdin(File::open(&password).unwrap()).output().unwrap();
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        }
        let gateway = Gateway::start(&site).unwrap();
        let mut nfs = Client::connect(site.address(CONTOSO).unwrap()).unwrap();
        let root = nfs.mount("/projects").unwrap();
        nfs.setattr(&root, Sattr3 { mode: Some(0o1777), ..Sattr3::default() }).unwrap();
        Self { site, gateway }
    }

    pub(super) fn smb_address(&self) -> SocketAddr {
        let mut address = self.site.address(CONTOSO).unwrap();
        address.set_port(self.site.smb_port());
        address
    }

    pub(super) fn kill_and_start_again(&mut self) {
        // One starts before the other is forgotten: the field is never empty.
        self.gateway.kill_in_place().unwrap();
        self.gateway = Gateway::start(&self.site).unwrap();
    }

    pub(super) fn process_id(&self) -> u32 {
        self.gateway.process_id()
    }

    /// As [`House::kill_and_start_again`], and the store is proved between.
    pub(super) fn kill_and_check(&mut self) {
        self.gateway.kill_in_place().unwrap();
        Gateway::check(&self.site).unwrap();
        self.gateway = Gateway::start(&self.site).unwrap();
    }

    pub(super) fn close(self) {
        self.gateway.stop().unwrap();
        Gateway::check(&self.site).unwrap();
    }
}

/// Their numbers; both have one password.
pub(crate) const USERS: [(&str, u32); 2] = [("alice", 1042), ("bob", 1043)];
pub(crate) const ALICE: (&str, &str) = ("projects", "alice%Correct.Horse1");

#[test]
fn smbclient_works_with_files_in_every_version() {
    let house = House::open("[smb]\n");
    let found = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("smbclient", &why),
    };
    let local = tempfile::tempdir().unwrap();
    let (source, back) = (local.path().join("source"), local.path().join("back"));
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    fs::write(&source, &content).unwrap();
    for (version, encrypted) in VERSIONS {
        let client = Smbclient { version, encrypted, ..found.clone() };
        let (from, to) = (source.display(), back.display());
        let done = client.run(&format!(
            "mkdir d; put {from} d/new; rename d/new d/Named; ls d/*; allinfo d/named; get D/NAMED {to}; del d/named; \
             rmdir d; ls"
        ));
        let done = done.unwrap();
        assert!(done.status.success(), "{version}: {}", done.output);
        let is_refusal = |line: &&str| line.contains("NT_STATUS") && !line.contains("getting alt name");
        assert_eq!(done.output.lines().find(is_refusal), None, "{version}: nothing but the missing short name");
        assert!(done.output.contains("Named") && done.output.contains("3000000"), "{version}: {}", done.output);
        assert_eq!(fs::read(&back).unwrap(), content, "{version}");
        fs::remove_file(&back).unwrap();
    }
    house.close();
}

#[test]
fn who_does_not_say_who_it_is_comes_in_as_nobody_where_that_is_let() {
    let mut house = House::open("[smb]\n");
    let share =
        "[[share]]\nname = \"open\"\npath = \"/projects\"\nguests = true\nread_only = true\nbrowsable = false\n";
    house.site.add_to_zone(CONTOSO, share).unwrap();
    house.kill_and_start_again();
    let alice = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("smbclient as nobody", &why),
    };
    let local = tempfile::tempdir().unwrap();
    let (source, back) = (local.path().join("source"), local.path().join("back"));
    fs::write(&source, "for everybody\n").unwrap();
    assert!(alice.run(&format!("put {} note", source.display())).unwrap().status.success());
    let nobody = Smbclient { share: "open", user: "%", ..alice };
    let done = nobody.run(&format!("ls; get note {}; put {} other", back.display(), source.display())).unwrap();
    assert_eq!(fs::read_to_string(&back).unwrap(), "for everybody\n", "{}", done.output);
    assert!(done.output.contains("NT_STATUS_ACCESS_DENIED opening remote file"), "{}", done.output);
    let done = Smbclient { share: "projects", ..nobody }.run("ls").unwrap();
    assert!(done.output.contains("NT_STATUS_ACCESS_DENIED"), "not where guests do not come in: {}", done.output);
    house.close();
}

#[test]
fn what_smbclient_writes_is_there_over_nfs() {
    let house = House::open("[smb]\n");
    let client = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("smbclient beside NFS", &why),
    };
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    fs::write(&source, "both doors\n").unwrap();
    let done = client.run(&format!("put {} Note", source.display())).unwrap();
    assert!(done.status.success(), "{}", done.output);
    let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = nfs.mount("/projects").unwrap();
    let file = nfs.lookup(&root, "Note").unwrap();
    let attributes = nfs.getattr(&file).unwrap();
    assert_eq!((attributes.uid, attributes.size), (1042, 11), "one user over both doors");
    house.close();
}

#[test]
fn who_does_not_belong_is_refused() {
    let house = House::open("[smb]\n");
    let alice = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("refusals of smbclient", &why),
    };
    let refused = [
        (Smbclient { user: "alice%wrong", ..alice.clone() }, "ls", "NT_STATUS_LOGON_FAILURE"),
        (Smbclient { user: "nobody-knows%Correct.Horse1", ..alice.clone() }, "ls", "NT_STATUS_LOGON_FAILURE"),
        (Smbclient { share: "none", ..alice.clone() }, "ls", "NT_STATUS_BAD_NETWORK_NAME"),
        (Smbclient { share: "look", ..alice.clone() }, "mkdir d", "NT_STATUS_ACCESS_DENIED"),
        (Smbclient { user: "%", ..alice.clone() }, "ls", "NT_STATUS_LOGON_FAILURE"),
        (Smbclient::find(&house.site, FABRIKAM, ALICE).unwrap(), "ls", "NT_STATUS_LOGON_FAILURE"),
    ];
    for (client, commands, status) in refused {
        let done = client.run(commands).unwrap();
        assert!(done.output.contains(status), "{client:?}: {}", done.output);
    }
    assert!(alice.run("ls").unwrap().status.success());
    house.close();
}

#[test]
fn encryption_can_be_demanded() {
    let house = House::open("[smb]\nencryption = \"required\"\n");
    let alice = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("encryption of smbclient", &why),
    };
    let done = alice.run("ls").unwrap();
    assert!(done.status.success(), "{}", done.output);
    let done = Smbclient { version: "SMB2_10", ..alice }.run("ls").unwrap();
    assert!(!done.status.success(), "this version cannot encrypt: {}", done.output);
    house.close();
}

/// Nobody looks at its figures here; each operation in a way of protection and a version of its own.
#[test]
fn our_load_generator_does_each_of_its_operations() {
    let house = House::open("[smb]\nsigning = \"offered\"\n");
    let program = programs().join("smb-load");
    let server = format!("{}:{}", CONTOSO.address, house.site.smb_port());
    for (number, operation) in OPERATIONS_OF_LOAD.into_iter().enumerate() {
        let protection = [&[][..], &["--sign"], &["--encrypt"]][number % 3];
        let dialect =
            ["3.1.1", "3.0.2", "2.1", "3.1.1", "3.0"][if protection == ["--encrypt"] { 0 } else { number % 5 }];
        let mut load = Command::new(&program);
        load.args(["--server", &server, "--user", "alice", "--password", "Correct.Horse1", "--operation", operation]);
        load.args(["--depth", "8", "--seconds", "0.1", "--warmup-seconds", "0.1", "--file-bytes", "4194304", "--json"]);
        load.args(["--connections", "2", "--entries", "500", "--limit", "400", "--dialect", dialect]).args(protection);
        let told = run_checked(load.args(["--folder", operation]), Limit::seconds(60)).unwrap();
        assert!(told.contains("\"errors\":0,\"first_error\":null"), "{operation}: {told}");
    }
    house.close();
}

const OPERATIONS_OF_LOAD: [&str; 11] = [
    "echo",
    "open-close",
    "query-info",
    "read4k",
    "read1m",
    "write1m",
    "write4k",
    "write4k-through",
    "small-file",
    "unlink",
    "list",
];

const VERSIONS: [(&str, bool); 7] = [
    ("SMB2_02", false),
    ("SMB2_10", false),
    ("SMB3_00", false),
    ("SMB3_00", true),
    ("SMB3_02", false),
    ("SMB3_11", false),
    ("SMB3_11", true),
];
