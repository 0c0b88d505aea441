//! `berth quota report`: how full the quotas of a zone are.

use std::process::ExitCode;

use admin_api::{QuotaReport, QuotaState, REPORT_BELOW, ReportedQuota};
use anyhow::{Context, Result};
use hyper::Request;
use hyper::body::Bytes;

use super::gateway::Gateway;
use super::quotas::{below, whose};
use super::table::{Column, Table, or_dash};
use super::units;
use super::watch::{self, Shown};
use super::{could_not, say};
use crate::arguments::{QuotaReportArguments, ReportFormatArgument};
use crate::replace::{PLAIN_MODE, replace};
use crate::runtime::on_this_thread;

/// Ends with 0, or 2 (could not ask, was refused, or could not write).
pub(super) fn report(arguments: &QuotaReportArguments) -> ExitCode {
    let Some(output) = &arguments.output else {
        return watch::show(&arguments.watch, arguments.client.json, async || Ok(Shown::text(text(arguments).await?)));
    };
    let written = on_this_thread().map_err(Into::into).and_then(|runtime| {
        let text = runtime.block_on(text(arguments))?;
        replace(output, &text, PLAIN_MODE).with_context(|| format!("cannot write {}", output.display()))?;
        let file = output.display().to_string();
        say(arguments.client.json, &serde_json::json!({ "file": file }), || format!("the report is in {file}\n"))
    });
    written.map_or_else(|error| could_not(&error), |()| ExitCode::SUCCESS)
}

async fn text(arguments: &QuotaReportArguments) -> Result<String> {
    let gateway = Gateway::find(&arguments.client)?;
    let json = arguments.client.json.then_some(ReportFormatArgument::Json);
    let format = json.or(arguments.format).unwrap_or(ReportFormatArgument::Table);
    let wanted = match format {
        ReportFormatArgument::Table | ReportFormatArgument::Json => "json",
        ReportFormatArgument::Csv => "csv",
        ReportFormatArgument::Html => "html",
    };
    let path = format!("{}{REPORT_BELOW}?format={wanted}", below(&arguments.zone)?);
    let answer = gateway.ask(Request::get(&path), Bytes::new()).await?;
    answer.check(&path)?;
    match format {
        ReportFormatArgument::Table => Ok(table(&answer.read()?)),
        ReportFormatArgument::Json => Ok(serde_json::to_string(&answer.read::<QuotaReport>()?)? + "\n"),
        _ => String::from_utf8(answer.body.to_vec()).context("the answer is no text"),
    }
}

fn table(report: &QuotaReport) -> String {
    if report.items.is_empty() {
        return "no quotas\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::Text("DIRECTORY"),
        Column::Text("WHOSE"),
        Column::Number("USED"),
        Column::Number("OF"),
        Column::Number("FULL"),
        Column::Number("INODES"),
        Column::Number("OF"),
        Column::Number("FULL"),
        Column::Text("STATE"),
    ]);
    let percent = |percent: Option<u64>| or_dash(percent.map(|percent| format!("{percent} %")));
    for item in &report.items {
        let (quota, bytes, inodes) = (&item.quota, &item.quota.bytes, &item.quota.inodes);
        table.row([
            quota.path.clone(),
            whose(quota),
            units::bytes(quota.usage.bytes),
            or_dash(bytes.hard.or(bytes.soft).or(bytes.advisory).map(units::bytes)),
            percent(item.bytes_percent),
            quota.usage.inodes.to_string(),
            or_dash(inodes.hard.or(inodes.soft).or(inodes.advisory).map(|limit| limit.to_string())),
            percent(item.inodes_percent),
            state(item),
        ]);
    }
    table.text()
}

fn state(item: &ReportedQuota) -> String {
    let quota = &item.quota;
    let since = quota.bytes_exceeded_since.as_ref().or(quota.inodes_exceeded_since.as_ref());
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let state = match (item.state, item.grace_left_seconds) {
        (QuotaState::Soft, Some(left)) => format!("soft{since}, {} of grace left", units::seconds(left)),
        (QuotaState::Soft | QuotaState::Expired, _) => format!("{}{since}", item.state.name()),
        (state, _) => state.name().to_owned(),
    };
    let notes = [(!quota.enforced).then_some("not enforced"), (!quota.ready).then_some("being counted")];
    let notes = notes.into_iter().flatten().map(str::to_owned);
    std::iter::once(state).chain(notes).collect::<Vec<_>>().join(", ")
}
