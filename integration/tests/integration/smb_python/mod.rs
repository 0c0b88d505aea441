//! Files over SMB by clients in Python, which others wrote: impacket and smbprotocol.

use std::fs;
use std::process::Command;

use integration::{CONTOSO, Limit, run, skip};

use crate::logons;
use crate::smb_clients::{ALICE, House};

#[test]
fn impacket_works_with_files_and_descriptors_in_every_dialect() {
    let listed = "['.', '..', 'renamed']";
    let of_dialect = |dialect| [format!("dialect {dialect} {listed}"), "full STATUS_DIRECTORY_NOT_EMPTY".to_owned()];
    let mut expected: Vec<_> = ["0x202", "0x210", "0x300", "0x311"].into_iter().flat_map(of_dialect).collect();
    expected.extend(["owner 3084", "writes False", "refused STATUS_ACCESS_DENIED", "kept mine"].map(str::to_owned));
    expect("impacket works with files", include_str!("impacket.py"), &expected);
}

#[test]
fn smbprotocol_works_with_files_signed_and_encrypted() {
    let once = ["refused 0xc0000043", "size 1280000 modified 1700000001", "['b', 'copy', 'moved'] []"];
    let twice: Vec<_> = once.into_iter().chain(once).map(str::to_owned).collect();
    expect("smbprotocol works with files", include_str!("smbprotocol.py"), &twice);
}

fn expect(what: &str, script: &str, expected: &[String]) {
    let python = match logons::install() {
        Ok(python) => python,
        Err(why) => return skip(what, &why),
    };
    let house = House::open("[smb]\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.py");
    fs::write(&file, script).unwrap();
    let (user, password) = ALICE.1.split_once('%').unwrap();
    let mut command = Command::new(python);
    command.arg(file).args([CONTOSO.address, &house.site.smb_port().to_string(), user, password]);
    let done = run(&mut command, Limit::seconds(LIMIT)).unwrap();
    assert!(done.status.success(), "{}", done.output);
    assert_eq!(done.output.lines().collect::<Vec<_>>(), expected);
    house.close();
}

const LIMIT: u64 = 120;
