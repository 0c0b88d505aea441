//! `berth revert begin|list|show|cancel`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use admin_api::{LeftOutReason, List, REVERT_BELOW, REVERTS_BELOW, Revert, RevertSettings, RevertState, ZONES_PATH};
use anyhow::{Result, bail, ensure};
use hyper::Request;
use hyper::body::Bytes;

use super::gateway::Gateway;
use super::snapshots::address;
use super::table::{Column, Table, or_dash, printable};
use super::watch::{self, Shown};
use super::zone_files::{confirm, is_zone_name};
use super::{could_not, say};
use crate::arguments::{ClientArguments, QuotaListArguments, RevertArguments, RevertBeginArguments, RevertVerb};
use crate::runtime::on_this_thread;

/// Ends with 0, or 2 (could not ask, was refused, or the revert did not come to its end).
pub(crate) fn revert(verb: &RevertVerb) -> ExitCode {
    if let RevertVerb::List(arguments) = verb {
        return list(arguments);
    }
    let done = on_this_thread().map_err(Into::into).and_then(|runtime| runtime.block_on(one(verb)));
    done.map_or_else(|error| could_not(&error), |()| ExitCode::SUCCESS)
}

async fn one(verb: &RevertVerb) -> Result<()> {
    match verb {
        RevertVerb::List(_) => Ok(()),
        RevertVerb::Begin(arguments) => begin(arguments).await,
        RevertVerb::Show(RevertArguments { client, zone, id }) => {
            tell(client, &Gateway::find(client)?.get(&place((zone, *id))?).await?)
        }
        RevertVerb::Cancel(RevertArguments { client, zone, id }) => {
            let path = place((zone, *id))?;
            Gateway::find(client)?.ask(Request::delete(&path), Bytes::new()).await?.check(&path)?;
            say(client.json, &serde_json::json!({ "cancelled": true }), || {
                "the revert was given up, and what it has done stays\n".to_owned()
            })
        }
    }
}

fn list(QuotaListArguments { client, zone, watch }: &QuotaListArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        let all: Vec<Revert> = Gateway::find(client)?.all(&below(zone)?).await?;
        let listed = List { total: Some(all.len() as u64), items: all, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "no reverts\n".to_owned(),
            false => table(&listed.items).text() + &left_out(&listed.items),
        })
    })
}

async fn begin(arguments: &RevertBeginArguments) -> Result<()> {
    let RevertBeginArguments { snapshot, directory, keep_as, keep_nothing, detach, yes } = arguments;
    let path = format!("{}{REVERT_BELOW}", address(snapshot)?);
    let kept = if *keep_nothing { "what is there is lost" } else { "a snapshot of what is there is taken first" };
    let question = format!("make {} again what {} shows? {kept}", printable(directory), printable(&snapshot.name));
    if !yes && !confirm(&question)? {
        bail!("nothing was changed");
    }
    let settings = RevertSettings { directory: directory.clone(), keep: !keep_nothing, keep_as: keep_as.clone() };
    let gateway = Gateway::find(&snapshot.client)?;
    let request = Request::post(&path).header("content-type", "application/json");
    let answer = gateway.ask(request, serde_json::to_vec(&settings)?.into()).await?;
    answer.check(&path)?;
    let begun: Revert = answer.read()?;
    if *detach {
        return tell(&snapshot.client, &begun);
    }
    let ended = wait(&gateway, &snapshot.zone, begun).await?;
    tell(&snapshot.client, &ended)?;
    ensure!(ended.state == RevertState::Done, "the revert has not come to its end");
    Ok(())
}

/// Until it has ended. Shows on a terminal how far it is.
async fn wait(gateway: &Gateway, zone: &str, begun: Revert) -> Result<Revert> {
    let (path, kept_as) = (place((zone, begun.id))?, begun.kept_as.clone());
    let mut now = begun;
    let mut lines = Vec::new();
    while !now.state.is_ended() {
        show_progress(&now, &mut lines)?;
        tokio::time::sleep(ASKED_EVERY).await;
        now = gateway.get(&path).await?;
    }
    if io::stderr().is_terminal() {
        eprint!("\r{CLEAR_TO_END}");
    }
    Ok(Revert { kept_as, ..now })
}

/// What is left out is told once.
fn show_progress(now: &Revert, told: &mut Vec<String>) -> Result<()> {
    let mut error = io::stderr();
    let is_shown = error.is_terminal();
    for line in left_out(std::slice::from_ref(now)).lines().map(str::to_owned) {
        if !told.contains(&line) {
            writeln!(error, "{}{line}", if is_shown { CLEAR_LINE } else { "" })?;
            told.push(line);
        }
    }
    if is_shown {
        write!(error, "\r{}: {} changes{CLEAR_TO_END}", word(now.state), now.changes)?;
        error.flush()?;
    }
    Ok(())
}

fn tell(client: &ClientArguments, revert: &Revert) -> Result<()> {
    let all = std::slice::from_ref(revert);
    say(client.json, revert, || table(all).text() + &left_out(all))
}

fn below(zone: &str) -> Result<String> {
    ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
    Ok(format!("{ZONES_PATH}/{zone}{REVERTS_BELOW}"))
}

fn place((zone, id): (&str, u64)) -> Result<String> {
    Ok(format!("{}/{id}", below(zone)?))
}

fn table(reverts: &[Revert]) -> Table {
    let mut table = Table::new(&[
        Column::Number("REVERT"),
        Column::Text("DIRECTORY"),
        Column::Text("SNAPSHOT"),
        Column::Text("STATE"),
        Column::Number("CHANGES"),
        Column::Text("BEGUN"),
        Column::Text("ENDED"),
        Column::Text("KEPT AS"),
    ]);
    let known = |text: &String| or_dash(Some(text.clone()).filter(|text| !text.is_empty()));
    for revert in reverts {
        let Revert { id, path, snapshot, state, changes, started, ended, kept_as, .. } = revert;
        table.row([
            id.to_string(),
            known(path),
            known(snapshot),
            word(*state).to_owned(),
            changes.to_string(),
            started.clone(),
            or_dash(ended.clone()),
            or_dash(kept_as.clone()),
        ]);
    }
    table
}

/// A line for each thing that could not be changed.
fn left_out(reverts: &[Revert]) -> String {
    let going = reverts.iter().filter(|revert| !revert.state.is_ended());
    let lines = going.flat_map(|revert| &revert.left_out).map(|one| {
        let why = match one.reason {
            LeftOutReason::InUse => "a client has it open and lets nobody change it",
            LeftOutReason::Quota => "a quota leaves no room",
            LeftOutReason::Full => "the store is full",
            LeftOutReason::Hangs => "a clone or a zone hangs there",
            LeftOutReason::Other => "see the log of the gateway",
        };
        format!("not changed yet: {}: {why}\n", printable(&one.path))
    });
    lines.collect()
}

fn word(state: RevertState) -> &'static str {
    match state {
        RevertState::Names => "names",
        RevertState::Contents => "contents",
        RevertState::Waiting => "waiting",
        RevertState::Done => "done",
        RevertState::Failed => "failed",
        RevertState::Cancelled => "cancelled",
    }
}

const ASKED_EVERY: Duration = Duration::from_millis(500);
/// Control sequences of ECMA-48: EL.
const CLEAR_TO_END: &str = "\u{1b}[K";
const CLEAR_LINE: &str = "\r\u{1b}[K";
