//! The benches run at all: their figures are nobody's test.

use std::path::{Path, PathBuf};
use std::process::Command;

use integration::{Limit, berth_binary, run_checked, workspace_root};

#[test]
fn the_machine_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let told = bench(&["limits", "--quick", "--json"], folder.path());
    for key in ["loopback_send", "null_echo_d64", "crc32c", "disk_random_read_d32", "log_append_w64"] {
        assert!(told.contains(&format!("\"key\":\"{key}\"")), "no {key} in {told}");
    }
}

#[test]
fn a_row_is_measured_and_held_against_its_bar() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ["--quick", "--only", "berth", "--rounds", "1", "--rows", "getattr,remove,read4k-cold", "--no-limits"];
    let results = folder.path().join("results");
    let told = bench(&[&["compare", "--results", results.to_str().unwrap()], &rows[..]].concat(), folder.path());
    for row in ["| GETATTR d64 | ", "| REMOVE d64 | ", "| READ 4 KiB random, not cached, d32 | "] {
        assert!(told.contains(row), "no {row} in {told}");
    }
    assert!(!told.contains("What failed"), "{told}");
    assert_eq!(std::fs::read_dir(&results).unwrap().count(), 2, "a page and its JSON");
}

fn bench(words: &[&str], folder: &Path) -> String {
    let programs = programs();
    let mut command = Command::new(programs.join("xtask"));
    command.arg("bench").args(words).arg("--folder").arg(folder.join("bench")).arg("--binaries").arg(&programs);
    run_checked(command.env("CARGO_MANIFEST_DIR", workspace_root().join("xtask")), Limit::seconds(300)).unwrap()
}

/// The folder with all programs, built as this test is.
pub(super) fn programs() -> PathBuf {
    let folder = berth_binary().unwrap().parent().unwrap().to_owned();
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--package", "benches", "--package", "xtask", "--profile", profile, "--target-dir"]);
    build.arg(folder.parent().unwrap()).current_dir(workspace_root());
    run_checked(&mut build, Limit::seconds(1800)).unwrap();
    folder
}
