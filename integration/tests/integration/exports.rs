//! What an administrator does with exports: change them while clients are there, and look at them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::client::{CallFailure, Client};
use integration::{CONTOSO, Gateway, Limit, Site, berth_binary, run, run_checked, skip};
use nfs_wire::nfs3::Nfsstat3;

/// A gateway whose zone files change while it runs.
struct Office {
    site: Site,
    gateway: Gateway,
}

impl Office {
    fn open() -> Self {
        let site = Site::new(None).unwrap();
        let gateway = Gateway::start(&site).unwrap();
        Self { site, gateway }
    }

    fn zones(&self) -> PathBuf {
        self.site.config().parent().unwrap().join("zones")
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.zones().join(file), text).unwrap();
    }

    /// The zone file of contoso, with more keys for the zone and for its export.
    fn describe(&self, zone: &str, export: &str) {
        let text = format!(
            "name = \"contoso\"\nbase = \"/tenants/contoso\"\naddresses = [\"127.0.0.1\"]\n{zone}\n\
             [[export]]\npaths = [\"/projects\"]\n{export}\n"
        );
        self.write("contoso.toml", &text);
    }

    /// SIGHUP; waits for the line of the log that tells how it went.
    fn reload(&self, told: &str) {
        let times = || fs::read_to_string(self.site.log()).unwrap().matches(told).count();
        let before = times();
        let process = self.gateway.process_id().to_string();
        run_checked(Command::new("kill").args(["-HUP", &process]), Limit::seconds(10)).unwrap();
        Limit::seconds(20).wait(told, || Ok((times() > before).then_some(()))).unwrap();
    }
}

const RELOADED: &str = "zones reloaded";
const REFUSED: &str = "zones not reloaded";

#[test]
fn what_changes_holds_from_the_next_call_of_those_who_have_mounted() {
    let office = Office::open();
    let mut client = Client::connect(office.site.address(CONTOSO).unwrap()).unwrap();
    let root = client.mount("/projects").unwrap();
    let owner = |client: &mut Client, name: &str| {
        let file = client.create(&root, name, 0o644)?;
        client.getattr(&file).map(|attributes| attributes.uid)
    };
    assert_eq!(owner(&mut client, "first").unwrap(), 0);
    let old = client.lookup(&root, "first").unwrap();
    client.setattr(&root, nfs_wire::nfs3::Sattr3 { mode: Some(0o777), ..Default::default() }).unwrap();

    let files = "users_file = \"contoso.users\"\nnetgroup_file = \"contoso.netgroup\"";
    let export = "clients = [\"@staff\"]\nmap_root = { user = \"anna\" }";
    office.write("contoso.users", "anna:x:1000:100\n");
    office.write("contoso.netgroup", "staff (127.0.0.1,,)\n");
    office.describe(files, export);
    office.reload(RELOADED);
    assert_eq!(owner(&mut client, "second").unwrap(), 1000);
    assert_eq!(client.getattr(&old).unwrap().uid, 0, "handles of an export that stays keep working");

    // Each of these files is wrong: nothing of what they say holds, and neither does what is right beside them.
    for (users, netgroup) in [("anna:x:none:100\n", "staff (127.0.0.1,,)\n"), ("anna:x:2000:100\n", "staff staff\n")] {
        office.write("contoso.users", users);
        office.write("contoso.netgroup", netgroup);
        office.reload(REFUSED);
        assert_eq!(owner(&mut client, "third").unwrap(), 1000);
        client.remove(&root, "third").unwrap();
    }
    let log = fs::read_to_string(office.site.log()).unwrap();
    assert!(
        log.contains("contoso.users:1: users_file: ") && log.contains("contoso.netgroup:1: netgroup_file: "),
        "{log}"
    );

    office.write("contoso.netgroup", "staff (127.0.0.9,,)\n");
    office.reload(RELOADED);
    assert!(is(&owner(&mut client, "fourth").unwrap_err(), Nfsstat3::Acces), "it is not of the staff any more");

    office.describe("", "map_root = \"off\"");
    let text = fs::read_to_string(office.zones().join("contoso.toml")).unwrap();
    office.write("contoso.toml", &text.replace("/projects", "/others"));
    office.reload(RELOADED);
    assert!(is(&client.getattr(&old).unwrap_err(), Nfsstat3::Stale), "its export went");
    office.write("contoso.toml", &text);
    office.reload(RELOADED);
    assert!(client.getattr(&old).is_ok(), "and came back");
    drop(client);
    office.gateway.stop().unwrap();
}

fn is(failure: &CallFailure, status: Nfsstat3) -> bool {
    matches!(failure, CallFailure::Refused(refused) if *refused == status)
}

/// The tool knows port 111 only, so it gets a network of its own, in which nothing else listens there.
#[test]
fn showmount_lists_what_there_is() {
    let isolated = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script]);
        command
    };
    if !run(&mut isolated("ip link set lo up && command -v showmount"), Limit::seconds(20))
        .is_ok_and(|finished| finished.status.success())
    {
        return skip("showmount", "it needs nfs-common, iproute2 and the right to make a network namespace");
    }
    let site = Site::new(None).unwrap();
    let settings = fs::read_to_string(site.config()).unwrap();
    let at_111 = settings.replace(&format!("port = {}", site.portmap_port()), "port = 111");
    fs::write(site.config(), at_111).unwrap();
    site.add_to_zone(CONTOSO, "[[export]]\npaths = [\"/plans\", \"/drafts\"]\nclients = [\"@staff\", \"10.0.0.0/8\"]")
        .unwrap();
    let zone = site.config().parent().unwrap().join("zones");
    let text = fs::read_to_string(zone.join("contoso.toml")).unwrap();
    fs::write(zone.join("contoso.toml"), format!("netgroup_file = \"netgroup\"\n{text}")).unwrap();
    fs::write(zone.join("netgroup"), "staff (192.0.2.1,,)\n").unwrap();
    let shown =
        run_checked(&mut isolated(&showmount_script(&site, &berth_binary().unwrap())), Limit::seconds(60)).unwrap();
    let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "/drafts @staff,10.0.0.0/8",
        "/plans @staff,10.0.0.0/8",
        "/projects (everyone)",
        "All mount points on 127.0.0.1:",
        "Directories on 127.0.0.1:",
    ];
    assert_eq!(lines, expected);
}

/// Starts the gateway, asks it, and ends it.
fn showmount_script(site: &Site, berth: &Path) -> String {
    format!(
        "set -e; ip link set lo up; {berth:?} serve --config {config:?} >{log:?} 2>&1 & gateway=$!; trap \"kill $gateway\" EXIT\n\
         for _ in $(seq 100); do grep -q ' ready ' {log:?} && break; sleep 0.1; done\n\
         grep -q ' ready ' {log:?} || {{ cat {log:?} >&2; exit 1; }}\n\
         showmount --no-headers -e 127.0.0.1; showmount -a 127.0.0.1; showmount -d 127.0.0.1\n\
         trap - EXIT; kill $gateway; wait $gateway",
        config = site.config(),
        log = site.log(),
    )
}
