//! Dependencies point down, and only along the arrows of docs/architecture.md.

use std::fs;
use std::path::PathBuf;

use super::{assert_none, root};

/// A crate, its floor, and the crates of this workspace it may name in `[dependencies]`.
/// A new arrow is a decision: adding it here is where it is reviewed.
const HOUSE: &[(&str, u8, &[&str])] = &[
    ("pages", 0, &[]),
    ("vfs", 1, &["pages"]),
    ("kv", 1, &[]),
    ("chunk", 1, &["pages"]),
    ("uring", 1, &["pages"]),
    ("nfs-wire", 2, &[]),
    ("smb-wire", 2, &[]),
    ("security", 2, &["vfs"]),
    ("zones", 2, &["vfs"]),
    ("locking", 2, &["vfs"]),
    ("admission", 2, &["vfs", "pages"]),
    ("meta", 2, &["kv", "vfs"]),
    ("kv-local", 2, &["kv", "uring", "pages"]),
    ("chunk-local", 2, &["chunk", "pages", "uring"]),
    ("admin-api", 2, &["vfs"]),
    ("testkit", 2, &["vfs", "kv", "chunk", "pages"]),
    ("filesystem", 3, &["vfs", "locking", "meta", "kv", "chunk", "pages"]),
    ("nfs-server", 4, &["admission", "nfs-wire", "vfs", "zones", "security", "pages"]),
    ("smb-server", 4, &["admission", "smb-wire", "vfs", "zones", "security", "pages"]),
    ("admin-server", 4, &["admin-api", "vfs", "zones"]),
    ("berth", 5, EVERY_ROOM),
];

const EVERY_ROOM: &[&str] = &[
    "pages",
    "vfs",
    "kv",
    "chunk",
    "uring",
    "nfs-wire",
    "smb-wire",
    "admission",
    "security",
    "zones",
    "locking",
    "meta",
    "kv-local",
    "chunk-local",
    "filesystem",
    "nfs-server",
    "smb-server",
    "admin-api",
    "admin-server",
];

/// What tests may use beyond the arrows: reference and fault models everywhere, real engines from floor 2 up.
const FOR_TESTS: &[(&str, u8)] = &[("testkit", 0), ("kv-local", 2), ("chunk-local", 2)];

/// Outside crates with a place: (crate, folders whose packages may name it in `[dependencies]`).
const OUTSIDERS: &[(&str, &[&str])] = &[("anyhow", &["berth", "integration", "benches", "xtask"])];

/// Packages that know bytes only.
const BYTES_ONLY: &[&str] = &["nfs-wire", "smb-wire"];

#[test]
fn dependencies_follow_the_arrows() {
    let mut offences = Vec::new();
    for package in packages() {
        let Some((_, _, sees)) = HOUSE.iter().find(|(name, ..)| *name == package.name) else {
            offences.push(format!("{}: give it a floor in HOUSE", package.name));
            continue;
        };
        for below in package.dependencies.iter().filter(|name| is_ours(name)) {
            if !sees.contains(&below.as_str()) {
                offences.push(format!("{} may not depend on {below}", package.name));
            }
        }
    }
    assert_none("dependencies outside the Sees table", &offences);
}

#[test]
fn arrows_point_down() {
    for (name, floor, sees) in HOUSE {
        for below in *sees {
            let below_floor = floor_of(below).unwrap_or_else(|| panic!("{below} has no floor"));
            assert!(below_floor < *floor, "{name} (floor {floor}) may not see {below} (floor {below_floor})");
        }
    }
}

#[test]
fn tests_stay_on_their_floor() {
    let mut offences = Vec::new();
    for package in packages() {
        let Some((_, floor, sees)) = HOUSE.iter().find(|(name, ..)| *name == package.name) else { continue };
        for used in package.for_tests.iter().filter(|name| is_ours(name)) {
            let is_engine = FOR_TESTS.iter().any(|(name, from)| name == used && floor >= from);
            if !is_engine && !sees.contains(&used.as_str()) && *used != package.name {
                offences.push(format!("the tests of {} may not depend on {used}", package.name));
            }
        }
    }
    assert_none("dev-dependencies outside the Sees table", &offences);
}

#[test]
fn outside_crates_keep_their_place() {
    let mut offences = Vec::new();
    for package in packages() {
        for (outsider, places) in OUTSIDERS {
            if package.dependencies.iter().any(|name| name == outsider) && !places.contains(&package.name.as_str()) {
                offences.push(format!("{} may not depend on {outsider}", package.name));
            }
        }
        let is_wire = BYTES_ONLY.contains(&package.name.as_str());
        if is_wire && package.dependencies.iter().any(|name| name == "tokio") {
            offences.push(format!("{} knows bytes only: no tokio", package.name));
        }
    }
    assert_none("outside crates in the wrong room", &offences);
}

#[test]
fn every_package_takes_the_workspace_lints() {
    let mut offences = Vec::new();
    for folder in crate_folders().into_iter().chain(["integration", "benches", "xtask"].map(|name| root().join(name))) {
        let manifest = parse(&folder);
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if inherits != Some(true) {
            offences.push(folder.display().to_string());
        }
    }
    assert_none("without `[lints] workspace = true`", &offences);
}

struct Package {
    name: String,
    dependencies: Vec<String>,
    for_tests: Vec<String>,
}

fn packages() -> Vec<Package> {
    crate_folders().iter().map(|folder| Package::read(folder)).collect()
}

impl Package {
    fn read(folder: &std::path::Path) -> Self {
        let manifest = parse(folder);
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        assert_eq!(folder.file_name().unwrap().to_str(), Some(name.as_str()), "folder and package have one name");
        let mut dependencies = names(&manifest, "dependencies");
        dependencies.extend(names(&manifest, "build-dependencies"));
        let mut for_tests = names(&manifest, "dev-dependencies");
        let targets = manifest.get("target").and_then(toml::Value::as_table);
        for target in targets.into_iter().flat_map(|table| table.values()).filter_map(toml::Value::as_table) {
            dependencies.extend(names(target, "dependencies"));
            for_tests.extend(names(target, "dev-dependencies"));
        }
        Self { name, dependencies, for_tests }
    }
}

fn parse(folder: &std::path::Path) -> toml::Table {
    fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap()
}

fn names(manifest: &toml::Table, section: &str) -> Vec<String> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

fn crate_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|folder| folder.join("Cargo.toml").is_file()).collect();
    folders.sort();
    folders
}

fn is_ours(name: &str) -> bool {
    root().join("crates").join(name).is_dir()
}

fn floor_of(name: &str) -> Option<u8> {
    HOUSE.iter().find(|(known, ..)| *known == name).map(|(_, floor, _)| *floor)
}
