//! Netgroups and host names in client lists.

use super::{PLAIN, ip, parse_beside, refusals_beside, zone_beside};

const NETGROUPS: &str = "\
# Who works here.
engineers (10.0.0.1,anna,contoso) (10.0.0.2,,) builders
builders  ( 10.0.1.1 , - , - )\\
          (backup,,)(10.2.0.0/16,,)   # with the machines of all
people    (-,anna,)
all       engineers people builders
open      (,anna,)
";

fn access(export: &str, client: &str) -> String {
    let text = format!("netgroup_file = \"netgroup\"\n[[export]]\npaths = [\"/a\"]\n{export}\n");
    let zone = zone_beside(&text, &[("netgroup", NETGROUPS)]);
    match zone.exports()[0].access(ip(client)) {
        None => "no".to_owned(),
        Some(access) => {
            format!("{}{}", if access.read_only { "ro" } else { "rw" }, if access.root { "+root" } else { "" })
        }
    }
}

#[test]
fn a_netgroup_stands_for_its_hosts_and_those_it_includes() {
    for (export, cases) in [
        (
            "clients = [\"@engineers\"]",
            &[("10.0.0.1", "rw"), ("10.0.1.1", "rw"), ("10.9.9.9", "rw"), ("10.2.3.4", "rw"), ("10.0.0.3", "no")][..],
        ),
        ("clients = [\"@builders\"]", &[("10.0.0.1", "no"), ("fd00::9", "rw")]),
        ("clients = [\"@all\"]\nread_only_clients = [\"@builders\"]", &[("10.0.0.1", "rw"), ("10.0.1.1", "ro")]),
        ("read_only = true\nroot_clients = [\"@engineers\"]", &[("10.0.0.1", "ro+root"), ("10.0.0.9", "no")]),
        // A netgroup without hosts names nobody, which is not everyone.
        ("clients = [\"@people\"]", &[("10.0.0.1", "no")]),
    ] {
        for (client, expected) in cases {
            assert_eq!(access(export, client), *expected, "{client} under {export}");
        }
    }
}

fn refusal(netgroups: &str, client: &str) -> Vec<String> {
    let text = format!("{PLAIN}netgroup_file = \"netgroup\"\n[[export]]\npaths = [\"/a\"]\nclients = [\"{client}\"]\n");
    refusals_beside(&text, &[("netgroup", netgroups)])
}

#[test]
fn entries_that_are_wrong_are_named() {
    assert_eq!(
        refusal(NETGROUPS, "@nobody"),
        ["zones/contoso.toml:7: export[0].clients[0]: netgroup \"nobody\" is not in netgroup_file"]
    );
    assert_eq!(
        refusal(NETGROUPS, "@open"),
        [
            "zones/contoso.toml:7: export[0].clients[0]: netgroup \"open\" stands for every host by a triple without a host \
          (of \"open\", line 7 of netgroup_file): write the host, or \"-\" for none"
        ]
    );
    let unresolved = "zones/contoso.toml:7: export[0].clients[0]: netgroup \"a\": host name \"missing\" cannot be resolved: \
                      unknown host";
    let advice = "(ignore_unresolvable_hosts = true would ignore it)";
    assert_eq!(refusal("a (missing,,) (backup,,)", "@a"), [format!("{unresolved} {advice}")]);
    assert_eq!(
        refusal("a (x,,) (missing,,) (y,,)", "@a"),
        [format!("{unresolved} (and 2 more of its hosts) {advice}")]
    );
    let wrong = refusal("a (missing,,) (*,,)", "@a");
    assert!(wrong[0].contains("netgroup \"a\": \"*\" is no client: ") && wrong.len() == 1, "{wrong:?}");
}

#[test]
fn netgroup_files_that_are_wrong_are_refused_with_the_line() {
    let refused = |netgroups: &str| refusal(netgroups, "@a");
    assert_eq!(
        refused("\na b\n"),
        ["zones/netgroup:2: netgroup_file: netgroup \"a\" includes \"b\", which this file does not have"]
    );
    assert_eq!(
        refused("a b\nb (h,,) c\nc d b\nd\n"),
        ["zones/netgroup:3: netgroup_file: netgroup \"b\" includes itself: b > c > b"]
    );
    assert_eq!(refused("a a"), ["zones/netgroup:1: netgroup_file: netgroup \"a\" includes itself: a > a"]);
    assert_eq!(
        refused("a (x,,)\na (y,,)\nb (x,y)\nc (x,,\n@d\n"),
        [
            "zones/netgroup:2: netgroup_file: netgroup \"a\" stands in line 1 already",
            "zones/netgroup:3: netgroup_file: \"(x,y)\" is no triple: write (host,user,domain), or (host,,)",
            "zones/netgroup:4: netgroup_file: a \"(\" without its \")\"",
            "zones/netgroup:5: netgroup_file: \"@d\" is no name of a netgroup",
        ]
    );
    let text = format!("{PLAIN}netgroup_file = \"missing\"\n");
    assert_eq!(
        refusals_beside(&text, &[]),
        ["zones/contoso.toml:4: netgroup_file: cannot read zones/missing: no such file"]
    );
}

