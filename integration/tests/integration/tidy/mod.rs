//! House rules that clippy cannot see.

mod arrows;
mod files;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    integration::workspace_root()
}

/// Every file that belongs to the repository, relative to its root. Without git (an unpacked archive): every file there.
fn tracked() -> Vec<PathBuf> {
    let listing = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let listed = match listing {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let names = String::from_utf8(output.stdout).unwrap();
            names.split_terminator('\0').map(PathBuf::from).collect()
        }
        _ => walk(Path::new("")),
    };
    listed.into_iter().filter(|path: &PathBuf| root().join(path).is_file()).collect()
}

/// Tracked Rust files below one of the folders.
fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let inside = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    tracked().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs") && inside(path)).collect()
}

/// The text of a tracked file; `None` when it is not text.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(fs::read(root().join(path)).unwrap()).ok()
}

/// The part of a source file in front of its tests; nothing for files that hold tests only.
fn code(path: &Path) -> String {
    if is_test_file(path) {
        return String::new();
    }
    let whole = text(path).unwrap_or_default();
    whole.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name();
        let path = folder.join(&name);
        if root().join(&path).is_dir() {
            let is_built = name == "target" || name == ".git" || name == "berth-demo";
            found.extend(if is_built { Vec::new() } else { walk(&path) });
        } else {
            found.push(path);
        }
    }
    found
}

/// Fails with every offence at once, so that one run shows the whole work.
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
