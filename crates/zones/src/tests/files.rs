//! Folders of zone files, what they must not say to each other, and the registry made from them.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;
use vfs::{InodeId, InodeNumber, ShardId};

use super::{ip, resolve};
use crate::{ConfigErrors, Registry, ZoneDefinition, load_with};

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn text(name: &str, base: &str, address: &str) -> String {
    format!("name = \"{name}\"\nbase = \"{base}\"\naddresses = [\"{address}\"]\n")
}

fn load(files: &[(&str, String)]) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    load_with(folder(files).path(), &resolve)
}

fn refusals(files: &[(&str, String)]) -> Vec<(String, String)> {
    let errors = load(files).expect_err("the files are refused");
    errors.0.into_iter().map(|error| (error.key, error.reason)).collect()
}

#[test]
fn zone_files_are_read_in_order_and_examples_are_not() {
    let zones = load(&[
        ("b.toml", text("beta", "/b", "127.0.0.2")),
        ("a.toml", text("alpha", "/a", "127.0.0.1")),
        ("c.example.toml", "nonsense".to_owned()),
        (".d.toml", "nonsense".to_owned()),
        ("e.toml.bak", "nonsense".to_owned()),
    ]);
    let names: Vec<_> = zones.unwrap().iter().map(|zone| zone.name().to_owned()).collect();
    assert_eq!(names, ["alpha", "beta"]);
}

#[test]
fn folders_without_zones_are_refused() {
    assert!(refusals(&[])[0].1.contains("no zone file"));
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    assert!(load_with(&missing, &resolve).unwrap_err().to_string().contains("cannot read the folder"));
    let huge = "#".repeat((1 << 20) + 1);
    assert!(refusals(&[("a.toml", huge)])[0].1.contains("larger than 1048576 bytes"));
}

#[test]
fn all_files_are_read_before_any_is_refused() {
    let found = refusals(&[
        ("a.toml", text("a", "a", "127.0.0.1")),
        ("b.toml", text("b", "/b", "nowhere")),
        ("c.toml", "wrong = true\n".to_owned()),
    ]);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn zones_do_not_share_names_or_addresses() {
    let found =
        refusals(&[("a.toml", text("one", "/a", "127.0.0.1")), ("b.toml", text("one", "/b", "::ffff:127.0.0.1"))]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].0, "name");
    assert!(found[0].1.starts_with("\"one\" is also the name of the zone in ") && found[0].1.ends_with("a.toml"));
    assert_eq!(found[1].0, "addresses");
    assert!(found[1].1.starts_with("127.0.0.1 is also an address of zone \"one\""), "{}", found[1].1);
}

/// The two numbers are equal: file handles of one zone would be taken for those of the other.
#[test]
fn exports_of_two_zones_do_not_share_a_number() {
    let exporting = |name: &str, address: &str, path: &str| {
        text(name, &format!("/{name}"), address) + &format!("[[export]]\npaths = [\"{path}\", \"/x\"]\n")
    };
    let second =
        |path| [("a.toml", exporting("a", "127.0.0.1", "/24409")), ("b.toml", exporting("b", "127.0.0.2", path))];
    let found = refusals(&second("/184922"));
    assert_eq!(found.len(), 1, "{found:?}");
    let (key, reason) = &found[0];
    assert_eq!(key, "export.paths");
    assert!(reason.starts_with("\"/184922\" gives the same export number as \"/24409\" of zone \"a\" ("), "{reason}");
    assert!(load(&second("/184923")).is_ok());
}

#[test]
fn bases_do_not_overlap_unless_forced() {
    let pair = |first: &str, second: &str, forced: [bool; 2]| {
        let force = |is_forced: bool| if is_forced { "force_overlap = true\n" } else { "" };
        load(&[
            ("a.toml", text("a", first, "127.0.0.1") + force(forced[0])),
            ("b.toml", text("b", second, "127.0.0.2") + force(forced[1])),
        ])
        .map_err(|errors| {
            errors.0.iter().map(|error| format!("{}", error.file.file_name().unwrap().display())).collect()
        })
        .map(|_| ())
    };
    let refused_in = |file: &str| Err::<(), Vec<String>>(vec![file.to_owned()]);
    assert_eq!(pair("/t/a", "/t/ab", [false, false]), Ok(()));
    assert_eq!(pair("/t", "/t/b", [false, false]), refused_in("b.toml"));
    assert_eq!(pair("/t/a", "/t", [false, false]), refused_in("a.toml"));
    assert_eq!(pair("/", "/t", [false, false]), refused_in("b.toml"));
    assert_eq!(pair("/t", "/t/b", [true, false]), refused_in("b.toml"), "the inner zone has to say so");
    assert_eq!(pair("/t", "/t/b", [false, true]), Ok(()));
    assert_eq!(pair("/t", "/t", [false, false]), refused_in("b.toml"));
    assert_eq!(pair("/t", "/t", [true, false]), Ok(()));
    assert_eq!(pair("/t", "/t", [false, true]), Ok(()));
}

#[test]
fn ids_come_from_names_alone() {
    let first = load(&[("a.toml", text("a", "/a", "127.0.0.1")), ("b.toml", text("b", "/b", "127.0.0.2"))]).unwrap();
    let later = load(&[("z.toml", text("b", "/moved", "127.0.0.9"))]).unwrap();
    assert_eq!(first[1].id(), later[0].id());
    assert_ne!(first[0].id(), first[1].id());
}

#[test]
fn the_registry_swaps_whole_sets() {
    let root = |number| InodeId { number: InodeNumber(number), ..InodeId::root_of(ShardId(1)) };
    let registry = Registry::new();
    assert!(registry.zone_for(ip("127.0.0.1")).is_none());

    let zones = load(&[("a.toml", text("a", "/a", "127.0.0.1")), ("b.toml", text("b", "/b", "::1"))]).unwrap();
    registry.install(zones.into_iter().zip([root(10), root(11)]).collect());
    let held = registry.zone_for(ip("::ffff:127.0.0.1")).unwrap();
    assert_eq!((held.name(), held.root()), ("a", root(10)));
    assert_eq!(registry.zone_for(ip("::1")).unwrap().root(), root(11));
    assert!(registry.zone_for(ip("127.0.0.2")).is_none());
    assert_eq!(registry.addresses(), [ip("127.0.0.1"), ip("::1")]);
    assert!(Arc::ptr_eq(&registry.zone(held.id()).unwrap(), &held));

    let zones = load(&[("a.toml", text("a", "/a", "127.0.0.3"))]).unwrap();
    registry.install(vec![(zones[0].clone(), root(10))]);
    assert!(registry.zone_for(ip("127.0.0.1")).is_none());
    assert_eq!(registry.zones().len(), 1);
    assert_eq!(held.definition().addresses(), [ip("127.0.0.1")], "whoever holds a zone finishes with it");
}
