//! Users and groups of a zone.

use std::sync::Arc;

use vfs::{Credentials, Identity};

use super::{PLAIN, credentials, parse_beside, refusals_beside, zone_beside};

const USERS: &str = "\
# name:password:uid:gid:comment:home:shell
root:x:0:0::/root:/bin/sh
anna:x:1000:100:Anna:/home/anna:/bin/sh
berta:x:1001:101
";
const GROUPS: &str = "\
users:x:100:
staff:x:2000:anna,berta
plans:x:2001: anna

wheel:x:0:berta
";
const FILES: &str = "users_file = \"users\"\ngroups_file = \"groups\"\n";

fn become_with(keys: &str, export: &str, identity: &Identity) -> Credentials {
    let text = format!("{FILES}{keys}\n[[export]]\npaths = [\"/a\"]\n{export}\n");
    credentials(&zone_beside(&text, &[("users", USERS), ("groups", GROUPS)]), identity, "10.0.0.1").unwrap()
}

fn unix(uid: u32, gid: u32, groups: &[u32]) -> Identity {
    Identity::Unix { uid, gid, groups: groups.iter().copied().collect() }
}

#[test]
fn names_in_maps_are_those_of_the_zone() {
    for (map, expected) in [
        ("{ user = \"anna\" }", Credentials::unix(1000, 100, &[])),
        ("{ user = \"anna\", group = \"staff\" }", Credentials::unix(1000, 2000, &[])),
        ("{ user = \"berta\", groups = [\"plans\", 7] }", Credentials::unix(1001, 101, &[7, 2001])),
        ("{ user = 1000 }", Credentials::unix(1000, 65_534, &[])),
        ("{ user = \"nobody\", group = \"nogroup\" }", Credentials::unix(65_534, 65_534, &[])),
        ("{ user = \"root\" }", Credentials::unix(0, 0, &[])),
    ] {
        assert_eq!(become_with("", &format!("map_all = {map}"), &unix(5, 5, &[])), expected, "{map}");
    }
}

#[test]
fn groups_come_from_the_zone_where_it_resolves_them() {
    let resolve = "resolve_groups = true";
    let table = [
        // (zone, export, identity, who it becomes)
        ("", "", unix(1000, 100, &[5]), Credentials::unix(1000, 100, &[5])),
        (resolve, "", unix(1000, 100, &[5]), Credentials::unix(1000, 100, &[100, 2000, 2001])),
        (resolve, "", unix(1000, 7, &[]), Credentials::unix(1000, 7, &[100, 2000, 2001])),
        // A user that the zone does not know stays as its client says, unless lookup and map_failure say otherwise.
        (resolve, "", unix(1234, 7, &[5]), Credentials::unix(1234, 7, &[5])),
        (resolve, "lookup = true", unix(1234, 7, &[5]), Credentials::unix(1234, 7, &[5])),
        (
            resolve,
            "lookup = true\nmap_failure = { user = \"anna\", groups = [\"staff\"] }",
            unix(1234, 7, &[5]),
            Credentials::unix(1000, 100, &[2000]),
        ),
        ("", "lookup = true\nmap_failure = { user = 9, group = 9 }", unix(1234, 7, &[5]), Credentials::unix(9, 9, &[])),
        ("", "lookup = true\nmap_failure = { user = 9 }", unix(1000, 7, &[5]), Credentials::unix(1000, 7, &[5])),
        // Where root is mapped, group 0 is too, wherever it comes from.
        (resolve, "", unix(1001, 0, &[]), Credentials::unix(1001, 65_534, &[101, 2000, 65_534])),
        (resolve, "map_root = \"off\"", unix(1001, 0, &[]), Credentials::unix(1001, 0, &[0, 101, 2000])),
        // Maps go before: whom they touch is not looked up.
        (resolve, "map_all = { user = 1000, group = 1 }", unix(1001, 0, &[]), Credentials::unix(1000, 1, &[])),
        (resolve, "map_non_root = { user = 1000 }", unix(1001, 0, &[]), Credentials::unix(1000, 65_534, &[])),
        (
            resolve,
            "lookup = true\nmap_failure = { user = 9 }\nmap_non_root = { user = 8 }",
            unix(1234, 7, &[]),
            Credentials::unix(8, 65_534, &[]),
        ),
        // Root is root and never unknown.
        (
            resolve,
            "lookup = true\nmap_failure = { user = 9 }\nroot_clients = [\"10.0.0.1\"]",
            unix(0, 0, &[4]),
            Credentials::unix(0, 0, &[4]),
        ),
    ];
    for (keys, export, identity, expected) in table {
        assert_eq!(become_with(keys, export, &identity), expected, "{identity:?} under\n{keys}\n{export}");
    }
}

