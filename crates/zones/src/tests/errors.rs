//! Messages name the file, the line, the key, the reason and what is allowed.

use super::{PLAIN, parse_text};

fn messages(text: &str) -> Vec<String> {
    parse_text(text).expect_err("the file is refused").0.iter().map(ToString::to_string).collect()
}

/// The one message about an export with this line in it.
fn message(line: &str) -> String {
    let found = messages(&format!("{PLAIN}[[export]]\npaths = [\"/a\"]\n{line}\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn unreadable_files() {
    assert_eq!(messages("")[0], "zones/contoso.toml:1: missing field `name`");
    assert_eq!(
        message("colour = 1"),
        "zones/contoso.toml:6: unknown field `colour`, expected one of `paths`, `description`, `clients`, \
         `read_only`, `read_only_clients`, `read_write_clients`, `root_clients`, `ignore_unresolvable_hosts`, \
         `all_dirs`, `map_root`, `map_non_root`, `map_all`, `lookup`, `map_failure`, `anonymous`, `security`, \
         `read_size_max`, `read_size_preferred`, `read_size_multiple`, `write_size_max`, `write_size_preferred`, \
         `write_size_multiple`, `readdir_size_preferred`, `file_ids`, `can_set_time`"
    );
    assert_eq!(
        message("read_only = \"yes\""),
        "zones/contoso.toml:6: read_only: invalid type: string \"yes\", expected a boolean"
    );
    assert_eq!(
        message("map_all = \"on\""),
        "zones/contoso.toml:6: map_all: invalid value: string \"on\", expected \"off\" or { user = name or id, group \
         = name or id, groups = [names or ids] }"
    );
    assert_eq!(
        message("map_all = { user = 4294967295 }"),
        "zones/contoso.toml:6: map_all: invalid value: integer `4294967295`, expected a name or an id from 0 to \
         4294967294"
    );
    assert!(message("map_all = { group = 1 }").contains("missing field `user`"));
    assert!(
        message("map_all = { user = 1, grp = 1 }")
            .contains("unknown field `grp`, expected one of `user`, `group`, `groups`")
    );
    assert!(message("all_dirs =").starts_with("zones/contoso.toml:6: all_dirs: "));
}

#[test]
fn exports_that_make_no_sense() {
    assert_eq!(
        message("map_root = { user = \"anna\" }"),
        "zones/contoso.toml:6: export[0].map_root: unknown user \"anna\": allowed are \"nobody\", \"root\", names of \
         users_file and numeric ids"
    );
    assert_eq!(
        message("security = [\"krb5\"]"),
        "zones/contoso.toml:6: export[0].security[0]: unknown flavor \"krb5\": allowed are \"sys\" and \"none\""
    );
    assert_eq!(
        message("security = []"),
        "zones/contoso.toml:6: export[0].security: empty: allowed are \"sys\" and \"none\""
    );
    assert_eq!(
        message("clients = [\"10.0.0.1\", \"10.1.2.3/8\"]"),
        "zones/contoso.toml:6: export[0].clients[1]: \"10.1.2.3/8\" has address bits beyond its prefix; did you mean \
         \"10.0.0.0/8\"?"
    );
    assert_eq!(
        message("clients = [\"missing.example\"]"),
        "zones/contoso.toml:6: export[0].clients[0]: host name \"missing.example\" cannot be resolved: unknown host \
         (ignore_unresolvable_hosts = true would ignore it)"
    );
    assert_eq!(
        message("clients = [\"empty\"]"),
        "zones/contoso.toml:6: export[0].clients[0]: host name \"empty\" has no address (ignore_unresolvable_hosts = true \
         would ignore it)"
    );
    for client in ["*", "@engineers", "10.0.0.256", "*.example.org", "", "-a", "10.0.0.0/33"] {
        assert!(
            message(&format!("clients = [\"{client}\"]")).starts_with("zones/contoso.toml:6: export[0].clients[0]: ")
        );
    }
}

#[test]
fn paths_that_make_no_sense() {
    let path = |path: &str| messages(&format!("{PLAIN}[[export]]\npaths = [\"/ok\",\n  \"{path}\"]\n"));
    assert_eq!(
        path("projects"),
        [
            "zones/contoso.toml:6: export[0].paths[1]: \"projects\" does not begin with \"/\"; write an absolute path such \
          as \"/projects\""
        ]
    );
    assert_eq!(
        path("/a/../../fabrikam"),
        ["zones/contoso.toml:6: export[0].paths[1]: \"/a/../../fabrikam\" has a component \"..\"; write an absolute \
          path such as \"/projects\""]
    );
    for bad in ["", "/a/", "//a", "/./a", "/a\\u0000"] {
        assert_eq!(path(bad).len(), 1, "{bad:?}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = "name = \"a b\"\nbase = \"tenants\"\naddresses = [\"here\", \"0.0.0.0\", \"::1\", \"::1\"]\n\
                [[export]]\npaths = []\nclients = [\"*\"]\n";
    let found = messages(text);
    let begins = [
        "zones/contoso.toml:1: name: \"a b\" is no zone name: 1 to 64 letters",
        "zones/contoso.toml:2: base: \"tenants\" does not begin with \"/\"",
        "zones/contoso.toml:3: addresses[0]: \"here\" is no IP address",
        "zones/contoso.toml:3: addresses[1]: 0.0.0.0 is no address that a client can connect to",
        "zones/contoso.toml:3: addresses[3]: named twice",
        "zones/contoso.toml:6: export[0].clients[0]: \"*\" is no client",
        "zones/contoso.toml:5: export[0].paths: empty",
    ];
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (message, begin) in found.iter().zip(begins) {
        assert!(message.starts_with(begin), "{message}\nshould begin with\n{begin}");
    }
}

#[test]
fn one_path_is_exported_once_for_each_client() {
    let twice = |first: &str, second: &str| {
        let export = |clients: &str| format!("[[export]]\npaths = [\"/a\"]\n{clients}\n");
        parse_text(&format!("{PLAIN}{}{}", export(first), export(second)))
    };
    let refused = |first, second| twice(first, second).unwrap_err().to_string();
    assert_eq!(
        refused("", ""),
        "zones/contoso.toml:8: export[1].paths[0]: \"/a\" is exported twice for every client (also by \
         export[0].paths[0]): name different clients, or merge the exports"
    );
    let same = refused("clients = [\"10.0.0.0/8\"]", "read_only_clients = [\"10.0.0.0/8\"]");
    assert!(same.contains("is exported twice for 10.0.0.0/8"), "{same}");
    twice("", "clients = [\"10.0.0.0/8\"]").expect("everyone, and some more closely");
    twice("clients = [\"10.0.0.0/8\"]", "clients = [\"10.0.0.1\"]").expect("a network, and one of it more closely");
    let within = parse_text(&format!("{PLAIN}[[export]]\npaths = [\"/a\", \"/b\", \"/a\"]\n"));
    assert_eq!(within.unwrap_err().0[0].key, "export[0].paths[2]");
}

#[test]
fn numbers_and_words_out_of_range() {
    let about = |key: &str, reason: &str| format!("zones/contoso.toml:6: export[0].{key}: {reason}");
    for (line, key, reason) in [
        ("read_size_max = 4096", "read_size_max", "4096 is not from 8192 to 1048576"),
        ("write_size_max = 1048577", "write_size_max", "1048577 is not from 8192 to 1048576"),
        ("readdir_size_preferred = -1", "readdir_size_preferred", "-1 is not from 4096 to 1048576"),
        ("read_size_multiple = 3000", "read_size_multiple", "3000 is no power of two"),
        ("file_ids = \"16\"", "file_ids", "\"16\" is no width: allowed are \"64\" and \"32\""),
        ("description = \"two\\nlines\"", "description", "at most 511 bytes on one line"),
        ("lookup = true", "lookup", "the zone knows no users: set users_file too"),
        (
            "map_failure = { user = 1 }",
            "map_failure",
            "without lookup = true nobody is looked up, so nobody becomes this user",
        ),
        (
            "anonymous = \"off\"",
            "anonymous",
            "callers who do not say who they are must be somebody; security decides whether they get in",
        ),
        (
            "map_all = { user = 1, groups = [\"staff\"] }",
            "map_all",
            "unknown group \"staff\": allowed are \"nogroup\", \"nobody\", \"root\", names of groups_file and numeric ids",
        ),
        ("clients = [\"@staff\"]", "clients[0]", "\"@staff\" is a netgroup, but the zone has no netgroup_file"),
    ] {
        assert_eq!(message(line), about(key, reason), "{line}");
    }
    assert!(message("map_failure = \"on\"").contains("map_failure: invalid value: string \"on\""));
    let both = messages(&format!(
        "{PLAIN}[[export]]\npaths = [\"/a\"]\nwrite_size_max = 8192\nwrite_size_preferred = 16384\n"
    ));
    assert_eq!(
        both[0],
        "zones/contoso.toml:7: export[0].write_size_preferred: 16384 is above export[0].write_size_max, 8192"
    );
}

#[test]
fn keys_of_the_zone() {
    let key = |line: &str| messages(&format!("{PLAIN}{line}\n"))[0].clone();
    assert_eq!(key("cache_seconds = 0"), "zones/contoso.toml:4: cache_seconds: 0 is not from 1 to 86400");
    assert_eq!(
        key("resolve_groups = true"),
        "zones/contoso.toml:4: resolve_groups: the zone knows no users: set users_file (and groups_file) too"
    );
    assert_eq!(
        key("[aliases]\n\"/home\" = \"/nowhere\""),
        "zones/contoso.toml:5: aliases.\"/home\": \"/nowhere\" lies in no exported path"
    );
    assert!(key("[aliases]\nhome = \"/a\"").starts_with("zones/contoso.toml:5: aliases.\"home\": \"home\" does not"));
    assert_eq!(
        key("[aliases]\n\"/a\" = \"/b\"\n[[export]]\npaths = [\"/a\", \"/b\"]"),
        "zones/contoso.toml:5: aliases.\"/a\": this path is exported itself"
    );
}

#[test]
fn snapshots_that_are_taken_by_themselves() {
    let message = |lines: &str| messages(&format!("{PLAIN}[[snapshot]]\npath = \"/a\"\n{lines}\n")).join("; ");
    for (lines, key, reason) in [
        ("every = \"soon\"", "snapshot[0].every", "\"soon\" is no time such as \"15m\""),
        ("every = \"36h\"", "snapshot[0].every", "not of whole days"),
        ("every = \"1h\"\nat = \"1:30\"", "snapshot[0].at", "\"1:30\" is no time of day"),
        ("every = \"1h\"\nat = \"02:00\"", "snapshot[0].at", "is not within \"1h\""),
        ("every = \"1h\"\nkeep = \"7y\"", "snapshot[0].keep", "\"7y\" is no time"),
        ("every = \"1m\"\nkeep = \"4w\"", "snapshot[0].keep", "would keep 40320 snapshots"),
        ("every = \"1h\"\nname = \"%s\"", "snapshot[0].name", "\"%s\" means nothing here"),
        ("every = \"1h\"\nname = \"daily-%Y-%m-%d\"", "snapshot[0].name", "the same name"),
        ("every = \"1h\"\nname = \"h-%H\"\nkeep = \"2d\"", "snapshot[0].name", "come again"),
        ("every = \"1d\"\nname = \"d-%d\"\nkeep = \"30d\"", "snapshot[0].name", "come again"),
        ("every = \"1d\"\nname = \"d-%d\"", "snapshot[0].name", "come again"),
        (
            "every = \"1h\"\nname = \"%Y-%m-%d-%%H %H\"\n[[snapshot]]\npath = \"/b\"\nevery = \"1h\"\nname = \"%Y-%m-%d-%%H %H\"",
            "snapshot[1].name",
            "as snapshot[0] does",
        ),
        ("every = \"1h\"\n[[snapshot]]\npath = \"/b\"\nevery = \"1d\"", "snapshot[1].name", "as snapshot[0] does"),
        (
            "every = \"1d\"\nname = \"%Y-%m-%d\"\n[[snapshot]]\npath = \"/b\"\nevery = \"1w\"\nat = \"02:00\"\nname = \"%Y-%m-%d\"",
            "snapshot[1].name",
            "as snapshot[0] does",
        ),
        ("every = \"1m\"\n[[snapshot]]\npath = \"/b\"\nevery = \"1w\"", "snapshot[1].name", "as snapshot[0] does"),
        ("every = \"1h\"\nname = \"a/%H\"", "snapshot[0].name", "no name that a file could have"),
    ] {
        let said = message(lines);
        assert!(said.contains(&format!("{key}: ")) && said.contains(reason), "{lines}: {said}");
    }
    assert!(messages(&format!("{PLAIN}snapshot_directory = \"no\"\n")).join("").contains("\"listed\""));
    let fine = "[[snapshot]]\npath = \"/a\"\nevery = \"1d\"\nat = \"01:30\"\nname = \"d-%d\"\nkeep = \"2w\"\n\
                [[snapshot]]\npath = \"/a\"\nevery = \"1h\"\n[[snapshot]]\npath = \"/b\"\nevery = \"1h\"\nat = \"00:30\"\n";
    let zone = parse_text(&format!("snapshot_directory = \"listed\"\n{PLAIN}{fine}")).unwrap();
    assert!(zone.snapshots().listed && zone.schedules()[0].expires(0) == Some(14 * 86_400));
}

#[test]
fn who_is_told_when_a_quota_fills() {
    let message = |lines: &str| messages(&format!("{PLAIN}[[notification]]\n{lines}\n")).join("; ");
    for (lines, key, reason) in WRONG_NOTIFICATIONS {
        let told = message(lines);
        assert!(told.contains(&format!(": {key}: ")) && told.contains(reason), "{lines}: {told}");
    }
    let fine = "[[notification]]\nlimit = \"soft\"\nwhen = \"exceeded\"\npath = \"/a\"\nholdoff = \"1h\"\n\
                webhook = { url = \"https://[::1]:8443?x=1\" }\nmail = { relay = \"mail\", from = \"a@b\", to = [\"c@d.org\"] }\n\
                [[report]]\nevery = \"1d\"\nat = \"02:00\"\nformat = \"html\"\n";
    let zone = parse_text(&format!("{PLAIN}{fine}")).unwrap();
    let rule = &zone.notifications()[0];
    assert_eq!(rule.label(), "soft exceeded /a https://[::1]:8443/?x=1 mail:25 c@d.org");
    assert_eq!((rule.when(), zone.reports()[0].keep()), (crate::QuotaMoment::Exceeded(3600), 30));
}

/// What stands behind `[[notification]]`, the key that is wrong, and a part of the reason.
const WRONG_NOTIFICATIONS: &[(&str, &str, &str)] = &[
    ("limit = \"low\"\nwhen = \"exceeded\"", "notification[0].limit", "not one of \"advisory\", \"soft\", \"hard\""),
    ("limit = \"soft\"\nwhen = \"full\"", "notification[0].when", "not one of \"exceeded\""),
    ("limit = \"hard\"\nwhen = \"expired\"", "notification[0].when", "only soft limits"),
    ("limit = \"advisory\"\nwhen = \"denied\"", "notification[0].when", "denies nothing"),
    ("limit = \"soft\"\nwhen = \"violated\"", "notification[0].when", "say `every`"),
    ("limit = \"soft\"\nwhen = \"violated\"\nevery = \"1h\"\nat = \"01:00\"", "notification[0].at", "is not within"),
    ("limit = \"soft\"\nwhen = \"violated\"\nevery = \"1h\"\nholdoff = \"1h\"", "notification[0].holdoff", "held off"),
    ("limit = \"soft\"\nwhen = \"exceeded\"\nevery = \"1h\"", "notification[0].every", "by schedule"),
    ("limit = \"soft\"\nwhen = \"exceeded\"\nholdoff = \"5 minutes\"", "notification[0].holdoff", "is no time such as"),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nwebhook = { url = \"ftp://x\" }",
        "notification[0].webhook.url",
        "is no URL",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nwebhook = { url = \"http://a b/\" }",
        "notification[0].webhook.url",
        "is no URL",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nwebhook = { url = \"http://u@h/\" }",
        "notification[0].webhook.url",
        "is no URL",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nwebhook = { url = \"http://h\", secret_file = \"none\" }",
        "notification[0].webhook.secret_file",
        "cannot read",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nmail = { relay = \"h:0\", from = \"a@b\", to = [\"a@b\"] }",
        "notification[0].mail.relay",
        "is no HOST:PORT",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nmail = { relay = \"h\", from = \"a@b\", to = [\"a@b>\\nX\"] }",
        "notification[0].mail.to[0]",
        "is no mail address",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\nmail = { relay = \"h\", from = \"a@b\", to = [] }",
        "notification[0].mail.to",
        "1 to 32",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\n[[notification]]\nlimit = \"soft\"\nwhen = \"exceeded\"",
        "notification[1]",
        "says the same",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\n[[report]]\nevery = \"1d\"\nformat = \"pdf\"",
        "report[0].format",
        "\"html\"",
    ),
    (
        "limit = \"soft\"\nwhen = \"exceeded\"\n[[report]]\nevery = \"1d\"\nformat = \"csv\"\nkeep = 0",
        "report[0].keep",
        "is not from 1",
    ),
];
