//! Results as files, and the machine they were measured on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::root;

/// Where results are kept.
pub(crate) fn folder() -> PathBuf {
    root().join("benches/results")
}

/// Writes `DATE-NAME.md` and `DATE-NAME.json`; (name, Markdown, JSON).
pub(crate) fn write(folder: &Path, (name, markdown, json): (&str, &str, &str)) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (kind, text) in [("md", markdown), ("json", json)] {
        let path = folder.join(format!("{}-{name}.{kind}", today()?));
        fs::write(&path, text.trim_end().to_owned() + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("bench: wrote {}", path.display());
    }
    Ok(())
}

/// The day, as the names of results begin.
pub(crate) fn today() -> Result<String> {
    words("date", &["-u", "+%F"]).context("date")
}

/// Lines that say on what and of what a result is.
pub(crate) fn machine(disk: &Path) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().unwrap_or_default().trim_start_matches("MemTotal:").trim();
    let unknown = || "unknown".to_owned();
    let kernel = words("uname", &["-sr"]).unwrap_or_else(unknown);
    let disk = disk.to_string_lossy();
    let disk = words("df", &["--output=fstype,source", &disk]).unwrap_or_else(unknown);
    let disk = disk.lines().last().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" on ");
    let repository = root();
    let commit = ["-C", &repository.to_string_lossy(), "rev-parse", "--short", "HEAD"];
    let commit = words("git", &commit).unwrap_or_else(unknown);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "- machine: {} x {}, {memory}, {kernel}, {disk}\n- Berth: {commit}, release build\n- load of the machine at the \
         end of the run: {load}\n",
        super::site::cores(),
        cpu.trim_start_matches([':', '\t', ' ']),
    )
}

/// To the terminal.
#[expect(clippy::print_stdout, reason = "talking to a person on the terminal is what this tool does")]
pub(crate) fn print(text: &str) -> Result<()> {
    println!("{}", text.trim_end());
    Ok(())
}

fn words(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
