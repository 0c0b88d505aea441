//! Tests that pass without testing say so where people look: on stderr and in the gate's summary.

use std::fs::OpenOptions;
use std::io::Write;

/// Says that `what` is not tested here because of `why`. With `BERTH_SKIPS` set (the gate does) also into that file.
pub fn skip(what: &str, why: &str) {
    eprintln!("SKIPPED: {what}: {why}");
    let Some(path) = std::env::var_os("BERTH_SKIPS") else { return };
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
        writeln!(file, "{what}: {why}").ok();
    }
}

/// A count from the environment, such as `BERTH_CRASH_CYCLES`; `otherwise` when it is absent or no number.
#[must_use]
pub fn count_from(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
