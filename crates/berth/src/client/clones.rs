//! `berth clone list|show|make|delete`.

use std::process::ExitCode;

use admin_api::{CLONES_BELOW, CloneSettings, CloneShown, List, ZONES_PATH};
use anyhow::{Result, ensure};
use hyper::Request;
use hyper::body::Bytes;

use super::gateway::Gateway;
use super::quotas::encoded;
use super::table::{Column, Table, or_dash};
use super::watch::{self, Shown};
use super::zone_files::is_zone_name;
use super::{could_not, say};
use crate::arguments::{ClientArguments, CloneArguments, CloneMakeArguments, CloneVerb, QuotaListArguments};
use crate::runtime::on_this_thread;

/// Ends with 0, or 2 (could not ask, or was refused).
pub(crate) fn clone(verb: &CloneVerb) -> ExitCode {
    if let CloneVerb::List(arguments) = verb {
        return list(arguments);
    }
    let done = on_this_thread().map_err(Into::into).and_then(|runtime| runtime.block_on(one(verb)));
    done.map_or_else(|error| could_not(&error), |()| ExitCode::SUCCESS)
}

async fn one(verb: &CloneVerb) -> Result<()> {
    match verb {
        CloneVerb::List(_) => Ok(()),
        CloneVerb::Show(arguments) => {
            let clone = Gateway::find(&arguments.client)?.get(&address(arguments)?).await?;
            tell(&arguments.client, &clone)
        }
        CloneVerb::Make(arguments) => make(arguments).await,
        CloneVerb::Delete(arguments) => {
            let path = address(arguments)?;
            Gateway::find(&arguments.client)?.ask(Request::delete(&path), Bytes::new()).await?.check(&path)?;
            say(arguments.client.json, &serde_json::json!({ "deleted": true }), || {
                "the clone is gone, and its space comes back in the background\n".to_owned()
            })
        }
    }
}

fn list(QuotaListArguments { client, zone, watch }: &QuotaListArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        let all: Vec<CloneShown> = Gateway::find(client)?.all(&below(zone)?).await?;
        let listed = List { total: Some(all.len() as u64), items: all, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "no clones\n".to_owned(),
            false => table(&listed.items).text(),
        })
    })
}

async fn make(CloneMakeArguments { clone, snapshot, directory, path }: &CloneMakeArguments) -> Result<()> {
    let settings = CloneSettings { snapshot: snapshot.clone(), directory: directory.clone(), path: path.clone() };
    let at = address(clone)?;
    let request = Request::put(&at).header("content-type", "application/json").header("if-none-match", "*");
    let answer = Gateway::find(&clone.client)?.ask(request, serde_json::to_vec(&settings)?.into()).await?;
    answer.check(&at)?;
    tell(&clone.client, &answer.read()?)
}

fn tell(client: &ClientArguments, clone: &CloneShown) -> Result<()> {
    say(client.json, clone, || table(std::slice::from_ref(clone)).text())
}

fn below(zone: &str) -> Result<String> {
    ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
    Ok(format!("{ZONES_PATH}/{zone}{CLONES_BELOW}"))
}

fn address(arguments: &CloneArguments) -> Result<String> {
    ensure!(!arguments.name.contains('/'), "the name of a clone holds no \"/\"");
    Ok(format!("{}/{}", below(&arguments.zone)?, encoded(&arguments.name)))
}

fn table(clones: &[CloneShown]) -> Table {
    let mut table = Table::new(&[
        Column::Text("CLONE"),
        Column::Text("PATH"),
        Column::Text("SNAPSHOT"),
        Column::Text("DIRECTORY"),
        Column::Text("MADE"),
        Column::Text("NOTES"),
    ]);
    let known = |text: &String| or_dash(Some(text.clone()).filter(|text| !text.is_empty()));
    for clone @ CloneShown { name, created, deleting, .. } in clones {
        let notes = or_dash(deleting.then(|| "being deleted".to_owned()));
        let (path, snapshot, directory) = (known(&clone.path), known(&clone.snapshot), known(&clone.directory));
        table.row([name.clone(), path, snapshot, directory, created.clone(), notes]);
    }
    table
}
