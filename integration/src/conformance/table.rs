//! The table of `docs/testing.md`: what is tested, by whom.

use std::fmt::Write;

use anyhow::{Context, Result};
use nfs_wire::nfs3::Nfsstat3;

use super::case::Case;
use super::cases;
use super::play::{Finding, Verdict};
use super::specification::{Elsewhere, NAMED, elsewhere};
use super::stage::Implementation;
use crate::workspace_root;

/// The file that holds the table, from the root of the workspace.
pub const FILE: &str = "docs/testing.md";

const BEGIN: &str = "<!-- the table of the conformance suite: made by it -->\n";
const END: &str = "<!-- end of the table -->\n";

/// The table of these findings, as Markdown.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let mut table =
        String::from("| procedure | status | test | nfs3_client | nfs-rs | own |\n|---|---|---|---|---|---|\n");
    for (procedure, named) in NAMED {
        let cases: Vec<_> = cases::ALL.iter().copied().flatten().filter(|case| case.procedure == *procedure).collect();
        let beyond = cases.iter().filter_map(|case| case.status).filter(|status| !named.contains(status));
        let beyond: Vec<_> = beyond.collect();
        for case in cases.iter().filter(|case| case.status.is_none()) {
            table.push_str(&tested(case, "OK", findings));
        }
        for status in *named {
            table.push_str(&row(procedure, *status, &cases, findings));
        }
        for case in cases.iter().filter(|case| case.status.is_some_and(|status| beyond.contains(&status))) {
            let status = format!("{} (+)", short(case.status.unwrap_or(Nfsstat3::Serverfault)));
            table.push_str(&tested(case, &status, findings));
        }
    }
    table.push_str(&totals(findings));
    table
}

/// Cells of the specification that nothing fills.
#[must_use]
pub fn holes() -> Vec<String> {
    let mut holes = Vec::new();
    for (procedure, named) in NAMED {
        let is_tested = |wanted: Option<Nfsstat3>| {
            let mut cases = cases::ALL.iter().copied().flatten();
            cases.any(|case| case.procedure == *procedure && case.status == wanted)
        };
        if !is_tested(None) {
            holes.push(format!("{procedure} OK"));
        }
        let open = named.iter().filter(|status| !is_tested(Some(**status)) && elsewhere(procedure, **status).is_none());
        holes.extend(open.map(|status| format!("{procedure} {}", short(*status))));
    }
    holes
}

/// The table that the file holds.
pub fn written() -> Result<String> {
    let content = std::fs::read_to_string(workspace_root().join(FILE))?;
    let (_, rest) = content.split_once(BEGIN).with_context(|| format!("{FILE} has no line {BEGIN}"))?;
    let (table, _) = rest.split_once(END).with_context(|| format!("{FILE} has no line {END}"))?;
    Ok(table.to_owned())
}

/// Writes the table into the file, in place of the one that it holds.
pub fn update(table: &str) -> Result<()> {
    let path = workspace_root().join(FILE);
    let content = std::fs::read_to_string(&path)?;
    let old = written()?;
    Ok(std::fs::write(path, content.replace(&format!("{BEGIN}{old}{END}"), &format!("{BEGIN}{table}{END}")))?)
}

fn row(procedure: &str, status: Nfsstat3, cases: &[&'static Case], findings: &[Finding]) -> String {
    let tests = cases.iter().filter(|case| case.status == Some(status));
    let rows: String = tests.map(|case| tested(case, short(status), findings)).collect();
    if !rows.is_empty() {
        return rows;
    }
    let (test, cell) = match elsewhere(procedure, status) {
        Some(Elsewhere::InProcess(test)) => (format!("`{test}`"), "in process"),
        Some(Elsewhere::Never(why)) => (why.to_owned(), "never"),
        None => ("NOTHING".to_owned(), "?"),
    };
    format!("| {procedure} | {} | {test} | {cell} | {cell} | {cell} |\n", short(status))
}

fn tested(case: &Case, status: &str, findings: &[Finding]) -> String {
    let mut row = format!("| {} | {status} | `{}::{}` |", case.procedure, case.file, case.name);
    for implementation in Implementation::ALL {
        let of_this = |finding: &&Finding| {
            finding.implementation == implementation && finding.case.file == case.file && finding.case.name == case.name
        };
        let cell = match findings.iter().find(of_this).map(|finding| &finding.verdict) {
            Some(Verdict::Passed) => " yes |",
            Some(Verdict::Cannot(_)) => " cannot |",
            Some(Verdict::Failed(_)) => " FAILS |",
            None => " ? |",
        };
        row.push_str(cell);
    }
    row.push('\n');
    row
}

fn totals(findings: &[Finding]) -> String {
    let mut line = String::from("\n");
    for implementation in Implementation::ALL {
        let of_this = || findings.iter().filter(|finding| finding.implementation == implementation);
        let passed = of_this().filter(|finding| finding.verdict == Verdict::Passed).count();
        let cannot = of_this().filter(|finding| matches!(finding.verdict, Verdict::Cannot(_))).count();
        let name = implementation.name();
        writeln!(line, "- {name}: {passed} of {} tests, {cannot} it has no words for", of_this().count()).ok();
    }
    line
}

fn short(status: Nfsstat3) -> &'static str {
    status.name().trim_start_matches("NFS3ERR_")
}
