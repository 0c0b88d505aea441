//! Passwords of a zone's users.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{PLAIN, parse_beside, refusals_beside, zone_beside};
use crate::{Logon, Persona, StoredHash, system_secret_reader};

const USERS: &str = "anna:x:1000:100\nBerta:x:1001:101\ncarl:x:1002:100\ndora:x:1003:100\nDora:x:1004:100\n";
const GROUPS: &str = "users:x:100:\nstaff:x:2000:anna,Berta\n";
const PASSWORDS: &str = "\
# made by hand
anna:a4f49c406510bdcab6824ee7c30fd852:enabled:1700000000
Berta:00000000000000000000000000000001:disabled:5
carl:-:enabled:0
Dora:000000000000000000000000000000FF:enabled:0
";
const FILES: &str = "users_file = \"users\"\ngroups_file = \"groups\"\npasswords_file = \"passwords\"\n";

fn with(passwords: &str) -> Vec<(&str, &str)> {
    vec![("users", USERS), ("groups", GROUPS), ("passwords", passwords)]
}

#[test]
fn who_may_log_on() {
    let zone = zone_beside(FILES, &with(PASSWORDS));
    let hash = StoredHash(0xa4f4_9c40_6510_bdca_b682_4ee7_c30f_d852_u128.to_be_bytes());
    let mut last = [0; 16];
    last[15] = 0xff;
    for (name, expected) in [
        ("anna", Logon::With(hash)),
        ("ANNA", Logon::With(hash)),
        ("berta", Logon::Refused),
        ("carl", Logon::Refused),
        ("eve", Logon::Unknown),
        ("", Logon::Unknown),
        // Of two that differ in case only the one with a password is meant.
        ("dora", Logon::With(StoredHash(last))),
    ] {
        assert_eq!(zone.logon(name), expected, "{name}");
    }
    assert_eq!(zone.local_user("DORA").unwrap().uid, 1004);
}

#[test]
fn who_a_user_is_to_both_protocols() {
    let zone = zone_beside(FILES, &with(PASSWORDS));
    let user = zone.local_user("Anna").unwrap();
    let credentials = zone.credentials_of(&user);
    assert_eq!((credentials.uid, credentials.gid, &credentials.groups[..]), (1000, 100, [100, 2000].as_slice()));
    let sids = zone.definition().sids();
    assert_eq!(sids.persona(credentials.sid.as_ref().unwrap()), Some(Persona::User(1000)));
    let groups: Vec<_> = credentials.group_sids.iter().map(|sid| sids.persona(sid).unwrap()).collect();
    assert_eq!(groups, [Persona::Group(100), Persona::Group(2000)]);
    assert_eq!(zone.name_of(Persona::User(1001)), Some("Berta"));
    assert_eq!((zone.name_of(Persona::Group(2000)), zone.name_of(Persona::Group(7))), (Some("staff"), None));
    assert_eq!(zone.persona_named("BERTA"), Some(Persona::User(1001)));
    assert_eq!((zone.persona_named("users"), zone.persona_named("x")), (Some(Persona::Group(100)), None));
}

#[test]
fn a_file_that_is_not_there_yet_has_no_passwords() {
    let zone = zone_beside(FILES, &[("users", USERS), ("groups", GROUPS)]);
    assert_eq!((zone.logon("anna"), zone.logon("eve")), (Logon::Refused, Logon::Unknown));
}

#[test]
fn passwords_that_are_wrong() {
    let refused = |passwords: &str| refusals_beside(&format!("{PLAIN}{FILES}"), &with(passwords)).join("\n");
    let shape = "no password: write name:hash:enabled:changed, best by `berth user`";
    for wrong in ["anna", "anna:a4f4:enabled:0", "anna:-:on:0", "anna:-:enabled:x", "anna:-:enabled:0:0"] {
        assert_eq!(refused(wrong), format!("zones/passwords:1: passwords_file: {shape}"), "{wrong}");
    }
    assert_eq!(refused("eve:-:enabled:0"), "zones/passwords:1: passwords_file: \"eve\" is no user of users_file");
    let twice = refused("anna:-:enabled:0\nanna:-:enabled:0");
    assert_eq!(twice, "zones/passwords:2: passwords_file: user \"anna\" stands here twice");
    let alike = refused("dora:-:enabled:0\nDora:-:enabled:0");
    assert_eq!(alike, "zones/passwords:2: passwords_file: \"Dora\" differs from \"dora\" in nothing but case");
    let alone = parse_beside(&format!("{PLAIN}passwords_file = \"passwords\"\n"), &with("")).unwrap_err().to_string();
    assert_eq!(alone, "zones/contoso.toml:4: passwords_file: the zone knows no users: set users_file too");
}

#[test]
fn nothing_shows_a_hash() {
    let definition = parse_beside(&format!("{PLAIN}{FILES}"), &with(PASSWORDS)).unwrap();
    let shown = format!("{definition:?} {:?}", definition.local_users());
    assert!(shown.contains("Berta") && !shown.contains("a4f4") && !shown.contains("164, 244"), "{shown}");
    let wrong = PASSWORDS.replace(":enabled", ":enable");
    assert!(!refusals_beside(&format!("{PLAIN}{FILES}"), &with(&wrong)).join("").contains("a4f4"));
}

#[test]
fn lines_come_back() {
    let definition = parse_beside(&format!("{PLAIN}{FILES}"), &with(PASSWORDS)).unwrap();
    let lines: Vec<_> =
        definition.local_users().iter().filter_map(|user| Some(user.password.as_ref()?.line(&user.name))).collect();
    assert_eq!(
        lines.join("\n").to_lowercase(),
        PASSWORDS.lines().skip(1).collect::<Vec<_>>().join("\n").to_lowercase()
    );
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    fs::write(&file, "x").unwrap();
    for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o660, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(system_secret_reader(&file, 10).is_ok(), is_read, "{mode:o}");
    }
    assert!(system_secret_reader(folder.path(), 10).is_err());
}
