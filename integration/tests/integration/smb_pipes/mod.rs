//! What clients that others wrote ask through named pipes: lists of shares, names and security identifiers.

use std::fs;
use std::process::Command;

use integration::{CONTOSO, Finished, Limit, Smbclient, run, skip};

use crate::logons;
use crate::smb_clients::{ALICE, House};

#[test]
fn smbclient_lists_shares() {
    let house = House::open("[smb]\n");
    let client = match Smbclient::find(&house.site, CONTOSO, ALICE) {
        Ok(found) => found,
        Err(why) => return skip("smbclient lists shares", &why),
    };
    let mut command = Command::new("smbclient");
    command.args(["-L", CONTOSO.address, "-g", "-m", "SMB3_11", "-U", client.user]).arg(format!("-p{}", client.port));
    let done = run(&mut command, Limit::seconds(LIMIT)).unwrap();
    let shares: Vec<_> = done.output.lines().filter(|line| line.matches('|').count() == 2).collect();
    assert_eq!(shares, ["Disk|Projects|", "Disk|look|", "IPC|IPC$|Remote calls"], "{}", done.output);
    house.close();
}

#[test]
fn rpcclient_asks_for_names() {
    let house = House::open("[smb]\n");
    // Both come with one package.
    if let Err(why) = Smbclient::find(&house.site, CONTOSO, ALICE) {
        return skip("rpcclient asks for names", &why);
    }
    let ask = |commands: &str| -> Finished {
        let mut command = Command::new("rpcclient");
        command.arg(format!("--port={}", house.site.smb_port())).args(["-U", ALICE.1, "-c", commands, CONTOSO.address]);
        run(&mut command, Limit::seconds(LIMIT)).unwrap()
    };
    let done = ask("srvinfo; netshareenum; netsharegetinfo projects; netsessenum; netremotetod; wkssvc_wkstagetinfo");
    for expected in ["CONTOSO", "netname: Projects", "netname: look", "netname: IPC$", "platform_id     :\t500"] {
        assert!(done.output.contains(expected), "{expected}: {}", done.output);
    }
    let done = ask("lsaquery; lookupnames alice Everyone; getusername");
    let sid = done.output.lines().find_map(|line| line.strip_prefix("alice ")?.split_whitespace().next());
    let sid = sid.unwrap_or_else(|| panic!("{}", done.output));
    assert!(sid.ends_with("-3084"), "1000 + 2 * 1042: {sid}");
    assert!(done.output.contains("Everyone S-1-1-0 (Well-known Group: 5)"), "{}", done.output);
    assert!(done.output.contains("Account Name: alice, Authority Name: CONTOSO"), "{}", done.output);
    let done = ask(&format!("lookupsids {sid} S-1-1-0 S-1-5-21-1-2-3-4"));
    assert!(done.output.contains(&format!(r"{sid} CONTOSO\alice (1)")), "{}", done.output);
    assert!(done.output.contains("S-1-5-21-1-2-3-4 *unknown*"), "{}", done.output);
    house.close();
}

#[test]
fn impacket_lists_shares_and_sessions() {
    let house = House::open("[smb]\n");
    let python = match logons::install() {
        Ok(python) => python,
        Err(why) => return skip("impacket lists shares and sessions", &why),
    };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("client.py");
    fs::write(&script, include_str!("client.py")).unwrap();
    let mut command = Command::new(python);
    let (user, password) = ALICE.1.split_once('%').unwrap();
    command.arg(script).args([CONTOSO.address, &house.site.smb_port().to_string(), user, password]);
    let done = run(&mut command, Limit::seconds(LIMIT)).unwrap();
    assert!(done.status.success(), "{}", done.output);
    let lines: Vec<_> = done.output.lines().collect();
    assert_eq!(
        lines,
        [
            "share Projects",
            "share look",
            "share IPC$",
            "page Projects more",
            "page look more",
            "page IPC$ over",
            r"session alice \\127.0.0.1",
            "files denied",
            r"sid CONTOSO\alice",
            "server CONTOSO 10",
            "fragments 4",
        ],
    );
    house.close();
}

const LIMIT: u64 = 60;
