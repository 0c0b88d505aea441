//! The gate: every step that must pass, in the order in which it fails soonest.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::clients;
use crate::command::{Task, is_installed, root};
use crate::report::Report;

#[derive(Args)]
pub(crate) struct TestOptions {
    /// Leave out what takes minutes: lab guests, most crash cycles, documentation, fuzz smoke.
    #[arg(long)]
    fast: bool,
    /// Run only tests whose name contains this, and nothing else.
    #[arg(long)]
    filter: Option<String>,
}

/// Runs the whole gate, or with a filter only the tests it names.
pub(crate) fn test(options: &TestOptions) -> Result<()> {
    let mut report = Report::default();
    if options.filter.is_none() {
        report.own("test clients", |report| {
            clients::install().into_iter().for_each(|line| report.note_skipped(line));
            Ok(())
        })?;
        source_checks(&mut report)?;
    }
    tests(&mut report, options)?;
    if options.filter.is_none() {
        if options.fast {
            report.skip("doc tests, documentation, fuzz smoke", "--fast");
        } else {
            documentation(&mut report)?;
            fuzz_smoke(&mut report)?;
        }
        supply_chain(&mut report)?;
    }
    report.print();
    Ok(())
}

/// Runs only what reads the sources.
pub(crate) fn lint() -> Result<()> {
    let mut report = Report::default();
    source_checks(&mut report)?;
    supply_chain(&mut report)?;
    report.print();
    Ok(())
}

fn source_checks(report: &mut Report) -> Result<()> {
    report.run("format", &Task::cargo(&["fmt", "--all", "--check"]))?;
    report.run("clippy", &Task::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn tests(report: &mut Report, options: &TestOptions) -> Result<()> {
    report.run("gateway binary", &Task::cargo(&["build", "--package", "berth"]))?;
    let skips = Skips::fresh()?;
    let filter: Vec<String> = options.filter.iter().cloned().collect();
    let mut task = runner().with(&filter).set("BERTH_SKIPS", skips.file.to_string_lossy());
    if options.fast {
        task = task.set("BERTH_LAB", "off").set("BERTH_CRASH_CYCLES", "1").set("BERTH_POWER_CYCLES", "0");
    }
    let outcome = report.run_tests("tests", &task);
    skips.lines().into_iter().for_each(|line| report.note_skipped(line));
    outcome
}

fn documentation(report: &mut Report) -> Result<()> {
    report.run("doc tests", &Task::cargo(&["test", "--quiet", "--workspace", "--doc"]))?;
    let document = Task::cargo(&["doc", "--workspace", "--no-deps"]).set("RUSTDOCFLAGS", "-D warnings");
    report.run("documentation", &document)
}

/// The decoders' random-input tests once more, with many more inputs than an ordinary run gives them.
fn fuzz_smoke(report: &mut Report) -> Result<()> {
    let task = runner().with(&["fuzz_smoke".to_owned()]).set("BERTH_FUZZ_ITERATIONS", FUZZ_ITERATIONS);
    report.run("fuzz smoke", &task)
}

fn supply_chain(report: &mut Report) -> Result<()> {
    if Task::cargo(&["deny", "--version"]).answers() {
        report.run("licences, bans, sources", &Task::cargo(&["deny", "check", "bans", "licenses", "sources"]))
    } else {
        report.skip("licences, bans, sources", "cargo-deny is not installed (cargo install --locked cargo-deny)");
        Ok(())
    }
}

fn runner() -> Task {
    if is_installed("cargo-nextest") {
        Task::cargo(&["nextest", "run", "--workspace", "--no-tests=pass"])
    } else {
        Task::cargo(&["test", "--workspace", "--lib", "--bins", "--tests"])
    }
}

/// The file in which tests that pass without testing say so: runners hide the output of passing tests.
struct Skips {
    file: PathBuf,
}

impl Skips {
    fn fresh() -> Result<Self> {
        let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from));
        let file = folder.unwrap_or_else(|| root().join("target")).join("skipped-tests.txt");
        fs::write(&file, "")?;
        Ok(Self { file })
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.file).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

const FUZZ_ITERATIONS: &str = "200000";
