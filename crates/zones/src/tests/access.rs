//! Which export serves a client, what it may do there, and who it becomes.

use vfs::{Credentials, Flavor, Identity};

use super::{credentials, ip, zone};
use crate::{ClientAccess, Refusal, Zone};

const OPEN: &str = "[[export]]\npaths = [\"/projects\"]\n";

fn unix(uid: u32, gid: u32, groups: &[u32]) -> Identity {
    Identity::Unix { uid, gid, groups: groups.iter().copied().collect() }
}

/// What a client may do on `/projects`: "rw", "ro", with "+root" for root clients, or "no".
fn access(zone: &Zone, client: &str) -> String {
    let Ok(target) = zone.export_for_path(b"/projects", ip(client)) else { return "no".to_owned() };
    let ClientAccess { read_only, root } = target.export.access(ip(client)).unwrap();
    format!("{}{}", if read_only { "ro" } else { "rw" }, if root { "+root" } else { "" })
}

#[test]
fn lists_go_in_order_of_precedence() {
    let table: &[(&str, &[(&str, &str)])] = &[
        // Nobody named: everyone, as `read_only` says.
        ("", &[("10.0.0.1", "rw"), ("fd00::1", "rw")]),
        ("read_only = true", &[("10.0.0.1", "ro")]),
        // Somebody named: only those.
        ("clients = [\"10.0.0.0/24\"]", &[("10.0.0.1", "rw"), ("10.0.1.1", "no"), ("fd00::1", "no")]),
        ("clients = [\"fd00::/64\"]", &[("fd00::1", "rw"), ("fd00:0:0:1::1", "no"), ("10.0.0.1", "no")]),
        ("read_only = true\nclients = [\"10.0.0.1\"]", &[("10.0.0.1", "ro"), ("10.0.0.2", "no")]),
        // `read_only` decides for `clients` only.
        ("read_only = true\nread_write_clients = [\"10.0.0.1\"]", &[("10.0.0.1", "rw"), ("10.0.0.2", "no")]),
        (
            "clients = [\"10.0.0.0/8\"]\nread_only_clients = [\"10.1.0.0/16\"]",
            &[("10.0.0.1", "rw"), ("10.1.0.1", "ro")],
        ),
        // The read-only list goes before the read-write list, however closely the latter names the client.
        ("read_only_clients = [\"10.0.0.0/8\"]\nread_write_clients = [\"10.0.0.1\"]", &[("10.0.0.1", "ro")]),
        (
            "read_only_clients = [\"10.0.0.1\"]\nread_write_clients = [\"10.0.0.0/8\"]",
            &[("10.0.0.1", "ro"), ("10.0.0.2", "rw")],
        ),
        // Root stands apart, and names its client as the other lists do.
        ("root_clients = [\"10.0.0.1\"]", &[("10.0.0.1", "rw+root"), ("10.0.0.2", "no")]),
        ("read_only = true\nroot_clients = [\"10.0.0.1\"]", &[("10.0.0.1", "ro+root")]),
        (
            "clients = [\"0.0.0.0/0\"]\nroot_clients = [\"10.0.0.1\"]\nread_only_clients = [\"10.0.0.1\"]",
            &[("10.0.0.1", "ro+root"), ("10.0.0.2", "rw"), ("fd00::1", "no")],
        ),
        // Host names stand for all their addresses.
        ("clients = [\"backup\"]", &[("10.9.9.9", "rw"), ("fd00::9", "rw"), ("10.9.9.8", "no")]),
    ];
    for (rules, cases) in table {
        let zone = zone(&format!("{OPEN}{rules}\n"));
        for (client, expected) in *cases {
            assert_eq!(access(&zone, client), *expected, "{client} under\n{rules}");
        }
    }
}

#[test]
fn a_client_mapped_into_ipv6_is_the_same_client() {
    let zone = zone(&format!("{OPEN}clients = [\"10.0.0.1\"]\n"));
    assert_eq!(access(&zone, "::ffff:10.0.0.1"), "rw");
}

