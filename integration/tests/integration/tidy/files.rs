//! Names, sizes and places of tracked files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{assert_none, root, rust_files, text, tracked};

const BYTES_PER_FILE_MAX: u64 = 1 << 20;

/// Drawers: names under which anything may be put and nothing is found.
const BANNED_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// Folders of one developer's machine. Written in two parts so that this file is not its own offence.
const MACHINE_FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/w/")];

#[test]
fn no_file_is_a_drawer() {
    let is_banned = |part: &str| BANNED_NAMES.contains(&part.trim_end_matches(".rs"));
    let mut offences = Vec::new();
    for path in rust_files(&["crates", "integration", "benches", "xtask"]) {
        if path.iter().filter_map(|part| part.to_str()).any(is_banned) {
            offences.push(path.display().to_string());
        }
    }
    assert_none("files named like drawers", &offences);
}

#[test]
fn no_file_is_huge() {
    let size = |path: &Path| fs::metadata(root().join(path)).unwrap().len();
    let huge = tracked().into_iter().filter(|path| size(path) > BYTES_PER_FILE_MAX);
    let offences: Vec<_> = huge.map(|path| format!("{}: {} bytes", path.display(), size(&path))).collect();
    assert_none("tracked files above 1 MiB", &offences);
}

#[test]
fn no_file_knows_one_machine() {
    let mut offences = Vec::new();
    for path in tracked() {
        let Some(content) = text(&path) else { continue };
        for (index, line) in content.lines().enumerate() {
            if MACHINE_FOLDERS.iter().any(|folder| line.contains(folder)) {
                offences.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    assert_none("absolute paths of one machine", &offences);
}

/// Each binary costs seconds of linking. A crate that needs one of its own (an allocator that counts) has one, with modules.
#[test]
fn no_crate_has_two_test_binaries() {
    let is_binary = |path: &Path| match path.iter().skip(2).collect::<Vec<_>>()[..] {
        [tests, _file] => tests == "tests",
        [tests, _folder, file] => tests == "tests" && file == "main.rs",
        _ => false,
    };
    let binaries: Vec<_> = rust_files(&["crates"]).into_iter().filter(|path| is_binary(path)).collect();
    let krate = |path: &Path| path.iter().nth(1).map(ToOwned::to_owned);
    let has_twin = |path: &&PathBuf| binaries.iter().any(|other| other != *path && krate(other) == krate(path));
    let offences: Vec<_> = binaries.iter().filter(has_twin).map(|path| path.display().to_string()).collect();
    assert_none("crates with several test binaries; make them modules of one", &offences);
}

#[test]
fn decision_records_are_numbered_without_gaps() {
    let mut numbers: Vec<usize> = Vec::new();
    for entry in fs::read_dir(root().join("docs/decisions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let number = name.split('-').next().unwrap();
        assert!(number.len() == 4 && name.ends_with(".md"), "{name}: call it NNNN-what-was-decided.md");
        numbers.push(number.parse().unwrap_or_else(|_| panic!("{name}: begins with its number")));
    }
    numbers.sort_unstable();
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert_eq!(numbers, expected, "docs/decisions counts from 0001 without gaps or twins");
}
