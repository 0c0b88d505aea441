//! `berth check`: looks for damage in a store that nobody serves.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use kv::Engine;
use kv_local::{LocalEngine, LogPlace};
use meta::check::{Counts, Report};
use serde_json::json;

use crate::arguments::CheckArguments;
use crate::complain;
use crate::data_directory::DataDirectory;
use crate::runtime::on_this_thread;
use crate::settings::Settings;
use crate::telemetry::{self, LogSettings};

/// Checks, prints what was found, and ends with 0 (clean), 1 (problems) or 2 (could not check).
pub(crate) fn run(arguments: &CheckArguments) -> ExitCode {
    match check(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Checks and prints; says whether the store is clean.
fn check(arguments: &CheckArguments) -> Result<bool> {
    let settings = settings(arguments)?;
    telemetry::start(&LogSettings { filter: "error".to_owned(), ..settings.log.clone() })?;
    let place = arguments.config.is_none().then_some(LogPlace::AsLast);
    let report = on_this_thread()?.block_on(read(&settings, place))?;
    let text = if arguments.json { json_of(&report).to_string() } else { table_of(&report) };
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(report.is_clean())
}

fn settings(arguments: &CheckArguments) -> Result<Settings> {
    match (&arguments.config, &arguments.data) {
        (Some(file), _) => Ok(Settings::load(file)?),
        (None, Some(data)) => Ok(Settings::for_data(data)),
        (None, None) => anyhow::bail!("which store? Name it by --config or --data"),
    }
}

/// Reads every record. The engine replays its log first, as at every start; nothing else is written. Without a place of
/// its own the log is where the settings have it.
async fn read(settings: &Settings, log_place: Option<LogPlace>) -> Result<Report> {
    let directory = DataDirectory::open(&settings.data)?;
    // The whole check sees one state, however long it takes.
    let mut for_engine = kv_local::Settings { view_age_ms_max: u64::MAX, ..settings.for_metadata(&directory) };
    for_engine.log_place = log_place.unwrap_or(for_engine.log_place);
    let engine = LocalEngine::open(for_engine);
    let engine = engine.with_context(|| format!("cannot open {}", directory.metadata().display()))?;
    let report = meta::check::check(&engine.view().await?).await.context("reading the store failed")?;
    engine.close().await?;
    Ok(report)
}

fn json_of(report: &Report) -> serde_json::Value {
    let problems = report
        .problems
        .iter()
        .map(|problem| json!({ "key": problem.key.to_string(), "what": problem.what, "advice": problem.advice }));
    let counts: serde_json::Map<_, _> =
        rows(&report.counts).into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    json!({
        "clean": report.is_clean(),
        "problems_found": report.problems_found,
        "problems": problems.collect::<Vec<_>>(),
        "counts": counts,
    })
}

fn table_of(report: &Report) -> String {
    let counts = rows(&report.counts).into_iter();
    let mut lines: Vec<_> = counts.map(|(name, count)| format!("{count:>14}  {name}")).collect();
    lines.extend(report.problems.iter().map(|problem| format!("PROBLEM {problem}")));
    let untold = report.problems_found.saturating_sub(report.problems.len() as u64);
    if untold > 0 {
        lines.push(format!("and {untold} more"));
    }
    lines.push(match report.problems_found {
        0 => "clean".to_owned(),
        found => format!("{found} problems"),
    });
    lines.join("\n")
}

fn rows(counts: &Counts) -> [(&'static str, u64); 12] {
    [
        ("records", counts.records),
        ("clone_records", counts.clone_records),
        ("inodes", counts.inodes),
        ("dentries", counts.dentries),
        ("regions", counts.regions),
        ("blocks", counts.blocks),
        ("held_blocks", counts.held_blocks),
        ("versions", counts.versions),
        ("expiries", counts.expiries),
        ("intents", counts.intents),
        ("space_records", counts.space_records),
        ("segments", counts.segments),
    ]
}

const COULD_NOT: u8 = 2;

#[cfg(test)]
mod tests {
    use meta::check::Problem;
    use meta::keys;

    use super::*;

    fn damaged() -> Report {
        let problem = Problem { key: keys::superblock(), what: "is odd".to_owned(), advice: "wait" };
        Report { problems: vec![problem], problems_found: 3, counts: Counts { inodes: 5, ..Counts::default() } }
    }

    #[test]
    fn reports_are_read_by_people_and_programs() {
        let key = keys::superblock().to_string();
        let table = table_of(&damaged());
        assert!(table.contains("             5  inodes\n"), "{table}");
        assert!(table.ends_with(&format!("PROBLEM {key}: is odd; wait\nand 2 more\n3 problems")), "{table}");
        assert!(table_of(&Report::default()).ends_with("\nclean"));

        let json = json_of(&damaged());
        assert_eq!(json["clean"], false);
        assert_eq!(json["problems_found"], 3);
        assert_eq!(json["problems"], json!([{ "key": key, "what": "is odd", "advice": "wait" }]));
        assert_eq!(json["counts"]["inodes"], 5);
        assert_eq!(json_of(&Report::default())["clean"], true);
    }
}