#[test]
fn of_several_exports_of_one_path_the_closest_serves() {
    let zone = zone(&format!(
        "{OPEN}read_only = true\n{OPEN}clients = [\"10.0.0.0/8\"]\n{OPEN}root_clients = [\"10.0.0.1\"]\nread_only = true\n"
    ));
    assert_eq!(access(&zone, "192.168.0.1"), "ro");
    assert_eq!(access(&zone, "10.0.0.2"), "rw");
    assert_eq!(access(&zone, "10.0.0.1"), "ro+root");
    let ids: Vec<_> = zone.exports().iter().map(|export| export.id()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one path, one id");
    let by_handle = zone.export(ids[0], ip("10.0.0.2")).unwrap();
    assert_eq!(by_handle, &zone.exports()[1], "a handle finds the export of its client");
}

#[test]
fn mount_paths_find_the_longest_export() {
    let zone = zone(
        "[[export]]\npaths = [\"/projects\", \"/data/deep\"]\n[[export]]\npaths = [\"/data\"]\nall_dirs = true\n\
         [[export]]\npaths = [\"/closed\"]\nclients = [\"10.0.0.1\"]\n",
    );
    let find = |path: &str| zone.export_for_path(path.as_bytes(), ip("10.0.0.2"));
    let found = |path: &str| {
        let target = find(path).unwrap();
        (String::from_utf8(target.export.path().to_vec()).unwrap(), target.below.len())
    };
    assert_eq!(found("/projects/"), ("/projects".to_owned(), 0));
    assert_eq!(found("//data/./a/b"), ("/data".to_owned(), 2));
    assert_eq!(found("/data/deep"), ("/data/deep".to_owned(), 0));
    for (path, refusal) in [
        ("/", Refusal::NoSuchExport),
        ("", Refusal::NoSuchExport),
        ("projects", Refusal::NoSuchExport),
        ("/project", Refusal::NoSuchExport),
        ("/projectsx", Refusal::NoSuchExport),
        ("/tenants/contoso/projects", Refusal::NoSuchExport),
        ("/projects/../data", Refusal::NoSuchExport),
        ("/projects/below", Refusal::NotMountable),
        ("/data/deep/below", Refusal::NotMountable),
        ("/closed", Refusal::ClientNotNamed),
    ] {
        assert_eq!(find(path).unwrap_err(), refusal, "{path}");
    }
}

#[test]
fn an_unknown_handle_has_no_export() {
    let zone = zone(OPEN);
    let id = zone.exports()[0].id();
    assert!(zone.export(id, ip("10.0.0.1")).is_ok());
    let other = crate::ExportId(id.0 ^ 1);
    assert_eq!(zone.export(other, ip("10.0.0.1")).unwrap_err(), Refusal::NoSuchExport);
}

/// Who `identity` becomes from 10.0.0.1 (a root client) and from 10.0.0.2.
fn become_from(rules: &str, identity: &Identity) -> [Credentials; 2] {
    let rules = format!("{OPEN}clients = [\"10.0.0.0/8\"]\nroot_clients = [\"10.0.0.1\"]\n{rules}\n");
    let zone = zone(&rules);
    ["10.0.0.1", "10.0.0.2"].map(|client| credentials(&zone, identity, client).unwrap())
}

#[test]
fn users_are_mapped() {
    let root = || unix(0, 0, &[0, 5]);
    let user = || unix(1000, 100, &[7, 5]);
    let as_root = || Credentials::unix(0, 0, &[0, 5]);
    let as_user = || Credentials::unix(1000, 100, &[5, 7]);
    let plain = |uid, gid| Credentials::unix(uid, gid, &[]);
    let nobody = || plain(65_534, 65_534);
    let full = || Credentials::unix(9, 9, &[1, 3, 65_534]);
    let table = [
        // (rules, identity, from a root client, from another client)
        ("", root(), as_root(), nobody()),
        ("", user(), as_user(), as_user()),
        ("map_root = \"off\"", root(), as_root(), as_root()),
        ("map_root = { user = 42, group = \"43\" }", root(), as_root(), plain(42, 43)),
        ("map_root = { user = 42 }", root(), as_root(), plain(42, 65_534)),
        ("map_root = { user = \"root\" }", root(), as_root(), plain(0, 0)),
        ("map_non_root = { user = \"nobody\" }", user(), nobody(), nobody()),
        ("map_non_root = { user = \"nobody\" }", root(), as_root(), nobody()),
        ("map_root = \"off\"\nmap_non_root = { user = 9, group = 9 }", root(), as_root(), as_root()),
        ("map_all = { user = 9, group = 9 }", user(), plain(9, 9), plain(9, 9)),
        ("map_all = { user = 9, group = 9 }", root(), as_root(), plain(9, 9)),
        ("map_all = { user = 9, group = 9 }\nmap_root = \"off\"", root(), as_root(), plain(9, 9)),
        ("map_all = { user = 9, group = 9 }\nmap_non_root = { user = 8 }", user(), plain(9, 9), plain(9, 9)),
        // Group 0 goes where root goes.
        (
            "",
            unix(1000, 0, &[0, 5]),
            Credentials::unix(1000, 0, &[0, 5]),
            Credentials::unix(1000, 65_534, &[5, 65_534]),
        ),
        ("map_all = { user = 9, group = 9, groups = [3, \"nogroup\", 1] }", user(), full(), full()),
        ("map_root = \"off\"", unix(1000, 0, &[0]), Credentials::unix(1000, 0, &[0]), Credentials::unix(1000, 0, &[0])),
    ];
    for (rules, identity, from_root_client, from_other) in table {
        assert_eq!(become_from(rules, &identity), [from_root_client, from_other], "{identity:?} under\n{rules}");
    }
}

#[test]
fn only_unmapped_root_is_the_superuser() {
    let [from_root_client, from_other] = become_from("", &unix(0, 0, &[]));
    assert!(from_root_client.superuser && !from_other.superuser);
}

#[test]
fn anonymous_calls_are_nobody_where_they_are_accepted() {
    let admit =
        |rules: &str, identity: Identity| credentials(&zone(&format!("{OPEN}{rules}\n")), &identity, "10.0.0.1");
    assert_eq!(admit("", Identity::Anonymous), Err(Refusal::FlavorNotAccepted));
    assert_eq!(admit("security = [\"none\"]", unix(1, 1, &[])), Err(Refusal::FlavorNotAccepted));
    assert_eq!(
        admit("security = [\"sys\", \"none\"]", Identity::Anonymous),
        Ok(Credentials::unix(65_534, 65_534, &[]))
    );
    let mapped = admit("security = [\"none\"]\nmap_all = { user = 5, group = 6 }", Identity::Anonymous);
    assert_eq!(mapped, Ok(Credentials::unix(5, 6, &[])));
    let set = "security = [\"none\"]\nanonymous = { user = 7, group = 8, groups = [9] }";
    assert_eq!(admit(set, Identity::Anonymous), Ok(Credentials::unix(7, 8, &[9])));
    let covered = format!("{set}\nmap_all = {{ user = 5 }}");
    assert_eq!(admit(&covered, Identity::Anonymous), Ok(Credentials::unix(5, 65_534, &[])));
    let proved = Identity::User { name: "anna".to_owned(), domain: "CONTOSO".to_owned() };
    assert_eq!(admit("", proved), Err(Refusal::UnknownUser));
    assert_eq!(zone(OPEN).exports()[0].flavors(), [Flavor::Sys]);
}

#[test]
fn a_client_that_is_not_named_is_nobody_at_all() {
    let zone = zone(&format!("{OPEN}clients = [\"10.0.0.1\"]\nsecurity = [\"sys\", \"none\"]\n"));
    for identity in [Identity::Anonymous, unix(0, 0, &[])] {
        assert_eq!(credentials(&zone, &identity, "10.0.0.2"), Err(Refusal::ClientNotNamed));
    }
}