#[test]
fn a_user_may_be_in_as_many_groups_as_credentials_hold() {
    let file = |count: u32| (0..count).map(|gid| format!("g{gid}:x:{}:berta\n", gid + 1)).collect::<String>();
    let text = format!("{PLAIN}{FILES}resolve_groups = true\n[[export]]\npaths = [\"/a\"]\n");
    let groups = file(65_536);
    assert!(parse_beside(&text, &[("users", USERS), ("groups", &groups)]).is_ok());
    let refused = refusals_beside(&text, &[("users", USERS), ("groups", &file(65_537))]);
    assert_eq!(refused, ["zones/groups: groups_file: user 1001 is in 65537 groups: at most 65536"]);
}

/// Whoever claims to be a user of very many groups takes no memory for each call.
#[test]
fn the_groups_of_a_user_are_shared_by_all_calls() {
    let text = format!("{FILES}resolve_groups = true\n[[export]]\npaths = [\"/a\"]\n");
    let zone = zone_beside(&text, &[("users", USERS), ("groups", GROUPS)]);
    let groups = |gid| credentials(&zone, &unix(1000, gid, &[]), "10.0.0.1").unwrap().groups;
    assert!(Arc::ptr_eq(&groups(1), &groups(2)) && Arc::ptr_eq(&groups(0), &groups(1)));
}

#[test]
fn files_that_are_wrong_are_refused_with_the_line() {
    let refused = |users: &str, groups: &str| {
        let text = format!("{PLAIN}{FILES}[[export]]\npaths = [\"/a\"]\nmap_all = {{ user = \"anna\" }}\n");
        refusals_beside(&text, &[("users", users), ("groups", groups)])
    };
    let users = "anna:x:1000\nberta:x:ten:1\ncarla:x:4294967295:1\n+::::::\nd:x:1:1:::::\ne:x:7:7\ne:x:8:7\nf:x:7:7\n";
    assert_eq!(
        refused(users, GROUPS),
        [
            "zones/users:1: users_file: no user: write name:x:uid:gid:comment:home:shell",
            "zones/users:2: users_file: \"ten\" is no uid: a number from 0 to 4294967294",
            "zones/users:3: users_file: \"4294967295\" is no uid: a number from 0 to 4294967294",
            "zones/users:4: users_file: \"+\" is no name: 1 to 256 bytes without spaces and commas, not beginning with \
             \"+\" or \"-\"",
            "zones/users:5: users_file: no user: write name:x:uid:gid:comment:home:shell",
            "zones/users:7: users_file: user \"e\" stands here twice",
            "zones/users:8: users_file: uid 7 is also that of \"e\"",
        ],
        "and names of such a file are not called unknown in maps"
    );
    assert_eq!(
        refused(USERS, "staff:x\nplans:x:5:anna,carla\nplans:x:6\nteam x:x:7\n"),
        [
            "zones/groups:1: groups_file: no group: write name:x:gid:member,member",
            "zones/groups:3: groups_file: group \"plans\" stands here twice",
            "zones/groups:4: groups_file: \"team x\" is no name: 1 to 256 bytes without spaces and commas, not beginning \
             with \"+\" or \"-\"",
        ]
    );
    let both = refused("anna", "staff");
    assert!(both[0].starts_with("zones/users:1:") && both[1].starts_with("zones/groups:1:"), "{both:?}");
    assert_eq!(
        refused(USERS, "plans:x:5:anna,carla\n"),
        ["zones/groups:1: groups_file: member \"carla\" is no user of users_file"]
    );
    let very = refused(&"wrong\n".repeat(1000), GROUPS);
    assert_eq!((very.len(), very[20].as_str()), (21, "zones/users: users_file: and 980 more lines are wrong"));
    let text = format!("{PLAIN}{FILES}");
    assert_eq!(
        refusals_beside(&text, &[("groups", GROUPS)]),
        ["zones/contoso.toml:4: users_file: cannot read zones/users: no such file"]
    );
}

#[test]
fn groups_alone_give_names() {
    let text = "groups_file = \"groups\"\n[[export]]\npaths = [\"/a\"]\nmap_all = { user = 5, group = \"staff\" }\n";
    let zone = zone_beside(text, &[("groups", GROUPS)]);
    assert_eq!(credentials(&zone, &unix(1, 1, &[]), "10.0.0.1").unwrap(), Credentials::unix(5, 2000, &[]));
}
