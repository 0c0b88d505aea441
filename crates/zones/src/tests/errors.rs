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
        "zones/contoso.toml:6: unknown field `colour`, expected one of `paths`, `clients`, `read_only`, \
         `read_only_clients`, `read_write_clients`, `root_clients`, `all_dirs`, `map_root`, `map_non_root`, `map_all`, \
         `security`"
    );
    assert_eq!(
        message("read_only = \"yes\""),
        "zones/contoso.toml:6: read_only: invalid type: string \"yes\", expected a boolean"
    );
    assert_eq!(
        message("map_all = \"on\""),
        "zones/contoso.toml:6: map_all: invalid value: string \"on\", expected \"off\" or { user = name or id, group \
         = name or id }"
    );
    assert_eq!(
        message("map_all = { user = 4294967295 }"),
        "zones/contoso.toml:6: map_all: invalid value: integer `4294967295`, expected a name or an id from 0 to \
         4294967294"
    );
    assert!(message("map_all = { group = 1 }").contains("missing field `user`"));
    assert!(message("map_all = { user = 1, grp = 1 }").contains("unknown field `grp`, expected `user` or `group`"));
    assert!(message("all_dirs =").starts_with("zones/contoso.toml:6: all_dirs: "));
}

#[test]
fn exports_that_make_no_sense() {
    assert_eq!(
        message("map_root = { user = \"anna\" }"),
        "zones/contoso.toml:6: export[0].map_root: unknown user \"anna\": allowed are \"nobody\", \"root\" and numeric \
         ids"
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
        "zones/contoso.toml:6: export[0].clients[0]: host name \"missing.example\" cannot be resolved: unknown host"
    );
    assert_eq!(
        message("clients = [\"empty\"]"),
        "zones/contoso.toml:6: export[0].clients[0]: host name \"empty\" has no address"
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
