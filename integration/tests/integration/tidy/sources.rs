//! What stands in the Rust files themselves.

use std::path::Path;

use super::{assert_none, code, is_test_file, rust_files, text};

const LINES_PER_FILE_MAX: usize = 800;

/// The two crates that may hold `unsafe`; their lib.rs lifts the lint with its reason.
const UNSAFE_ROOMS: &[&str] = &["crates/uring", "crates/pages"];

const UNSAFE_FORMS: &[&str] = &["unsafe {", "unsafe{", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"];

const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now"];

/// The runtime's own clock, which tests can stop: for time-outs of sockets.
const RUNTIME_CLOCK: &str = "use tokio::time::";

#[test]
fn files_fit_a_reader() {
    let mut offences = Vec::new();
    for path in rust_files(&["crates", "integration", "benches", "xtask"]) {
        let counted = if is_test_file(&path) { text(&path).unwrap_or_default() } else { code(&path) };
        let lines = counted.lines().count();
        if lines > LINES_PER_FILE_MAX {
            offences.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert_none("files above 800 lines; split them along what people look for", &offences);
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let is_allowed = |path: &Path| UNSAFE_ROOMS.iter().any(|room| path.starts_with(room));
    let mut offences = Vec::new();
    for path in rust_files(&["crates", "integration", "benches", "xtask"]) {
        if is_allowed(&path) || path.ends_with("tidy/sources.rs") {
            continue;
        }
        let content = text(&path).unwrap();
        offences.extend(lines_with(&path, &content, UNSAFE_FORMS));
    }
    assert_none("unsafe outside uring and pages", &offences);
}

#[test]
fn only_the_roof_reads_the_clock() {
    let mut offences = Vec::new();
    for path in rust_files(&["crates"]).into_iter().filter(|path| !path.starts_with("crates/berth")) {
        let content = code(&path);
        let has_runtime_clock = content.lines().any(|line| line.starts_with(RUNTIME_CLOCK) && line.contains("Instant"));
        let clocks = if has_runtime_clock { &CLOCKS[1..] } else { CLOCKS };
        offences.extend(lines_with(&path, &content, clocks));
    }
    assert_none("clocks below the roof; take the injected one", &offences);
}

fn lines_with(path: &Path, content: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let program = line.split("//").next().unwrap();
        if words.iter().any(|word| program.contains(word)) {
            found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
        }
    }
    found
}
