//! `berth zone list|show|apply|delete`, and the way to `events`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use admin_api::{TOML_TYPE, ZONES_PATH, ZonePlan};
use anyhow::{Context, Result, bail, ensure};
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;
use zones::document::to_json;

use super::events::events;
use super::gateway::{Answer, Gateway};
use super::table::printable;
use super::{could_not, say};
use crate::arguments::{ClientArguments, ZoneApplyArguments, ZoneDeleteArguments, ZoneShowArguments, ZoneVerb};
use crate::client;
use crate::runtime::on_this_thread;

/// One change that is asked for.
struct Order<'a> {
    client: &'a ClientArguments,
    name: &'a str,
    /// Media type and text of what the zone is to be; `None`: it is to go.
    wish: Option<(&'static str, Bytes)>,
    is_dry_run: bool,
    is_sure: bool,
}

/// Ends with 0, or 2 (could not ask, or was refused).
pub(crate) fn zone(verb: &ZoneVerb) -> ExitCode {
    let done = on_this_thread().map_err(Into::into).and_then(|runtime| match verb {
        ZoneVerb::List(arguments) => Ok(client::list::<admin_api::Zone>(arguments)),
        ZoneVerb::Show(arguments) => runtime.block_on(show(arguments)),
        ZoneVerb::Apply(arguments) => runtime.block_on(apply(arguments)),
        ZoneVerb::Delete(arguments) => runtime.block_on(delete(arguments)),
        ZoneVerb::Events(arguments) => runtime.block_on(events(arguments)),
    });
    done.unwrap_or_else(|error| could_not(&error))
}

async fn show(arguments: &ZoneShowArguments) -> Result<ExitCode> {
    let ZoneShowArguments { client, name, .. } = arguments;
    let (gateway, path) = (Gateway::find(client)?, path_of(name)?);
    let form = if client.json { "application/json" } else { TOML_TYPE };
    let answer = gateway.ask(Request::get(&path).header("accept", form), Bytes::new()).await?;
    answer.check(&path)?;
    let mut output = io::stdout().lock();
    output.write_all(&answer.body)?;
    if client.json {
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

async fn apply(arguments: &ZoneApplyArguments) -> Result<ExitCode> {
    let ZoneApplyArguments { client, file, dry_run, yes } = arguments;
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let keys = if is_json {
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON object", file.display()))?
    } else {
        to_json(&text).with_context(|| format!("{} is no TOML", file.display()))?
    };
    let Some(Value::String(name)) = keys.get("name") else { bail!("{}: name: missing", file.display()) };
    let form = if is_json { "application/json" } else { TOML_TYPE };
    let wish = Some((form, text.into()));
    carry_out(Order { client, name, wish, is_dry_run: *dry_run, is_sure: *yes }).await
}

async fn delete(arguments: &ZoneDeleteArguments) -> Result<ExitCode> {
    let ZoneDeleteArguments { client, name, dry_run, yes } = arguments;
    carry_out(Order { client, name, wish: None, is_dry_run: *dry_run, is_sure: *yes }).await
}

/// Asks what the change comes to, shows it, asks whether it is meant, and makes exactly that change: not one of a file that
/// somebody else has changed meanwhile.
async fn carry_out(order: Order<'_>) -> Result<ExitCode> {
    let (gateway, path) = (Gateway::find(order.client)?, path_of(order.name)?);
    let now = gateway.ask(Request::head(&path), Bytes::new()).await?;
    let meant = match now.etag {
        Some(tag) => ("if-match", tag),
        None => ("if-none-match", "*".to_owned()),
    };
    let plan = order.send(&gateway, &format!("{path}?dry_run=true"), &meant).await?;
    if !order.client.json {
        print(&text_of(&plan))?;
    }
    if order.is_dry_run {
        return finish(&order, &plan);
    }
    if !order.is_sure && !confirm(&format!("change zone {}?", order.name))? {
        print("nothing was changed\n")?;
        return Ok(ExitCode::FAILURE);
    }
    let plan = order.send(&gateway, &path, &meant).await?;
    if !order.client.json {
        print(&format!("{}zone {}: done\n", warnings_of(&plan), printable(&plan.zone)))?;
    }
    finish(&order, &plan)
}

fn finish(order: &Order<'_>, plan: &ZonePlan) -> Result<ExitCode> {
    if order.client.json {
        say(true, plan, String::new)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Order<'_> {
    async fn send(&self, gateway: &Gateway, path: &str, meant: &(&str, String)) -> Result<ZonePlan> {
        let answer: Answer = match &self.wish {
            Some((form, text)) => {
                let request = Request::put(path).header("content-type", *form).header(meant.0, &meant.1);
                gateway.ask(request, text.clone()).await?
            }
            None => gateway.ask(Request::delete(path).header(meant.0, &meant.1), Bytes::new()).await?,
        };
        answer.check(path)?;
        answer.read()
    }
}

/// Where a zone is; names are written into it as they are.
fn path_of(name: &str) -> Result<String> {
    ensure!(is_zone_name(name), "\"{}\" is no zone name", name.escape_default());
    Ok(format!("{ZONES_PATH}/{name}"))
}

/// Whether a zone may be called so, and the name stand in an address as it is.
pub(super) fn is_zone_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.bytes().all(is_legal)
}

/// Old values behind -, new ones behind +.
fn text_of(plan: &ZonePlan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        for (sign, value) in [('-', &change.old), ('+', &change.new)] {
            if let Some(value) = value {
                // Writing to a text cannot fail.
                let _ = writeln!(text, "{sign} {} = {}", printable(&change.key), printable(&value.to_string()));
            }
        }
    }
    if plan.changes.is_empty() {
        text += "no key changes its value\n";
    }
    text + &warnings_of(plan)
}

fn warnings_of(plan: &ZonePlan) -> String {
    plan.warnings.iter().map(|warning| format!("warning: {}\n", printable(warning))).collect()
}

fn print(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

/// Asks a question; without a terminal nobody can answer.
pub(super) fn confirm(question: &str) -> Result<bool> {
    ensure!(io::stdin().is_terminal(), "nothing was changed: say --yes, or ask from a terminal");
    print(&format!("{question} [y/N] "))?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