/// A chain as long as files may have, and a ladder whose paths are more than all atoms: both end at once.
#[test]
fn deep_and_wide_inclusion_ends() {
    let chain: String = (0..20_000).map(|i| format!("g{i} g{}\n", i + 1)).collect();
    let ladder: String = (0..200).map(|i| format!("g{i} g{0} h{0}\nh{i} g{0} h{0}\n", i + 1)).collect();
    for (netgroups, last) in [(chain, 20_000), (ladder, 200)] {
        let text = "netgroup_file = \"netgroup\"\n[[export]]\npaths = [\"/a\"]\nclients = [\"@g0\"]\n";
        let whole = format!("{netgroups}g{last} (10.0.0.1,,)\nh{last} g{last}\n");
        let zone = zone_beside(text, &[("netgroup", &whole)]);
        assert!(zone.exports()[0].access(ip("10.0.0.1")).is_some());
    }
    let circle: String = (0..20_000).map(|i| format!("g{i} g{}\n", (i + 1) % 20_000)).collect();
    let refused = refusal(&circle, "@g0");
    assert!(refused[0].ends_with("g14 > g15 > g0") && refused.len() == 1, "{refused:?}");
}

#[test]
fn hosts_nobody_knows_are_ignored_where_the_export_says_so() {
    let text = |list: &str| {
        format!(
            "{PLAIN}[[export]]\npaths = [\"/a\"]\nignore_unresolvable_hosts = true\n{list} = [\"missing.example\"]\n"
        )
    };
    for list in ["clients", "read_write_clients", "root_clients"] {
        let zone = parse_beside(&text(list), &[]).unwrap();
        let warnings: Vec<_> = zone.warnings().iter().map(ToString::to_string).collect();
        let expected = format!(
            "zones/contoso.toml:7: export[0].{list}[0]: host name \"missing.example\" cannot be resolved: unknown host; it \
             is ignored"
        );
        assert_eq!(warnings, [expected]);
        // Somebody is named all the same: the export is not for everyone.
        assert!(zone.exports()[0].access(ip("10.0.0.1")).is_none());
        assert_eq!(zone.exports()[0].named_clients().collect::<Vec<_>>(), ["missing.example"]);
    }
    let refused = refusals_beside(&text("read_only_clients"), &[]);
    assert!(refused[0].ends_with("ignore_unresolvable_hosts does not hold here, since the client could then write"));
    let mistyped = refusals_beside(&text("clients").replace("missing.example", "10.0.0.256"), &[]);
    assert!(mistyped[0].contains("is no client"), "{mistyped:?}");
}

#[test]
fn hosts_are_never_ignored_where_another_export_has_the_path() {
    let text = |second: &str| {
        format!(
            "{PLAIN}[[export]]\npaths = [\"/a\"]\nread_only = true\nignore_unresolvable_hosts = true\nclients = \
             [\"missing.example\"]\n[[export]]\npaths = [\"{second}\"]\nclients = [\"10.0.0.0/8\"]\n"
        )
    };
    let refused = refusals_beside(&text("/a"), &[]);
    assert_eq!(
        refused,
        [
            "zones/contoso.toml:8: export[0].clients[0]: host name \"missing.example\" cannot be resolved: unknown host; \
          ignore_unresolvable_hosts does not hold here, since another export has the same path, and the client could \
          then get that one"
        ]
    );
    assert_eq!(parse_beside(&text("/b"), &[]).unwrap().warnings().len(), 1);
}

#[test]
fn networks_of_mapped_addresses_are_those_of_ipv4() {
    let text = |network: &str| {
        format!(
            "{PLAIN}[[export]]\npaths = [\"/a\"]\nread_only_clients = [\"{network}\"]\nread_write_clients = [\"0.0.0.0/0\"]\n"
        )
    };
    for (network, is_read_only) in
        [("::ffff:10.0.0.0/104", true), ("::ffff:0:0/96", true), ("::ffff:11.0.0.0/104", false), ("::/0", false)]
    {
        let zone = parse_beside(&text(network), &[]).unwrap();
        for client in ["10.0.0.1", "::ffff:10.0.0.1"] {
            let access = zone.exports()[0].access(ip(client)).unwrap();
            assert_eq!(access.read_only, is_read_only, "{network} {client}");
        }
    }
    for network in ["::/8", "::fffe:0:0/95", "::/64"] {
        let refused = refusals_beside(&text(network), &[]);
        assert!(refused[0].contains("spans IPv4 clients and others"), "{refused:?}");
    }
}
