//! Documents are changed to what is wished for, and to nothing else.

use std::fs;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{changes, merge, to_json};
use crate::{Replaced, find_document, load_replaced, new_zone_file};

const TEXT: &str = r#"# The first tenant.
name = "a" # never changes
base = "/tenants/a"
addresses = [
    "127.0.0.1", # the old one
    "127.0.0.2",
]

# For everyone.
[[export]]
paths = ["/one"] # one
read_only = true # for now

# For a few.
[[export]]
paths = ["/two"]
map_root.user = "off"

# Over SMB.
[[share]]
name = "s"
path = "/one"
"#;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value}") };
    object
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut wished = Value::Object(to_json(TEXT).unwrap());
    change(&mut wished);
    let text = merge(TEXT, &object(wished.clone())).unwrap();
    assert_eq!(Value::Object(to_json(&text).unwrap()), wished, "{text}");
    text
}

#[test]
fn what_keeps_its_value_keeps_its_comments() {
    assert_eq!(changed(|_| ()), TEXT);
    assert_eq!(changed(|zone| zone["export"][0]["read_only"] = json!(false)), TEXT.replace("true #", "false #"));
    let longer = changed(|zone| zone["addresses"] = json!(["127.0.0.1", "127.0.0.2", "127.0.0.3"]));
    assert_eq!(longer, TEXT.replace("    \"127.0.0.2\",\n", "    \"127.0.0.2\",\n    \"127.0.0.3\",\n"));
    let with = changed(|zone| zone["users_file"] = json!("a.users"));
    assert_eq!(with, TEXT.replace("]\n\n# For everyone", "]\nusers_file = \"a.users\"\n\n# For everyone"));
}

#[test]
fn comments_go_with_their_tables() {
    let first = "# For everyone.\n[[export]]\npaths = [\"/one\"] # one\nread_only = true # for now\n\n";
    let text = changed(|zone| {
        zone["export"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(text, TEXT.replace(first, ""));
    let text = changed(|zone| zone["export"].as_array_mut().unwrap().reverse());
    let (few, everyone) = (text.find("# For a few").unwrap(), text.find("# For everyone").unwrap());
    assert!(few < everyone && text.contains("# Over SMB.\n[[share]]"), "{text}");
    let text = changed(|zone| {
        zone["share"].as_array_mut().unwrap().insert(0, json!({ "name": "t", "path": "/two" }));
    });
    assert!(text.contains("# Over SMB.\n[[share]]\nname = \"s\""), "{text}");
}

/// Dotted keys are all that says that such a table is there.
#[test]
fn a_table_that_loses_its_keys_stays() {
    let text = changed(|zone| zone["export"][1]["map_root"] = json!({}));
    assert_eq!(text, TEXT.replace("map_root.user = \"off\"", "map_root = {}"));
}

#[test]
fn a_new_document_is_written_as_people_would() {
    let wished = json!({ "name": "b", "base": "/b", "addresses": ["127.0.0.2"], "cache_seconds": null,
                         "export": [{ "paths": ["/"], "map_root": { "user": "nobody" } }] });
    let expected = "addresses = [\"127.0.0.2\"]\nbase = \"/b\"\nname = \"b\"\n\n[[export]]\nmap_root = { user = \
                    \"nobody\" }\npaths = [\"/\"]\n";
    assert_eq!(merge("", &object(wished)).unwrap(), expected);
}

#[test]
fn what_toml_does_not_have_is_refused_with_its_key() {
    let refused = |value: Value| merge(TEXT, &object(value)).unwrap_err().to_string();
    assert_eq!(refused(json!({ "export": [{ "paths": ["/", null] }] })), "export[0].paths[1]: null in a list");
    assert_eq!(refused(json!({ "cache_seconds": u64::MAX })), "cache_seconds: 18446744073709551615 is out of range");
    let deep = (0..40).fold(json!(1), |inner, _| json!({ "x": inner }));
    assert!(refused(deep).ends_with("too deep"));
    assert!(merge("no toml", &Map::new()).is_err());
}

#[test]
fn changes_are_told_key_by_key() {
    let old = to_json(TEXT).unwrap();
    let mut new = Value::Object(old.clone());
    new["base"] = json!("/b");
    new["export"][1]["map_root"]["group"] = json!("x");
    new["export"][0].as_object_mut().unwrap().remove("read_only");
    new.as_object_mut().unwrap().remove("share");
    let found: Vec<_> =
        changes(&old, &object(new)).into_iter().map(|change| (change.key, change.old, change.new)).collect();
    let is = |key: &str, old: Option<Value>, new: Option<Value>| (key.to_owned(), old, new);
    assert_eq!(
        found,
        [
            is("base", Some(json!("/tenants/a")), Some(json!("/b"))),
            is("export[0].read_only", Some(json!(true)), None),
            is("export[1].map_root.group", None, Some(json!("x"))),
            is("share[0]", Some(json!({ "name": "s", "path": "/one" })), None),
        ]
    );
    assert_eq!(changes(&old, &old), []);
}

#[test]
fn a_folder_is_read_as_if_a_file_were_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let zone =
        |name: &str, address: &str| format!("name = \"{name}\"\nbase = \"/{name}\"\naddresses = [\"{address}\"]\n");
    fs::write(folder.path().join("x.toml"), zone("a", "127.0.0.1")).unwrap();
    let names = |file: &str, text: Option<String>| {
        let zones = load_replaced(folder.path(), &Replaced { file: folder.path().join(file), text });
        zones.map(|zones| zones.iter().map(|zone| zone.name().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(names("b.toml", Some(zone("b", "127.0.0.2"))).unwrap(), ["b", "a"]);
    assert_eq!(names("x.toml", Some(zone("c", "127.0.0.1"))).unwrap(), ["c"]);
    let taken = names("b.toml", Some(zone("b", "127.0.0.1"))).unwrap_err().to_string();
    assert!(taken.contains("x.toml: addresses: 127.0.0.1 is also an address of zone \"b\""), "{taken}");
    assert!(names("x.toml", None).unwrap_err().to_string().contains("no zone file"));
    assert!(names("x.toml", Some("#".repeat(1 << 21))).unwrap_err().to_string().contains("larger than"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");

    fs::write(folder.path().join("broken.toml"), "name = ").unwrap();
    assert_eq!(find_document(folder.path(), "a").unwrap().unwrap().text, zone("a", "127.0.0.1"));
    assert_eq!(find_document(folder.path(), "b").unwrap(), None);
    for (name, file) in [("b", "b.toml"), (".b", "zone-.b-.toml"), ("b.example", "zone-b.example-.toml")] {
        assert_eq!(new_zone_file(folder.path(), name), Some(folder.path().join(file)));
    }
    for name in ["", "../b", "a/b", "a b", "a\0"] {
        assert_eq!(new_zone_file(folder.path(), name), None, "{name}");
    }
}

fn value(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
    .boxed()
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-d]|name|paths|export|.", value, 0..5).prop_map(|map| map.into_iter().collect())
}

proptest! {
    /// Whatever was there, what was wished for is there afterwards.
    #[test]
    fn merged_is_what_was_wished(steps in prop::collection::vec(members(value(4)), 1..5)) {
        let mut text = String::new();
        for wished in steps {
            text = merge(&text, &wished).unwrap();
            prop_assert_eq!(to_json(&text).unwrap(), wished, "{}", text);
        }
    }

    /// Lines whose keys keep their values stay as they are, in their order.
    #[test]
    fn what_is_not_touched_stays(added in members(value(2)), read_only in any::<bool>(), path in "/[a-z]{1,8}") {
        let mut wished = to_json(TEXT).unwrap();
        for (key, value) in added {
            wished.entry(key).or_insert(value);
        }
        wished["export"][0]["read_only"] = json!(read_only);
        wished["share"][0]["path"] = json!(path);
        let text = merge(TEXT, &wished).unwrap();
        let mut left = text.lines();
        for line in TEXT.lines().filter(|line| !line.starts_with("read_only") && !line.starts_with("path = ")) {
            prop_assert!(left.any(|found| found == line), "{:?} is lost, or elsewhere:\n{}", line, text);
        }
    }

    #[test]
    fn zone_files_become_anything(wished in members(value(3)), kept in prop::collection::vec(any::<bool>(), 6)) {
        let mut all = to_json(TEXT).unwrap();
        let mut kept = kept.into_iter();
        all.retain(|_, _| kept.next() == Some(true));
        all.extend(wished);
        let text = merge(TEXT, &all).unwrap();
        prop_assert_eq!(to_json(&text).unwrap(), all, "{}", text);
    }
}
